# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # variables of the other parts
# SPDX-License-Identifier: MIT
#
# What all set-up scripts share: where things lie, how progress and errors are told, how a result is put in place whole.
#
# A result in the cache is a folder or file that is renamed into place when it is complete. So "it is there" means "it is
# done", an interrupted run leaves only *.tmp behind, and the next run goes on from where this one stopped.

set -euo pipefail

REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/svga-coherent
BUILD=$REPO/build
# A python3 that is not Debian's hides Debian's modules (mako, yaml), which Mesa's build needs.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
export LC_ALL=C.UTF-8
START_SECONDS=${START_SECONDS:-$(date +%s)}
export START_SECONDS

# step TEXT: one line of progress, with the time since the start of the run.
step() {
    local elapsed=$(($(date +%s) - START_SECONDS))
    printf '[%2d:%02d] %s\n' $((elapsed / 60)) $((elapsed % 60)) "$*"
}

# die TEXT...: the last line of a run that cannot go on.
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# quietly LOG COMMAND...: output goes to LOG, the end of which is shown if the command fails.
quietly() {
    local log=$1
    shift
    mkdir -p "$(dirname "$log")"
    if ! "$@" >"$log" 2>&1; then
        tail -n 30 "$log" >&2
        die "'$*' failed; all its output is in $log"
    fi
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "'$*' needs root, and there is no sudo here: run this once as root"
    fi
}

# release: codename of the Debian release we run on; bookworm (12) and trixie (13) are known.
release() {
    local codename
    # shellcheck source=/dev/null
    codename=$(. /etc/os-release && printf '%s %s' "$ID" "${VERSION_CODENAME:-}")
    case $codename in
    'debian bookworm' | 'debian trixie') printf '%s' "${codename#debian }" ;;
    *) die "this needs Debian 12 (bookworm) or 13 (trixie); here is '$codename'" ;;
    esac
}

# with_lock COMMAND...: the cache is shared by all checkouts of a user, and changed by one at a time.
with_lock() {
    mkdir -p "$CACHE"
    exec 9>"$CACHE/lock"
    if ! flock --nonblock 9; then
        step "waiting for another set-up that uses $CACHE"
        flock 9
    fi
    "$@"
    exec 9>&-
}
