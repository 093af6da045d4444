# SPDX-License-Identifier: MIT
"""What the embedded display shows: programs that use mode setting, unmodified, and the picture each leaves on the screen.

    display_tests.py               what ./test runs
    display_tests.py --all-scenes  compares the last picture of every scene of glmark2 with llvmpipe's, and prints how far they are apart
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import harness
import picture
import vnc
from harness import BUILD, Results, step

SOFTWARE = {"LIBGL_ALWAYS_SOFTWARE": "1", "GBM_ALWAYS_SOFTWARE": "1", "GALLIUM_DRIVER": "llvmpipe"}
DUMB_PICTURE = BUILD / "tests/display/svga-dumb-picture"
CUBE = ["kmscube", "--count=60"]
GLMARK = ["glmark2-drm", "--validate"]
GLMARK_FRAMES = 30
STEADY_CLOCK = BUILD / "tests/display/libsvga-steady-clock.so"
CLOCK_STEP = 5000  # microseconds from one look at the clock to the next; glmark2 looks three times a frame
# Share of the channels that may differ by more than one: where a rounded position moves an edge across a pixel's centre, and where
# a shader makes much of a rounding error. llvmpipe differs as much from itself on a processor without AVX (docs/display.md).
FAR_CHANNELS = {"pulsar": 0.0001, "refract": 0.0001, "terrain": 0.001}
# What ./test compares: buffers that are mapped, blending, mipmaps of what was drawn, windows that are blurred.
SCENES = ("buffer:columns=200:interleave=false:update-dispersion=0.9:update-fraction=0.5:update-method=map", "jellyfish", "refract",
          "desktop:effect=blur:passes=1:separable=true:windows=4")


def _dumb_pixels(width, height, frame):
    return b"".join(bytes((x & 255, y & 255, frame * 16 & 255, 255)) for y in range(height) for x in range(width))


def dumb_buffers(stack, folder):
    """A picture of the CPU's, to the pixel, in the screenshot and over VNC, however the CPU's writes are found."""
    results = Results()
    for options in (["--tracker=async"], ["--tracker=thread"], ["--tracker=all"], ["--tracker=async", "--vsync=off"]):
        file = Path(folder) / "dumb.png"
        file.unlink(missing_ok=True)
        port = vnc.free_port()
        command = [*stack.svga_run(*options, "--screen=640x480", f"--screenshot={file}", f"--vnc={port}"), DUMB_PICTURE, "21"]
        with subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
            shown = program.stdout.readline() == b"shown\n"
            rows = []
            if shown:
                with vnc.Viewer(port, timeout=60) as viewer:
                    rows = viewer.frame()
            program.stdin.close()
            program.wait(timeout=60)
        wanted = _dumb_pixels(640, 480, 21)
        over_vnc = b"".join(row[i:i + 3] + b"\xff" for row in rows for i in range(0, len(row), 3))
        same = file.exists() and picture.read_png(file) == (640, 480, 4, wanted)
        title = f"dumb buffers, {' '.join(options)}"
        results.add(f"{title}: exit code {program.returncode}", "pass" if shown and program.returncode == 0 else "fail")
        results.add(f"{title}: the screenshot", "pass" if same else "fail")
        results.add(f"{title}: the screen over VNC", "pass" if over_vnc == wanted else "fail")
    return results


def _run(command, environment, timeout=300):
    """As harness.run(), with a standard input that stays open: kmscube ends when a key is pressed, or its input ends."""
    reader, writer = os.pipe()
    try:
        return harness.run(command, environment, timeout, stdin=reader)
    finally:
        os.close(reader)
        os.close(writer)


def cube(stack, folder):
    """kmscube's 60th frame, against the same program on llvmpipe, whose frames the embedded display shows as well."""
    results = Results()
    reference = Path(folder) / "llvmpipe.png"
    _run([*stack.svga_run("--winsys=stock", "--vsync=off", f"--screenshot={reference}"), *CUBE], SOFTWARE)
    for options in (["--winsys=coherent"], ["--winsys=stock"], ["--winsys=coherent", "--copy-only", "--vsync=off"]):
        file = Path(folder) / "cube.png"
        file.unlink(missing_ok=True)
        finished = _run([*stack.svga_run(*options, f"--screenshot={file}"), *CUBE], {})
        drawn = finished.exit_code == 0 and "Rendered 59 frames" in finished.output and file.exists()
        wrong = picture.difference(file, reference, tolerance=1) if drawn and reference.exists() else 1
        name = f"kmscube, {' '.join(options)}: {wrong:.2%} of the pixels differ from llvmpipe's"
        results.add(name, "pass" if wrong == 0 else "fail")
        if wrong:
            print(finished.output[-1500:])
    return results


