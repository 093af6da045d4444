# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # variables of the other parts
# SPDX-License-Identifier: MIT
#
# What building vmwgfx.ko takes: the headers of a Debian kernel, and the same kernel's source of the driver.
#
# Headers come from the running system where it has those of a kernel of the series, so that the module fits the kernel a
# user runs; otherwise from Debian, unpacked into the cache. The source always comes from Debian's linux-source package.

KERNEL_SERIES=${KERNEL_SERIES:-6.12}
KERNEL_APT=apt # where its source comes from
KERNEL_CACHE=$CACHE/kernel

# What of the kernel's source is kept: the driver, its uAPI header, checkpatch, and what the patches' tests look at.
KERNEL_SOURCE_PARTS=(
    drivers/gpu/drm/vmwgfx include/uapi/drm include/drm/ttm scripts MAINTAINERS Makefile COPYING CREDITS Kbuild
    Documentation/process README mm/mapping_dirty_helpers.c
)

# use_newest_kernel_source: from now on the series is the newest that Debian has the source of, released or not. Only the driver's
# source is of interest then: programs of those headers do not run on a released Debian.
use_newest_kernel_source() {
    KERNEL_APT=apt-mainline
    private_apt $KERNEL_APT sid experimental
    KERNEL_SERIES=$(apt_with $KERNEL_APT apt-cache search --names-only '^linux-source-[0-9.]+$' |
        sed -n 's/^linux-source-\([0-9.]*\) .*/\1/p' | sort -V | tail -n 1)
    [ -n "$KERNEL_SERIES" ] || die 'the Debian mirror has no linux-source'
}

# newest_kernel_package PACKAGE: its version in Debian's kernel series, of which 7.3~rc7 is one too.
newest_kernel_package() {
    newest_in_series "$KERNEL_APT" "$1" "$KERNEL_SERIES" '[.~]'
}

# The version of the source package is part of the folder's name: a newer kernel gets a folder of its own.
# Sets KERNEL_SOURCE, a tree that holds KERNEL_SOURCE_PARTS.
fetch_kernel_source() {
    mkdir -p "$KERNEL_CACHE"
    local version part parts=()
    KERNEL_SOURCE=$(find "$KERNEL_CACHE" -maxdepth 1 -name "linux-$KERNEL_SERIES*[0-9]" 2>/dev/null | sort -V | tail -n 1)
    [ -z "$KERNEL_SOURCE" ] || return 0
    [ $KERNEL_APT != apt ] || private_apt_for_release
    version=$(newest_kernel_package "linux-source-$KERNEL_SERIES")
    step "unpacking the driver of Linux $version"
    for part in "${KERNEL_SOURCE_PARTS[@]}"; do
        parts+=("linux-source-$KERNEL_SERIES/$part")
    done
    KERNEL_SOURCE=$KERNEL_CACHE/linux-${version%%-*}
    unpack_kernel_source "$version" "$KERNEL_SOURCE" "${parts[@]}"
}

# unpack_kernel_source VERSION FOLDER [PATH...]: all of the source package's tarball, or those paths of it.
unpack_kernel_source() {
    local version=$1 folder=$2 tarball
    shift 2
    step "downloading the source of Linux $version (150 MB)"
    download $KERNEL_APT "linux-source-$KERNEL_SERIES=$version"
    rm -rf "$folder.tmp"
    mkdir -p "$folder.tmp/deb" "$folder.tmp/tree"
    dpkg-deb --extract "$DOWNLOADS/${DEBS[0]}" "$folder.tmp/deb"
    tarball=$(find "$folder.tmp/deb" -name "linux-source-$KERNEL_SERIES.tar.*" | head -n 1)
    [ -n "$tarball" ] || die "the package linux-source-$KERNEL_SERIES $version holds no tarball"
    tar -xf "$tarball" --strip-components=1 -C "$folder.tmp/tree" "$@"
    mv "$folder.tmp/tree" "$folder"
    rm -rf "$folder.tmp"
}

# unpack_whole_kernel FOLDER: all of the source that KERNEL_SOURCE is a part of.
unpack_whole_kernel() {
    [ ! -d "$1" ] || return 0
    unpack_kernel_source "$(newest_kernel_package "linux-source-$KERNEL_SERIES")" "$1"
}

# Unpacks the headers of Debian's newest amd64 kernel of the series. Sets KERNEL_HEADERS and KERNEL_RELEASE.
fetch_kernel_headers() {
    local folder=$KERNEL_CACHE/headers-$KERNEL_SERIES
    if [ ! -d "$folder" ]; then
        private_apt_for_release
        local version release
        version=$(newest_kernel_package linux-headers-amd64)
        release=$(apt_with apt apt-cache show "linux-headers-amd64=$version" |
            sed -n 's/^Depends:.*linux-headers-\([^ ]*\)-amd64.*/\1/p' | head -n 1)
        [ -n "$release" ] || die "linux-headers-amd64 $version names no kernel"
        step "downloading the headers of Linux $release"
        download apt "linux-headers-$release-amd64=$version" "linux-headers-$release-common=$version" \
            "linux-kbuild-$release=$version"
        unpack "$folder.unpacked" "${DEBS[@]}"
        relocate_kernel_headers "$folder.unpacked" "$release"
        mv "$folder.unpacked" "$folder"
    fi
    KERNEL_HEADERS=$(find "$folder/usr/src" -maxdepth 1 -name 'linux-headers-*-amd64' | head -n 1)
    KERNEL_RELEASE=${KERNEL_HEADERS##*/linux-headers-}
}

# relocate_kernel_headers FOLDER RELEASE: Debian's headers name each other by absolute paths; these become relative to
# where they lie.
relocate_kernel_headers() {
    local source=$1/usr/src makefile
    makefile=$source/linux-headers-$2-amd64/Makefile
    sed -i "s|^include /usr/src/|include \$(dir \$(abspath \$(lastword \$(MAKEFILE_LIST))))../|" "$makefile"
    grep -q 'abspath' "$makefile" || die "$makefile is not as Debian's was: it includes no common Makefile"
}

# The headers to build for: those of $KERNEL, by default the running kernel, if it is of the series, else those of Debian's newest, which are also those of
# svga-vm's guest (KERNEL_FOR=vm).
# Sets KERNEL_HEADERS and KERNEL_RELEASE.
find_kernel_headers() {
    local wanted=${KERNEL:-$(uname -r)}
    if [ "${KERNEL_FOR:-}" != vm ] && [[ $wanted == "$KERNEL_SERIES".* ]] && [ -e "/lib/modules/$wanted/build/Makefile" ]; then
        KERNEL_HEADERS=$(readlink -f "/lib/modules/$wanted/build")
        KERNEL_RELEASE=$wanted
    else
        fetch_kernel_headers
    fi
}
