#!/bin/bash
# Bad input and a bad world end in one clear line and the right exit status, and nothing else is
# lost: what can be read is scanned, other images are reported all the same.
# BAD_DISK: the library of tests/support/bad_disk.c, empty where it cannot be loaded.
# shellcheck disable=SC2317 # expect calls functions by name
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$work" || exit 1
# The library comes before the sanitizer's own.
export ASAN_OPTIONS=verify_asan_link_order=0:${ASAN_OPTIONS:-}

scan() {
    "$POOLSCAN" scan -q --format jsonl "$@"
}

# All of a finding but the name of the image.
findings() {
    sed 's/"Image":.*//' "$@"
}

# expect_findings EXPECTED: so are the findings of the last command.
expect_findings() {
    findings "$work/out" | cmp -s - "$1" ||
        wrong "$(wc -l <"$work/out") findings, expected the $(wc -l <"$1") of $1"
}

# outside START END <findings: those whose Offset, as 16 hex digits, is not in [START, END), and all
# big allocations: the table that lists them stands elsewhere.
outside() {
    awk -v start="x$1" -v end="x$2" '/"Source":"bigpool"/ { print; next } match($0, /"Offset":"0x[0-9a-f]+"/) {
        offset = "x" substr($0, RSTART + 12, 16)
        if (offset < start || offset >= end) print }'
}

"$POOLSCAN" mkimage -q sample good.raw || exit 1
scan good.raw >good.jsonl || exit 1
findings good.jsonl >good
[ "$(wc -l <good)" -gt 1000 ] || wrong "the sample image has only $(wc -l <good) findings"
cat good good >twice

one_bad_image() {
    local status=$1 image=$2 said=$3
    expect "$status" 1 scan "$image"
    expect_said "poolscan: $image: "
    expect_said "$said"
    expect_silent_stdout
    # Between two good ones it costs nothing but its own line and the exit status.
    expect "$status" 1 scan good.raw "$image" good.raw
    expect_findings twice
}

image_files() {
    one_bad_image 66 no-such-image.raw 'no such file'
    : >empty.raw
    one_bad_image 65 empty.raw 'empty'
    mkdir folder
    one_bad_image 65 folder 'directory'
    head -c 4095 good.raw >short.raw
    one_bad_image 65 short.raw '4096'
    mkfifo pipe.raw
    one_bad_image 65 pipe.raw 'pipe'
    { printf 'EMiL' && head -c 1M good.raw; } >lime.raw
    one_bad_image 65 lime.raw 'LiME'
    if [ "$(id -u)" != 0 ]; then
        head -c 1M good.raw >secret.raw && chmod 000 secret.raw
        one_bad_image 74 secret.raw 'ermission'
    else
        skip_line "a file without read permission: root may read everything"
    fi
    local triage=${PS_SHARED:-$PS_SOURCE/../shared}/images/windows-triage-x64.dmp
    if [ -r "$triage" ]; then
        cp "$triage" triage.dmp
        one_bad_image 65 triage.dmp 'triage'
    else
        skip_line "no triage dump: $triage is not there"
    fi
    # Different reasons: each image its line, and the status of the first.
    expect 66 3 scan no-such-image.raw empty.raw good.raw folder
    expect_findings good
}

# A last page that is not whole is scanned, padded with zeros.
torn_image() {
    head -c $((0xa34800)) good.raw >torn.raw
    expect 0 2 "$POOLSCAN" --format jsonl torn.raw
    expect_said 'only a part, 2048 bytes in all'
    findings "$work/out" >torn
    # A big allocation whose page the image lacks has no FileOffset.
    outside 0000000000a34000 ffffffffffffffff <torn | grep -v '"bigpool"' >torn_whole
    outside 0000000000a34000 ffffffffffffffff <good | grep -v '"bigpool"' | cmp -s - torn_whole ||
        wrong "the whole pages of a torn image have other findings"
    [ "$(wc -l <torn)" -gt "$(wc -l <torn_whole)" ] || wrong "nothing was found in the torn page"
}

# bad_disk STATUS N_LINES READ MAP RANGE OPTIONS...: scan a copy of the image on a bad disk.
bad_disk() {
    local status=$1 lines=$2 read=$3 map=$4 range=$5
    shift 5
    cp good.raw disk.raw
    expect "$status" "$lines" env LD_PRELOAD="$BAD_DISK" BAD_DISK_FILE=disk.raw \
        BAD_DISK_RANGE="$range" BAD_DISK_CUT=$((0xa30000)) ${read:+BAD_DISK_READ=$read} \
        ${map:+BAD_DISK_MAP=$map} "$POOLSCAN" scan -q --format jsonl disk.raw "$@"
}

