# SPDX-License-Identifier: MIT
"""Tests of Debian's piglit package, run one by one without its framework, so that each has its own svga-run."""

import ast
import gzip
import json
import re
import xml.etree.ElementTree
from pathlib import Path

import harness

ROOT = next(Path("/usr/lib").glob("*/piglit"), Path("/usr/lib/piglit"))


def tests_of(profile, pattern):
    """(name, command) of each test of a profile (a name such as "opengl") whose name matches a regular expression."""
    with gzip.open(ROOT / "tests" / f"{profile}.xml.gz") as file:
        found = {}
        for test in xml.etree.ElementTree.parse(file).getroot().iter("Test"):
            if re.search(pattern, test.get("name")):
                options = {option.get("name"): option.get("value") for option in test.iter("option")}
                found[test.get("name")] = ast.literal_eval(options["command"])
    return sorted(found.items())


def run_test(command, wrapper=(), environment=None, timeout=120):
    """Outcome of one test: "pass", "fail", "skip", "warn" or how it ended early; and all that it printed."""
    program, *arguments = command
    finished = harness.run([*wrapper, ROOT / "bin" / program, *arguments, "-auto", "-fbo"],
                           {"PIGLIT_PLATFORM": "surfaceless_egl", "PIGLIT_SOURCE_DIR": str(ROOT), **(environment or {})},
                           timeout, ROOT)
    told = re.findall(r"^PIGLIT: (\{.*\})$", finished.output, re.MULTILINE)
    results = [json.loads(line).get("result") for line in told]
    results = [result for result in results if result]
    if finished.timed_out or finished.exit_code > 128:
        return finished.outcome, finished.output
    return (results[-1] if results else f"no result, exit code {finished.exit_code}"), finished.output


def run_tests(tests, wrapper=(), environment=None, title="piglit", after_each=lambda: None):
    """Runs (name, command) pairs. \\returns harness.Results and a dictionary of outputs of those that did not pass."""
    results, outputs = harness.Results(), {}
    progress = harness.Progress(title, len(tests))
    for name, command in tests:
        outcome, output = run_test(command, wrapper, environment)
        after_each()
        progress.advance(f"{name}: {outcome}")
        results.add(name, outcome)
        if outcome != "pass":
            outputs[name] = output
    progress.close()
    return results, outputs


BUFFER_STORAGE = r"^spec@arb_buffer_storage@bufferstorage-persistent"
