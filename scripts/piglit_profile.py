#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs a profile of piglit-profiles/ on a stack, or compares two runs.

  scripts/piglit_profile.py run gl33 --stack=coherent --results=coherent.json
  scripts/piglit_profile.py run gl33 --stack=coherent --vm --results=vm.json
  scripts/piglit_profile.py run gl33 --stack=llvmpipe --results=llvmpipe.json
  scripts/piglit_profile.py compare llvmpipe.json coherent.json

Needs a built tree (./run or ./test). A run that was interrupted goes on where it stopped. Every test has a device of its own;
its windows are GBM's on the SVGA stacks, and on llvmpipe those of an Xvfb that is started for the run.
"""

import argparse
import bz2
import collections
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import harness
import piglit
import piglit_vm

PROFILES = harness.REPO / "piglit-profiles"


def profile_lines(name):
    """What piglit-profiles/NAME.conf says; that folder's README.md tells the form."""
    path = PROFILES / f"{name}.conf"
    if not path.exists():
        known = ", ".join(sorted(file.stem for file in PROFILES.glob("*.conf")))
        sys.exit(f"error: no profile '{name}'; there are: {known}")
    lines = [line.strip() for line in path.read_text().splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def profile_tests(name):
    """(name, command) of each test of a profile."""
    lines = profile_lines(name)
    lists = [word for line in lines if line.startswith("from ") for word in line.split()[1:]]
    chosen = [line for line in lines if not line.startswith(("from ", "not "))]
    excluded = [line.removeprefix("not ") for line in lines if line.startswith("not ")]
    return [(test, command) for source in lists for test, command in piglit.tests_of(source, "|".join(chosen))
            if not any(re.search(line, test) for line in excluded)]


def known_outcomes():
    """Known failures of our winsys, by name."""
    return harness.expected_outcomes(PROFILES / "known.expected")


@contextlib.contextmanager
def x_server():
    """An X server without a screen to look at. Its display, as in $DISPLAY."""
    if not shutil.which("Xvfb"):
        sys.exit("error: llvmpipe's windows need an X server: install xvfb")
    with subprocess.Popen(["Xvfb", "-displayfd", "1", "-screen", "0", "1280x1024x24"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            yield ":" + server.stdout.readline().strip()
        finally:
            server.terminate()


def run_profile(arguments):
    stack = harness.Stack()
    copy_only = ["--copy-only"] if arguments.copy_only else []
    lines = profile_lines(arguments.profile)
    run = run_suites if any(line.startswith("suite ") for line in lines) else run_tests
    if arguments.stack == "llvmpipe":
        if arguments.vm:
            sys.exit("error: --vm is for the SVGA stacks")
        with x_server() as display:
            environment = {"PIGLIT_PLATFORM": "x11_egl", "DISPLAY": display, **stack.llvmpipe_environment()}
            return run(arguments, [], environment, copy_only)
    return run(arguments, stack.svga_run(f"--winsys={arguments.stack}", *copy_only), {}, copy_only)


def run_suites(arguments, wrapper, environment, _copy_only):
    """Has piglit itself run the suites of a profile whose programs the user has: lines "suite NAME VARIABLE"."""
    if arguments.vm:
        sys.exit("error: --vm is not for a profile of suites")
    suites = dict(line.split()[1:] for line in profile_lines(arguments.profile))
    chosen = [name for name, variable in suites.items() if os.environ.get(variable)]
    if not chosen:
        sys.exit(f"error: build VK-GL-CTS, and set one or more of {', '.join(suites.values())} to its programs")
    folder = arguments.results.with_suffix(".piglit")
    jobs = f"--jobs={arguments.jobs}"
    if folder.exists():  # which knows its tests
        command = ["piglit", "resume", jobs, folder]
    else:
        only = [f"--include-tests={arguments.only}"] if arguments.only else []
        command = ["piglit", "run", jobs, "--overwrite", *only, *chosen, folder]
    subprocess.run([str(word) for word in [*wrapper, *command]], env={**os.environ, **environment}, check=False)
    summary = folder / "results.json.bz2"
    if not summary.exists():
        sys.exit(f"error: piglit wrote no {summary}; run again to go on with what is in {folder}")
    tests = json.loads(bz2.decompress(summary.read_bytes()))["tests"]
    results = {name: test["result"] for name, test in tests.items()}
    save(arguments.results, results)
    print_counts({str(arguments.results): results})
    return 0


def run_tests(arguments, wrapper, environment, copy_only):
    results = json.loads(arguments.results.read_text()) if arguments.results.exists() else {}
    tests = [(name, command) for name, command in profile_tests(arguments.profile) if name not in results]
    progress = harness.Progress(f"{arguments.profile} on {arguments.stack}", len(tests))

    if arguments.vm:
        options = [f"--kernel={arguments.vm}", f"--winsys={arguments.stack}", *copy_only]
        finished = piglit_vm.run(tests, options, arguments.jobs, arguments.timeout or 300)
    else:
        finished = piglit.run_groups(tests, wrapper, environment, arguments.timeout or 60, arguments.jobs)
    saved = time.monotonic()
    for name, outcome in finished:
        results[name] = outcome
        progress.advance(f"{name}: {outcome}")
        if time.monotonic() - saved > 10:
            save(arguments.results, results)
            saved = time.monotonic()
    save(arguments.results, results)
    progress.close()
    print_counts({str(arguments.results): results})
    # What is known is known of our winsys.
    return print_unexpected(results) if arguments.stack == "coherent" else 0


def save(path, results):
    """Whole or not at all: a run that is interrupted goes on from this file."""
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    unfinished.replace(path)


def print_counts(runs):
    counts = {name: collections.Counter(results.values()) for name, results in runs.items()}
    outcomes = sorted(set().union(*counts.values()))
    width = max(map(len, counts))
    print(" " * width, *(outcome.rjust(max(8, len(outcome))) for outcome in outcomes))
    for name, count in counts.items():
        print(name.ljust(width), *(str(count[outcome]).rjust(max(8, len(outcome))) for outcome in outcomes))


def print_unexpected(results):
    """What is neither a pass or a skip nor a known failure, and known failures that are none any more.

    \\returns the exit code that this is worth
    """
    expected = known_outcomes()
    unexpected = {name: outcome for name, outcome in sorted(results.items())
                  if piglit.judge(name, outcome, expected) not in ("pass", "skip")}
    for name, outcome in unexpected.items():
        print(f"{name}: {outcome}, expected {expected.get(name, 'pass')}")
    print(f"{len(unexpected)} results differ from what is known")
    return 1 if unexpected else 0


def compare(arguments):
    reference, other = (json.loads(path.read_text()) for path in (arguments.reference, arguments.other))
    common = sorted(reference.keys() & other.keys())
    print_counts({str(arguments.reference): {name: reference[name] for name in common},
                  str(arguments.other): {name: other[name] for name in common}})
    both = {name for name in common if reference[name] == "pass" and other[name] != "skip"}
    if both:
        share = sum(other[name] == "pass" for name in both) / len(both)
        print(f"{share:.2%} of the {len(both)} tests that {arguments.reference} passes and {arguments.other} does not skip pass")
    for name in common:
        if reference[name] != other[name]:
            print(f"{name}: {reference[name]} -> {other[name]}")
    if arguments.html:
        write_html(arguments.html, {arguments.reference.stem: reference, arguments.other.stem: other})


def write_html(folder, runs):
    """piglit's own summary of the runs (name -> outcomes): each test a row, each run a column."""
    with tempfile.TemporaryDirectory() as scratch:
        paths = [Path(scratch) / f"{name}.json" for name in runs]
        for path, results in zip(paths, runs.values()):
            tests = {name: {"result": piglit_status(outcome)} for name, outcome in results.items()}
            path.write_text(json.dumps({"results_version": 10, "name": path.stem, "tests": tests}))
        subprocess.run(["piglit", "summary", "html", "--overwrite", "--exclude-details=all", folder, *paths], check=True)
    print(f"{folder / 'index.html'}")


def piglit_status(outcome):
    """piglit's word (framework/status.py) for an outcome of piglit.run_test()."""
    if outcome in ("pass", "fail", "skip", "warn", "timeout"):
        return outcome
    return "crash" if outcome.startswith("signal") else "fail"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    run = commands.add_parser("run", help="run a profile")
    run.add_argument("profile", help="its name: a file of piglit-profiles/ without .conf")
    run.add_argument("--stack", choices=("coherent", "stock", "llvmpipe"), default="coherent")
    run.add_argument("--vm", nargs="?", choices=("patched", "stock"), const="patched", metavar="KERNEL",
                     help="in a virtual machine with the patched vmwgfx (or the stock one), instead of the embedded kernel")
    run.add_argument("--copy-only", action="store_true", help="the device copies every buffer")
    run.add_argument("--results", type=Path, required=True, help="JSON file to write, and to go on with")
    run.add_argument("--only", metavar="REGEX", help="of a profile of suites, the tests that match")
    run.add_argument("--jobs", type=int, default=2, help="tests at a time (default 2)")
    run.add_argument("--timeout", type=int, help="seconds a test may take (default 60, in a virtual machine 300)")
    run.set_defaults(action=run_profile)
    comparison = commands.add_parser("compare", help="what differs between two runs")
    comparison.add_argument("reference", type=Path)
    comparison.add_argument("other", type=Path)
    comparison.add_argument("--html", type=Path, metavar="FOLDER", help="write piglit's HTML summary of both there")
    comparison.set_defaults(action=compare)
    arguments = parser.parse_args()
    sys.exit(arguments.action(arguments))


if __name__ == "__main__":
    main()
