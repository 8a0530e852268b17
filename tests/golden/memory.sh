#!/usr/bin/env bash
# What frames are used for: the PFN database of each layout is found, and pages that processes, files
# and the free list have are told apart, compared with the list that the builder wrote.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failed=0
n=0

# one NAME HOW [NAME=VALUE...]: HOW is what info says of how the database was found
one() {
    local name=$1 how=$2 planted found
    shift 2
    printf '%-10s' "$name"
    "$POOLSCAN" mkimage "$PS_SOURCE/tests/recipes/memory/uses.recipe" image.raw --truth truth.jsonl -q "$@"
    "$POOLSCAN" info --format jsonl image.raw >info.jsonl 2>/dev/null
    planted=$(sed -n 's/.*"PfnDatabase":"\([^"]*\)".*/\1/p' truth.jsonl)
    found=$(sed -n 's/.*"MmPfnDatabase","Value":"\([^"]*\)","How":"\([^,]*\),.*/\1 \2/p' info.jsonl)
    if [ "$found" != "$planted $how" ]; then
        echo "$name: the PFN database is at $planted by $how, found: $found"
        failed=1
    fi
    "$POOLSCAN" scan -q --min-confidence 0 --format jsonl --include-copies --all-headers image.raw >found.jsonl
    awk -f "$PS_SOURCE/tests/golden/memory.awk" truth.jsonl found.jsonl || failed=1
    # The same bytes by any number of threads.
    "$POOLSCAN" scan -q --min-confidence 0 --format jsonl --include-copies --all-headers -t 5 --chunk 12k image.raw |
        cmp -s - found.jsonl || { echo "$name: other threads, other findings"; failed=1; }
    n=$((n + 1))
}

x64_classic=(KERNEL=0xfffff80002a00000 IMAGE=0xfffff88001000000 CACHE=0xfffff98000000000
    NP=0xfffffa8010000000 NP_BIG=0xfffffa8013000000 NP_CONT=0xfffffa8015000000
    BIG=0xfffffa8012000000 PAGED=0xfffff8a000101000 PAGED_BIG=0xfffff8a001000000
    PROTO=0xfffff8a000800000 USER_NEXT=0x7ff610000000)
x64_segment=(NP_BIG=0xffffa58f13000000 NP_CONT=0xffffa58f15000000
    PAGED_BIG=0xffffd70e41000000 USER_NEXT=0x7ff610000000)
x86=(ARCH=x86 KUSER=0xffdf0000 KERNEL=0x81c00000 IMAGE=0x8b000000 CACHE=0xa0000000
    NP=0x85800000 NP_BIG=0x87000000 NP_CONT=0x88000000 BIG=0x86000000 PAGED=0x90101000
    PAGED_BIG=0x91000000 PROTO=0x93000000 USER=0x10000000 USER_NEXT=0x20000000 PFN=0x83000000)
data='pointer in the data of the Windows kernel'

one xp-x86 "$data" BUILD=2600 MODE=x86 "${x86[@]}" KIND=classic
one xp-pae "$data" BUILD=2600 MODE=pae "${x86[@]}" KIND=classic
one 2003-x64 "$data" BUILD=3790 "${x64_classic[@]}" PFN=0xfffffadf00000000 KIND=classic
one vista-x86 "$data" BUILD=6002 MODE=x86 "${x86[@]}" KIND=classic
one win7-pae "$data" BUILD=7601 MODE=pae "${x86[@]}" KIND=classic
one win7-x64 'fixed address' BUILD=7601 "${x64_classic[@]}" PFN=0xfffffa8000000000 KIND=classic
one win8-x86 "$data" BUILD=9200 MODE=x86 "${x86[@]}" KIND=classic
one 1511-x64 'fixed address' BUILD=10586 "${x64_classic[@]}" PFN=0xfffffa8000000000 KIND=classic
one 1709-x64 "$data" BUILD=16299 "${x64_classic[@]}" KIND=classic
one 22h2-x86 "$data" BUILD=19045 MODE=pae "${x86[@]}" KIND=lfh
one 22h2-x64 "$data" BUILD=19045 "${x64_segment[@]}" KIND=lfh
# A kernel of the built-in list, at the place that it gives MmPfnDatabase.
one 7601-known symbol BUILD=7601 "${x64_classic[@]}" KSIZE=0x400000 AT=0x29d280 \
    GUID=339E74133576439CBCDF7E0229DA3773 KIND=classic
one 24h2-x64 "$data" BUILD=26100 "${x64_segment[@]}" KIND=vs

# ptov says who has a page that nothing maps: frames of the last image.
while IFS=: read -r at use; do
    "$POOLSCAN" ptov image.raw "$at" 2>said >/dev/null || true
    grep -q "by the PFN database it is $use" said || { echo "ptov $at: $(cat said)"; failed=1; }
done <<<"500000:of a process
540000:of a file
560000:free
580000:free"

echo "$n images"
[ "$n" = 13 ] && [ "$failed" = 0 ]
