# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # variables of the other parts
# SPDX-License-Identifier: MIT
#
# What build/svga-vm needs beyond the stack: a QEMU that speaks vfio-user, and Debian's Linux with its modules. Both come
# from Debian's packages, unpacked into the cache; nothing is installed.
#
# QEMU is Debian 13's (from its backports) with all the libraries it was built with, and runs by its own dynamic linker, so
# that it works the same on Debian 12.

VM_KERNEL_SERIES=6.12
VM_MODULES=(9p 9pnet_virtio vmwgfx) # and what they depend on
VM_QEMU=$CACHE/qemu

# Sets VM_QEMU, a folder with an unpacked QEMU >= 10.1 and its libraries.
fetch_qemu() {
    [ ! -d "$VM_QEMU" ] || return 0
    private_apt apt-vm trixie trixie-backports
    local plan verb rest package candidate version wanted=()
    # Resolved against an empty system, so that the plan names every library.
    plan=$(apt_with apt-vm apt-get --simulate --target-release trixie-backports --no-install-recommends \
        install qemu-system-x86 seabios 2>&1) || die "Debian's QEMU cannot be resolved: $(tail -n 3 <<<"$plan")"
    while read -r verb package candidate rest; do
        [ "$verb" = Inst ] || continue
        wanted+=("$package=${candidate#(}")
        [ "$package" != qemu-system-x86 ] || version=${candidate#(}
    done <<<"$plan"
    dpkg --compare-versions "$version" ge 1:10.1 || die "wanted QEMU >= 10.1 (for vfio-user); the Debian mirror has $version"
    step "downloading QEMU $version (${#wanted[@]} packages, unpacked into the cache)"
    download apt-vm "${wanted[@]}"
    unpack "$VM_QEMU" "${DEBS[@]}"
}

# Sets VM_KERNEL, a folder with "vmlinux" and "modules", for the kernel VM_RELEASE: the one whose headers are in the cache,
# so that modules built with them fit, or else the newest of the series.
fetch_vm_kernel() {
    local headers version
    mkdir -p "$CACHE/vm" "$CACHE/kernel"
    VM_KERNEL=$(find "$CACHE/vm" -maxdepth 1 -name "linux-$VM_KERNEL_SERIES.*" -not -name '*.tmp' | sort -V | tail -n 1)
    headers=$(find "$CACHE/kernel" -maxdepth 4 -path "*/headers-$VM_KERNEL_SERIES/usr/src/linux-headers-*-amd64" | head -n 1)
    VM_RELEASE=${headers##*/linux-headers-}
    if [ -n "$VM_KERNEL" ] && { [ -z "$headers" ] || [ "$VM_KERNEL" = "$CACHE/vm/linux-$VM_RELEASE" ]; }; then
        VM_RELEASE=${VM_KERNEL##*/linux-}
        return 0
    fi
    private_apt_for_release
    if [ -z "$headers" ]; then
        version=$(newest_in_series apt linux-image-amd64 "$VM_KERNEL_SERIES")
        VM_RELEASE=$(apt_with apt apt-cache show "linux-image-amd64=$version" |
            sed -n 's/^Depends: *linux-image-\([^ ]*-amd64\).*/\1/p' | head -n 1)
        [ -n "$VM_RELEASE" ] || die "linux-image-amd64 $version names no kernel"
    fi
    version=$(versions_of apt "linux-image-$VM_RELEASE" | tail -n 1)
    [ -n "$version" ] || die "the Debian mirror has no linux-image-$VM_RELEASE"
    step "downloading Linux $VM_RELEASE"
    download apt "linux-image-$VM_RELEASE=$version"
    VM_KERNEL=$CACHE/vm/linux-$VM_RELEASE
    rm -rf "$VM_KERNEL.tmp"
    mkdir -p "$VM_KERNEL.tmp/deb" "$VM_KERNEL.tmp/modules"
    dpkg-deb --extract "$DOWNLOADS/${DEBS[0]}" "$VM_KERNEL.tmp/deb"
    uncompress_kernel "$VM_KERNEL.tmp/deb/boot/vmlinuz-$VM_RELEASE" "$VM_KERNEL.tmp/vmlinux"
    local module
    for module in "${VM_MODULES[@]}"; do
        copy_module "$VM_KERNEL.tmp/deb" "$module" "$VM_KERNEL.tmp/modules"
    done
    rm -rf "$VM_KERNEL.tmp/deb"
    mv "$VM_KERNEL.tmp" "$VM_KERNEL"
}

# uncompress_kernel BZIMAGE VMLINUX: what the boot protocol calls the payload (Documentation/arch/x86/boot.rst). QEMU boots it
# by PVH, without firmware and without the kernel unpacking itself.
uncompress_kernel() {
    local sectors offset length
    sectors=$(od -An -tu1 -j $((0x1f1)) -N 1 "$1")
    offset=$(od -An -tu4 -j $((0x248)) -N 4 "$1")
    length=$(od -An -tu4 -j $((0x24c)) -N 4 "$1")
    offset=$((offset + (sectors + 1) * 512))
    # The last four bytes of the payload are the size of what comes out, which is not part of the compressed stream.
    dd if="$1" of="$2.payload" bs=1M iflag=skip_bytes,count_bytes skip=$((offset)) count=$((length - 4)) status=none
    local magic
    magic=$(od -An -tx1 -N 4 "$2.payload" | tr -d ' ')
    case $magic in
    28b52ffd) zstd --decompress --quiet --force -o "$2" "$2.payload" ;;
    fd377a58) xz --decompress --stdout "$2.payload" >"$2" ;;
    1f8b*) gzip --decompress --stdout "$2.payload" >"$2" ;;
    *) die "the kernel in $1 is compressed in a way that is not known here ($magic)" ;;
    esac
    rm "$2.payload"
}

