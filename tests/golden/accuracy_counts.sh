#!/usr/bin/env bash
# The program that golden/accuracy counts with, on lists short enough to count by hand.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# planted OFFSET STATE [COPY [INBIG [ALLOCATOR [PREVIOUSSIZE [LINE]]]]]
planted() {
    printf '{"Offset":%s,"Tag":"Proc","TagRaw":"0x636f7250","NumberOfBytes":64,"PreviousSize":%s,"State":"%s","Allocator":"%s","Copy":%s,"Line":%s,"Allocation":"0x00000000%s","InBigPool":%s}\n' \
        "$1" "${6:-0}" "$2" "${5:-classic}" "${3:-false}" "${7:-1}" 80001000 "${4:-null}"
}

# found OFFSET STATUS CONFIDENCE [BYTES]
found() {
    printf '{"Source":"header","Offset":%s,"Allocation":"0x0000000080001000","TagRaw":"0x636f7250","NumberOfBytes":%s,"Status":"%s","Confidence":%s}\n' \
        "$1" "${4:-64}" "$2" "$3"
}

{
    echo '{"Kind":"system","DTB":"0x1000"}'
    planted '"0x1000"' allocated
    planted '"0x1040"' allocated
    planted '"0x1080"' allocated
    planted '"0x10c0"' allocated
    planted '"0x1100"' free
    planted '"0x1140"' stale
    planted '"0x1180"' stale
    planted '"0x11c0"' allocated true
    planted '"0x1200"' allocated false '"0x80000000"'
    planted '"0x1240"' allocated false null lfh 3
    planted '"0x1280"' decoy false null none
    planted '"0x12c0"' allocated false null classic 0 7
    planted null allocated
} >planted.jsonl
{
    found '"0x1000"' Allocated 95
    found '"0x1040"' Unknown 45
    found '"0x1080"' Stale 55
    found '"0x1100"' Free 30
    found '"0x1140"' Stale 80
    found '"0x1180"' Allocated 85
    found '"0x11c0"' Stale 10
    found '"0x1200"' Unknown 20
    found '"0x1240"' Unknown 60
    found '"0x1280"' Allocated 50 999
    found '"0x12c0"' Allocated 70
    found '"0x1300"' Allocated 5
    found '"0x1000"' Unknown 40 32
    found null Allocated 100
    echo '{"Source":"bigpool","Offset":"0x2000","TagRaw":"0x636f7250","NumberOfBytes":64,"Status":"Allocated","Confidence":100}'
} >found.jsonl

failed=0
# same COUNTS THRESHOLD [OPTION...]
same() {
    local want=$1 at=$2 got
    shift 2
    got=$("$MEASURE" --leftover 7 "$@" image mode planted.jsonl found.jsonl | grep "^image,mode,$at,")
    if [ "$got" != "image,mode,$at,$want" ]; then
        echo "threshold $at $*: counted $got, there are $want"
        failed=1
    fi
}

# live, and of them as Allocated, Free, Stale, Unknown; free; stale; leftover; content; copy; second;
# decoy; unplanned.
same 5,2,0,1,1,1,0,1,0,0,2,1,0,1,0,1,1,0,0,0,1,0,0,0,1,1,0,0,1,0,1,0,0,0,1,1,1,0,0,0,1,0,0,1 0
same 5,2,0,1,0,1,0,0,0,0,2,1,0,1,0,1,1,0,0,0,1,0,0,0,0,1,0,0,0,0,1,0,0,0,1,1,1,0,0,0,0,0,0,0 50
same 5,2,0,0,0,1,0,0,0,0,2,0,0,0,0,1,0,0,0,0,1,0,0,0,0,1,0,0,0,0,1,0,0,0,0,1,0,0,0,0,0,0,0,0 90
# What a page file holds cannot be found without page tables.
same 4,2,0,1,1,1,0,1,0,0,2,1,0,1,0,1,1,0,0,0,1,0,0,0,1,1,0,0,1,0,1,0,0,0,1,1,1,0,0,0,1,0,0,1 0 --no-page-file
# Nor other tags, which no scan was asked for: none is left.
same 0,2,0,1,1,0,0,1,0,0,0,1,0,1,0,0,1,0,0,0,0,0,0,0,1,0,0,0,1,0,0,0,0,0,1,0,1,0,0,0,1,0,0,1 0 --without Pro
same 5,2,0,1,1,1,0,1,0,0,2,1,0,1,0,1,1,0,0,0,1,0,0,0,1,1,0,0,1,0,1,0,0,0,1,1,1,0,0,0,1,0,0,1 0 --without Prox

{
    "$MEASURE" --heading
    "$MEASURE" --leftover 7 image tables planted.jsonl found.jsonl
} >counts.csv
# Listed 4 of 5 live ones; 2 live among 6 Allocated; of 8 real ones listed three are wrong.
want="image tables 80.00 33.33 37.50 40.00"
got=$(awk -v what=check -v at=0 -f "$PS_SOURCE/tests/accuracy/table.awk" counts.csv)
if [ "$got" != "$want" ]; then
    echo "figures: $got, by hand $want"
    failed=1
fi
[ "$failed" = 0 ]
