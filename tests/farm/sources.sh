#!/usr/bin/env bash
# Whatever images are read from, and with: page files, disks with bad pages, images with holes and
# without an end, packed and split ones, OpenCL devices. Cut into tasks and merged, they give the bytes
# of a plain scan, its messages and its status.
# BAD_DISK: the library of tests/support/bad_disk.c, empty where it cannot be loaded.
: "${MAKE_CONTAINER:?}"
# shellcheck source=tests/farm/compare.sh
. "$PS_SOURCE/tests/farm/compare.sh"
# The library comes before the sanitizer's own.
export ASAN_OPTIONS=verify_asan_link_order=0:${ASAN_OPTIONS:-}
export TMPDIR=$here/tmp
mkdir tmp

make system/22h2-x64 tables.raw --pagefile-out page.sys
make system/win7-x64 old.raw --pagefile-out old.sys
make containers/x64 x64.raw

# Pages of page files are of the image as a whole.
compare plain "$here/tables.raw" "1"
cp plain.jsonl without.jsonl
compare pagefile "$here/tables.raw" "1 2 7 40" --pagefile "$here/page.sys"
[ "$(wc -l <plain.jsonl)" -gt "$(wc -l <without.jsonl)" ] || wrong "pagefile: nothing is in it"
compare pagefile-old "$here/old.raw" "5" --pagefile "0=$here/old.sys" --all-headers --min-confidence 0
head -c 20000 page.sys >short.sys
compare pagefile-cut "$here/tables.raw" "4" --pagefile "$here/short.sys"

# on_bad_disk NAME COUNTS RANGE WORD...: what BAD_DISK does with that range of tables.raw
on_bad_disk() {
    preload=(env "LD_PRELOAD=$BAD_DISK" "BAD_DISK_FILE=$here/tables.raw" "BAD_DISK_RANGE=$3" "${@:4}")
    compare "$1" "$here/tables.raw" "$2"
    n_checks=$((n_checks + 1))
    ! grep -q 'unreadable 0 bytes' plain.said || wrong "$1: nothing was unreadable: $(cat plain.said)"
    preload=()
}
if [ -n "${BAD_DISK:-}" ]; then
    status=74
    on_bad_disk eio "1 2 7 50" 0x108000-0x118000 BAD_DISK_READ=eio BAD_DISK_MAP=refuse
    on_bad_disk eio-within "9" 0x10a200-0x10b400 BAD_DISK_READ=eio BAD_DISK_MAP=refuse
    on_bad_disk sigbus "1 6" 0x200000-0x220000 BAD_DISK_READ=eio BAD_DISK_MAP=poison
    status=0
else
    skip_line "bad disks: nothing can be preloaded under this sanitizer"
fi

# Holes, and ends that are missing.
"$MAKE_CONTAINER" dump64 x64.raw holes.dmp --variant bitmap --dtb 0x1ae000 || wrong "make_container dump64"
compare holes "$here/holes.dmp" "1 3 32"
"$MAKE_CONTAINER" elf64 x64.raw runs.elf --split 0x100 || wrong "make_container elf64"
compare runs "$here/runs.elf" "5"
status=65
head -c $(($(stat -c %s holes.dmp) - 3000000)) holes.dmp >cut.dmp
compare cut-dump "$here/cut.dmp" "1 6"
grep -q 'part of the image is missing' plain.said || wrong "cut-dump: $(cat plain.said)"
status=0
head -c $((20 * 1024 * 1024 + 1234)) tables.raw >torn.raw
compare torn "$here/torn.raw" "1 6"
grep -q 'torn\|not a multiple\|last' plain.said || wrong "torn: $(cat plain.said)"

# Packed, as one stream and in many; split.
pack() { # TO COMMAND...
    "${@:2}" <old.raw >"$1" 2>err || wrong "$*: $(cat err)"
}
pack one.gz gzip -1 -c
compare gzip "$here/one.gz" "1 4"
pack one.zst zstd -q -c
compare zstd "$here/one.zst" "4"
split -b 1M --filter='zstd -q -c' old.raw >many.zst
compare zstd-many "$here/many.zst" "4"
status=65
head -c $(($(stat -c %s one.gz) * 2 / 3)) one.gz >short.gz
compare gzip-cut "$here/short.gz" "1 4" --physical-only
status=0
split -b 3000000 --numeric-suffixes=1 -a 3 old.raw old.
compare split "$here/old.001" "1 5"
cp plain.jsonl split.jsonl
compare unsplit "$here/old.raw" "2"
what="a split image"
[ "$(sed 's/"Image":.*//' plain.jsonl | md5sum)" = "$(sed 's/"Image":.*//' split.jsonl | md5sum)" ] ||
    wrong "$what: other findings than the image in one file"
[ -z "$(ls tmp)" ] || wrong "left in TMPDIR: $(ls tmp)"

# Tasks on a device, compared with a scan on the CPU. LeakSanitizer itself falls over the threads that
# PoCL has at the end of some short runs; leaks of tasks would have shown above.
export ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0
what=device
task_options=(--gpu --any-device)
"$POOLSCAN" scan -q "${task_options[@]}" old.raw --format none 2>err
got=$?
if [ "$got" = 0 ]; then
    compare device "$here/old.raw" "1 4"
    compare device-x64 "$here/tables.raw" "3"
elif [ "$got" != 69 ] || [ "${PS_REQUIRE_DEVICE:-0}" = 1 ]; then
    wrong "no OpenCL device: status $got: $(cat err)"
else
    skip_line "no OpenCL device: $(cat err)"
fi
finish
