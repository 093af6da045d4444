# SPDX-License-Identifier: MIT
"""An X server in the guest of svga-vm, and what programs show on it: a part of vm_guest.py, which see."""

import ctypes
import os
import subprocess
import time
from pathlib import Path

import harness
from harness import BUILD, Results

LOG = Path("/run/xorg.log")
SCREEN = BUILD / "tests/vm/screen.rgb"
STILL_CLOCK = {"LD_PRELOAD": str(BUILD / "tests/display/libsvga-steady-clock.so")}
LAST_WINDOW = {"LD_PRELOAD": str(BUILD / "tests/display/libsvga-last-window.so")}
PATIENCE = 60  # seconds that a program may take to draw what it is to draw
GEARS = (300, 300)
CUBE = (300, 300)
CUBE_PLACE = (100, 100)  # where vkcube puts its window
CUBE_FRAMES = 20


class XImage(ctypes.Structure):
    """The first members of Xlib's structure of that name, as far as they are needed here."""

    _fields_ = [(name, ctypes.c_int) for name in ("width", "height", "xoffset", "format")] + [
        ("data", ctypes.c_void_p)] + [(name, ctypes.c_int) for name in (
            "byte_order", "bitmap_unit", "bitmap_bit_order", "bitmap_pad", "depth", "bytes_per_line", "bits_per_pixel")]


class Screen:
    """What an X server of depth 24 shows, read over the protocol."""

    def __init__(self, display):
        self.xlib = ctypes.CDLL("libX11.so.6")
        for function, result in (("XOpenDisplay", ctypes.c_void_p), ("XDefaultRootWindow", ctypes.c_ulong),
                                 ("XGetImage", ctypes.POINTER(XImage))):
            getattr(self.xlib, function).restype = result
        self.display = ctypes.c_void_p(self.xlib.XOpenDisplay(display.encode()))
        if not self.display:
            raise OSError(f"there is no X server at {display}")
        self.root = ctypes.c_ulong(self.xlib.XDefaultRootWindow(self.display))
        self.size = self.xlib.XDisplayWidth(self.display, 0), self.xlib.XDisplayHeight(self.display, 0)

    def rgb(self, x, y, width, height):
        """The pixels of a rectangle, three bytes each."""
        every_plane, z_pixmap = ctypes.c_ulong(~0), 2
        image = self.xlib.XGetImage(self.display, self.root, x, y, width, height, every_plane, z_pixmap)
        rows = ctypes.string_at(image.contents.data, image.contents.bytes_per_line * height)
        self.xlib.XFree(ctypes.c_void_p(image.contents.data))
        self.xlib.XFree(image)
        result = bytearray(width * height * 3)
        for channel in range(3):
            result[channel::3] = rows[2 - channel::4]
        return bytes(result)


def start_x_server():
    """Xorg on the guest's screen, until the machine ends. \\returns its display, as in $DISPLAY"""
    reader, writer = os.pipe()
    # Locks are files of the host, whose X servers are none of this one's business.
    command = ["Xorg", "-displayfd", str(writer), "-nolock", "-noreset", "-logfile", str(LOG), "vt1"]
    subprocess.Popen(command, pass_fds=[writer], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(writer)
    with open(reader, encoding="ascii") as told:
        return ":" + told.readline().strip()


def drawn(pixels):
    """Whether there is a picture at all."""
    return len(set(zip(*[iter(pixels)] * 3))) > 8


def settled(screen, rectangle):
    """The pixels of a rectangle once they are a picture that stands still, for two seconds: on a busy machine frames are rare."""
    before, still, deadline = None, 0, time.monotonic() + PATIENCE
    while time.monotonic() < deadline and still < 4:
        now = screen.rgb(*rectangle)
        still = still + 1 if now == before and drawn(now) else 0
        before = now
        time.sleep(0.5)
    return now


def gears(screen, display, environment, x):
    """glxgears in a window of its own. \\returns its picture; the window stays"""
    subprocess.Popen(["glxgears", "-geometry", f"{GEARS[0]}x{GEARS[1]}+{x}+0"], stdin=subprocess.DEVNULL,
                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                     env={**os.environ, **environment, **STILL_CLOCK, "DISPLAY": display})
    return settled(screen, (x, 0, *GEARS))


def cube(screen, display, environment):
    """vkcube's last frame, which does not depend on time, and is not left in a queue when it ends."""
    immediately = 0  # VK_PRESENT_MODE_IMMEDIATE_KHR
    command = ["timeout", PATIENCE * 2, "vkcube", "--c", CUBE_FRAMES, "--present_mode", immediately, "--width", CUBE[0],
               "--height", CUBE[1]]
    with subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          env={**os.environ, **environment, **LAST_WINDOW, "DISPLAY": display}) as program:
        for line in program.stdout:
            if line == "last frame\n":
                break
            print(line, end="")
        picture = settled(screen, (*CUBE_PLACE, *CUBE))
        program.terminate()
    return picture


def part():
    """Programs on Xorg with glamor, against the same programs on llvmpipe and lavapipe on the same server.

    What the X server shows at the end is written to SCREEN: width and height in a line, and three bytes a pixel.
    """
    results, stack = Results(), harness.Stack()
    llvmpipe = stack.llvmpipe_environment()
    llvmpipe["LD_LIBRARY_PATH"] = stack.parts["stock"]["library_path"]  # and not, behind it, that of the winsys in use

    def check(name, passes, *told):
        results.add(name, "pass" if passes else "fail")
        if not passes:
            print(*told)

    display = start_x_server()
    screen = Screen(display)
    log = LOG.read_text(errors="replace")
    check("Xorg: glamor on SVGA3D", "glamor X acceleration enabled on SVGA3D" in log and "modeset(0)" in log, log[-8000:])
    told = harness.run(["glxinfo", "-B"], {"DISPLAY": display}, PATIENCE).output
    check("glxinfo: direct rendering by SVGA3D", "direct rendering: Yes" in told and "renderer string: SVGA3D" in told, told)
    told = harness.run(["vulkaninfo", "--summary"], {"DISPLAY": display}, PATIENCE).output
    check("vulkaninfo: SVGA3D", "SVGA" in told, told)
    for name, ours, reference in (
            ("vkcube", cube(screen, display, {}), cube(screen, display, stack.vulkan_environment())),
            ("glxgears", gears(screen, display, {}, 0),
             gears(screen, display, llvmpipe, GEARS[0]))):
        most = max(abs(a - b) for a, b in zip(ours, reference))
        check(f"{name}: differs from the software renderer's by {most} at most", drawn(reference) and most <= 1)
    SCREEN.write_bytes(b"%d %d\n" % screen.size + screen.rgb(0, 0, *screen.size))
    return results
