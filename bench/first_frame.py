#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""How long it takes from the start of svga-run until kmscube has its first frame on the embedded display: bench/first_frame.py [RUNS]

With and without Mesa's cache of compiled shaders, which the device's lavapipe uses. As root the programs run with a real-time
priority, so that a busy machine is measured as an idle one.
"""

import os
import pty
import statistics
import subprocess
import sys
import time
from pathlib import Path

SVGA_RUN = Path(__file__).resolve().parent.parent / "build/svga-run"


def first_frame(environment):
    """Milliseconds until kmscube says that it has drawn, and until everything has ended."""
    terminal, inside = pty.openpty()  # kmscube writes through a buffer elsewhere, and ends with its input
    begin = time.monotonic()
    with subprocess.Popen([SVGA_RUN, "--vsync=off", "--", "kmscube", "--count=2"], stdin=inside, stdout=inside, stderr=inside,
                          env={**os.environ, **environment}) as program:
        os.close(inside)
        output, drawn = b"", None
        while True:
            try:
                output += os.read(terminal, 4096)
            except OSError:  # the other end is closed
                break
            if drawn is None and b"Rendered 1 frames" in output:
                drawn = time.monotonic() - begin
    os.close(terminal)
    if drawn is None:
        sys.exit(f"error: kmscube drew nothing:\n{output.decode(errors='replace')}")
    return drawn * 1000, (time.monotonic() - begin) * 1000


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    if os.geteuid() == 0:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
    for title, environment in (("with the cache", {}), ("without it", {"MESA_SHADER_CACHE_DISABLE": "true"})):
        first_frame(environment)
        frames, ends = zip(*(first_frame(environment) for _ in range(runs)))
        print(f"{title}: the first frame after {statistics.median(frames):.0f} ms ({min(frames):.0f} to {max(frames):.0f}), "
              f"the end after {statistics.median(ends):.0f} ms")


if __name__ == "__main__":
    main()
