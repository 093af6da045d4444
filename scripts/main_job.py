# SPDX-License-Identifier: MIT
"""The main job: shows what the stack is, proves that it keeps its promise, draws a picture. Started by ./run."""

import argparse
import json
import re
import sys

import harness
import picture
import piglit
from harness import BUILD, REPO, Progress, Results, step

OUTPUT = BUILD / "run"
STOCK_FAILURES = REPO / "tests/coherency/stock_winsys.expected"
COUNTERS = ("write_faults", "read_faults", "bytes_written", "bytes_uploaded", "bytes_read_back", "userspace_updates",
            "userspace_readbacks")


class Measured:
    """Programs run on the stack, with what they counted added up."""

    def __init__(self, stack, options):
        self.file = OUTPUT / "stats.json"
        self.wrapper = stack.svga_run(*options, f"--stats={self.file}")
        self.counters = dict.fromkeys(COUNTERS, 0)
        self.last = {}

    def collect(self):
        """To be called after each program."""
        self.last = json.loads(self.file.read_text())
        for name in COUNTERS:
            self.counters[name] += self.last[name]


def show_stack(stack, options):
    """Says which driver, tracker and Vulkan device are at work. \\returns whether it is the SVGA device."""
    measured = Measured(stack, options)
    finished = harness.run([*measured.wrapper, "wflinfo", "--platform", "surfaceless_egl", "--api", "gl", "--profile", "core"])
    if finished.exit_code != 0:
        print(finished.output)
        return False
    measured.collect()
    told = dict(re.findall(r"^OpenGL (.+?) string: (.*)$", finished.output, re.MULTILINE))
    vulkan = harness.run(["vulkaninfo", "--summary"], stack.vulkan_environment()).output
    name = re.search(r"deviceName\s*= (.*)", vulkan)
    version = re.search(r"driverInfo\s*= (.*)", vulkan)
    print(f"  OpenGL renderer  {told.get('renderer')}")
    print(f"  OpenGL version   {told.get('version')}")
    print(f"  dirty tracking   {measured.last['tracker']}, "
          f"{'buffers drawn from guest memory' if measured.last['zero_copy'] else 'every buffer copied'}")
    print(f"  Vulkan below     {name[1] if name else 'unknown'}{f', {version[1]}' if version else ''}")
    return "SVGA3D" in told.get("renderer", "")


def run_piglit(stack, options):
    measured = Measured(stack, options)
    results, outputs = piglit.run_tests(piglit.tests_of("opengl", piglit.BUFFER_STORAGE), measured.wrapper,
                                        after_each=measured.collect)
    for name, output in outputs.items():
        print(f"--- {name}\n{output[-1000:]}")
    return results, measured


def run_coherency(stack, options):
    """Each case in a program of its own, so that one that ends early does not take the others along."""
    measured = Measured(stack, options)
    program = BUILD / "tests/coherency/svga-coherency"
    listing = harness.run([program, "--gtest_list_tests"], stack.llvmpipe_environment()).output
    cases, suite = [], ""
    for line in listing.splitlines():
        line = line.split("#")[0].rstrip()
        if line.endswith(".") and not line.startswith(" "):
            suite = line
        elif line.startswith("  ") and suite:
            cases.append(suite + line.strip())
    results = Results()
    known = harness.expected_outcomes(STOCK_FAILURES) if "--winsys=stock" in options else {}
    progress = Progress("coherency", len(cases))
    for case in cases:
        found, finished = harness.run_gtest(case, [*measured.wrapper, program, f"--gtest_filter={case}"],
                                            OUTPUT / "coherency.xml")
        measured.collect()
        progress.advance(f"{case}: {found}")
        if found.failed and case in known:
            results.add(case, "skip")
            continue
        if found.failed:
            print(f"\n--- {case}\n{finished.output[-1000:]}")
        results.include(found)
    progress.close()
    if not cases:
        results.add("svga-coherency lists no case", "fail")
    return results, measured


def skipped(name, stack, options):
    results = Results()
    results.add(name, "skip")
    return results, Measured(stack, options)


def run_vulkan(stack, options):
    """The Vulkan tests; there is no Vulkan driver for SVGA but ours."""
    if "--winsys=stock" in options:
        return skipped("Vulkan", stack, options)
    measured = Measured(stack, options)
    results, finished = harness.run_gtest("svga-vulkan", [*measured.wrapper, BUILD / "tests/vulkan/svga-vulkan"],
                                          OUTPUT / "vulkan.xml")
    measured.collect()
    if results.failed:
        print(finished.output[-2000:])
    return results, measured


