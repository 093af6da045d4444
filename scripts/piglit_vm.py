# SPDX-License-Identifier: MIT
"""piglit's tests in virtual machines: as many in one as it takes, and a new one where a test brings it down.

run() drives svga-vm from the outside. In the guest this file is a program: piglit_vm.py TESTS.json JOBS TIMEOUT. It tells on
its standard output, one JSON value a line, the names of the tests that it begins with, and their outcomes when they are known.
"""

import concurrent.futures
import json
import os
import select
import subprocess
import sys
import tempfile
from pathlib import Path

import harness
import piglit


def run(tests, options, jobs, timeout):
    """Runs (name, command) pairs in machines made with `options` of svga-vm; yields names and outcomes as they come.

    Where a machine ends early or falls silent, what it was running is run again, one by one, until it is known which test does it:
    that one's outcome is then how the machine ended.
    """
    left, suspects = dict(tests), {}
    while left:
        chosen = suspects or left
        groups = [[test] for test in chosen.items()] if suspects else piglit.groups_of(list(chosen.items()))
        running = set()
        with tempfile.TemporaryDirectory() as folder:
            ending = ""
            for began, outcomes, ending in _one_machine(folder, groups, options, 1 if suspects else jobs, timeout):
                running = (running | set(began)) - outcomes.keys()
                for name in outcomes:
                    left.pop(name)
                yield from outcomes.items()
        suspects = {name: left[name] for name in running}
        if ending and not running:
            raise RuntimeError(f"the virtual machine ended before its first test, or between two: {ending}")
        if len(suspects) == 1:
            yield from ((name, ending) for name in suspects)
            left = {name: command for name, command in left.items() if name not in suspects}
            suspects = {}


def _one_machine(folder, groups, options, jobs, timeout):
    """Yields (names begun, outcomes, ""); where the machine ends before its time then ([], {}, how it ended)."""
    tests = Path(folder) / "tests.json"
    tests.write_text(json.dumps(groups))
    command = [harness.BUILD / "svga-vm", *options, "--", "/usr/bin/python3", Path(__file__), tests, jobs, timeout]
    silence = 3 * (timeout + piglit.SHADERS_PER_PROCESS)  # seconds; a group has a limit for each of its processes
    with subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}) as machine:
        pending = b""
        while True:
            if not select.select([machine.stdout], [], [], silence)[0]:
                machine.kill()
                yield [], {}, f"the machine is silent for {silence} s"
                return
            data = os.read(machine.stdout.fileno(), 65536)
            if not data:
                break
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                told = json.loads(line)
                yield (told, {}, "") if isinstance(told, list) else ([], told, "")
        told = machine.stderr.read().decode(errors="replace").strip()
    if machine.returncode != 0:
        yield [], {}, f"exit code {machine.returncode} of the machine: {told[-200:]}"
    elif told:  # what the guest's kernel complained of
        print(told, file=sys.stderr)


def main():
    groups = json.loads(Path(sys.argv[1]).read_text())
    jobs, timeout = int(sys.argv[2]), int(sys.argv[3])

    def tell(value):
        sys.stdout.write(json.dumps(value) + "\n")
        sys.stdout.flush()

    def run_group(group):
        tell([name for name, _ in group])
        tell(piglit.run_group(group, timeout=timeout))

    with concurrent.futures.ThreadPoolExecutor(jobs) as executor:
        for finished in concurrent.futures.as_completed([executor.submit(run_group, group) for group in groups]):
            finished.result()


if __name__ == "__main__":
    main()
