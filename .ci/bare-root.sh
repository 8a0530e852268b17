#!/usr/bin/env bash
# Run a README command as a person would on a machine that has nothing: in a fresh minimal Debian
# root, as root, with a clean environment. For developers with root; CI does not run it.
#
#   .ci/bare-root.sh [-k] FOLDER COMMAND...     (.ci/bare-root.sh /var/tmp/bare ./test.sh)
#
# FOLDER/base is made once with debootstrap and never touched again; FOLDER/root is a new copy of it
# for each run (-k: that of the last run goes on), with this checkout's files in /home/poolscan and
# shared/ beside them where the checkout has one.
set -euo pipefail
source_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
    sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
    exit 64
}
keep=
if [ "${1:-}" = -k ]; then
    keep=1
    shift
fi
[ $# -ge 2 ] || usage
mkdir -p "$1"
folder=$(cd "$1" && pwd)
shift
base=$folder/base
root=$folder/root
suite=bookworm
mirror=http://deb.debian.org/debian

mounts=(dev sys proc)
unmount() {
    local name
    for name in "${mounts[@]}"; do
        if mountpoint -q "$root/$name"; then
            umount "$root/$name" || umount -l "$root/$name"
        fi
    done
}

make_base() {
    [ ! -e "$base/etc/debian_version" ] || return 0
    debootstrap --variant=minbase "$suite" "$base" "$mirror"
}

# Debian's own sources and this machine's way to reach them: proxy, checks of dates.
copy_apt_setup() {
    local file
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources; do
        [ ! -e "$file" ] || cp "$file" "$root$file"
    done
    [ ! -e /etc/apt/sources.list.d/debian.sources ] || rm -f "$root/etc/apt/sources.list"
    apt-config dump | grep -E '^Acquire::(http|https|Check|Retries)' >"$root/etc/apt/apt.conf.d/99host" ||
        true
    cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
}

copy_tree() {
    local home=$root/home/poolscan
    mkdir -p "$home"
    (cd "$source_root" && git ls-files -z --cached --others --exclude-standard |
        tar --null --files-from=- -cf - --ignore-failed-read) | tar -xf - -C "$home"
    # Real files, and nothing of an earlier run that a copy could follow out of the root.
    rm -rf --one-file-system "$root/home/shared"
    if [ -d "$source_root/../shared" ]; then
        cp -r "$(realpath "$source_root/../shared")" "$root/home/shared"
    fi
}

make_root() {
    unmount
    rm -rf --one-file-system "$root"
    cp -a "$base" "$root"
    copy_apt_setup
}

make_base
if [ -z "$keep" ] || [ ! -d "$root" ]; then
    make_root
fi
copy_tree
trap unmount EXIT
mount -t proc proc "$root/proc"
mount --bind /sys "$root/sys"
mount --bind /dev "$root/dev"

start=$SECONDS
rc=0
env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb \
    chroot "$root" /bin/bash -c 'cd /home/poolscan && exec "$@"' bash "$@" </dev/null || rc=$?
echo "bare root: $* ended with status $rc after $((SECONDS - start)) s" >&2
exit "$rc"
