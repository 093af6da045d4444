# SPDX-License-Identifier: MIT
"""The part of the tests that runs inside the guest of svga-vm, in one boot: vm_guest.py REPORT PART...

The guest has the host's own files, so the report that is written here is read there. A part is a name of PARTS; what follows a
colon is its argument.
"""

import dataclasses
import json
import sys
import xml.etree.ElementTree
from pathlib import Path

import harness
import piglit
import vm_leaks


def piglit_part():
    """piglit's tests of coherent and other persistent mappings."""
    results, outputs = piglit.run_tests(piglit.tests_of("opengl", piglit.BUFFER_STORAGE))
    for name, output in outputs.items():
        print(f"--- {name}\n{output[-1500:]}")
    return results


def gtest_part(executable, *options, timeout=300):
    report = Path(f"/run/{executable.name}.xml")
    results, finished = harness.run_gtest(executable.name, [executable, *options], report, timeout=timeout)
    if results.failed:
        print(finished.output[-6000:])
    return results


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
    "coherency": lambda: gtest_part(harness.BUILD / "tests/coherency/svga-coherency", "--seeds=5"),
    "uapi": lambda: gtest_part(harness.BUILD / "tests/uapi/svga-uapi"),
    "fuzz": fuzz_part,
}


def main():
    report, *parts = sys.argv[1:]
    results = harness.Results()
    for part in parts:
        name, _, argument = part.partition(":")
        results.include(PARTS[name](*[argument] if argument else []), f"{part}: ")
    Path(report).write_text(json.dumps(dataclasses.asdict(results)))
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main())
