#!/usr/bin/env bash
# A task that is told to stop: SIGTERM ends it with 75, SIGINT with 130, SIGUSR1 is answered, wherever
# it is: in its page tables, in a chunk, while it writes its shard, on a disk that does not answer. No
# half of a shard stays behind, and the task run again gives the bytes that it would have given.
# BAD_DISK, STOP_HERE_SO: the libraries of tests/support/bad_disk.c and tests/farm/stop_here.c.
: "${BAD_DISK:?}" "${STOP_HERE_SO:?}"
# shellcheck source=tests/farm/compare.sh
. "$PS_SOURCE/tests/farm/compare.sh"
# The libraries come before the sanitizer's own.
export ASAN_OPTIONS=verify_asan_link_order=0:${ASAN_OPTIONS:-}
export TMPDIR=$here/tmp
mkdir tmp
# The contract says five seconds. This machine may be doing other things, and the build be a slow one.
limit=60

make system/22h2-x64 image.raw
"$POOLSCAN" scan -q "$here/image.raw" --format jsonl -o plain.jsonl || wrong "no scan"
[ "$(wc -l <plain.jsonl)" -gt 1000 ] || wrong "only $(wc -l <plain.jsonl) findings"
printf -v tables '0x%x-0x%x' 0x1ad000 0x1ae000
"$POOLSCAN" plan -q image.raw --task-bytes 8M -o parts.plan || wrong "no plan"
"$POOLSCAN" plan -q image.raw -o whole.plan || wrong "no plan"
last=$(($(n_tasks parts.plan) - 1))
[ "$last" -ge 3 ] || wrong "only $last ranges"

nothing_left() {
    [ -z "$(ls -A dir 2>/dev/null)" ] || wrong "$what: left: $(ls -A dir)"
    [ -z "$(ls -A tmp)" ] || wrong "$what: left in TMPDIR: $(ls -A tmp)"
}

# again: the task of $plan, undisturbed
again() { # TASK
    expect 0 "$POOLSCAN" scan -q --plan "$plan" --task "$1" --out-dir dir -t 2
    [ -e "$(printf 'dir/task-%06d.shard' "$1")" ] || wrong "$what: no shard when it ran again"
    [ -z "$(others dir)" ] || wrong "$what: left over: $(others dir)"
}

# merged: the shards of $plan are what a scan prints
merged() {
    local k

    for ((k = 0; k < $(n_tasks "$plan"); k++)); do
        again "$k"
    done
    expect 0 "$POOLSCAN" merge -q dir --plan "$plan" --format jsonl -o merged.jsonl
    same plain.jsonl merged.jsonl
    rm -rf dir
}

# at STATUS SIGNAL RANGE TASK: the task sends itself that signal where it first reads that range
at() {
    what="$2 at $3 in task $4 of $plan"
    rm -rf dir
    expect "$1" env "LD_PRELOAD=$BAD_DISK" BAD_DISK_FILE=image.raw "BAD_DISK_RANGE=$3" \
        "BAD_DISK_READ=$2" BAD_DISK_MAP=refuse "$POOLSCAN" scan -q --plan "$plan" --task "$4" \
        --out-dir dir --chunk 64k -t 2
    [ "$1" = 0 ] || nothing_left
}

by_itself() { # RANGE TASK
    at 75 term "$1" "$2"
    said 'run it again'
    at 130 int "$1" "$2"
    said 'interrupted'
    at 130 int2 "$1" "$2"
    at 0 usr1 "$1" "$2"
    said 'image.raw: '
    again "$2"
}

# started COMMAND...: in the background, until the file 'there' is; 1: it ended before
started() {
    rm -f there
    "$@" 2>err &
    pid=$!
    until [ -e there ]; do
        kill -0 "$pid" 2>/dev/null || return 1
        sleep 0.02
    done
}

# ends STATUS: it does, and not too late
ends() {
    local got=0 began=$SECONDS

    wait "$pid" || got=$?
    n_checks=$((n_checks + 1))
    [ "$got" = "$1" ] || wrong "$what: status $got, expected $1 ($(cat err))"
    [ $((SECONDS - began)) -lt "$limit" ] || wrong "$what: it took $((SECONDS - began)) s to end"
}

is_stopped() {
    grep -q '^State:.T' "/proc/$pid/status"
}

# From outside, where the task has written so much of its shard.
while_it_writes() { # TASK
    local at n=0 rc

    for ((at = 1; ; at *= 3)); do
        what="SIGTERM at write $at of task $1 of $plan"
        rm -rf dir
        started env "LD_PRELOAD=$STOP_HERE_SO" "STOP_HERE=$here/there" "STOP_HERE_AT=$at" "$POOLSCAN" \
            scan -q --plan "$plan" --task "$1" --out-dir dir --chunk 64k -t 2 || break
        until is_stopped; do
            sleep 0.02
        done
        n=$((n + 1))
        [ -n "$(others dir)" ] || wrong "$what: it was not in the middle of its task"
        kill -TERM "$pid"
        kill -CONT "$pid"
        ends 75
        said 'run it again'
        [ -z "$(others dir)" ] || wrong "$what: left over: $(others dir)"
        [ "$at" != 1 ] || nothing_left
        again "$1"
    done
    wait "$pid"
    rc=$?
    what="task $1 of $plan"
    [ "$rc" = 0 ] || wrong "$what: status $rc ($(cat err))"
    [ "$n" -ge 2 ] || wrong "$what: stopped at $n places only"
}

# Nothing but the alarm gets it out of there, or who insists. A background job of a script ignores
# SIGINT from its start, unless the shell has job control.
on_a_dead_disk() { # STATUS SIGNAL...
    local signal

    what="${*:2} while the disk does not answer"
    rm -rf dir
    set -m
    started env "LD_PRELOAD=$BAD_DISK" BAD_DISK_FILE=image.raw BAD_DISK_RANGE=0x900000-0x908000 \
        BAD_DISK_READ=hang "BAD_DISK_SAID=$here/there" BAD_DISK_MAP=refuse "$POOLSCAN" scan -q \
        --plan "$plan" --task 1 --out-dir dir --chunk 64k -t 2 || wrong "$what: it does not hang"
    set +m
    [ -n "$(others dir)" ] || wrong "$what: it was not in the middle of its task"
    for signal in "${@:2}"; do
        kill -s "$signal" "$pid"
        sleep 0.2
    done
    ends "$1"
    nothing_left
}

plan=whole.plan
by_itself 0-4096 0
by_itself "$tables" 0
by_itself 0xa30000-0xa38000 0
while_it_writes 0
merged

plan=parts.plan
by_itself 0x900000-0x908000 1
by_itself "$tables" "$last"
while_it_writes 2
on_a_dead_disk 75 TERM
on_a_dead_disk 130 INT INT
merged
finish