# copy_module TREE NAME FOLDER: the uncompressed module and, before it in FOLDER/order, those it depends on. One that is not
# there is built into the kernel.
copy_module() {
    local tree=$1 name=$2 folder=$3 file needed
    [ ! -e "$folder/$name.ko" ] || return 0
    file=$(find "$tree" -name "$name.ko*" -o -name "${name//_/-}.ko*" | head -n 1)
    [ -n "$file" ] || return 0
    case $file in
    *.xz) xz --decompress --stdout "$file" >"$folder/$name.ko" ;;
    *.zst) zstd --decompress --quiet --stdout "$file" >"$folder/$name.ko" ;;
    *) cp "$file" "$folder/$name.ko" ;;
    esac
    # The section .modinfo is a list of KEY=VALUE strings.
    for needed in $(tr '\0' '\n' <"$folder/$name.ko" | sed -n 's/^depends=//p' | tr ',' ' '); do
        copy_module "$tree" "$needed" "$folder"
    done
    printf '%s\n' "$name.ko" >>"$folder/order"
}

# Tells build/svga-vm (src/vm/description.h) where everything lies.
write_vm_description() {
    local libraries=$VM_QEMU/usr/lib/x86_64-linux-gnu
    cat >"$BUILD/vm.json.tmp" <<-END
	{
	  "qemu": {
	    "command": ["$VM_QEMU/usr/lib64/ld-linux-x86-64.so.2", "--library-path", "$libraries",
	                "$VM_QEMU/usr/bin/qemu-system-x86_64", "-L", "$VM_QEMU/usr/share/qemu", "-L", "$VM_QEMU/usr/share/seabios"],
	    "variables": { "QEMU_MODULE_DIR": "$libraries/qemu" }
	  },
	  "kernel": { "release": "$VM_RELEASE", "image": "$VM_KERNEL/vmlinux", "modules": "$VM_KERNEL/modules" }
	}
	END
    mv "$BUILD/vm.json.tmp" "$BUILD/vm.json"
}

fetch_vm() {
    fetch_qemu
    fetch_vm_kernel
}
