# SPDX-License-Identifier: MIT
"""All tests of the built tree, each counted by what truly ran. Started by ./test after the set-up."""

import json
import os
import shutil
import subprocess
import sys

import display_tests
import harness
import piglit
import piglit_profile
import robustness
import vm_tests
from harness import BUILD, REPO, Results, step

SANITIZED = REPO / "build-asan"
SANITIZERS = {
    # A program that is not instrumented itself runs with instrumented libraries preloaded, in the launcher's tests.
    "ASAN_OPTIONS": "verify_asan_link_order=0:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "LSAN_OPTIONS": f"suppressions={REPO}/scripts/lsan.supp:print_suppressions=0",
}


def unit_tests(build, environment):
    """Tests that meson knows, with the cases of the GoogleTest programs among them counted one by one."""
    reports = build / "gtest"
    shutil.rmtree(reports, ignore_errors=True)
    log = build / "meson-logs" / "testlog.json"
    log.unlink(missing_ok=True)
    meson = json.loads((build / "meson-info" / "meson-info.json").read_text())
    command = [meson_command(), "test", "-C", build, "--print-errorlogs", "--timeout-multiplier", "5", "--no-rebuild"]
    subprocess.run([str(word) for word in command], check=False,
                   env={**os.environ, **environment, "GTEST_OUTPUT": f"xml:{reports}/"})
    results = Results()
    if not log.exists():
        results.add(f"{build.name}: meson {meson['meson_version']['full']} ran no test", "fail")
        return results
    for line in log.read_text().splitlines():
        test = json.loads(line)
        # GoogleTest names its report after the executable.
        executable = next(word for word in test["command"] if os.access(word, os.X_OK))
        report = reports / f"{os.path.basename(executable)}.xml"
        cases = harness.gtest_results(report) if report.exists() else Results()
        report.unlink(missing_ok=True)
        if test["result"] in ("FAIL", "ERROR", "TIMEOUT", "INTERRUPT") and not cases.failed:
            cases.add("", test["result"].lower())
        elif not (cases.passed or cases.failed or cases.skipped):
            cases.add("", "skip" if test["result"] == "SKIP" else "pass")
        results.include(cases, f"{build.name}: {test['name']} ")
    return results


def meson_command():
    own = harness.CACHE / "meson/usr/bin/meson"
    return own if own.exists() else "/usr/bin/meson"


def coherency_tests(title, wrapper, environment, *options):
    """The OpenGL coherency tests, through `wrapper`."""
    report = BUILD / "gtest" / "coherency.xml"
    report.parent.mkdir(exist_ok=True)
    cases, finished = harness.run_gtest(title, [*wrapper, BUILD / "tests/coherency/svga-coherency", *options], report,
                                        environment, timeout=1200)
    if cases.failed:
        print(finished.output[-6000:])
    results = Results()
    results.include(cases, f"{title}: ")
    return results


def uapi_tests(title, wrapper, *options):
    """The tests of the vmwgfx uAPI, on the kernel that `wrapper` puts below."""
    report = BUILD / "gtest" / "uapi.xml"
    report.parent.mkdir(exist_ok=True)
    cases, finished = harness.run_gtest(title, [*wrapper, BUILD / "tests/uapi/svga-uapi", *options], report, {}, timeout=300)
    if cases.failed:
        print(finished.output[-6000:])
    results = Results()
    results.include(cases, f"uapi {title}: ")
    return results


def vulkan_tests(title, wrapper, environment, build=BUILD):
    """The Vulkan tests of coherent memory and of the commands, through `wrapper`."""
    report = build / "gtest" / "vulkan.xml"
    report.parent.mkdir(exist_ok=True)
    cases, finished = harness.run_gtest(title, [*wrapper, build / "tests/vulkan/svga-vulkan"], report, environment, timeout=600)
    if cases.failed:
        print(finished.output[-6000:])
    results = Results()
    results.include(cases, f"vulkan {title}: ")
    return results


