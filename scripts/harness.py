# SPDX-License-Identifier: MIT
"""What ./run and ./test share: the built stack, commands with a time limit, counted results, progress."""

import json
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree
from dataclasses import dataclass, field
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent
BUILD = REPO / "build"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "svga-coherent"
START = int(os.environ.get("START_SECONDS", time.time()))


def step(text):
    """One line of progress, with the time since the start of the run (as scripts/lib/common.sh has it)."""
    elapsed = int(time.time()) - START
    print(f"[{elapsed // 60:2d}:{elapsed % 60:02d}] {text}", flush=True)


class Progress:
    """A line that tells how far a list of tests is; on a terminal it is overwritten, elsewhere told at the end only."""

    def __init__(self, title, total):
        self.title, self.total, self.done = title, total, 0

    def advance(self, detail):
        self.done += 1
        if sys.stdout.isatty():
            print(f"\r\033[K  {self.title} {self.done}/{self.total}  {detail}"[:160], end="", flush=True)

    def close(self):
        if sys.stdout.isatty():
            print("\r\033[K", end="", flush=True)


@dataclass
class Results:
    """Test cases that were truly run, by outcome."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    failures: list = field(default_factory=list)

    def add(self, name, outcome):
        """outcome: "pass", "fail" or "skip"; any other word is a failure of that kind (crash, timeout)."""
        if outcome == "pass":
            self.passed += 1
        elif outcome == "skip":
            self.skipped += 1
        else:
            self.failed += 1
            self.failures.append(name if outcome == "fail" else f"{name} ({outcome})")

    def include(self, other, prefix=""):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.failures += [prefix + name for name in other.failures]

    def __str__(self):
        text = f"{self.passed} passed, {self.failed} failed"
        return text + (f", {self.skipped} skipped" if self.skipped else "")


@dataclass
class Finished:
    """A command that has ended."""

    exit_code: int  # 128 + signal where a signal ended it
    output: str  # standard output and error together
    timed_out: bool

    @property
    def outcome(self):
        if self.timed_out:
            return "timeout"
        if self.exit_code > 128:
            return f"signal {self.exit_code - 128}"
        return "pass" if self.exit_code == 0 else "fail"


def run(command, environment=None, timeout=600, directory=None, before=None, stdin=subprocess.DEVNULL):
    """Runs a command in a process group of its own, of which nothing is left after the time limit (in seconds).

    before: called in the new process, before it becomes the command.
    """
    variables = dict(os.environ)
    variables.update(environment or {})
    with subprocess.Popen([str(word) for word in command], env=variables, cwd=directory, stdin=stdin,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=before) as process:
        timed_out = False
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            timed_out = True
            os.killpg(process.pid, signal.SIGTERM)  # svga-run ends its program before itself
            try:
                output, _ = process.communicate(timeout=5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                output, _ = process.communicate()
    code = process.returncode
    return Finished(code if code >= 0 else 128 - code, output.decode(errors="replace"), timed_out)


def expected_outcomes(path):
    """Known outcomes other than "pass", by name: lines "NAME: OUTCOME  # whose it is: why" of a file."""
    lines = [line.partition("#")[0].strip() for line in path.read_text().splitlines()]
    return dict(line.rsplit(": ", 1) for line in lines if line)


def gtest_results(path):
    """Results of one GoogleTest program from its XML report."""
    results = Results()
    for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        if case.find("failure") is not None:
            results.add(name, "fail")
        elif case.find("skipped") is not None or case.get("result") == "skipped":
            results.add(name, "skip")
        elif case.get("status") == "run":
            results.add(name, "pass")
    return results


def run_gtest(name, command, report, environment=None, timeout=600):
    """Runs a GoogleTest program. One that ends without a report of its failure counts as one failed case."""
    report.unlink(missing_ok=True)
    finished = run([*command, f"--gtest_output=xml:{report}"], environment, timeout)
    results = gtest_results(report) if report.exists() else Results()
    if finished.outcome != "pass" and not results.failed:
        results.add(name, finished.outcome if finished.outcome != "fail" else f"exit code {finished.exit_code}")
    return results, finished


class Stack:
    """The stack as the set-up described it in build/stack.json."""

    def __init__(self):
        path = BUILD / "stack.json"
        if not path.exists():
            sys.exit(f"error: {path} is missing: run scripts/setup.sh first")
        self.parts = json.loads(path.read_text())

    def _environment(self, part):
        own = os.environ.get("LD_LIBRARY_PATH")
        path = self.parts[part]["library_path"]
        return {**self.parts[part]["variables"], "LD_LIBRARY_PATH": f"{path}:{own}" if own else path}

    def vulkan_environment(self):
        """For a program that is to use the device's Vulkan driver itself."""
        return self._environment("device")

    def llvmpipe_environment(self):
        """For an OpenGL program on Debian's software renderer: the reference."""
        return {**self._environment("stock"), "LIBGL_ALWAYS_SOFTWARE": "1", "GALLIUM_DRIVER": "llvmpipe"}

    @staticmethod
    def svga_run(*options):
        return [BUILD / "svga-run", *options, "--"]
