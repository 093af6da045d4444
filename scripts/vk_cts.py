#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs cases of a VK-GL-CTS that you have built, $DEQP_VK being its deqp-vk, on our Vulkan driver.

  export DEQP_VK=.../external/vulkancts/modules/vulkan/deqp-vk
  scripts/vk_cts.py list 'dEQP-VK.draw.*' 'dEQP-VK.glsl.*' --sample 5000 --output sample.txt
  scripts/vk_cts.py run sample.txt --results sample.tsv
  scripts/vk_cts.py report sample.tsv

Needs a built tree (./run or ./test). One process runs many cases. A case that ends its process, or takes too long, is a result
of its own (Crash, Hang), and a new process goes on after it. A run that was interrupted goes on where it stopped.
"""

import argparse
import collections
import concurrent.futures
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import harness

PASSES = ("Pass", "QualityWarning", "CompatibilityWarning")
NOT_SUPPORTED = ("NotSupported", "Waiver")
CASE = re.compile(r"^Test case '(.*)'\.\.$")
OUTCOME = re.compile(r"^  (Pass|Fail|QualityWarning|CompatibilityWarning|Pending|NotSupported|ResourceError|InternalError|"
                     r"Crash|Timeout|Waiver|Device ?Lost)\s+\((.*)\)$")


def deqp_vk():
    program = os.environ.get("DEQP_VK")
    if not program or not os.access(program, os.X_OK):
        sys.exit("error: DEQP_VK is to name the deqp-vk of a VK-GL-CTS that you have built")
    return Path(program).resolve()


def write_list(arguments):
    """Asks deqp-vk for the names of its cases, which needs no Vulkan device."""
    program, names = deqp_vk(), []
    for pattern in arguments.patterns:
        with tempfile.TemporaryDirectory() as folder:
            finished = harness.run([program, f"--deqp-case={pattern}", "--deqp-runmode=txt-caselist",
                                    f"--deqp-caselist-export-file={folder}/cases.txt", f"--deqp-archive-dir={program.parent}"],
                                   directory=folder)
            exported = Path(folder, "cases.txt")
            if finished.outcome != "pass" or not exported.exists():
                sys.exit(f"{finished.output[-2000:]}\nerror: deqp-vk does not list {pattern}: {finished.outcome}")
            lines = exported.read_text().splitlines()
        names += [line.removeprefix("TEST: ") for line in lines if line.startswith("TEST: ")]
    chosen = names
    if arguments.sample and arguments.sample < len(names):
        indices = sorted(random.Random(arguments.seed).sample(range(len(names)), arguments.sample))
        chosen = [names[i] for i in indices]
    arguments.output.write_text("".join(name + "\n" for name in chosen))
    print(f"{len(chosen)} of {len(names)} cases")


def read_results(paths):
    """(outcome, message) by case."""
    lines = [line.split("\t", 2) for path in paths for line in path.read_text().splitlines() if line.count("\t") >= 2]
    return {name: (outcome, message) for outcome, name, message in lines}


class ResultFile:
    """Lines of outcome, case and message with tabs between, written as they come. Several threads may add to it."""

    def __init__(self, path, total):
        self.path, self.lock = path, threading.Lock()
        self.results = read_results([path]) if path.exists() else {}
        self.progress = harness.Progress(path.name, total)

    def add(self, name, outcome, message):
        with self.lock, self.path.open("a") as file:
            self.results[name] = (outcome, message)
            print(outcome, name, message, sep="\t", file=file)
            self.progress.advance(f"{name}: {outcome}")


def end(process):
    """Ends what there is of a process group."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


class Watch:
    """Kills a process group that is not fed for a number of seconds."""

    def __init__(self, process, seconds):
        self.process, self.seconds, self.barked, self.timer = process, seconds, False, None

    def feed(self):
        self.stop()
        self.timer = threading.Timer(self.seconds, self._bark)
        self.timer.start()

    def stop(self):
        if self.timer:
            self.timer.cancel()

    def _bark(self):
        self.barked = True
        end(self.process)