def sanitized_stack_tests():
    """The Vulkan tests on a stack of which all that is ours is sanitized: tests, driver, embedded kernel and device."""
    results = Results()
    for options in ([], ["--copy-only"]):
        step(" ".join(["Vulkan tests with sanitizers", *options]))
        results.include(vulkan_tests(" ".join(["sanitized", *options]), [SANITIZED / "svga-run", *options, "--"], SANITIZERS, SANITIZED))
    return results


def stack_tests(stack):
    """Real OpenGL programs on the whole stack."""
    results = Results()
    finished = harness.run([*stack.svga_run(), "wflinfo", "--platform", "surfaceless_egl", "--api", "gl", "--profile", "core"])
    told = finished.output
    if "this build draws nothing" in told:
        results.add("the device has no renderer yet", "skip")
        return results
    for said in ("renderer string: SVGA3D", "OpenGL version string: 4.5 (Core Profile)"):
        results.add(f"wflinfo: {said}", "pass" if finished.exit_code == 0 and said in told else "fail")
    if results.failed:
        print(told)
    known = piglit_profile.known_outcomes()
    sanity = piglit.tests_of("sanity", "")
    buffers = piglit.tests_of("opengl", f"{piglit.BUFFER_STORAGE}|{piglit.COPY_BUFFER}")
    for winsys, tests, what in (("coherent", sanity, "sanity"), ("stock", sanity + buffers, "sanity, buffer storage and copy buffer")):
        step(f"piglit's {what} tests, {winsys} winsys")
        cases, outputs = piglit.run_tests(tests, stack.svga_run(f"--winsys={winsys}"), expected=known)
        for name, output in outputs.items():
            print(f"--- {name}\n{output[-1500:]}")
        results.include(cases, f"{winsys}: ")
    profiles = ("quick", "coherent", "gl45")
    step(f"piglit's profiles {', '.join(profiles)}")
    tests = {name: command for profile in profiles for name, command in piglit_profile.profile_tests(profile)}
    for name, outcome in piglit.run_groups(list(tests.items()), stack.svga_run(), jobs=os.cpu_count()):
        results.add(f"piglit: {name}", piglit.judge(name, outcome, known))
    step("processes killed, and a machine that lacks something")
    results.include(robustness.run_tests(stack))
    step("the embedded display")
    results.include(display_tests.run_tests(stack))
    for tracker in ("async", "thread", "all"):
        for options in ([], ["--copy-only"]):
            title = " ".join([tracker, *options])
            step(f"coherency tests, tracker {title}")
            seeds = 200 if title == "async" else 20
            results.include(coherency_tests(title, stack.svga_run(f"--tracker={tracker}", *options), {}, f"--seeds={seeds}"))
            results.include(vulkan_tests(title, stack.svga_run(f"--tracker={tracker}", *options), {}))
            results.include(uapi_tests(title, stack.svga_run(f"--tracker={tracker}", *options)))
    return results


def main():
    stack = harness.Stack()
    results = Results()
    step("unit tests")
    results.include(unit_tests(BUILD, stack.vulkan_environment()))
    step("unit tests with AddressSanitizer and UndefinedBehaviorSanitizer")
    results.include(unit_tests(SANITIZED, {**stack.vulkan_environment(), **SANITIZERS}))
    step("coherency tests on llvmpipe and lavapipe, where they must pass too")
    results.include(coherency_tests("llvmpipe", [], stack.llvmpipe_environment()))
    results.include(vulkan_tests("lavapipe", [], stack.vulkan_environment()))
    results.include(sanitized_stack_tests())
    step("the stack")
    results.include(stack_tests(stack))
    step("virtual machines: Linux's own vmwgfx, and the patched one")
    results.include(vm_tests.run_tests())
    for failure in results.failures:
        print(f"FAILED {failure}")
    step("done")
    print(results)
    return 1 if results.failed or not results.passed else 0


if __name__ == "__main__":
    sys.exit(main())