def draw_picture(stack, options, name="coherent-scene", reference_name="llvmpipe", reference_environment=None):
    """300 frames of a demo, and the last compared with the same frame by a software renderer: edges may differ by a pixel,
    nothing else."""
    measured = Measured(stack, options)
    drawn, reference = OUTPUT / f"{name}.png", OUTPUT / f"{name}-{reference_name}.png"
    for file in (drawn, reference):
        file.unlink(missing_ok=True)
    program = BUILD / "demo" / name
    results = Results()
    finished = harness.run([*measured.wrapper, program, "--frames", "300", "--output", drawn])
    measured.collect()
    expected = harness.run([program, "--frames", "300", "--output", reference],
                           reference_environment or stack.llvmpipe_environment())
    if finished.exit_code != 0 or expected.exit_code != 0:
        print(finished.output[-1000:] + expected.output[-1000:])
        results.add(f"{name}: 300 frames", "fail")
        return results, measured
    wrong = picture.difference(drawn, reference, tolerance=8)
    results.add(f"{name}: 300 frames, {wrong:.2%} of the pixels differ", "pass" if wrong < 0.005 else "fail")
    print(f"  {drawn}  ({wrong:.2%} of its pixels differ from {reference_name}'s)")
    return results, measured


def draw_vulkan_picture(stack, options):
    """The same with Vulkan, for which there is no driver but ours."""
    if "--winsys=stock" in options:
        return skipped("coherent-swarm", stack, options)
    return draw_picture(stack, options, "coherent-swarm", "lavapipe", stack.vulkan_environment())


def size(number):
    for unit in ("B", "KiB", "MiB"):
        if number < 10240:
            return f"{number:.0f} {unit}"
        number /= 1024
    return f"{number:.0f} GiB"


def table(rows):
    heads = ("", "passed", "faults", "written", "uploaded", "read back", "user-space sync")
    lines = [heads]
    for name, results, counters in rows:
        total = results.passed + results.failed
        lines.append((name, f"{results.passed} of {total}", str(counters["write_faults"] + counters["read_faults"]),
                      size(counters["bytes_written"]), size(counters["bytes_uploaded"]), size(counters["bytes_read_back"]),
                      str(counters["userspace_updates"] + counters["userspace_readbacks"])))
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    print()
    for line in lines:
        print("  " + "  ".join([line[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]))
    print()


def main():
    parser = argparse.ArgumentParser(prog="./run", description="Sets everything up, then runs the stack and shows that it works.")
    parser.add_argument("--winsys", choices=("coherent", "stock"), default="coherent")
    parser.add_argument("--tracker", choices=("auto", "async", "thread", "all"), default="auto")
    parser.add_argument("--copy-only", action="store_true", help="the device copies every buffer")
    parser.add_argument("--check-options", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.check_options:
        return 0
    options = [f"--winsys={arguments.winsys}", f"--tracker={arguments.tracker}"]
    options += ["--copy-only"] if arguments.copy_only else []

    OUTPUT.mkdir(exist_ok=True)
    stack = harness.Stack()
    step("the stack")
    if not show_stack(stack, options):
        sys.exit("error: OpenGL does not come up on the SVGA device")
    rows = []
    for name, text, job in (
            ("piglit bufferstorage", "piglit's bufferstorage-persistent tests", run_piglit),
            ("coherency tests", "our coherency tests", run_coherency),
            ("Vulkan", "our Vulkan driver's tests of coherent memory, compute and drawing", run_vulkan),
            ("scene", "a scene of 300 frames, streamed through coherent mappings", draw_picture),
            ("Vulkan swarm", "a swarm of 300 frames in Vulkan, streamed through HOST_COHERENT memory", draw_vulkan_picture)):
        step(text)
        results, measured = job(stack, options)
        rows.append((name, results, measured.counters))

    table(rows)
    if arguments.winsys == "stock":
        for name in harness.expected_outcomes(STOCK_FAILURES):
            print(f"known not to pass with Mesa's own winsys (see {STOCK_FAILURES.name}): {name}")
    failures = [failure for _, results, _ in rows for failure in results.failures]
    for failure in failures:
        print(f"FAILED {failure}")
    sync = sum(counters["userspace_updates"] + counters["userspace_readbacks"] for _, _, counters in rows)
    if arguments.winsys == "coherent" and sync:
        print(f"FAILED {sync} synchronisation commands came from user space; there should be none")
    step("done")
    return 1 if failures or (arguments.winsys == "coherent" and sync) else 0


if __name__ == "__main__":
    sys.exit(main())
