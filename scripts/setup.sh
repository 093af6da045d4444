#!/bin/bash
# SPDX-License-Identifier: MIT
#
# From a fresh Debian 12 or 13 to a built tree: what ./run and ./test do first. Repeatable, and quick when there is
# nothing to do. Needs root (or sudo) only where Debian packages are missing.
#
#   --werror     compiler warnings are errors in this tree's build (./test)
#   --sanitize   make a second build, in build-asan, of the unit tests and of what Vulkan programs run on, with
#                AddressSanitizer and UndefinedBehaviorSanitizer
#   --vm         also what build/svga-vm runs: QEMU, Debian's kernel, and vmwgfx with this project's patches for it
#   --no-build   stop when everything is fetched and Mesa is configured

SCRIPTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
for part in common packages fetch mesa vm; do
    # shellcheck source=/dev/null
    . "$SCRIPTS/lib/$part.sh"
done

# write_stack_description FOLDER ICD: tells the launcher (src/launcher/stack.h) of the build FOLDER, and the tests, where
# everything lies and which environment makes it be found. ICD: the manifest of our Vulkan driver
write_stack_description() {
    local folder=$1 svga_icd=$2
    local stock_libraries=$STOCK/usr/lib/x86_64-linux-gnu
    local icd=$STOCK/usr/share/vulkan/icd.d/lvp_icd.json
    local vendor=$folder/stock_egl_vendor.json
    [ -e "$icd" ] || icd=$(find "$STOCK/usr/share/vulkan/icd.d" -name 'lvp_icd*.json' | head -n 1)
    cat >"$vendor" <<-END
	{ "file_format_version": "1.0.0", "ICD": { "library_path": "$stock_libraries/libEGL_mesa.so.0" } }
	END
    cat >"$folder/stack.json.tmp" <<-END
	{
	  "coherent": {
	    "needs": ["$MESA_LIBRARIES/libEGL.so.1", "$MESA_LIBRARIES/libgbm.so.1", "$svga_icd"],
	    "library_path": "$MESA_LIBRARIES",
	    "variables": {
	      "LIBGL_DRIVERS_PATH": "$MESA_LIBRARIES/dri",
	      "GBM_BACKENDS_PATH": "$MESA_LIBRARIES/gbm",
	      "VK_DRIVER_FILES": "$svga_icd",
	      "VK_ICD_FILENAMES": "$svga_icd"
	    }
	  },
	  "stock": {
	    "needs": ["$stock_libraries/libEGL_mesa.so.0", "$stock_libraries/libgbm.so.1"],
	    "library_path": "$stock_libraries",
	    "variables": {
	      "LIBGL_DRIVERS_PATH": "$stock_libraries/dri",
	      "GBM_BACKENDS_PATH": "$stock_libraries/gbm",
	      "__EGL_VENDOR_LIBRARY_FILENAMES": "$vendor"
	    }
	  },
	  "device": {
	    "needs": ["$icd"],
	    "library_path": "$stock_libraries",
	    "variables": { "VK_DRIVER_FILES": "$icd", "VK_ICD_FILENAMES": "$icd" }
	  }
	}
	END
    mv "$folder/stack.json.tmp" "$folder/stack.json"
}

# configure FOLDER OPTION...: sets up a build of this tree, or brings an earlier one to these options.
configure() {
    local folder=$1
    shift
    local options=("-Dmesa-source=$MESA_SOURCE" "-Dvma-include=$VMA_INCLUDE" "$@")
    local record=$folder/configured.txt
    if [ ! -e "$folder/build.ninja" ]; then
        step "configuring ${folder#"$REPO/"}"
        quietly "$CACHE/logs/setup.log" "${MESON[@]}" setup "$folder" "$REPO" "${options[@]}"
    elif [ "$(cat "$record" 2>/dev/null)" != "${options[*]}" ]; then
        # What an earlier run asked for beyond this one's options (warnings as errors) stays.
        case "$(cat "$record" 2>/dev/null)" in "${options[*]} "*) return 0 ;; esac
        step "configuring ${folder#"$REPO/"} again"
        quietly "$CACHE/logs/setup.log" "${MESON[@]}" setup --reconfigure "$folder" "$REPO" "${options[@]}"
    fi
    printf '%s' "${options[*]}" >"$record"
}

fetch_all() {
    fetch_meson
    fetch_vma
    fetch_mesa_source
    fetch_stock_mesa
}

main() {
    local build=yes sanitize=no vm=no werror=() option
    for option in "$@"; do
        case $option in
        --werror) werror=(-Dwerror=true) ;;
        --sanitize) sanitize=yes ;;
        --vm) vm=yes ;;
        --no-build) build=no ;;
        *) die "setup.sh: unknown option '$option'" ;;
        esac
    done
    release >/dev/null
    install_packages
    with_lock fetch_all
    [ $vm = no ] || with_lock fetch_vm
    if [ $build = no ]; then
        with_lock configure_mesa
        return 0
    fi
    mkdir -p "$BUILD"
    with_lock build_mesa
    configure "$BUILD" "${werror[@]}"
    step 'building this tree'
    ninja -C "$BUILD"
    write_stack_description "$BUILD" "$(vulkan_manifest)"
    if [ $vm = yes ]; then
        write_vm_description
        KERNEL_FOR=vm make --silent -C "$REPO/kernel" all tests
    fi
    if [ $sanitize = yes ]; then
        configure "$REPO/build-asan" -Db_sanitize=address,undefined -Db_lundef=false "${werror[@]}"
        with_lock build_sanitized_vulkan "$REPO/build-asan/vulkan"
        step 'building this tree with sanitizers'
        ninja -C "$REPO/build-asan" meson-test-prereq tests/vulkan/svga-vulkan
        write_stack_description "$REPO/build-asan" "$REPO/build-asan/vulkan/svga_icd.json"
    fi
}

main "$@"
