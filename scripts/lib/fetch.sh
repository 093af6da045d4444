# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # variables of the other parts
# SPDX-License-Identifier: MIT
#
# What Debian has but the running system may not: Mesa's source, Debian's own Mesa of the same version with lavapipe,
# a new enough meson, VulkanMemoryAllocator. All of it is downloaded through apt, so checked against Debian's signed
# index, but with an apt configuration of our own: neither the system's sources nor its package database are touched.
#
# Configurations: "apt" has the running release (and on Debian 12 its backports), "apt-trixie" has Debian 13 for what
# Debian 12 lacks. The mirror is the one the machine itself uses.

DOWNLOADS=$CACHE/downloads
MESA_SERIES=25.0 # the series whose svga_winsys.h our winsys implements

# apt_with NAME TOOL ARGS...: apt-get or apt-cache under our configuration NAME.
apt_with() {
    local name=$1 tool=$2
    shift 2
    # The downloads go to a folder of the user, which apt's own unprivileged user may not enter.
    "$tool" -c "$CACHE/$name/apt.conf" -o APT::Sandbox::User=root "$@"
}

# The mirror from which this machine takes release $1, whatever form its sources are written in.
machine_mirror() {
    local mirror
    # shellcheck disable=SC2016
    mirror=$(apt-get indextargets --no-release-info --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
        awk -v release="$1" '$2 == "main" && ($1 == release || $1 == "stable" || $1 == "oldstable") { print $3; exit }')
    [ -n "$mirror" ] || die "this machine's apt sources name no mirror for Debian $1 main"
    printf '%s' "$mirror"
}

# private_apt NAME SUITE...: makes the configuration and brings its index up to date, once per run.
private_apt() {
    local name=$1 directory=$CACHE/$1 keyring
    shift
    # shellcheck disable=SC2076
    if [[ " ${APT_READY:-} " =~ " $name " ]]; then return 0; fi
    for keyring in /usr/share/keyrings/debian-archive-keyring.{pgp,gpg} ''; do
        if [ -z "$keyring" ] || [ -e "$keyring" ]; then break; fi
    done
    [ -n "$keyring" ] || die 'the key of the Debian archive is not in /usr/share/keyrings (package debian-archive-keyring)'
    local mirror
    mirror=$(machine_mirror "$(release)")
    mkdir -p "$directory/etc" "$directory/lists/partial" "$directory/cache/archives/partial"
    : >"$directory/status"
    cat >"$directory/etc/private.sources" <<-END
	Types: deb deb-src
	URIs: $mirror
	Suites: $*
	Components: main
	Signed-By: $keyring
	END
    cat >"$directory/apt.conf" <<-END
	Dir::Etc::sourcelist "$directory/etc/private.sources";
	Dir::Etc::sourceparts "-";
	Dir::State::lists "$directory/lists";
	Dir::Cache "$directory/cache";
	Dir::State::status "$directory/status";
	END
    step "reading the package index of $*"
    quietly "$CACHE/logs/$name-update.log" apt_with "$name" apt-get update
    APT_READY="${APT_READY:-} $name"
}

private_apt_for_release() {
    case $(release) in
    bookworm) private_apt apt bookworm bookworm-backports ;;
    trixie) private_apt apt trixie ;;
    esac
}

# On Debian 13 what "apt-trixie" names is the release itself.
private_apt_for_trixie() { private_apt apt-trixie trixie; }

# Versions, oldest first, of source ("src:NAME") or binary package $2 that configuration $1 reaches.
versions_of() {
    local field=3
    case $2 in
    src:*) apt_with "$1" apt-cache showsrc "${2#src:}" | awk '/^Version:/ { print $2 }' ;;
    *) apt_with "$1" apt-cache madison "$2" | awk -v field=$field '!/Sources$/ { print $field }' ;;
    esac 2>/dev/null | sort -Vu
}

# newest_in_series CONFIGURATION PACKAGE SERIES [SEPARATOR]: its newest version of a series, or an error that says what there is
# instead. SEPARATOR, a regular expression, is what follows the series in a version.
newest_in_series() {
    local available wanted separator=${4:-\\.}
    available=$(versions_of "$1" "$2")
    wanted=$(grep "^${3//./\\.}$separator" <<<"$available" | tail -n 1) ||
        die "wanted $2 $3.x; the Debian mirror has ${available//$'\n'/, }"
    printf '%s' "$wanted"
}

# download CONFIGURATION PACKAGE=VERSION...: into $DOWNLOADS; sets DEBS to the files. Files already there are kept.
download() {
    local name=$1 listing
    shift
    mkdir -p "$DOWNLOADS"
    listing=$(apt_with "$name" apt-get download --print-uris "$@") || die "the Debian mirror lacks one of: $*"
    mapfile -t DEBS < <(awk '{ print $2 }' <<<"$listing")
    (cd "$DOWNLOADS" && quietly "$CACHE/logs/download.log" apt_with "$name" apt-get download "$@")
}

# unpack FOLDER DEB...: unpacked packages, in place whole or not at all.
unpack() {
    local folder=$1 deb
    shift
    rm -rf "$folder.tmp"
    mkdir -p "$folder.tmp"
    for deb in "$@"; do
        dpkg-deb --extract "$DOWNLOADS/$deb" "$folder.tmp"
    done
    printf '%s\n' "$@" >"$folder.tmp/packages.txt"
    mv "$folder.tmp" "$folder"
}

