# SPDX-License-Identifier: MIT
"""Tests with the real kernel: svga-vm from the outside, and what runs in its guest. Started by test.py, or alone.

    vm_tests.py          what ./test runs (three minutes)
    vm_tests.py --long   what takes long instead (twenty minutes)
    vm_tests.py --debug  on the kernel of "make -C kernel debug-kernel", with lockdep, KASAN and kmemleak (ten minutes)
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import harness
import picture
import vm_xorg
import vnc
from harness import BUILD, REPO, Results, step

PYTHON = "/usr/bin/python3"
LIMIT = 400  # seconds for one machine; far more than is needed, as an emulated guest on a busy host is slow
COMPLAINT = re.compile(r"WARNING:|BUG:|Oops|UBSAN:|KASAN:|general protection|kmemleak: \d+ new|Failed to update STDU")


def svga_vm(*options):
    return [BUILD / "svga-vm", *options, "--"]


def in_guest(title, parts, *options, limit=LIMIT, complaints=0):
    """Runs parts of vm_guest.py in one boot, in which the guest's kernel may complain exactly so many times."""
    results = Results()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        finished = harness.run([*svga_vm(*options, f"--log={folder}"), PYTHON, REPO / "scripts/vm_guest.py", report, *parts],
                               {"PYTHONDONTWRITEBYTECODE": "1"}, limit)
        log = (Path(folder) / "kernel.log").read_text(errors="replace")
        if report.exists():
            results.include(Results(**json.loads(report.read_text())), f"{title}: ")
        else:
            results.add(f"{title}: the guest's part ended with {finished.exit_code}", "fail")
        found = [line for line in log.splitlines() if COMPLAINT.search(line)]
        results.add(f"{title}: {complaints or 'no'} complaints of the guest's kernel",
                    "pass" if len(found) == complaints else "fail")
        if results.failed:
            start = next((index for index, line in enumerate(log.splitlines()) if COMPLAINT.search(line)), None)
            complaint = [] if start is None else log.splitlines()[start:start + 60]
            print(finished.output[-8000:], *complaint, sep="\n")
        else:
            print(*(f"  {line}\n" for line in finished.output.splitlines() if re.search("random calls|slabs", line)), sep="", end="")
    return results


def ending(name, expected_code, expected_text, command):
    """One machine that ends in a certain way, and says so in one line that names a log which is there."""
    with tempfile.TemporaryDirectory() as folder:  # where the log that is kept goes
        finished = harness.run(command, {"TMPDIR": folder}, LIMIT)
        lines = [line for line in finished.output.splitlines() if line.startswith("svga-vm: ")]
        wrong = ""
        if finished.exit_code != expected_code:
            wrong = f"exit code {finished.exit_code}, not {expected_code}"
        elif len(lines) != 1 or expected_text not in lines[0]:
            wrong = f"it says {lines}"
        elif not Path(lines[0].rpartition(" ")[2]).exists():
            wrong = "the log is not there"
    results = Results()
    results.add(name, f"fail: {wrong}" if wrong else "pass")
    if wrong:
        print(finished.output[-3000:])
    return results


def streams_and_screen():
    """Exit code, standard streams and the screen of a guest that does as it is told."""
    results = Results()
    with tempfile.TemporaryDirectory() as folder:
        screenshot = Path(folder) / "screen.png"
        script = "cat; echo to stderr >&2; pwd; id -u; exit 7"
        finished = subprocess.run([str(word) for word in [*svga_vm(f"--screenshot={screenshot}"), "/bin/sh", "-c", script]],
                                  input=b"x" * 300000, capture_output=True, timeout=LIMIT, cwd=folder, check=False)
        expected = b"x" * 300000 + f"{folder}\n{os.getuid()}\n".encode()
        results.add("svga-vm: exit code", "pass" if finished.returncode == 7 else "fail")
        results.add("svga-vm: streams, folder and user", "pass" if finished.stdout == expected else "fail")
        results.add("svga-vm: standard error", "pass" if finished.stderr == b"to stderr\n" else "fail")
        # An empty screen of this size takes some 5 KB.
        results.add("svga-vm: the screen shows the console",
                    "pass" if screenshot.exists() and screenshot.stat().st_size > 8000 else "fail")
        if results.failed:
            print(finished.stdout[-2000:], finished.stderr[-2000:])
    return results


def still_frame(port):
    """The screen over VNC as soon as there is something on it and it stands still."""
    deadline = time.monotonic() + LIMIT / 4
    before = None
    while time.monotonic() < deadline:
        with vnc.Viewer(port, LIMIT) as viewer:
            frame = viewer.frame()
        if frame == before and len(set(frame)) > 8:
            return frame
        before = frame
        time.sleep(1)
    return None


def screen_over_vnc():
    """What a VNC client sees is what the screenshot shows."""
    results = Results()
    port = vnc.free_port()
    # Nothing is to change once the program has started: no cursor that blinks, no message of the kernel.
    script = "dmesg --console-off; clear >/dev/tty0; seq 1 40 | tr '\\n' ' ' >/dev/tty0; seq 10 >/dev/tty0; echo ready; cat"
    with tempfile.TemporaryDirectory() as folder:
        screenshot = Path(folder) / "screen.png"
        command = [*svga_vm("--root", f"--vnc={port}", f"--screenshot={screenshot}", "--kernel-args=vt.global_cursor_default=0"),
                   "/bin/sh", "-c", script]
        with subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as machine:
            try:
                ready = machine.stdout.readline() == b"ready\n"
                frame = still_frame(port) if ready else None
                machine.communicate(timeout=LIMIT)
            except (OSError, subprocess.TimeoutExpired) as error:
                print(error)
                frame = None
            finally:
                machine.kill()
        same = False
        if frame and screenshot.exists():
            _, height, rgb = picture.read_rgb(screenshot)
            same = rgb == b"".join(frame) and height == len(frame)
        results.add("svga-vm: the screen over VNC", "pass" if same and machine.returncode == 0 else "fail")
    return results


