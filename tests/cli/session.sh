#!/bin/bash
# scan --session and --restore: killed at any moment, it goes on and ends with the bytes of a plain
# scan; what is not the same scan any more is refused.
# KILL_AT, BAD_DISK: the libraries of tests/support/kill_at.c and bad_disk.c, empty where they cannot
# be loaded. SEED: of the moments.
# shellcheck disable=SC2317 # expect calls functions by name
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$work" || exit 1
# The libraries come before the sanitizer's own.
export ASAN_OPTIONS=verify_asan_link_order=0:${ASAN_OPTIONS:-}
seed=${SEED:-$((16#$(od -An -N2 -tx2 /dev/urandom | tr -d ' ')))}
echo "SEED=$seed"
RANDOM=$seed
options=(--chunk 64k -t 2 -q)

"$POOLSCAN" mkimage -q sample a.raw || exit 1
"$POOLSCAN" mkimage -q "$PS_SOURCE/tests/recipes/24h2-x64.recipe" b.raw || exit 1
"$POOLSCAN" mkimage -q "$PS_SOURCE/tests/recipes/xp-x86.recipe" c.raw || exit 1
"$POOLSCAN" scan -q --format jsonl a.raw b.raw "$work/c.raw" >plain.jsonl || exit 1
"$POOLSCAN" scan -q --format csv --min-confidence 0 a.raw >plain.csv || exit 1
[ "$(wc -l <plain.jsonl)" -gt 1000 ] || wrong "only $(wc -l <plain.jsonl) findings"
images=(a.raw b.raw "$work/c.raw")
again=("$POOLSCAN" scan "${options[@]}" --session s --format jsonl -o out.jsonl "${images[@]}")

same() { # WHAT
    cmp -s out.jsonl plain.jsonl || wrong "$*: other bytes than a plain scan (SEED=$seed)"
    [ ! -e s ] || wrong "$*: the session is still there: $(ls -A s)"
    rm -rf s out.jsonl
}

# Bytes that a whole session writes, its shards kept.
whole_session() {
    rm -rf s
    expect 73 - "$POOLSCAN" scan "${options[@]}" --session s "${images[@]}" -o none/out.jsonl
    expect 0 0 "${again[@]}"
    same 'after an output that cannot be made'
    mkfifo fifo
    head -c 1 fifo >first &
    "${again[@]}" -o fifo 2>"$work/err"
    wait $!
    [ "$(find s -name 'task-*.shard' | wc -l)" = 3 ] || wrong "no three shards: $(ls -A s)"
    n_bytes=$(cat s/plan.jsonl s/settings.json s/task-* | wc -c)
    expect 0 0 "$POOLSCAN" -q --restore s -o out.jsonl
    same 'after a reader that went away'
}

go_on() { # COMMAND-PREFIX...: by --restore, or in the same words as before
    if [ -e s/plan.jsonl ] && [ $((RANDOM % 2)) = 0 ]; then
        "$@" "$POOLSCAN" "${options[@]}" --restore s
    else
        "$@" "${again[@]}"
    fi
}

# The shell tells of whom a signal ended, but not of its last command.
quietly() {
    ("$@"; exit $?)
}

# Killed once to three times, each after so many bytes more.
killed_by_bytes() {
    local i k at got
    for i in $(seq 20); do
        for k in $(seq $((1 + RANDOM % 3))); do
            at=$(((RANDOM << 15 | RANDOM) % n_bytes))
            got=0
            quietly go_on env LD_PRELOAD="$KILL_AT" KILL_AT_DIR="$work/s" KILL_AT_BYTES=$at \
                >out 2>err || got=$?
            n_checks=$((n_checks + 1))
            # The later runs write less than the first.
            [ "$got" = 137 ] || { [ "$got" = 0 ] && [ "$k" != 1 ]; } ||
                wrong "moment $i.$k, $at bytes: status $got ($(cat err)) (SEED=$seed)"
            [ "$got" = 0 ] && break
        done
        if [ "$got" != 0 ]; then
            expect 0 0 go_on
        fi
        same "moment $i, last at $at bytes"
    done
}

# Before each call that makes, syncs, moves or removes something.
killed_by_calls() {
    local call got
    for call in $(seq 200); do
        got=0
        quietly env LD_PRELOAD="$KILL_AT" KILL_AT_CALL="$call" "${again[@]}" >out 2>err || got=$?
        n_checks=$((n_checks + 1))
        [ "$got" != 0 ] || break
        [ "$got" = 137 ] || wrong "call $call: status $got ($(cat err))"
        expect 0 0 "${again[@]}"
        same "killed before call $call"
    done
    [ "$call" -gt 20 ] || wrong "only $call calls in a whole session"
    same "not killed any more"
}

# begin_and_kill PERCENT: a session of a.raw alone that has so much.
begin_and_kill() {
    local got=0
    rm -rf s
    quietly env LD_PRELOAD="$KILL_AT" KILL_AT_DIR="$work/s" KILL_AT_BYTES=$((n_a * $1 / 100)) \
        "$POOLSCAN" scan "${options[@]}" --session s --min-confidence 0 --format csv a.raw \
        >out 2>err || got=$?
    n_checks=$((n_checks + 1))
    [ "$got" = 137 ] || wrong "not killed at $1 percent: status $got"
}

restored() { # WHAT
    expect 0 0 "$POOLSCAN" -q --restore s
    cmp -s out plain.csv || wrong "$*: other bytes than a plain scan"
    [ ! -e s ] || wrong "$*: the session is still there"
}

damaged() {
    local shard=s/task-000000.shard size at
    begin_and_kill 90
    head -c 5000 /dev/urandom >>$shard
    restored 'random bytes at the end'
    begin_and_kill 90
    truncate -s +100000 $shard
    restored 'zeros at the end'
    for at in 1 10 50 90 99; do
        begin_and_kill 90
        size=$(stat -c %s $shard)
        truncate -s $((size * at / 100)) $shard
        restored "cut to $at percent"
        begin_and_kill 90
        printf 'damage' | dd of=$shard bs=1 seek=$((size * at / 100 - 6)) conv=notrunc status=none
        restored "damage at $at percent"
    done
    begin_and_kill 90
    : >$shard
    restored 'an empty shard'
    begin_and_kill 90
    head -c 20 s/plan.jsonl >p && mv p s/plan.jsonl
    expect 65 1 "$POOLSCAN" -q --restore s
    begin_and_kill 90
    echo '{}' >s/settings.json
    expect 65 1 "$POOLSCAN" -q --restore s
    expect_said 'settings.json'
}

refused() {
    begin_and_kill 50
    cp a.raw kept.raw
    printf 'x' | dd of=a.raw bs=1 seek=100 conv=notrunc status=none
    expect 65 2 "$POOLSCAN" --restore s
    expect_said 'a.raw: this is not the image'
    expect_said 'poolscan --restore s goes on'
    expect_silent_stdout
    expect 73 1 "$POOLSCAN" scan --session s --min-confidence 0 a.raw
    expect_said 'have changed'
    cp kept.raw a.raw
    expect 73 1 "$POOLSCAN" scan --session s a.raw
    expect_said 'other images or options'
    expect 73 1 "$POOLSCAN" scan --session s --min-confidence 0 a.raw b.raw
    expect 64 1 "$POOLSCAN" --restore s --min-confidence 0
    expect 64 1 "$POOLSCAN" --restore s a.raw
    expect 64 1 "$POOLSCAN" scan --session s --skip 4k a.raw
    expect 64 1 "$POOLSCAN" scan --session s --restore s
    in_use() { flock s/lock "$@"; }
    expect 75 1 in_use "$POOLSCAN" --restore s
    expect_said 'another process'
    restored 'what was refused'
    # Other words for the same session, and another output.
    begin_and_kill 50
    expect 0 0 "$POOLSCAN" -q --restore s -o other.csv
    cmp -s other.csv plain.csv || wrong "--restore -o: other bytes"
    expect 66 1 "$POOLSCAN" --restore s
    expect 66 1 "$POOLSCAN" scan --session s missing.raw
    expect_said 'missing.raw'
    expect_silent_stdout
    [ ! -e s ] || wrong "a session that could not begin left something behind"
    mkdir other && touch other/file
    expect 73 1 "$POOLSCAN" scan --session other a.raw
    [ "$(ls other)" = file ] || wrong "a folder that is no session was changed"
    echo 'QQQQ - a - b' >my.tags
    expect 74 - with_limit "$POOLSCAN" scan -q --session s --tag-file my.tags a.raw
    echo 'QQQQ - a - c' >my.tags
    expect 65 1 "$POOLSCAN" -q --restore s
    expect_said 'not what it was'
    rm -rf s
}

with_limit() {
    (
        ulimit -f 16
        "$@"
    )
}

full_disk() {
    expect 74 1 with_limit "$POOLSCAN" scan "${options[@]}" --session s --min-confidence 0 \
        --format csv a.raw
    expect_said 'cannot write the shard'
    restored 'after a limit on files'
    mkdir small
    if mount -t tmpfs -o size=200k poolscan-test small 2>/dev/null; then
        expect 74 1 "$POOLSCAN" scan "${options[@]}" --session small/s --min-confidence 0 \
            --format csv a.raw
        expect_said 'disk is full'
        mount -o remount,size=64m small
        expect 0 0 "$POOLSCAN" -q --restore small/s
        cmp -s out plain.csv || wrong "after a full disk: other bytes"
        umount small
    else
        skip_line "a small tmpfs cannot be mounted here"
    fi
}

# What is recorded is not read again, and SIGTERM leaves the rest for later.
goes_on() {
    local disk=(env "LD_PRELOAD=$BAD_DISK" BAD_DISK_FILE=a.raw BAD_DISK_MAP=refuse
        BAD_DISK_RANGE=0xa30000-0xa38000)
    begin_and_kill 90
    expect 0 0 "${disk[@]}" BAD_DISK_READ=eio "$POOLSCAN" -q --restore s
    cmp -s out plain.csv || wrong "on a disk with bad pages that were read before: other bytes"
    expect 75 2 "${disk[@]}" BAD_DISK_READ=term "$POOLSCAN" scan --chunk 64k --session s \
        --min-confidence 0 --format csv a.raw
    expect_said 'goes on'
    restored 'after SIGTERM'
    # What an image lacks is reported as a plain scan reports it.
    expect 74 1 "${disk[@]}" BAD_DISK_READ=eio "$POOLSCAN" scan -q --format csv a.raw
    cp out lacking.csv
    expect 74 1 "${disk[@]}" BAD_DISK_READ=eio "$POOLSCAN" scan -q --session s --format csv a.raw
    cmp -s out lacking.csv || wrong "an image with bad pages: other bytes"
    [ ! -e s ] || wrong "an image with bad pages: the session is still there"
}

# without_time FILE: what was said, in any order, without how long it took and what did it
without_time() {
    sed -E 's/ in [0-9.]+ s, [^(]*\([^)]*\)//' "$1" | sort
}

# as_plain STATUS WHAT IMAGE|OPTION...: a session ends as the plain scan of the same words
as_plain() {
    local want=$1 what=$2

    shift 2
    expect "$want" - "$POOLSCAN" scan --format jsonl "$@"
    mv out plain.out
    without_time err >plain.said
    expect "$want" - "$POOLSCAN" scan --session s --format jsonl "$@"
    cmp -s out plain.out || wrong "$what: other bytes than a plain scan"
    cmp -s <(without_time err) plain.said || wrong "$what: other words: $(without_time err | diff - plain.said)"
    [ ! -e s ] || wrong "$what: the session is still there"
}

# An image that gives nothing does not keep the others from being scanned.
some_fail() {
    local dtb

    printf 'EVF\x09\x0d\x0a\xff\0' >bad.E01
    head -c 5000000 a.raw >short.raw
    as_plain 66 'one that is missing' a.raw missing.raw "$work/b.raw"
    as_plain 66 'the first is missing' missing.raw bad.E01 a.raw
    as_plain 65 'the last is damaged' a.raw bad.E01
    [ -s plain.out ] || wrong "nothing was found beside what is damaged"
    as_plain 66 'none is there' missing.raw gone.raw
    dtb=$("$POOLSCAN" info --format jsonl a.raw | sed -n 's/.*"Dtb","Value":"\(0x[0-9a-f]*\)".*/\1/p')
    as_plain 64 'a DTB that is not of all' a.raw b.raw a.raw --dtb "$dtb"
    [ "$(wc -l <plain.out)" -gt 1000 ] || wrong "a DTB that is not of all: only $(wc -l <plain.out) findings"

    # One that goes away before its turn may come again.
    cp a.raw gone.raw
    "$POOLSCAN" scan -q missing.raw gone.raw a.raw --format jsonl >plain.out 2>/dev/null
    mkfifo reader
    head -c 1 reader >first &
    "$POOLSCAN" scan -q --session s missing.raw gone.raw a.raw --format jsonl -o reader 2>err
    wait $!
    [ -e s/plan.jsonl ] || wrong "no session is kept: $(cat err)"
    rm s/task-000000.shard
    mv gone.raw kept.raw
    expect 66 - "$POOLSCAN" --restore s -o -
    expect_said 'missing.raw'
    expect_said 'gone.raw'
    expect_said 'poolscan --restore s goes on'
    "$POOLSCAN" scan -q a.raw --format jsonl | cmp -s - out || wrong "one that went away: other bytes"
    mv kept.raw gone.raw
    expect 66 - "$POOLSCAN" --restore s -o -
    cmp -s out plain.out || wrong "one that came again: other bytes"
    [ ! -e s ] || wrong "one that came again: the session is still there"
}

# Databases too; packed images, the first of which is unpacked when the session begins.
other_formats() {
    if "$POOLSCAN" --version -v | grep -q '^features: .*+sqlite'; then
        "$POOLSCAN" scan -q a.raw b.raw --format sqlite -o plain.db
        expect 0 0 "$POOLSCAN" scan -q --session s a.raw b.raw --format sqlite -o out.db
        cmp -s plain.db out.db || wrong "a session gives another database"
        rm out.db
        begin_and_kill 60
        expect 0 0 "$POOLSCAN" -q --restore s --format sqlite -o out.db
        "$POOLSCAN" scan -q --min-confidence 0 a.raw --format sqlite -o plain.db
        cmp -s plain.db out.db || wrong "a session that was restored gives another database"
    else
        skip_line "this build has no sqlite"
    fi
    if gzip -c a.raw >a.gz && gzip -c c.raw >c.gz && "$POOLSCAN" info a.gz >/dev/null 2>&1; then
        as_plain 0 'packed images' a.gz "$work/b.raw" "$work/c.gz"
    fi
}

whole_session
full_disk
some_fail
if [ -n "${KILL_AT:-}" ]; then
    n_a=0
    LD_PRELOAD="$KILL_AT" KILL_AT_DIR="$work/s" KILL_AT_BYTES=999999999 "$POOLSCAN" scan \
        "${options[@]}" --session s --min-confidence 0 a.raw -o fifo 2>/dev/null &
    head -c 1 fifo >first
    wait $!
    n_a=$(cat s/plan.jsonl s/settings.json s/task-* | wc -c)
    rm -rf s
    killed_by_bytes
    killed_by_calls
    damaged
    refused
    goes_on
    other_formats
else
    skip_line "kill -9 at chosen moments: nothing can be preloaded under this sanitizer"
fi
finish