class Runner:
    """Runs cases, in as many processes as it takes. Several threads may run different ones."""

    def __init__(self, arguments, results):
        stack = harness.Stack()
        self.program, self.timeout, self.results = deqp_vk(), arguments.timeout, results
        self.processes, self.stopped = set(), False
        self.wrapper = [] if arguments.reference else stack.svga_run(*(["--copy-only"] if arguments.copy_only else []))
        self.environment = stack.vulkan_environment() if arguments.reference else {}

    def stop(self):
        """Ends what runs; nothing more is begun."""
        self.stopped = True
        for process in list(self.processes):
            end(process)

    def run(self, cases):
        while cases and not self.stopped:
            told = self._run_process(cases)
            if self.stopped:
                return
            remaining = [case for case in cases if case not in self.results.results]
            if len(remaining) == len(cases):  # it ended before its first case: one is blamed so that the rest goes on
                self.results.add(cases[0], "Crash", told)
                remaining = cases[1:]
            cases = remaining

    def _run_process(self, cases):
        """One process over a list of cases, all of which may fail to come about. \\returns the last that it said."""
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "cases.txt").write_text("".join(case + "\n" for case in cases))
            command = [*self.wrapper, self.program, f"--deqp-caselist-file={folder}/cases.txt",
                       f"--deqp-log-filename={folder}/log.qpa", "--deqp-log-images=disable",
                       "--deqp-log-shader-sources=disable", "--deqp-shadercache=disable",
                       f"--deqp-archive-dir={self.program.parent}"]
            with subprocess.Popen([str(word) for word in command], cwd=folder, env={**os.environ, **self.environment},
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  start_new_session=True, text=True, errors="replace") as process:
                self.processes.add(process)
                watch = Watch(process, self.timeout)
                watch.feed()
                try:
                    running, said = self._follow(process.stdout, watch)
                finally:
                    watch.stop()
                    self.processes.discard(process)
                    end(process)
        if running and not self.stopped:
            self.results.add(running, "Hang" if watch.barked else "Crash", said)
        return said

    def _follow(self, output, watch):
        """Takes results from what the process says. \\returns the case that it did not come back from, and its last words."""
        running, said = None, ""
        for line in output:
            line = line.rstrip("\n").replace("\t", " ")
            if case := CASE.match(line):
                running = case[1]
                watch.feed()
            elif (outcome := OUTCOME.match(line)) and running:
                self.results.add(running, outcome[1], outcome[2])
                running = None
            elif line.strip():
                said = line.strip()
        return running, said


def run(arguments):
    cases = [line.strip() for path in arguments.lists for line in path.read_text().splitlines()]
    cases = list(dict.fromkeys(case for case in cases if case and not case.startswith("#")))
    results = ResultFile(arguments.results, len(cases))
    left = [case for case in cases if case not in results.results]
    results.progress.done = len(cases) - len(left)
    runner = Runner(arguments, results)
    chunks = [left[i:i + arguments.chunk] for i in range(0, len(left), arguments.chunk)]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as executor:
        try:
            list(executor.map(runner.run, chunks))
        finally:
            runner.stop()
    results.progress.close()
    return print_report({case: results.results[case] for case in cases}, arguments.depth)


def print_report(results, depth):
    """A table of groups by outcome and the list of failures. \\returns the exit code that this is worth."""
    groups = collections.defaultdict(collections.Counter)
    for name, (outcome, _) in results.items():
        groups[".".join(name.split(".")[1:1 + depth])][outcome] += 1
        groups["total"][outcome] += 1
    failures = {name: result for name, result in sorted(results.items()) if result[0] not in PASSES + NOT_SUPPORTED}
    for name, (outcome, message) in failures.items():
        print(f"{outcome}  {name}  {message}")
    width = max(map(len, groups), default=0)
    print(f"\n{'':{width}}     pass  not supported     fail  pass of supported")
    for group in [*sorted(groups.keys() - {"total"}), "total"]:
        count = groups[group]
        passed, unsupported = (sum(count[outcome] for outcome in kind) for kind in (PASSES, NOT_SUPPORTED))
        failed = count.total() - passed - unsupported
        share = f"{passed / (passed + failed):.1%}" if passed + failed else "-"
        print(f"{group:{width}} {passed:8} {unsupported:14} {failed:8} {share:>18}")
    return 1 if failures else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)

    listing = commands.add_parser("list", help="write the names of cases, or of a sample of them")
    listing.add_argument("patterns", nargs="+", metavar="PATTERN", help="such as 'dEQP-VK.api.smoke.*'")
    listing.add_argument("--sample", type=int, help="so many of them, chosen at random")
    listing.add_argument("--seed", type=int, default=1, help="another sample for another number (default 1)")
    listing.add_argument("--output", type=Path, required=True)
    listing.set_defaults(action=write_list)

    running = commands.add_parser("run", help="run the cases of lists")
    running.add_argument("lists", nargs="+", type=Path, metavar="LIST", help="a file with a case's name on each line")
    running.add_argument("--results", type=Path, required=True, help="file to write, and to go on with")
    running.add_argument("--reference", action="store_true", help="on the device's own Vulkan driver in place of ours")
    running.add_argument("--copy-only", action="store_true", help="the device copies every buffer")
    running.add_argument("--jobs", type=int, default=2, help="processes at a time (default 2)")
    running.add_argument("--chunk", type=int, default=250, help="cases a process is given (default 250)")
    running.add_argument("--timeout", type=int, default=120, help="seconds a case may take (default 120)")
    running.add_argument("--depth", type=int, default=1, help="parts of a name that make a group of the table (default 1)")
    running.set_defaults(action=run)

    report = commands.add_parser("report", help="the table and the failures of earlier runs")
    report.add_argument("results", nargs="+", type=Path)
    report.add_argument("--depth", type=int, default=1)
    report.set_defaults(action=lambda arguments: print_report(read_results(arguments.results), arguments.depth))

    arguments = parser.parse_args()
    sys.exit(arguments.action(arguments))


if __name__ == "__main__":
    main()
