# SPDX-License-Identifier: MIT
"""Tests of Debian's piglit package, run one by one without its framework, so that each has its own svga-run."""

import ast
import concurrent.futures
import gzip
import json
import re
import xml.etree.ElementTree
from pathlib import Path

import harness

ROOT = next(Path("/usr/lib").glob("*/piglit"), Path("/usr/lib/piglit"))


def tests_of(profile, pattern):
    """(name, command) of each test of a profile (a name such as "opengl") whose name matches a regular expression.

    Some that Debian lists it has no program for: those are left out.
    """
    with gzip.open(ROOT / "tests" / f"{profile}.xml.gz") as file:
        found = {}
        for test in xml.etree.ElementTree.parse(file).getroot().iter("Test"):
            if re.search(pattern, test.get("name")):
                options = {option.get("name"): ast.literal_eval(option.get("value")) for option in test.iter("option")}
                found[test.get("name")] = _command(test.get("type"), options)
    return sorted((name, command) for name, command in found.items() if (ROOT / "bin" / command[0]).exists())


def _command(kind, options):
    """What piglit runs, in its own folder, for a test of that kind (framework/test/piglit_test.py)."""
    if kind == "asm_parser":
        return ["asmparsertest", options["type_"], options["filename"]]
    command = options["command"]
    if kind == "glsl_parser":
        return command
    if kind == "gl_builtin":
        return [command[0], f"tests/{command[1]}", *command[2:]]
    # A test that can share the screen draws into a framebuffer object, others get a window.
    return [*command, "-auto", "-fbo"] if options.get("run_concurrent") else [*command, "-auto"]


def run_test(command, wrapper=(), environment=None, timeout=120):
    """Outcome of one test: "pass", "fail", "skip", "warn" or how it ended early; and all that it printed.

    A window is a buffer of GBM's, on whatever the wrapper serves as a device node, where the environment says no other platform.
    """
    program, *arguments = command
    finished = harness.run([*wrapper, ROOT / "bin" / program, *arguments],
                           {"PIGLIT_PLATFORM": "gbm", "PIGLIT_SOURCE_DIR": str(ROOT), **(environment or {})}, timeout, ROOT)
    told = re.findall(r"^PIGLIT: (\{.*\})$", finished.output, re.MULTILINE)
    results = [json.loads(line).get("result") for line in told]
    results = [result for result in results if result]
    if finished.timed_out or finished.exit_code > 128:
        return finished.outcome, finished.output
    return (results[-1] if results else f"no result, exit code {finished.exit_code}"), finished.output


SHADERS_PER_PROCESS = 40


def groups_of(tests):
    """Lists of (name, command) that one process takes: shader_runner takes many files, every other program is one test.

    The files are of one specification: after those of arb_gl_spirv it skips files of others.
    """
    groups, previous = [], None
    for name, command in tests:
        path = name.split("@")
        program = (command[0], command[2:], path[1] if path[0] == "spec" else "")
        if program == previous and len(groups[-1]) < SHADERS_PER_PROCESS:
            groups[-1].append((name, command))
        else:
            groups.append([(name, command)])
        previous = program if command[0].startswith("shader_runner") and command[2:] == ["-auto", "-fbo"] else None
    return groups


def run_group(group, wrapper=(), environment=None, timeout=120):
    """Outcomes by name of a list that groups_of() made.

    What does not pass among others is run again alone, and that outcome counts: a test is judged by what it does by itself.
    """
    outcomes, left = {}, list(group)
    while len(left) > 1:
        command = [left[0][1][0], *(arguments[1] for _, arguments in left), "-auto", "-fbo", "-report-subtests"]
        output = run_test(command, wrapper, environment, timeout + len(left))[1]
        told = re.findall(r'"subtest": \{"[^"]*" : "(\w+)"', output)
        outcomes.update((name, outcome) for (name, _), outcome in zip(left, told) if outcome in ("pass", "skip"))
        # The process ends early at a shader that does not link, and where one crashes or hangs.
        left = left[len(told) + 1:]
    alone = [test for test in group if test[0] not in outcomes]
    outcomes.update((name, run_test(command, wrapper, environment, timeout)[0]) for name, command in alone)
    return outcomes


def run_groups(tests, wrapper=(), environment=None, timeout=120, jobs=1):
    """Runs (name, command) pairs, several processes at a time and many shaders in each. Yields names and outcomes."""
    executor = concurrent.futures.ThreadPoolExecutor(jobs)
    try:
        runs = [executor.submit(run_group, group, wrapper, environment, timeout) for group in groups_of(tests)]
        for finished in concurrent.futures.as_completed(runs):
            yield from finished.result().items()
    finally:
        executor.shutdown(cancel_futures=True)


def judge(name, outcome, expected):
    """What a test counts as: a known failure as skipped, and as failed once it no longer fails so."""
    if name not in expected:
        return outcome
    return "skip" if outcome == expected[name] else f"{outcome}, where {expected[name]} is known"


def run_tests(tests, wrapper=(), environment=None, title="piglit", after_each=lambda: None, expected=None):
    """Runs (name, command) pairs. \\returns harness.Results and a dictionary of outputs of those that did not pass.

    expected: as of harness.expected_outcomes().
    """
    results, outputs, expected = harness.Results(), {}, expected or {}
    progress = harness.Progress(title, len(tests))
    for name, command in tests:
        outcome, output = run_test(command, wrapper, environment)
        after_each()
        progress.advance(f"{name}: {outcome}")
        outcome = judge(name, outcome, expected)
        results.add(name, outcome)
        if outcome not in ("pass", "skip"):
            outputs[name] = output
    progress.close()
    return results, outputs


BUFFER_STORAGE = r"^spec@arb_buffer_storage@bufferstorage-persistent"
COPY_BUFFER = r"^spec@arb_copy_buffer@"
