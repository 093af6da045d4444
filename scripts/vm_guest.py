# SPDX-License-Identifier: MIT
"""The part of the tests that runs inside the guest of svga-vm, in one boot: vm_guest.py REPORT PART...

The guest has the host's own files, so the report that is written here is read there. Parts: piglit, coherency, uapi.
"""

import dataclasses
import json
import sys
from pathlib import Path

import harness
import piglit


def piglit_part():
    """piglit's tests of coherent and other persistent mappings."""
    results, outputs = piglit.run_tests(piglit.tests_of("opengl", piglit.BUFFER_STORAGE))
    for name, output in outputs.items():
        print(f"--- {name}\n{output[-1500:]}")
    return results


def gtest_part(executable, *options):
    report = Path(f"/run/{executable.name}.xml")
    results, finished = harness.run_gtest(executable.name, [executable, *options], report, timeout=300)
    if results.failed:
        print(finished.output[-6000:])
    return results


PARTS = {
    "piglit": piglit_part,
    "coherency": lambda: gtest_part(harness.BUILD / "tests/coherency/svga-coherency", "--seeds=5"),
    "uapi": lambda: gtest_part(harness.BUILD / "tests/uapi/svga-uapi"),
}


def main():
    report, *parts = sys.argv[1:]
    results = harness.Results()
    for part in parts:
        results.include(PARTS[part](), f"{part}: ")
    Path(report).write_text(json.dumps(dataclasses.asdict(results)))
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main())