def programs_on_x():
    """Programs on Xorg in the guest, the last of which are on its screen at the end."""
    vm_xorg.SCREEN.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        screenshot = Path(folder) / "screen.png"
        results = in_guest("patched kernel", ["xorg"], "--kernel=patched", "--root", f"--screenshot={screenshot}")
        same = False
        if screenshot.exists() and vm_xorg.SCREEN.exists():
            width, height, rgb = picture.read_rgb(screenshot)
            same = vm_xorg.SCREEN.read_bytes() == b"%d %d\n" % (width, height) + rgb
        results.add("svga-vm: the screenshot is what the X server shows", "pass" if same else "fail")
    return results


def device_killed():
    """svga-device is killed while the program runs."""
    with (tempfile.TemporaryDirectory() as folder,
          subprocess.Popen([str(word) for word in [*svga_vm(), "/bin/sh", "-c", "echo ready; sleep 1000"]],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                           env={**os.environ, "TMPDIR": folder}) as machine):
        try:
            ready = machine.stdout.readline() == b"ready\n"
            children = Path(f"/proc/{machine.pid}/task/{machine.pid}/children").read_text().split()
            victims = [int(pid) for pid in children if Path(f"/proc/{pid}/exe").resolve().name == "svga-device"]
            for pid in victims:
                os.kill(pid, signal.SIGKILL)
            errors = machine.communicate(timeout=60)[1].decode(errors="replace")
        finally:
            machine.kill()
    told = "the device ended with signal 9" in errors and errors.count("\n") == 1
    results = Results()
    results.add("svga-vm: kill -9 of svga-device",
                "pass" if ready and len(victims) == 1 and machine.returncode == 125 and told else "fail")
    if results.failed:
        print(errors)
    return results


def run_tests():
    results = Results()
    begin = time.monotonic()
    results.include(streams_and_screen())
    step(f"a virtual machine's whole life took {time.monotonic() - begin:.0f} s")
    results.include(screen_over_vnc())
    results.include(ending("svga-vm: a panic", 125, "Kernel panic",
                           [*svga_vm("--root"), "/bin/sh", "-c", "echo c > /proc/sysrq-trigger"]))
    results.include(ending("svga-vm: a time limit", 124, "2 s", [*svga_vm("--timeout=2"), "/bin/sleep", "1000"]))
    results.include(device_killed())
    results.include(programs_on_x())
    # What is drawn in place is not tracked: the stock kernel's bugs do not show there.
    results.include(in_guest("stock kernel", ["piglit"]))
    results.include(in_guest("patched kernel, --copy-only",
                             ["piglit", "coherency", "vulkan", "uapi", "mappings", "arithmetic:100000", "helpers", "unload"],
                             "--kernel=patched", "--copy-only", "--root"))
    return results


def run_long_tests():
    """What shows rare races, leaks, and whose fault the known failures are."""
    results = Results()

    def part(title, *arguments, **limits):
        step(title)
        results.include(in_guest(title, *arguments, **limits))

    # Slabs that are debugged are counted exactly, and tell of writes beyond or after an object.
    part("patched kernel: 10 minutes of random ioctls", ["fuzz:600", "unload"], "--kernel=patched", "--copy-only", "--root",
         "--kernel-args=slab_nomerge slub_debug=FZP kfence.sample_interval=50", limit=2400)
    part("patched kernel: races", ["mappings:20", "helpers", "arithmetic:1000000"], "--kernel=patched", "--copy-only", "--root",
         limit=2400)
    part("patched kernel: writable huge entries, of which the helpers warn", ["huge entries"], "--kernel=patched", "--root",
         complaints=4)
    part("patched kernel: more seeds", ["coherency:100"], "--kernel=patched", "--copy-only", limit=1800)
    part("patched kernel, Mesa's own winsys", ["piglit", "coherency:5,stock_winsys.expected"],
         "--kernel=patched", "--winsys=stock", "--copy-only")
    part("stock kernel", ["coherency:5,stock_kernel.expected"], "--kernel=stock", "--copy-only")
    part("stock kernel, Mesa's own winsys", ["coherency:5,stock_kernel.expected,stock_winsys.expected"],
         "--kernel=stock", "--winsys=stock", "--copy-only")
    return results


def run_debug_tests():
    """A kernel that looks for mistakes with locks and memory."""
    folder = BUILD / "kernel/debug"
    if not (folder / "vm.json").exists():
        sys.exit("error: there is no debug kernel; 'make -C kernel debug-kernel' builds it")
    return in_guest("debug kernel, patched", ["mappings", "helpers", "uapi:120", "coherency:2", "unload", "kmemleak"], "--root", "--copy-only",
                    "--memory=3072", f"--description={folder / 'vm.json'}", f"--kernel={folder / 'vmwgfx.ko'}", limit=3600)


RUNS = {(): run_tests, ("--long",): run_long_tests, ("--debug",): run_debug_tests}

if __name__ == "__main__":
    if tuple(sys.argv[1:]) not in RUNS:
        sys.exit(__doc__)
    all_results = RUNS[tuple(sys.argv[1:])]()
    for failure in all_results.failures:
        print(f"FAILED {failure}")
    print(all_results)
    sys.exit(1 if all_results.failed else 0)
