# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # variables of the other parts
# SPDX-License-Identifier: MIT
#
# Mesa with our winsys in place of its own, and our Vulkan driver. One tree and one build folder in the cache (and one more
# for the Vulkan driver with sanitizers) serve all checkouts: each brings the overlay to its own state before it builds,
# and takes the libraries away into its own build folder after. Files are compared and copied by content, so that going
# from one checkout to another rebuilds exactly what differs.

MESA_BUILD=$CACHE/mesa/build-coherent
MESA_SANITIZED_BUILD=$CACHE/mesa/build-sanitized
OVERLAY=$REPO/src/gallium/winsys/svga/overlay

MESA_OPTIONS=(
    --buildtype=release --auto-features=disabled --wrap-mode=nofallback
    -Dgallium-drivers=svga -Dvulkan-drivers=svga -Dplatforms=x11 -Dllvm=disabled -Dglx=dri -Degl=enabled -Dgbm=enabled
    -Dshared-glapi=enabled -Dgles2=enabled -Dglvnd=disabled -Dgallium-xa=disabled -Dgallium-va=disabled
    -Dgallium-vdpau=disabled -Dvideo-codecs= -Dshader-cache=disabled -Dxmlconfig=disabled -Dbuild-tests=false -Dtools=
)

# mirror_folder FROM TO: TO holds the same files as FROM; a file that is already the same is not touched.
mirror_folder() {
    local from=$1 to=$2 file
    mkdir -p "$to"
    while IFS= read -r -d '' file; do
        cmp -s "$from/$file" "$to/$file" || install -D -m 644 "$from/$file" "$to/$file"
    done < <(cd "$from" && find . -type f -print0)
    while IFS= read -r -d '' file; do
        [ -e "$from/$file" ] || rm "$to/$file"
    done < <(cd "$to" && find . -type f -print0)
}

# mirror_file FROM TO: the same for one file.
mirror_file() {
    cmp -s "$1" "$2" || install -D -m 644 "$1" "$2"
}

# See the overlay's meson.build for what goes where.
overlay_winsys() {
    local drm=$MESA_SOURCE/src/gallium/winsys/svga/drm folder
    for folder in gallium/winsys/svga util vulkan; do
        mirror_folder "$REPO/src/$folder" "$drm/coherent/$folder"
    done
    mirror_file "$REPO/include/svga_coherent_drm.h" "$drm/coherent/svga_coherent_drm.h"
    mirror_file "$REPO/src/vulkan/overlay/meson.build" "$drm/coherent/meson.build"
    mirror_file "$OVERLAY/meson.build" "$drm/meson.build"
}

# apply_to_mesa PATCH [OPTION]
apply_to_mesa() {
    quietly "$CACHE/logs/mesa-patch.log" patch -d "$MESA_SOURCE" -p1 --force --no-backup-if-mismatch -i "$1" "${@:2}"
}

# Fixes of bugs in Mesa, and the place of the Vulkan driver in Mesa's configuration. Of each patch in the tree there is a
# copy in its folder applied-patches: what another checkout had there beyond our series is taken back, the last one first.
# Who is interrupted leaves a tree without that folder, which fetch_mesa_source unpacks anew.
patch_mesa() {
    local record=$MESA_SOURCE/applied-patches wanted=("$OVERLAY"/patches/*.patch) applied common=0 i
    mapfile -t applied < <(find "$record" -name '*.patch' | sort)
    while [ $common -lt ${#applied[@]} ] && [ $common -lt ${#wanted[@]} ] &&
        [ "${applied[common]##*/}" = "${wanted[common]##*/}" ] && cmp -s "${applied[common]}" "${wanted[common]}"; do
        common=$((common + 1))
    done
    [ $common -lt ${#applied[@]} ] || [ $common -lt ${#wanted[@]} ] || return 0
    mv "$record" "$record.changing"
    for ((i = ${#applied[@]} - 1; i >= common; i--)); do
        apply_to_mesa "$record.changing/${applied[i]##*/}" --reverse
        rm "$record.changing/${applied[i]##*/}"
    done
    for ((i = common; i < ${#wanted[@]}; i++)); do
        apply_to_mesa "${wanted[i]}"
        cp "${wanted[i]}" "$record.changing"
    done
    mv "$record.changing" "$record"
}

# configure_mesa_build FOLDER OPTION...
configure_mesa_build() {
    local folder=$1
    shift
    local record=$folder/configured.txt
    if [ ! -e "$folder/build.ninja" ]; then
        step "configuring Mesa ${MESA_SOURCE##*-}"
        rm -rf "$folder"
        quietly "$CACHE/logs/mesa-setup.log" "${MESON[@]}" setup "$folder" "$MESA_SOURCE" "$@"
    elif [ "$(cat "$record" 2>/dev/null)" != "$*" ]; then
        step "configuring Mesa ${MESA_SOURCE##*-} again"
        quietly "$CACHE/logs/mesa-setup.log" "${MESON[@]}" setup --reconfigure "$folder" "$MESA_SOURCE" "$@"
    fi
    printf '%s' "$*" >"$record"
}

configure_mesa() {
    overlay_winsys
    patch_mesa
    configure_mesa_build "$MESA_BUILD" "${MESA_OPTIONS[@]}"
}

# Sets MESA_LIBRARIES, the folder of this checkout's libEGL, libGL, libGLESv2, libgbm, libgallium and libvulkan_svga.
build_mesa() {
    configure_mesa
    step "building Mesa ${MESA_SOURCE##*-} with our drivers (from nothing: 8 CPU minutes and more; later runs: seconds)"
    ninja -C "$MESA_BUILD"
    quietly "$CACHE/logs/mesa-install.log" "${MESON[@]}" install -C "$MESA_BUILD" --no-rebuild --only-changed --tags runtime \
        --destdir "$BUILD/mesa"
    MESA_LIBRARIES=$(dirname "$(find "$BUILD/mesa" -name 'libgallium-*.so' | head -n 1)")
    # The names of the development packages: some programs open those first, and would get the system's library.
    local library
    for library in "$MESA_LIBRARIES"/lib{EGL,GL,GLESv2,gbm}.so.?; do
        ln -sf "$(basename "$library")" "${library%.?}"
    done
}

# vulkan_manifest: of this checkout's driver, as build_mesa has put it into place.
vulkan_manifest() {
    find "$BUILD/mesa" -name 'svga_icd.*.json' | head -n 1
}

# build_sanitized_vulkan FOLDER: puts into FOLDER our Vulkan driver, and all of Mesa that is in it, with AddressSanitizer
# (our part with UndefinedBehaviorSanitizer, too), and svga_icd.json, the manifest of build_mesa's driver but for the
# library it names.
build_sanitized_vulkan() {
    local folder=$1 driver=libvulkan_svga.so
    local target=src/gallium/winsys/svga/drm/coherent/$driver
    # Of options given twice the last one counts.
    configure_mesa_build "$MESA_SANITIZED_BUILD" "${MESA_OPTIONS[@]}" \
        --buildtype=plain -Doptimization=1 -Db_sanitize=address -Db_lundef=false
    step 'building the Vulkan driver with sanitizers (later runs: seconds)'
    ninja -C "$MESA_SANITIZED_BUILD" "$target"
    mirror_file "$MESA_SANITIZED_BUILD/$target" "$folder/$driver"
    sed "s|\"library_path\": \"[^\"]*\"|\"library_path\": \"$folder/$driver\"|" "$(vulkan_manifest)" >"$folder/svga_icd.json"
}
