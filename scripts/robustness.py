# SPDX-License-Identifier: MIT
"""What is left when a process of the stack is killed: nothing, and nobody waits for ever."""

import os
import signal
import subprocess
import time
from pathlib import Path

import harness
from harness import BUILD, Results

SCENE = [BUILD / "demo/coherent-scene", "--frames", "1000000", "--output", "/dev/null"]
LIMIT = 30  # seconds; far more than is needed, as this is about hanging and not about speed


def _children(pid):
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _executable(pid):
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe"))
    except OSError:
        return ""


def _alive(pid):
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def _within_limit(condition):
    deadline = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _killed(stack, victim):
    """Kills `victim` ("svga-run", "svga-device" or the scene) while the scene draws. \\returns what went wrong, or ''."""
    with subprocess.Popen([str(word) for word in [*stack.svga_run(), *SCENE]], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL) as launcher:
        processes = {"svga-run": launcher.pid}

        def all_are_there():
            processes.update({_executable(child): child for child in _children(launcher.pid)})
            return {"svga-device", "coherent-scene"} <= processes.keys()

        try:
            if not _within_limit(all_are_there):
                return f"only {', '.join(processes)} came up"
            os.kill(processes[victim], signal.SIGKILL)
            if not _within_limit(lambda: not any(_alive(pid) for pid in processes.values())):
                return f"still there: {', '.join(name for name, pid in processes.items() if _alive(pid))}"
            output = launcher.communicate(timeout=LIMIT)[0].decode(errors="replace")
        finally:
            if launcher.poll() is None:
                launcher.kill()
    if launcher.returncode == 0:
        return "svga-run exits with 0"
    if victim == "svga-device" and not output.strip():
        return "the program says nothing of its lost device"
    return ""


def run_tests(stack):
    results = Results()
    for victim in ("svga-device", "coherent-scene", "svga-run"):
        wrong = _killed(stack, victim)
        results.add(f"kill -9 of {victim}", f"fail: {wrong}" if wrong else "pass")
    finished = harness.run([*stack.svga_run(f"--vulkan-icd={__file__}"), "wflinfo", "--platform", "surfaceless_egl",
                            "--api", "gl"], timeout=60)
    told = finished.exit_code not in (0, 124) and "svga" in finished.output
    results.add("a Vulkan driver that is none", "pass" if told and not finished.timed_out else "fail")
    return results
