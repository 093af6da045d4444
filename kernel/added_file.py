#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""added_file.py SERIES PATH OUTPUT: writes the file PATH which one patch of the folder SERIES adds.

So that a test compiles exactly what the kernel does, without the kernel's source. The file must be of one patch alone.
"""

import pathlib
import sys


def file_parts(patch):
    """Yields (path, lines) for each file that the patch touches."""
    path, lines = None, []
    for line in patch.read_text(encoding="utf-8").splitlines():
        if line.startswith("diff --git "):
            if path:
                yield path, lines
            path, lines = line.split(" b/", 1)[1], []
        elif path:
            lines.append(line)
    if path:
        yield path, lines


def main():
    series, wanted, output = sys.argv[1:]
    parts = [lines for patch in sorted(pathlib.Path(series).glob("[0-9]*.patch"))
             for path, lines in file_parts(patch) if path == wanted]
    if len(parts) != 1 or not any(line.startswith("new file mode") for line in parts[0]):
        sys.exit(f"error: {wanted} is touched by {len(parts)} patches of {series}; wanted: added by one")
    hunk = next(i for i, line in enumerate(parts[0]) if line.startswith("@@"))
    added = [line[1:] for line in parts[0][hunk + 1:] if line.startswith("+")]
    text, target = "\n".join(added) + "\n", pathlib.Path(output)
    # A file that stays the same is not touched, so that nothing is compiled again for it.
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        target.write_text(text, encoding="utf-8")


main()
