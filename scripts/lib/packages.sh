# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Debian packages of the system itself: compilers, libraries and test suites that are the same on every supported release.

BUILD_PACKAGES=(
    # this tree
    g++ pkg-config ninja-build meson libdrm-dev libfmt-dev libspdlog-dev libcli11-dev nlohmann-json3-dev libgtest-dev
    libvulkan-dev glslang-dev spirv-tools spirv-headers libepoxy-dev libegl-dev libgl-dev libgbm-dev libpng-dev
    libvncserver-dev
    # Mesa
    python3 python3-mako python3-yaml python3-packaging bison flex zlib1g-dev libexpat1-dev libzstd-dev libx11-dev
    libx11-xcb-dev libxcb-dri2-0-dev libxcb-dri3-dev libxcb-glx0-dev libxcb-present-dev libxcb-randr0-dev
    libxcb-shm0-dev libxcb-sync-dev libxcb-xfixes0-dev libxext-dev libxfixes-dev libxrandr-dev libxxf86vm-dev
    libxshmfence-dev
    # running: the dispatch libraries, and the test suites that ./run and ./test use
    libegl1 libgl1 libgles2 piglit waffle-utils mesa-utils vulkan-tools
    kmscube glmark2-drm xserver-xorg-core
    # these scripts
    ca-certificates xz-utils zstd make patch
)

# installed_version PACKAGE: nothing where it is not installed.
installed_version() {
    dpkg-query -W -f '${db:Status-Status} ${Version}' "$1" 2>/dev/null | sed -n 's/^installed //p' || true
}

missing_packages() {
    local installed package
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${BUILD_PACKAGES[@]}" 2>/dev/null || true)
    for package in "${BUILD_PACKAGES[@]}"; do
        grep -qx "installed $package" <<<"$installed" || printf '%s\n' "$package"
    done
}

install_packages() {
    local missing
    mapfile -t missing < <(missing_packages)
    [ ${#missing[@]} -gt 0 ] || return 0
    step "installing ${#missing[@]} Debian packages (minutes, where it is all of them): ${missing[*]}"
    local log=$CACHE/logs/apt-install.log
    quietly "$log" as_root apt-get update
    quietly "$log" as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${missing[@]}"
}
