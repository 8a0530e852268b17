#!/bin/bash
# used on an image written here, byte by byte: page tables, a tracker table, a page of blocks.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

image=$work/image.raw
dd if=/dev/zero of="$image" bs=4096 count=64 2>/dev/null

# put WIDTH OFFSET VALUE: little-endian
put() {
    local i text=
    for ((i = 0; i < $1; i++)); do
        text+=$(printf '\\x%02x' $((($3 >> (8 * i)) & 255)))
    done
    printf '%b' "$text" | dd of="$image" bs=1 seek=$(($2)) conv=notrunc 2>/dev/null
}

# Top table in frame 2, self-map in slot 0x1ed; fffff80000400000 + n pages is frame n.
put 8 0x2f68 0x2063
put 8 0x2f80 0x3063
put 8 0x3000 0x4063
put 8 0x4010 0x5063
for ((frame = 6; frame < 64; frame++)); do
    put 8 $((0x5000 + 8 * frame)) $((frame << 12 | 0x63))
done

# tag TEXT: the dword
tag() {
    printf '%d' "0x$(printf '%s' "$1" | od -An -tx1 | awk '{print $4 $3 $2 $1}')"
}

# Table of 257 slots of 0x38 bytes in frames 16 to 19, pointer to it in frame 8. All tags have
# their home free, or the next slot.
table=0x10000
put 8 0x8010 0xfffff80000410000

# entry TAG NPBYTES NPALLOCS NPFREES PBYTES PALLOCS PFREES
declare -A taken
entry() {
    local t product slot at i
    t=$(tag "$1")
    product=$((t * 40543))
    slot=$(((product ^ (product >> 32)) & 255))
    while [ -n "${taken[$slot]:-}" ]; do
        slot=$(((slot + 1) & 255))
    done
    taken[$slot]=1
    at=$((table + slot * 0x38))
    put 4 "$at" "$t"
    for ((i = 1; i <= 6; i++)); do
        shift
        put 8 $((at + 8 * i)) "$1"
    done
}
for ((i = 10; i < 30; i++)); do
    entry "Tg$i" $((i * 64)) "$i" 0 0 0 0
done
entry Abcd 4096 12 10 0 5 5
entry Page 0 3 3 8192 9 2

# Two blocks of Abcd fill frame 40; the protected bit of the second one is set.
put 4 0x28000 0x02800000
put 4 0x28004 "$(tag Abcd)"
put 4 0x28800 0x02800080
put 4 0x28804 $(($(tag Abcd) | 0x80000000))
# And one whose tag the tracker does not know, frame 41, with another that it does.
put 4 0x29000 0x02800000
put 4 0x29004 "$(tag Xyzw)"
put 4 0x29800 0x03800080
put 4 0x29804 "$(tag Page)"

# row TAG: its line of the last output
row() {
    grep "\"Tag\":\"$1\"" "$work/out"
}

# has TAG TEXT: the row of TAG has TEXT
has() {
    row "$1" | grep -qF -- "$2" || wrong "$1 lacks $2: $(row "$1")"
}

expect 0 - "$POOLSCAN" used "$image" --format jsonl
expect_said 'tracker table by data-scan, layout 1709-x64: 257 slots, 22 of 22 tags obey the hash'
expect_said '22 tags, 29056 nonpaged and 8192 paged bytes by the tracker'
expect_said 'equals allocs - frees for 1 of them, 20 have allocations of which none is found'
expect_said '1 of these not in the tracker'
[ "$(wc -l <"$work/out")" = 23 ] || wrong "not 23 rows: $(cat "$work/out")"
has Abcd '"NonPagedAllocs":12,"NonPagedFrees":10,"NonPagedDiff":2,"NonPagedUsed":4096'
has Abcd '"PagedAllocs":5,"PagedFrees":5,"PagedDiff":0,"PagedUsed":0'
has Abcd '"HeaderBlocks":2,"HeaderBytes":4096,"BigAllocations":0,"BigBytes":0'
has Page '"PagedDiff":7,"PagedUsed":8192,"HeaderBlocks":1,"HeaderBytes":2048'
has Tg29 '"NonPagedDiff":29,"NonPagedUsed":1856'
has Xyzw '"NonPagedAllocs":null'
has Xyzw '"HeaderBlocks":1'
head -1 "$work/out" | grep -q Abcd || wrong "most nonpaged first: $(head -1 "$work/out")"
tail -1 "$work/out" | grep -q Xyzw || wrong "unknown to the tracker last: $(tail -1 "$work/out")"

# first SORT: the tags of the first rows, in that order
first() {
    expect 0 0 "$POOLSCAN" used -q "$image" --format jsonl --sort "$1"
    head -3 "$work/out" | grep -o '"Tag":"[^"]*"' | cut -d'"' -f4 | tr '\n' ' '
}
[ "$(first paged)" = "Page Abcd Tg10 " ] || wrong "sort paged: $(first paged)"
[ "$(first diff)" = "Tg29 Tg28 Tg27 " ] || wrong "sort diff: $(first diff)"
[ "$(first tag)" = "Abcd Page Tg10 " ] || wrong "sort tag: $(first tag)"

expect 0 - "$POOLSCAN" used "$image" --tags 'Tg1?,Page' --format csv
[ "$(wc -l <"$work/out")" = 12 ] || wrong "eleven tags: $(cat "$work/out")"
expect 0 - "$POOLSCAN" used "$image" --format table
grep -q '^Abcd  *12 ' "$work/out" || wrong "table: $(cat "$work/out")"
expect 0 - "$POOLSCAN" used "$image" --format json
expect 64 1 "$POOLSCAN" used "$image" --sort size
expect 64 1 "$POOLSCAN" used

# The same output for any number of threads and any kernel.
"$POOLSCAN" used -q "$image" --format jsonl -t 1 --kernel scalar >"$work/one"
"$POOLSCAN" used -q "$image" --format jsonl -t 3 --io read >"$work/three"
cmp -s "$work/one" "$work/three" || wrong "threads change the output"

expect 0 1 "$POOLSCAN" info "$image" --format jsonl
grep '"Variable":"PoolTrackTable"' "$work/out" | grep -q '"Value":"0xfffff80000410000","How":"data-scan, pointer at 0xfffff80000408010, 22 of 22' ||
    wrong "info: $(grep Track "$work/out")"
grep -q '"Variable":"PoolTrackTableSize","Value":"257"' "$work/out" || wrong "info: no size"

# Without the pointer there is no tracker table: what was found is listed all the same.
put 8 0x8010 0
expect 0 - "$POOLSCAN" used "$image" --format jsonl
expect_said 'no pool tracker table found'
[ "$(wc -l <"$work/out")" = 3 ] || wrong "not 3 rows: $(cat "$work/out")"
has Abcd '"NonPagedAllocs":null'
has Abcd '"HeaderBlocks":2'
dd if="$image" of="$work/tail.raw" bs=4096 skip=40 2>/dev/null
expect 0 - "$POOLSCAN" used "$work/tail.raw" --format jsonl
expect_said 'no page tables'
has Abcd '"HeaderBlocks":2'
expect 66 1 "$POOLSCAN" used "$work/nowhere"
finish