# Mesa's source, from the upstream tarball of Debian's source package, with an empty folder applied-patches: see patch_mesa.
# A tree without that folder holds patches that nobody knows, and is unpacked anew. Sets MESA_SOURCE.
fetch_mesa_source() {
    mkdir -p "$CACHE/mesa"
    MESA_SOURCE=$(find "$CACHE/mesa" -maxdepth 1 -name "mesa-$MESA_SERIES.*[0-9]" | sort -V | tail -n 1)
    [ ! -d "$MESA_SOURCE/applied-patches" ] || return 0
    private_apt_for_release
    local configuration=apt version upstream tarball
    # A release's backports move on to newer series; Debian 13 keeps the one it was released with.
    if ! versions_of apt src:mesa | grep -q "^$MESA_SERIES\." && [ "$(release)" != trixie ]; then
        private_apt_for_trixie
        configuration=apt-trixie
    fi
    version=$(newest_in_series $configuration src:mesa "$MESA_SERIES")
    upstream=${version%-*}
    step "downloading the source of Mesa $upstream"
    mkdir -p "$DOWNLOADS"
    (cd "$DOWNLOADS" && quietly "$CACHE/logs/download-mesa.log" \
        apt_with $configuration apt-get source --download-only --tar-only "mesa=$version")
    tarball=$(find "$DOWNLOADS" -name "mesa_$upstream.orig.tar.*" -not -name '*.asc' | head -n 1)
    [ -n "$tarball" ] || die "Debian's source package mesa $version holds no upstream tarball"
    step "unpacking it"
    rm -rf "$CACHE/mesa/source.tmp"
    mkdir -p "$CACHE/mesa/source.tmp/applied-patches"
    # As new as now: a build folder that there may be is of other files.
    tar -xmf "$tarball" --strip-components=1 -C "$CACHE/mesa/source.tmp"
    MESA_SOURCE=$CACHE/mesa/mesa-$upstream
    rm -rf "$MESA_SOURCE"
    mv "$CACHE/mesa/source.tmp" "$MESA_SOURCE"
}

# Debian's own Mesa of the series (its EGL, GL and gbm with the winsys in C, and lavapipe) and what it depends on that the
# system does not have new enough. Sets STOCK.
fetch_stock_mesa() {
    STOCK=$CACHE/stock
    [ ! -d "$STOCK" ] || return 0
    private_apt_for_release
    local version package pinned=() wanted=() plan
    version=$(newest_in_series apt mesa-vulkan-drivers "$MESA_SERIES")
    for package in libegl-mesa0 libgl1-mesa-dri libgbm1 libglx-mesa0 mesa-vulkan-drivers; do
        pinned+=("$package=$version")
    done
    local target=()
    [ "$(release)" = trixie ] || target=(--target-release "$(release)-backports")
    # Resolved against an empty system, so that the plan is the same everywhere and names every dependency.
    plan=$(apt_with apt apt-get --simulate "${target[@]}" --no-install-recommends install "${pinned[@]}" 2>&1) ||
        die "Debian's Mesa $version cannot be resolved: $(tail -n 3 <<<"$plan")"
    local verb rest candidate installed
    while read -r verb package candidate rest; do
        [ "$verb" = Inst ] || continue
        candidate=${candidate#(}
        # The C library must be the one that belongs to the running dynamic linker.
        [[ $package =~ ^(libc6|libc-bin|libcrypt1|gcc-[0-9]+-base|libgcc-s1|libstdc\+\+6)$ ]] && continue
        installed=$(installed_version "$package")
        # All of Mesa is unpacked, as its libraries only go together with those of exactly the same version.
        if [ "$candidate" != "$version" ] && [ -n "$installed" ] &&
            dpkg --compare-versions "$installed" ge "$candidate"; then
            continue
        fi
        wanted+=("$package=$candidate")
    done <<<"$plan"
    step "downloading Debian's Mesa $version with lavapipe (${#wanted[@]} packages, unpacked into the cache)"
    download apt "${wanted[@]}"
    unpack "$STOCK" "${DEBS[@]}"
}

# Mesa wants meson 1.1; Debian 12 has it in backports only. Sets MESON, a command.
fetch_meson() {
    local found
    found=$(/usr/bin/meson --version)
    if dpkg --compare-versions "$found" ge 1.1; then
        MESON=(/usr/bin/meson)
        return 0
    fi
    local folder=$CACHE/meson
    if [ ! -d "$folder" ]; then
        private_apt_for_release
        local version
        version=$(versions_of apt meson | tail -n 1)
        dpkg --compare-versions "${version:-0}" ge 1.1 || die "wanted meson >= 1.1; the Debian mirror has ${version:-none}"
        step "downloading meson $version"
        download apt "meson=$version"
        unpack "$folder" "${DEBS[@]}"
    fi
    # Modules beside the program are found without any environment, also when ninja starts it.
    ln -sfn ../lib/python3/dist-packages/mesonbuild "$folder/usr/bin/mesonbuild"
    MESON=("$folder/usr/bin/meson")
}

# VulkanMemoryAllocator, one header; Debian 12 has none. Sets VMA_INCLUDE.
fetch_vma() {
    local folder=$CACHE/vma
    VMA_INCLUDE=$folder/usr/include
    [ ! -d "$folder" ] || return 0
    private_apt_for_trixie
    local version
    version=$(versions_of apt-trixie libvulkan-memory-allocator-dev | tail -n 1)
    [ -n "$version" ] || die 'wanted libvulkan-memory-allocator-dev; the Debian mirror has none'
    step "downloading VulkanMemoryAllocator $version"
    download apt-trixie "libvulkan-memory-allocator-dev=$version"
    unpack "$folder" "${DEBS[@]}"
}
