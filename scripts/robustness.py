# SPDX-License-Identifier: MIT
"""A stack that loses a process, or never had what it needs: nothing is left, nobody waits for ever, one line tells why."""

import ctypes
import os
import signal
import struct
import subprocess
import time
from pathlib import Path

import harness
from harness import BUILD, Results

SCENE = [BUILD / "demo/coherent-scene", "--frames", "1000000", "--output", "/dev/null"]
LIMIT = 30  # seconds; far more than is needed, as this is about hanging and not about speed


def _children(pid):
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _executable(pid):
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe"))
    except OSError:
        return ""


def _alive(pid):
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def _within_limit(condition):
    deadline = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _killed(stack, victim):
    """Kills `victim` ("svga-run", "svga-device" or the scene) while the scene draws. \\returns what went wrong, or ''."""
    with subprocess.Popen([str(word) for word in [*stack.svga_run(), *SCENE]], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL) as launcher:
        processes = {"svga-run": launcher.pid}

        def all_are_there():
            processes.update({_executable(child): child for child in _children(launcher.pid)})
            return {"svga-device", "coherent-scene"} <= processes.keys()

        try:
            if not _within_limit(all_are_there):
                return f"only {', '.join(processes)} came up"
            os.kill(processes[victim], signal.SIGKILL)
            if not _within_limit(lambda: not any(_alive(pid) for pid in processes.values())):
                return f"still there: {', '.join(name for name, pid in processes.items() if _alive(pid))}"
            output = launcher.communicate(timeout=LIMIT)[0].decode(errors="replace")
        finally:
            if launcher.poll() is None:
                launcher.kill()
    if launcher.returncode == 0:
        return "svga-run exits with 0"
    if victim == "svga-device" and not output.strip():
        return "the program says nothing of its lost device"
    return ""


def _refuse_userfaultfd():
    """This process and its children get EPERM from userfaultfd(2) and /dev/userfaultfd, as in many containers."""
    libc = ctypes.CDLL(None, use_errno=True)
    load, jump_if_equal, answer = 0x20, 0x15, 0x06  # BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K, BPF_RET|BPF_K
    number, second_argument = 0, 24  # offsets in struct seccomp_data
    syscalls = {"x86_64": (323, 16), "aarch64": (282, 29)}[os.uname().machine]  # userfaultfd, ioctl
    userfaultfd_ioc_new = 0xAA00
    steps = [(load, 0, 0, number), (jump_if_equal, 4, 0, syscalls[0]), (jump_if_equal, 0, 2, syscalls[1]),
             (load, 0, 0, second_argument), (jump_if_equal, 1, 0, userfaultfd_ioc_new),
             (answer, 0, 0, 0x7FFF0000),  # SECCOMP_RET_ALLOW
             (answer, 0, 0, 0x00050000 | 1)]  # SECCOMP_RET_ERRNO, EPERM
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    filter_program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(steps), ctypes.addressof(program)))
    pr_set_no_new_privs, pr_set_seccomp, seccomp_mode_filter = 38, 22, 2
    if libc.prctl(pr_set_no_new_privs, 1, 0, 0, 0) or libc.prctl(pr_set_seccomp, seccomp_mode_filter, filter_program):
        raise OSError(ctypes.get_errno(), "no seccomp filter")


def _complains(command, lines, says, before=None):
    """\returns what is wrong where `command` does not fail with at most so many lines, one of which says so."""
    finished = harness.run(command, timeout=60, before=before)
    told = finished.output.strip().splitlines()
    if finished.timed_out or finished.exit_code == 0:
        return finished.outcome
    if len(told) > lines or not any(says in line for line in told):
        return "it says: " + finished.output
    return ""


# The OpenGL version that a GPU without these gives, and what is refused without others.
LESSER_GPUS = {
    "vertexPipelineStoresAndAtomics": "4.1",
    "samples=1": "4.1",
    "tessellationShader": "3.3",
    "maxComputeSharedMemorySize=16384": "3.3",
    "sampleRateShading": "3.3",
    "VK_EXT_conditional_rendering,VK_EXT_custom_border_color,VK_EXT_depth_clip_enable,VK_EXT_line_rasterization,"
    "VK_EXT_primitives_generated_query,VK_EXT_provoking_vertex,VK_EXT_external_memory_host,VK_KHR_push_descriptor,logicOp,"
    "samplerAnisotropy,occlusionQueryPrecise,textureCompressionBC": "4.5",
}
NO_3D = ("geometryShader", "VK_EXT_transform_feedback", "VK_EXT_vertex_input_dynamic_state")


def _lesser_gpus(stack):
    """A device whose GPU has less says less, and still draws what it says it does."""
    results = Results()
    wflinfo = ["wflinfo", "--platform", "surfaceless_egl", "--api", "gl", "--profile", "core"]
    for lacking, version in LESSER_GPUS.items():
        run = stack.svga_run(f"--without={lacking}")
        finished = harness.run([*run, *wflinfo])
        told = f"OpenGL version string: {version} " in finished.output
        results.add(f"without {lacking}: OpenGL {version}", "pass" if told else "fail")
        drawn = harness.run([*run, BUILD / "tests/coherency/svga-coherency", "--seeds=2"], timeout=120)
        results.add(f"without {lacking}: the coherency tests", drawn.outcome)
        for output in [finished.output] * (not told) + [drawn.output[-2000:]] * (drawn.outcome != "pass"):
            print(output)
    for lacking in NO_3D:
        finished = harness.run([*stack.svga_run(f"--without={lacking}"), *wflinfo])
        refused = finished.exit_code not in (0, 124) and f"lacks {lacking}" in finished.output and "no 3D" in finished.output
        results.add(f"without {lacking}: no 3D, and a line that says why", "pass" if refused else "fail")
        if not refused:
            print(finished.output[-2000:])
    return results


def run_tests(stack):
    results = Results()

    def add(name, wrong):
        results.add(name, f"fail: {wrong}" if wrong else "pass")

    for victim in ("svga-device", "coherent-scene", "svga-run"):
        add(f"kill -9 of {victim}", _killed(stack, victim))

    wflinfo = ["wflinfo", "--platform", "surfaceless_egl", "--api", "gl"]
    add("a wrong option", _complains(stack.svga_run("--no-such-option") + wflinfo, 1, "--no-such-option"))
    add("a missing program", _complains(stack.svga_run() + ["/no/such/program"], 1, "/no/such/program"))
    add("no Vulkan driver", _complains(stack.svga_run("--vulkan-icd=/no/such/icd.json") + wflinfo, 1, "/no/such/icd.json"))
    # The device's line with the cause, and the shim's with what that means.
    add("a Vulkan driver that is none", _complains(stack.svga_run(f"--vulkan-icd={__file__}") + wflinfo, 2, "no Vulkan device"))
    add("userfaultfd refused where it is asked for",
        _complains(stack.svga_run("--tracker=async") + wflinfo, 1, "userfaultfd", _refuse_userfaultfd))
    finished = harness.run(stack.svga_run() + [BUILD / "tests/coherency/svga-coherency", "--seeds=5"], timeout=120,
                           before=_refuse_userfaultfd)
    add("the coherency tests where userfaultfd is refused", "" if finished.outcome == "pass" else finished.output[-3000:])
    results.include(_lesser_gpus(stack))
    return results
