#!/bin/bash
# Signals in every phase of a run: SIGTERM ends it with 75, SIGINT with 130, nothing half-made stays
# behind, and SIGUSR1 is answered whatever the program is doing.
# BAD_DISK: the library of tests/support/bad_disk.c, empty where it cannot be loaded.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$work" || exit 1
# The library comes before the sanitizer's own.
export ASAN_OPTIONS=verify_asan_link_order=0:${ASAN_OPTIONS:-}
export TMPDIR=$work/tmp
mkdir tmp results
ulimit -c 0

"$POOLSCAN" mkimage -q sample good.raw || exit 1
"$POOLSCAN" scan -q --format jsonl good.raw >good.jsonl || exit 1
[ "$(stat -c %s good.jsonl)" -gt 300000 ] || wrong "the findings of the sample fit into a pipe"
dtb=$("$POOLSCAN" info --format jsonl good.raw | sed -n 's/.*"Dtb","Value":"\(0x[0-9a-f]*\)".*/\1/p')
[ -n "$dtb" ] || wrong "poolscan info says no DTB"
gzip -1 -c good.raw >good.raw.gz
middle=$(($(stat -c %s good.raw.gz) / 2))

nothing_left() {
    [ -z "$(ls -A results)" ] || wrong "$*: left in results: $(ls -A results)"
    [ -z "$(ls -A tmp)" ] || wrong "$*: left in TMPDIR: $(ls -A tmp)"
}

# at STATUS N_LINES SIGNAL FILE RANGE COMMAND...: the program sends itself that signal where it
# first reads that range of the file.
at() {
    local status=$1 lines=$2 signal=$3 file=$4 range=$5
    shift 5
    expect "$status" "$lines" env LD_PRELOAD="$BAD_DISK" BAD_DISK_FILE="$file" \
        BAD_DISK_RANGE="$range" BAD_DISK_READ="$signal" BAD_DISK_MAP=refuse "$POOLSCAN" "$@"
    [ "$status" = 0 ] || nothing_left "$signal at $range of $file: $*"
}

in_every_phase() {
    local tables range
    printf -v tables '0x%x-0x%x' "$dtb" $((dtb + 4096))
    for range in 0-4096 "$tables" 0xa30000-0xa38000; do
        at 75 1 term good.raw "$range" scan -q good.raw -o results/r.jsonl
        expect_said 'run it again'
        at 130 1 int good.raw "$range" scan -q good.raw -o results/r.jsonl
        expect_said 'interrupted'
        at 130 0 int2 good.raw "$range" scan good.raw -o results/r.jsonl
        # The verbs that only read tables believe nothing that they found after it.
        at 75 1 term good.raw "$range" used good.raw -o results/r.csv
        at 0 1 usr1 good.raw "$range" scan -q good.raw --format jsonl
        expect_said 'poolscan: good.raw: '
        cmp -s good.jsonl out || wrong "SIGUSR1 at $range changed the findings"
    done
    at 75 1 term good.raw "$tables" info good.raw -o results/r.csv
    at 0 1 usr1 good.raw 0-4096 scan -q good.raw
    expect_said 'good.raw: opening'
    at 0 1 usr1 good.raw "$tables" scan -q good.raw
    expect_said 'page tables'
    at 0 1 usr1 good.raw 0xa30000-0xa38000 scan -q -t 1 --chunk 64k good.raw
    expect_said 'findings'
}

while_unpacking() {
    at 75 1 term good.raw.gz $middle-$((middle + 1)) scan good.raw.gz -o results/r.jsonl
    expect_said 'run it again'
    at 130 1 int good.raw.gz $middle-$((middle + 1)) scan good.raw.gz -o results/r.jsonl
    at 130 0 int2 good.raw.gz $middle-$((middle + 1)) scan good.raw.gz -o results/r.jsonl
    at 0 1 usr1 good.raw.gz $middle-$((middle + 1)) scan -q good.raw.gz --format jsonl
    expect_said 'good.raw.gz: unpacking to memory'
    [ "$(wc -l <out)" = "$(wc -l <good.jsonl)" ] || wrong "SIGUSR1 while unpacking lost findings"
    at 0 1 usr1 good.raw.gz $middle-$((middle + 1)) scan -q --unpack-memory 0 good.raw.gz
    expect_said 'good.raw.gz: unpacking to a temporary file'
}

# blocked VERB OPTIONS...: start a run whose reader takes one byte and no more: with more findings
# than a pipe holds it cannot end. Its number is $pid; descriptor 3 reads on.
blocked() {
    rm -f pipe
    mkfifo pipe
    "$POOLSCAN" "$@" >pipe 2>"$work/err" &
    pid=$!
    exec 3<pipe
    head -c 1 <&3 >first
}

ends_with() { # STATUS WHAT
    local got=0
    wait "$pid" || got=$?
    n_checks=$((n_checks + 1))
    [ "$got" = "$1" ] || wrong "$2: status $got, expected $1 ($(cat "$work/err"))"
    exec 3<&-
}

# Wait for $1 lines on standard error.
said_lines() {
    until [ "$(wc -l <"$work/err")" -ge "$1" ] || ! kill -0 "$pid" 2>/dev/null; do
        sleep 0.05
    done
}

while_blocked() {
    blocked scan -q --format jsonl good.raw
    kill -TERM "$pid"
    ends_with 75 'SIGTERM while nobody reads the output'
    expect_said 'run it again'

    blocked scan -q --format jsonl good.raw
    kill -INT "$pid"
    sleep 0.2
    kill -INT "$pid"
    ends_with 130 'SIGINT twice while nobody reads the output'

    blocked scan -q --format jsonl good.raw
    kill -USR1 "$pid"
    said_lines 1
    expect_said 'poolscan: good.raw: '
    expect_said 'findings'
    kill -USR1 "$pid"
    said_lines 2
    kill -STOP "$pid"
    kill -CONT "$pid"
    cat first - <&3 >rest
    ends_with 0 'SIGUSR1 and SIGCONT while nobody reads the output'
    cmp -s rest good.jsonl || wrong "asking while nobody reads changed the output"
    [ "$(wc -l <"$work/err")" = 2 ] || wrong "not one line for each SIGUSR1: $(cat "$work/err")"
}

if [ -n "${BAD_DISK:-}" ]; then
    in_every_phase
    while_unpacking
else
    skip_line "signals in every phase: nothing can be preloaded under this sanitizer"
fi
# A background job of a script ignores SIGINT from its start, unless the shell has job control.
set -m
while_blocked
finish
