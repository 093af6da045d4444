#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Which lines the tests run, by gcov: a table of the sources under a folder.

  scripts/coverage.py build-coverage src/device/vgpu10
  scripts/coverage.py build-coverage src/device/vgpu10 --missed

BUILD is a build folder of this tree that meson configured with -Db_coverage=true, in which tests have run. A line counts
once, however many programs and template instances hold it.
"""

import argparse
import collections
import gzip
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import harness


def line_counts(build, under):
    """How often each line ran, by source file below `under` (an absolute folder) and line number."""
    counts = collections.defaultdict(collections.Counter)
    notes = [path.resolve() for path in build.rglob("*.gcno")]
    if not notes:
        sys.exit(f"error: {build} has no coverage: configure it with -Db_coverage=true")
    with tempfile.TemporaryDirectory() as scratch:
        # gcov names each report after its input and would overwrite those of equal name: one folder each.
        for number, note in enumerate(notes):
            folder = Path(scratch) / str(number)
            folder.mkdir()
            subprocess.run(["gcov", "--json-format", note], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for report in folder.glob("*.gcov.json.gz"):
                gather(json.loads(gzip.decompress(report.read_bytes())), build, under, counts)
    return counts


def gather(report, build, under, counts):
    for source in report["files"]:
        path = (build / source["file"]).resolve()
        if under in path.parents:
            for line in source["lines"]:
                counts[path][line["line_number"]] += line["count"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("folder", help="of sources, from the root of the repository")
    parser.add_argument("--missed", action="store_true", help="also print each line that never ran")
    parser.add_argument("--at-least", type=float, default=0, metavar="PERCENT", help="exit with 1 below this")
    arguments = parser.parse_args()
    under = (harness.REPO / arguments.folder).resolve()
    counts = line_counts(arguments.build.resolve(), under)
    if not counts:
        sys.exit(f"error: nothing of {arguments.folder} was built there")
    total = run = 0
    print(f"{'lines':>6} {'run':>6} {'':>7}")
    for path, lines in sorted(counts.items()):
        ran = sum(count > 0 for count in lines.values())
        total, run = total + len(lines), run + ran
        print(f"{len(lines):6} {ran:6} {ran / len(lines):7.1%}  {path.relative_to(harness.REPO)}")
        if arguments.missed:
            text = path.read_text().splitlines()
            for number in sorted(number for number, count in lines.items() if not count):
                print(f"{path.relative_to(harness.REPO)}:{number}: {text[number - 1].strip()}")
    print(f"{total:6} {run:6} {run / total:7.1%}")
    return 1 if run / total * 100 < arguments.at_least else 0


if __name__ == "__main__":
    sys.exit(main())
