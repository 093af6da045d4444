#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What kernel/Makefile calls: fetches Debian's kernel headers and driver source, applies the series, builds, installs, checks.

for part in common packages fetch kernel; do
    # shellcheck source=/dev/null
    . "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib/$part.sh"
done

OUTPUT=$BUILD/kernel
DRIVER=drivers/gpu/drm/vmwgfx
# The kernel's headers have an unpatched vmwgfx_drm.h; a patched one must come first, with what it includes beside it.
UAPI=(include/uapi/drm/vmwgfx_drm.h include/uapi/drm/drm.h include/uapi/drm/drm_mode.h)
SPARSE=

# make_tree FOLDER PATCH...: the driver's source with the patches, ready for kbuild. A file that is the same already is not
# touched, so that a build after a change compiles only what changed.
make_tree() {
    local folder=$1 fresh=$1.tmp file patch
    shift
    rm -rf "$fresh"
    mkdir -p "$fresh/drivers/gpu/drm" "$fresh/include/uapi/drm"
    cp -r "$KERNEL_SOURCE/$DRIVER" "$fresh/drivers/gpu/drm/"
    for file in "${UAPI[@]}"; do
        cp "$KERNEL_SOURCE/$file" "$fresh/$file"
    done
    for patch in "$@"; do
        patch --directory="$fresh" --strip=1 --forward --fuzz=0 --silent <"$patch" ||
            die "$patch does not apply to Linux ${KERNEL_SOURCE##*/linux-}"
    done
    # shellcheck disable=SC2016
    printf '%s\n' 'NOSTDINC_FLAGS += -I$(src)/include/uapi' "obj-m += $DRIVER/" >"$fresh/Kbuild"
    while IFS= read -r -d '' file; do
        cmp -s "$fresh/$file" "$folder/$file" || install -D -m 644 "$fresh/$file" "$folder/$file"
    done < <(cd "$fresh" && find . -type f -print0)
    rm -rf "$fresh"
}

# kbuild FOLDER ARGUMENT...: builds the module of a tree made by make_tree. The module carries no BTF, as that needs vmlinux.
kbuild() {
    local folder=$1 compiler=
    shift
    if command -v ccache >/dev/null; then compiler='ccache '; fi
    # The compiler is the one that Debian built the kernel with, where it is here.
    compiler+=$(sed -n 's/^CONFIG_CC_VERSION_TEXT="\([^ ]*\).*/\1/p' "$KERNEL_HEADERS/.config")
    command -v "${compiler#ccache }" >/dev/null || compiler=gcc
    make --directory="$KERNEL_HEADERS" M="$folder" CONFIG_DRM_VMWGFX=m CONFIG_DEBUG_INFO_BTF_MODULES= CC="$compiler" \
        --jobs="$(nproc)" "$@" modules
}