def _scenes(finished):
    return re.findall(r"^(\[.*): Validation: (\w+)", finished.output, re.MULTILINE)


def glmark(stack):
    """Every scene of glmark2 to its end; each looks at pixels of its own, and they are as on llvmpipe."""
    results = Results()
    options = ["--vsync=off", "--screen=1024x768"]
    expected = _scenes(_run([*stack.svga_run("--winsys=stock", *options), *GLMARK], SOFTWARE))
    finished = _run([*stack.svga_run(*options), *GLMARK], {})
    for (scene, wanted), (_, said) in zip(expected, _scenes(finished)):
        results.add(f"glmark2 {scene}: {said}, and {wanted} on llvmpipe", "pass" if said == wanted else "fail")
    if not expected or len(_scenes(finished)) != len(expected):
        results.add(f"glmark2 ends after {len(_scenes(finished))} of {len(expected)} scenes", "fail")
        print(finished.output[-1500:])
    return results


def last_picture(stack, scene, file, options, environment):
    """Draws the same frames of a scene each time, by a clock that tells glmark2, and not Mesa, the same time each time.

    Each frame is shown ("fifo"), the last one too.
    """
    program = ["glmark2-drm", "--swap-mode", "fifo", "--benchmark", f"{scene}:nframes={GLMARK_FRAMES}"]
    # The launcher and the device are not to have that clock: it is preloaded behind the launcher's own library.
    preloading = ["sh", "-c", f'LD_PRELOAD="$LD_PRELOAD:{STEADY_CLOCK}" exec "$@"', "sh"]
    file.unlink(missing_ok=True)
    return harness.run([*stack.svga_run("--vsync=off", "--screen=1024x768", f"--screenshot={file}", *options), *preloading, *program],
                       {"STEADY_CLOCK_STEP": str(CLOCK_STEP), **environment}, timeout=300)


def glmark_pictures(stack, folder, scenes):
    """The last picture of scenes of glmark2, against llvmpipe's."""
    results = Results()
    for scene in scenes:
        file, reference = Path(folder) / "ours.png", Path(folder) / "llvmpipe.png"
        last_picture(stack, scene, reference, ["--winsys=stock"], SOFTWARE)
        finished = last_picture(stack, scene, file, [], {})
        if not file.exists() or not reference.exists():
            results.add(f"glmark2 {scene}: there is no picture", "fail")
            print(finished.output[-1500:])
            continue
        most, differ, far = picture.distance(file, reference)
        told = f"glmark2 {scene}: channels differ by {most} at most, {differ:.4%} of them, by more than 1 {far:.4%}"
        print(f"  {told}", flush=True)
        results.add(told, "pass" if far <= FAR_CHANNELS.get(scene.partition(":")[0], 0) else "fail")
    return results


def all_scenes(stack):
    """Every scene that glmark2 draws where it is told nothing."""
    said = _scenes(_run([*stack.svga_run("--winsys=stock", "--vsync=off", "--screen=1024x768"), *GLMARK], SOFTWARE))
    words = [scene.removeprefix("[").split("] ") for scene, _ in said]
    return [name if options == "<default>" else f"{name}:{options}" for name, options in words]


def run_tests(stack):
    results = Results()
    with tempfile.TemporaryDirectory() as folder:
        results.include(dumb_buffers(stack, folder))
        results.include(cube(stack, folder))
        results.include(glmark(stack))
        results.include(glmark_pictures(stack, folder, SCENES))
    return results


def main():
    stack = harness.Stack()
    step("the embedded display")
    if sys.argv[1:] == ["--all-scenes"]:
        with tempfile.TemporaryDirectory() as folder:
            results = glmark_pictures(stack, folder, all_scenes(stack))
    elif not sys.argv[1:]:
        results = run_tests(stack)
    else:
        sys.exit(__doc__)
    for failure in results.failures:
        print(f"FAILED {failure}")
    print(results)
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main())
