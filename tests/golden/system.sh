#!/usr/bin/env bash
# The virtual side against recipes with page tables (tests/recipes/system/): version, tables,
# Windows kernel, the big-pool table, and the address of each allocation, compared with the list that the
# builder wrote. The builder shares no code with what is tested.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failed=0

wrong() {
    echo "$name: $*"
    failed=1
}

# field FILE KEY: of the first line
field() {
    sed -n "1s/.*\"$2\":\"\{0,1\}\([^\",}]*\).*/\1/p" "$1"
}

# same WHAT LISTING: both directions
same() {
    awk -v what="$1" -f "$PS_SOURCE/tests/golden/system.awk" truth.jsonl | sort >planted.txt
    awk -v what="$1" -f "$PS_SOURCE/tests/golden/system.awk" \
        load=1 truth.jsonl load=0 "$2" | sort >found.txt
    if [ ! -s planted.txt ]; then
        wrong "no $1 is planted"
    elif ! cmp -s planted.txt found.txt; then
        wrong "$1: planted (<) and found (>) differ:"
        diff planted.txt found.txt | head -n 20 || true
    fi
    printf ' %s %s' "$1" "$(wc -l <found.txt)"
}

# said KEY VARIABLE: what info says of it is what is planted, letters and leading zeros aside
said() {
    local planted found

    planted=$(field truth.jsonl "$1")
    [ -n "$planted" ] || return 0
    found=$(sed -n "s/.*\"Variable\":\"$2\",\"Value\":\"\([^\"]*\)\".*/\1/p" info.jsonl | head -n 1)
    case $planted in
    0x*)
        if [ -z "$found" ] || [ "$((planted))" -ne "$((found))" ]; then
            wrong "$2 is $planted, found $found"
        fi
        ;;
    "$found") ;;
    *) wrong "$2 is $planted, found $found" ;;
    esac
}

# addresses KEY STEP UNIT
addresses() {
    awk -v key="$1" -v step="$2" -v unit="$3" -f "$PS_SOURCE/tests/golden/addresses.awk" truth.jsonl
}

# Some of the mapped headers, by its address.
translate() {
    local n=0 offset allocation

    while read -r offset allocation; do
        "$POOLSCAN" vtop --format jsonl image.raw "$allocation" >walk.jsonl 2>/dev/null || true
        grep -q "\"Level\":\"result\".*\"Physical\":\"$offset\"" walk.jsonl ||
            wrong "$allocation is at $offset, vtop says: $(tail -n 1 walk.jsonl)"
        n=$((n + 1))
    done <<<"$(addresses Offset 150 "$1")"
    [ "$n" -gt 5 ] || wrong "only $n addresses"
    printf ' vtop %s' "$n"
}

# The same for what is paged out: read from the page file, and said to be in it without one.
read_page_file() {
    local n=0 place allocation

    while read -r place allocation; do
        "$POOLSCAN" vtop --format jsonl image.raw "$allocation" --pagefile page.sys >walk.jsonl
        grep -q "page file 0, byte $place, read from it" walk.jsonl ||
            wrong "$allocation is at $place of the page file, vtop says: $(tail -n 1 walk.jsonl)"
        n=$((n + 1))
    done <<<"$(addresses PageFile 25 "$1")"
    [ "$n" -gt 1 ] || wrong "only $n addresses in the page file"
    printf ' paged-out %s' "$n"
}

n=0
for recipe in "$PS_SOURCE"/tests/recipes/system/*.recipe; do
    name=$(basename "$recipe" .recipe)
    printf '%-10s' "$name"
    "$POOLSCAN" mkimage "$recipe" image.raw --truth truth.jsonl --pagefile-out page.sys -q
    "$POOLSCAN" info --format jsonl image.raw >info.jsonl 2>/dev/null
    said DTB Dtb
    said KernelBase KernelBase
    said PdbName KernelPdb
    said PdbGuid KernelPdbGuid
    said PdbAge KernelPdbAge
    said TrackerTable PoolTrackTable
    said TrackerSlots PoolTrackTableSize
    said BigPoolTable PoolBigPageTable
    said BigPoolSlots PoolBigPageTableSize
    "$POOLSCAN" bigpools --raw --show-free --format jsonl image.raw >big.jsonl 2>said.txt
    table="$(field truth.jsonl BigPoolTable) .*: $(field truth.jsonl BigPoolSlots) slots"
    grep -q "table at $table" said.txt || wrong "no big-pool table at $table: $(cat said.txt)"
    same big big.jsonl
    if grep -q '"Kind":"tag"' truth.jsonl; then
        "$POOLSCAN" used --format jsonl image.raw >used.jsonl 2>/dev/null
        same tag used.jsonl
    fi
    "$POOLSCAN" scan -q --include-copies --min-confidence 0 --format jsonl image.raw >scan.jsonl
    same live scan.jsonl
    same header scan.jsonl
    same content scan.jsonl
    "$POOLSCAN" scan -q --min-confidence 0 --format jsonl image.raw --pagefile page.sys >scan.jsonl
    same paged-out scan.jsonl
    case $name in
    *x64) unit=16 ;;
    *) unit=8 ;;
    esac
    translate "$unit"
    read_page_file "$unit"
    echo
    n=$((n + 1))
done
echo "$n images"
[ "$n" -ge 10 ] && [ "$failed" = 0 ]