unreadable_region() {
    local map
    outside 0000000000a30000 0000000000a38000 <good >without_region
    [ "$(wc -l <without_region)" -lt "$(wc -l <good)" ] || wrong "the region has no findings"
    for map in poison refuse; do
        bad_disk 74 1 eio $map 0xa30000-0xa38000
        expect_said '32768 bytes could not be read'
        expect_said '0xa30000'
        expect_findings without_region
        bad_disk 74 1 eio $map 0xa30000-0xa38000 --threads 1 --chunk 64k
        expect_findings without_region
    done
    # One page in the middle of a chunk costs that page.
    outside 0000000000a31000 0000000000a32000 <good >without_page
    bad_disk 74 1 eio poison 0xa31000-0xa31800
    expect_findings without_page
    # A file system that refuses mappings changes nothing.
    bad_disk 0 0 '' refuse 0-1
    expect_findings good
}

# The identity of an image is read first: first and last MiB. Then it is cut.
truncated_file() {
    local options
    outside 0000000000a30000 ffffffffffffffff <good >before_cut
    [ "$(wc -l <before_cut)" -gt 100 ] || wrong "no findings before the cut"
    for options in '' '--io read' '--threads 1 --chunk 64k' '--threads 1 --chunk 64k --io read'; do
        # shellcheck disable=SC2086 # options are words
        bad_disk 65 1 cut '' 0x3fff000-0x4000000 $options
        expect_said 'now ends at offset 0xa30000'
        expect_findings before_cut
    done
    # Cut when the scan is already under way.
    bad_disk 65 1 cut refuse 0xa20000-0xa21000 --threads 1 --chunk 64k
    expect_findings before_cut
}

empty_folder() {
    [ -z "$(ls -A "$1")" ] || wrong "left in $1: $(ls -A "$1")"
}

stopped() {
    mkdir results
    bad_disk 130 1 int refuse 0xa30000-0xa38000 -o results/result.jsonl
    expect_said 'interrupted'
    empty_folder results
    bad_disk 75 1 term refuse 0xa30000-0xa38000 -o results/result.jsonl
    expect_said 'run it again'
    empty_folder results
    bad_disk 130 0 int2 refuse 0xa30000-0xa38000 -o /dev/null
    # What was there before stays.
    echo old >results/result.jsonl
    bad_disk 130 1 int refuse 0xa30000-0xa38000 -o results/result.jsonl
    [ "$(cat results/result.jsonl)" = old ] || wrong "an interrupted run touched the old output"
    rm -r results
    # One who asks is told and nothing else changes.
    bad_disk 0 1 usr1 refuse 0xa30000-0xa38000 --threads 1 --chunk 64k
    expect_said 'findings'
    expect_findings good
    # Ignored from the start, as under nohup, it stays ignored.
    trap '' INT
    bad_disk 0 0 int refuse 0xa30000-0xa38000
    expect_findings good
    trap - INT
}

# full FOLDER: writing into it fails before the end.
full() {
    local folder=$1
    expect 74 1 scan good.raw -o "$folder/result.jsonl"
    expect_said "$folder/result.jsonl"
    empty_folder "$folder"
}

# A limit on the size of files, in a shell of its own.
with_file_limit() {
    (
        ulimit -f 64
        "$@"
    )
}

full_disk() {
    if [ -w /dev/full ]; then
        expect 74 1 scan good.raw -o /dev/full
        expect_said 'disk is full'
        to_full() { scan "$@" >/dev/full; }
        expect 74 1 to_full good.raw
        expect_said 'disk is full'
    else
        skip_line "/dev/full is not there"
    fi
    mkdir small limited
    if mount -t tmpfs -o size=64k poolscan-test small 2>/dev/null; then
        full small
        umount small
    else
        skip_line "a small tmpfs cannot be mounted here"
    fi
    expect 74 1 with_file_limit scan good.raw -o limited/result.jsonl
    empty_folder limited
    expect 73 1 scan good.raw -o no/such/folder/result.jsonl
    expect 73 1 scan good.raw -o limited
}

# The reader is gone before the first byte is written.
closed_pipe() {
    exec 3> >(:)
    wait $!
    to_closed() { scan "$@" >&3; }
    expect 74 1 to_closed good.raw
    expect_said 'standard output'
    exec 3>&-
    # And one that leaves after the first line.
    scan good.raw 2>"$work/err" | head -n 1 >"$work/out"
    local status=${PIPESTATUS[0]}
    n_checks=$((n_checks + 1))
    [ "$status" = 74 ] || wrong "| head: exit status $status"
    head -n 1 good.jsonl | cmp -s - "$work/out" || wrong "| head: another first line"
    [ "$(wc -l <"$work/err")" = 1 ] || wrong "| head: $(cat "$work/err")"
}

tags() {
    local pattern
    for pattern in Procx '\xZZ' '*a' 'P\q'; do
        expect 64 1 scan --tags "$pattern" good.raw
        expect_silent_stdout
    done
    expect 66 1 scan --tag-file no-such.tags good.raw
    expect 0 0 scan --tags QQQQ good.raw
    expect_silent_stdout
    expect 1 1 scan --tags QQQQ --fail-if-none good.raw
    expect 0 0 scan --fail-if-none good.raw
    expect_findings good
}

image_files
torn_image
if [ -n "${BAD_DISK:-}" ]; then
    unreadable_region
    truncated_file
    stopped
else
    skip_line "tests on a bad disk: nothing can be preloaded under this sanitizer"
fi
full_disk
closed_pipe
tags
finish