# use_series FOLDER: which patches, for which source.
use_series() {
    release >/dev/null
    [ "$1" != mainline ] || with_lock use_newest_kernel_source
    with_lock fetch_kernel_source
    PATCHES=$REPO/kernel/patches/$1
    mapfile -t SERIES < <(find "$PATCHES" -name '[0-9]*.patch' | sort)
    [ ${#SERIES[@]} -gt 0 ] || die "$PATCHES holds no patches"
}

prepare() {
    with_lock find_kernel_headers
    use_series "$KERNEL_SERIES"
}

build() {
    prepare
    step "building vmwgfx.ko for Linux $KERNEL_RELEASE with ${#SERIES[@]} patches"
    make_tree "$OUTPUT/tree" "${SERIES[@]}"
    quietly "$OUTPUT/build.log" kbuild "$OUTPUT/tree"
    cp "$OUTPUT/tree/$DRIVER/vmwgfx.ko" "$OUTPUT/vmwgfx.ko"
    step "$OUTPUT/vmwgfx.ko"
}

# The modules of kernel/tests, for the same kernel as the driver, with the driver's own arithmetic in them.
build_tests() {
    [ -e "$OUTPUT/tree/Kbuild" ] || build
    with_lock find_kernel_headers
    local file
    mkdir -p "$OUTPUT/tests"
    for file in "$REPO"/kernel/tests/* "$OUTPUT/tree/$DRIVER"/vmwgfx_dirty_region.[ch]; do
        cmp -s "$file" "$OUTPUT/tests/${file##*/}" || cp "$file" "$OUTPUT/tests/"
    done
    quietly "$OUTPUT/build-tests.log" kbuild "$OUTPUT/tests" W=1
    step "$OUTPUT/tests/*.ko"
}

# For which kernel to install: KERNEL=VERSION names another than the running one.
INSTALL_FOR=${KERNEL:-$(uname -r)}

# Where modprobe looks before it looks at what came with the kernel.
INSTALLED_MODULE=/lib/modules/$INSTALL_FOR/updates/vmwgfx.ko

# The driver is part of the initramfs where Debian found that the machine needs it to show a console.
refresh_modules() {
    as_root depmod "$INSTALL_FOR"
    if command -v update-initramfs >/dev/null; then as_root update-initramfs -u -k "$INSTALL_FOR"; fi
}

require_kernel() {
    [ -d "/lib/modules/$INSTALL_FOR" ] || die "there is no kernel $INSTALL_FOR here; KERNEL=VERSION names another"
}

install_module() {
    require_kernel
    [ -e "$OUTPUT/vmwgfx.ko" ] || build
    local built_for
    built_for=$(modinfo --field vermagic "$OUTPUT/vmwgfx.ko")
    [ "${built_for%% *}" = "$INSTALL_FOR" ] ||
        die "vmwgfx.ko was built for Linux ${built_for%% *}, and this is for $INSTALL_FOR; install linux-headers-$INSTALL_FOR and run make again"
    as_root install -D -m 644 "$OUTPUT/vmwgfx.ko" "$INSTALLED_MODULE"
    refresh_modules
    step "installed as $INSTALLED_MODULE; used after the next boot"
}

uninstall_module() {
    require_kernel
    as_root rm -f "$INSTALLED_MODULE"
    refresh_modules
    step "removed; the kernel's own vmwgfx is used after the next boot"
}

# DKMS builds the module again for each kernel of the series that is installed later.
DKMS_NAME=svga-coherent-vmwgfx
DKMS_VERSION=$(sed -n "s/.*version : '\([0-9.]*\)', license.*/\1/p" "$REPO/meson.build")
DKMS_FOLDER=/usr/src/$DKMS_NAME-$DKMS_VERSION

write_dkms_conf() {
    cat <<-END
	PACKAGE_NAME="$DKMS_NAME"
	PACKAGE_VERSION="$DKMS_VERSION"
	BUILD_EXCLUSIVE_KERNEL="^${KERNEL_SERIES/./\\.}\."
	BUILT_MODULE_NAME[0]="vmwgfx"
	BUILT_MODULE_LOCATION[0]="$DRIVER"
	DEST_MODULE_LOCATION[0]="/updates/dkms"
	MAKE[0]="make -C \$kernel_source_dir M=\$dkms_tree/\$PACKAGE_NAME/\$PACKAGE_VERSION/build CONFIG_DRM_VMWGFX=m CONFIG_DEBUG_INFO_BTF_MODULES= modules"
	CLEAN="make -C \$kernel_source_dir M=\$dkms_tree/\$PACKAGE_NAME/\$PACKAGE_VERSION/build clean"
	AUTOINSTALL="yes"
	END
}

install_dkms() {
    require_kernel
    command -v dkms >/dev/null || die 'this needs the package dkms'
    use_series "$KERNEL_SERIES"
    remove_dkms
    rm -rf "$OUTPUT/dkms"
    make_tree "$OUTPUT/dkms" "${SERIES[@]}"
    write_dkms_conf >"$OUTPUT/dkms/dkms.conf"
    # DKMS does not replace a module by one of the same version.
    sed -i '/^MODULE_VERSION/,/;/s/"0"/"1"/' "$OUTPUT/dkms/$DRIVER/vmwgfx_drv.c"
    as_root mkdir -p "$DKMS_FOLDER"
    as_root cp -r "$OUTPUT/dkms/." "$DKMS_FOLDER"
    as_root dkms add "$DKMS_NAME/$DKMS_VERSION"
    as_root dkms install -k "$INSTALL_FOR" "$DKMS_NAME/$DKMS_VERSION"
    step "installed by DKMS for Linux $INSTALL_FOR; used after the next boot"
}

remove_dkms() {
    if [ -n "$(dkms status "$DKMS_NAME/$DKMS_VERSION")" ]; then as_root dkms remove "$DKMS_NAME/$DKMS_VERSION" --all; fi
    as_root rm -rf "$DKMS_FOLDER"
}

# check_header TREE: what the patches add to vmwgfx_drm.h is what include/svga_coherent_drm.h has between its two marks.
check_header() {
    local ours=$OUTPUT/header.ours theirs=$OUTPUT/header.theirs
    sed -n '/^\/\* vmwgfx_drm\.h { \*\/$/,/^\/\* } vmwgfx_drm\.h \*\/$/p' "$REPO/include/svga_coherent_drm.h" |
        sed '1d;$d' | grep -v '^$' | sort >"$ours"
    { diff "$KERNEL_SOURCE/${UAPI[0]}" "$1/${UAPI[0]}" || true; } | sed -n 's/^> //p' | grep -v '^$' | sort >"$theirs"
    diff -u "$theirs" "$ours" || die 'include/svga_coherent_drm.h differs from what the patches add to vmwgfx_drm.h'
}

check_applies() {
    local series
    mkdir -p "$OUTPUT"
    for series in "$KERNEL_SERIES" mainline; do
        use_series "$series"
        make_tree "$OUTPUT/applied" "${SERIES[@]}"
        check_header "$OUTPUT/applied"
        rm -rf "$OUTPUT/applied"
        step "${#SERIES[@]} patches apply to Linux ${KERNEL_SOURCE##*/linux-}"
    done
}

# Debian's sparse, where it is not installed. Sets SPARSE.
fetch_sparse() {
    SPARSE=$(command -v sparse) && return 0
    local folder=$CACHE/sparse version
    if [ ! -d "$folder" ]; then
        private_apt_for_release
        version=$(versions_of apt sparse | tail -n 1)
        [ -n "$version" ] || die 'wanted sparse; the Debian mirror has none'
        download apt "sparse=$version"
        unpack "$folder" "${DEBS[@]}"
    fi
    SPARSE=$folder/usr/bin/sparse
}

# warnings LOG: what compiler and sparse said, without places, which move from patch to patch.
warnings() { grep -E 'warning:|error:' "$1" | sed 's/:[0-9]*:[0-9]*:/:/' | sort -u; }

# compare WHAT NUMBER COMMAND...: builds with all warnings; says what is new against the stock driver, which is number 0.
compare() {
    local what=$1 number=$2 log=$OUTPUT/check-$2.log
    shift 2
    "$@" W=1 >"$log" 2>&1 || {
        tail -n 30 "$log" >&2
        die "$what does not build; all output is in $log"
    }
    if [ "$number" = 0 ]; then
        warnings "$log" >"$OUTPUT/check-stock.txt" || true
    elif warnings "$log" | comm -13 "$OUTPUT/check-stock.txt" - | grep .; then
        die "$what adds these warnings; all output is in $log"
    fi
}

# Sign-off is for who submits the patches, so checkpatch does not ask for it. Types of the device headers are in camel case,
# and MAINTAINERS has the folder as a whole.
check() {
    prepare
    with_lock fetch_sparse
    local count=0 patch
    step 'building the stock driver, for the warnings it has by itself'
    rm -rf "$OUTPUT/check"
    make_tree "$OUTPUT/check"
    compare 'the stock driver' 0 kbuild "$OUTPUT/check" C=1 CHECK="$SPARSE"
    for patch in "${SERIES[@]}"; do
        count=$((count + 1))
        step "$count of ${#SERIES[@]}: ${patch##*/}"
        # It leaves a file behind where it runs.
        (cd "$OUTPUT" && "$KERNEL_SOURCE/scripts/checkpatch.pl" --strict --no-tree --root="$KERNEL_SOURCE" --no-signoff \
            --quiet --ignore FILE_PATH_CHANGES,CAMELCASE - <"$patch") ||
            die "checkpatch is not content with $patch"
        make_tree "$OUTPUT/check" "${SERIES[@]:0:count}"
        compare "${patch##*/}" $count kbuild "$OUTPUT/check" C=1 CHECK="$SPARSE"
    done
    check_header "$OUTPUT/check"
    step "${#SERIES[@]} patches: each applies, builds and adds no warning"
}

# Debian has no headers of that kernel that could be used here, so its own are made, from all of its source. Its sparse is too old
# for such a kernel, which asks for one that knows __typeof_unqual__.
check_mainline() {
    local tree count=0 patch
    use_series mainline
    mkdir -p "$OUTPUT"
    tree=$KERNEL_CACHE/whole-${KERNEL_SOURCE##*/linux-}
    if [ ! -e "$tree/.config" ]; then
        step 'unpacking and configuring all of the kernel'
        with_lock unpack_whole_kernel "$tree"
        quietly "$OUTPUT/mainline-config.log" configure_whole_kernel "$tree"
    fi
    rm -rf "${tree:?}/$DRIVER"
    cp -r "$KERNEL_SOURCE/$DRIVER" "$tree/$DRIVER"
    cp "$KERNEL_SOURCE/${UAPI[0]}" "$tree/${UAPI[0]}"
    step 'building the stock driver, for the warnings it has by itself'
    compare 'the stock driver' 0 make --directory="$tree" --jobs="$(nproc)" $DRIVER/
    for patch in "${SERIES[@]}"; do
        count=$((count + 1))
        step "$count of ${#SERIES[@]}: ${patch##*/}"
        patch --directory="$tree" --strip=1 --forward --fuzz=0 --silent <"$patch" || die "$patch does not apply"
        compare "${patch##*/}" $count make --directory="$tree" --jobs="$(nproc)" $DRIVER/
    done
    step "${#SERIES[@]} patches: each compiles in Linux ${KERNEL_SOURCE##*/linux-} and adds no warning"
}

configure_whole_kernel() {
    make --directory="$1" defconfig
    "$1/scripts/config" --file "$1/.config" --module DRM_VMWGFX --enable DEBUG_FS --enable PROVE_LOCKING
    make --directory="$1" olddefconfig
    make --directory="$1" --jobs="$(nproc)" prepare modules_prepare || { rm "$1/.config" && return 1; }
}

# A kernel with lockdep, KASAN and kmemleak, which Debian has none of, from Debian's source; for svga-vm --description.
debug_kernel() {
    use_series "$KERNEL_SERIES"
    local tree=$KERNEL_CACHE/debug-${KERNEL_SOURCE##*/linux-} folder=$OUTPUT/debug module
    mkdir -p "$folder/modules"
    if [ ! -e "$tree/vmlinux" ]; then
        step 'unpacking all of the kernel'
        with_lock unpack_whole_kernel "$tree"
        step 'building it with lockdep, KASAN and kmemleak (15 minutes on two cores)'
        quietly "$OUTPUT/debug-kernel.log" build_debug_kernel "$tree"
    fi
    step "building vmwgfx.ko with ${#SERIES[@]} patches for it"
    make_tree "$folder/tree" "${SERIES[@]}"
    quietly "$OUTPUT/debug-build.log" make --directory="$tree" M="$folder/tree" CONFIG_DRM_VMWGFX=m --jobs="$(nproc)" modules
    cp "$folder/tree/$DRIVER/vmwgfx.ko" "$folder/vmwgfx.ko"
    mkdir -p "$folder/tests"
    cp "$REPO"/kernel/tests/* "$folder/tree/$DRIVER"/vmwgfx_dirty_region.[ch] "$folder/tests/"
    quietly "$OUTPUT/debug-tests.log" make --directory="$tree" M="$folder/tests" modules
    : >"$folder/modules/order"
    for module in ttm/ttm drm_ttm_helper vmwgfx/vmwgfx; do
        cp "$tree/drivers/gpu/drm/$module.ko" "$folder/modules/"
        echo "${module##*/}.ko" >>"$folder/modules/order"
    done
    sed "s|\"kernel\": .*|\"kernel\": { \"release\": \"${KERNEL_SOURCE##*/linux-}\", \"image\": \"$tree/vmlinux\", \"modules\": \"$folder/modules\" }|" \
        "$BUILD/vm.json" >"$folder/vm.json"
    step "build/svga-vm --description=$folder/vm.json --kernel=$folder/vmwgfx.ko"
}

build_debug_kernel() {
    make --directory="$1" tinyconfig
    (cd "$1" && scripts/kconfig/merge_config.sh -m .config "$REPO/kernel/debug.config")
    make --directory="$1" olddefconfig
    make --directory="$1" --jobs="$(nproc)" vmlinux modules
}

case ${1:-} in
debug-kernel) debug_kernel ;;
build | check) "$1" ;;
build-tests) build_tests ;;
check-mainline) check_mainline ;;
check-applies) check_applies ;;
install) install_module ;;
uninstall) uninstall_module ;;
dkms) install_dkms ;;
dkms-remove) remove_dkms ;;
clean) rm -rf "$OUTPUT" ;;
*) die "usage: kernel.sh build|build-tests|debug-kernel|install|uninstall|dkms|dkms-remove|check|check-mainline|check-applies|clean" ;;
esac
