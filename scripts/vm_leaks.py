# SPDX-License-Identifier: MIT
"""What the guest's kernel has allocated, to see whether a run gave it all back. Runs in the guest, as root."""

import re
import subprocess
import time
from pathlib import Path

DRI = Path("/sys/kernel/debug/dri/0")
BUFFER_OBJECTS = Path("/sys/kernel/debug/ttm/buffer_objects")
SETTLE = 20  # seconds that deferred frees (fences, RCU, work queues) may take


def slab_objects():
    """Objects in use, by slab cache. Nothing where slabs are not debugged, as each CPU has a stock of its own then that counts as
    in use."""
    if "slub_debug=" not in Path("/proc/cmdline").read_text():
        return {}
    lines = Path("/proc/slabinfo").read_text().splitlines()[2:]
    return {words[0]: int(words[1]) for words in map(str.split, lines)}


def driver_state():
    """What vmwgfx and TTM hold: buffer objects, bytes by kind of memory, memory and ids of MOBs, names."""
    state = {"buffer objects": int(BUFFER_OBJECTS.read_text())}
    for manager in sorted(DRI.glob("*_ttm")):
        text = manager.read_text()
        state[f"{manager.name} usage"] = int(re.search(r"^\s*usage: (\d+)", text, re.MULTILINE)[1])
    state["named objects"] = len((DRI / "gem_names").read_text().splitlines()) - 1
    state["objects of clients"] = len((DRI / "vmwgfx_gem_info").read_text().splitlines())
    state["references to the module"] = int(Path("/sys/module/vmwgfx/refcnt").read_text())
    return state


def settled(previous):
    """The driver's state, as soon as it is `previous` again, or what it is in the end."""
    deadline = time.monotonic() + SETTLE
    state = driver_state()
    while state != previous and time.monotonic() < deadline:
        time.sleep(0.5)
        state = driver_state()
    return state


def drop_caches():
    subprocess.run(["sync"], check=True)
    Path("/proc/sys/vm/drop_caches").write_text("3")
    for cache in Path("/sys/kernel/slab").glob("*/shrink"):
        cache.write_text("1")


class Watch:
    """A leak of a run that makes many calls: what is allocated afterwards is held against what was before it."""

    def __init__(self):
        self.driver = driver_state()
        drop_caches()
        self.slabs = slab_objects()

    def leaks(self, calls):
        """\\returns a line for each kind of object that is left: any of the driver's, and in slabs more than one for 1000 calls."""
        driver = settled(self.driver)
        drop_caches()
        slabs = slab_objects()
        lines = [f"{name}: {self.driver[name]} before, {count} after"
                 for name, count in driver.items() if count != self.driver[name]]
        lines += [f"slab {name}: {self.slabs.get(name, 0)} objects before, {count} after"
                  for name, count in slabs.items() if count - self.slabs.get(name, 0) > max(calls // 1000, 200)]
        growth = sorted(((count - self.slabs.get(name, 0), name) for name, count in slabs.items()), reverse=True)[:6]
        print("most grown slabs:", ", ".join(f"{name} {count:+d}" for count, name in growth))
        print("driver:", driver)
        return lines
