# SPDX-License-Identifier: MIT
"""The part of the tests that runs inside the guest of svga-vm, in one boot: vm_guest.py REPORT PART...

The guest has the host's own files, so the report that is written here is read there. A part is a name of PARTS; what follows a
colon is its argument.
"""

import ctypes
import dataclasses
import json
import os
import re
import sys
import time
import xml.etree.ElementTree
from pathlib import Path

import harness
import piglit
import vm_leaks
import vm_xorg
from harness import Results


def piglit_part():
    """piglit's tests of coherent and other persistent mappings."""
    results, outputs = piglit.run_tests(piglit.tests_of("opengl", piglit.BUFFER_STORAGE))
    for name, output in outputs.items():
        print(f"--- {name}\n{output[-1500:]}")
    return results


def gtest_part(executable, *options, timeout=1200, known=()):
    """A GoogleTest program; a failure that is known counts as skipped."""
    report = Path(f"/run/{executable.name}.xml")
    results, finished = harness.run_gtest(executable.name, [executable, *options], report, timeout=timeout)
    unknown = [name for name in results.failures if name not in known]
    results.skipped += results.failed - len(unknown)
    results.failed, results.failures = len(unknown), unknown
    if results.failed:
        print(finished.output[-6000:])
    return results


def coherency_part(argument="5"):
    """The coherency tests: SEEDS[,LIST...], lists of known failures beside the tests."""
    seeds, *lists = argument.split(",")
    known = [name for words in lists for name in harness.expected_outcomes(harness.REPO / "tests/coherency" / words)]
    return gtest_part(harness.BUILD / "tests/coherency/svga-coherency", f"--seeds={seeds}", known=known)


KMEMLEAK = Path("/sys/kernel/debug/kmemleak")  # which the debug kernel alone has


def load_module(name, parameters=""):
    """Loads the module of kernel/tests. \\returns what the kernel said meanwhile, line by line"""
    finit_module = 313  # of x86-64, for which the C library has no function
    log = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    os.lseek(log, 0, os.SEEK_END)
    module = os.open(harness.BUILD / ("kernel/debug/tests" if KMEMLEAK.exists() else "kernel/tests") / f"{name}.ko", os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).syscall(finit_module, module, parameters.encode(), 0) != 0:
        error = ctypes.get_errno()
        sys.exit(f"error: the module {name} cannot be loaded: {os.strerror(error)}")
    lines = []
    while True:
        try:
            lines.append(os.read(log, 8192).decode(errors="replace").partition(";")[2].partition("\n")[0])
        except BlockingIOError:
            return lines


def unload_part():
    """The driver goes, after all other parts; it warns of what is left of it then."""
    delete_module = 176  # of x86-64
    results = Results()
    failed = ctypes.CDLL(None, use_errno=True).syscall(delete_module, b"vmwgfx", os.O_NONBLOCK) != 0
    if failed:
        print(f"vmwgfx cannot be unloaded: {os.strerror(ctypes.get_errno())}")
    results.add("vmwgfx goes", "fail" if failed or Path("/sys/module/vmwgfx").exists() else "pass")
    return results


def kmemleak_part():
    """What kmemleak takes for leaked, after all other parts: objects that nothing points to in two scans."""
    for _ in range(2):
        KMEMLEAK.write_text("scan")
        time.sleep(6)  # younger ones do not count
    leaks = KMEMLEAK.read_text()
    results = Results()
    results.add("nothing is unreferenced", "fail" if leaks else "pass")
    print(leaks[:4000])
    return results


def arithmetic_part(sequences="100000"):
    """The driver's arithmetic from dirty pages to boxes, in the kernel: a module whose tests run when it is loaded (KTAP)."""
    results = Results()
    lines = load_module("vmw_dirty_region_test", f"sequences={sequences}")
    plan = sum(int(match[1]) for line in lines if (match := re.search(r": 1\.\.(\d+)$", line)))
    for line in lines:
        if match := re.search(r": (not )?ok \d+ (.*)", line):
            results.add(match[2], "fail" if match[1] else "pass")
    if not plan or plan != results.passed + results.failed:
        results.add(f"{plan} tests were planned, and not as many ended", "fail")
    if results.failed or not any(f"# {sequences} sequences" in line for line in lines):
        results.add(f"{sequences} random sequences", "fail")
        print(*lines, sep="\n")
    return results


def helpers_part(*options):
    """The kernel's helpers that find and stop writes to shared mappings, by a module that exposes them."""
    if not Path("/dev/mapping_dirty").exists():
        load_module("mapping_dirty")
    return gtest_part(harness.BUILD / "tests/kernel/mapping-dirty-test", *options)


def fuzz_part(seconds):
    """The fuzz of the dirty-tracking ioctls for so many seconds, after which nothing may be left allocated."""
    uapi = harness.BUILD / "tests/uapi/svga-uapi"
    gtest_part(uapi, "--gtest_filter=Fuzz.*", "--fuzz-seconds=5")  # what is made once and kept is there then
    watch = vm_leaks.Watch()
    results = gtest_part(uapi, "--gtest_filter=Fuzz.*", f"--fuzz-seconds={seconds}", timeout=int(seconds) + 600)
    report = xml.etree.ElementTree.parse(f"/run/{uapi.name}.xml")
    calls = int(next(node.get("value") for node in report.iter("property") if node.get("name") == "calls"))
    leaks = watch.leaks(calls)
    print(f"{calls} random calls in {seconds} s", *leaks, sep="\n")
    results.add("nothing is left allocated", "fail" if leaks or not calls else "pass")
    return results


PARTS = {
    "piglit": piglit_part,
    "coherency": coherency_part,
    "vulkan": lambda: gtest_part(harness.BUILD / "tests/vulkan/svga-vulkan"),
    "uapi": lambda seconds="2": gtest_part(harness.BUILD / "tests/uapi/svga-uapi", f"--fuzz-seconds={seconds}"),
    "mappings": lambda times="1": gtest_part(harness.BUILD / "tests/kernel/mapping-test", f"--gtest_repeat={times}"),
    "arithmetic": arithmetic_part,
    "helpers": helpers_part,
    "huge entries": lambda: helpers_part("--gtest_also_run_disabled_tests", "--gtest_filter=*Huge*"),
    "fuzz": fuzz_part,
    "xorg": vm_xorg.part,
    "unload": unload_part,
    "kmemleak": kmemleak_part,
}


def main():
    report, *parts = sys.argv[1:]
    results = Results()
    for part in parts:
        name, _, argument = part.partition(":")
        results.include(PARTS[name](*[argument] if argument else []), f"{part}: ")
    Path(report).write_text(json.dumps(dataclasses.asdict(results)))
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main())
