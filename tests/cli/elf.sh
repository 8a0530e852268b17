#!/usr/bin/env bash
# The extents of ELF cores are what readelf reads in them: both classes, each way that
# make_container writes them, overlaps and PN_XNUM included.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
: "${MAKE_CONTAINER:?}"
command -v readelf >/dev/null || { skip_line "readelf is not installed"; exit 77; }

# Pages of one letter each: no page is zero, so that no part of a file is a hole.
for letter in A B C D E F G H; do
    head -c 16384 /dev/zero | tr '\0' "$letter"
done >"$work/memory.raw"

# said FILE: "address offset" of each page that a PT_LOAD has, the first PT_LOAD of a page only.
said() {
    local off phys size at
    readelf -lW "$1" 2>/dev/null | awk '$1 == "LOAD" { print $2, $4, $5 }' |
        while read -r off phys size; do
            for ((at = 0; at < size; at += 4096)); do
                printf '%d %d\n' $((phys + at)) $((off + at))
            done
        done | awk '!seen[$1]++' | sort -n
}

# listed FILE: the same of the extents.
listed() {
    local begin end off
    "$POOLSCAN" info -q --format jsonl "$1" 2>/dev/null |
        sed -n 's/.*"Extent","Value":"\([^-]*\)-\([^"]*\)","How":"file offset \([^"]*\)".*/\1 \2 \3/p' |
        while read -r begin end off; do
            for (( ; begin < end; begin += 4096, off += 4096)); do
                printf '%d %d\n' $((begin)) $((off))
            done
        done
}

# core NAME PAGES FORMAT OPTION...: info calls it NAME, and PAGES of it are there.
core() {
    local name=$1 pages=$2
    shift 2
    n_checks=$((n_checks + 1))
    "$MAKE_CONTAINER" "$1" "$work/memory.raw" "$work/core" "${@:2}" || wrong "make_container $*"
    said "$work/core" >"$work/said"
    listed "$work/core" >"$work/listed"
    cmp -s "$work/said" "$work/listed" ||
        wrong "$*: readelf and info differ: $(diff "$work/said" "$work/listed" | head -n 6)"
    [ "$(wc -l <"$work/listed")" = "$pages" ] || wrong "$*: $(wc -l <"$work/listed") pages, not $pages"
    "$POOLSCAN" info -q --format jsonl "$work/core" 2>/dev/null | grep -qF "\"Value\":\"$name\"" ||
        wrong "$*: info does not say $name"
}

runs=0x1000-0x4000,0x6000-0x7000,0x8000-0x10000,0x12000-0x20000
for class in 64 32; do
    core "ELF core ($class-bit)" 32 elf$class
    core "ELF core ($class-bit)" 26 elf$class --runs $runs
    core "ELF core ($class-bit)" 26 elf$class --runs $runs --split 0x2000
    core "ELF core ($class-bit)" 26 elf$class --runs $runs --xnum
    core "ELF core ($class-bit, QEMU)" 26 elf$class --variant qemu --runs $runs --processors 3 --dtb 0x1000
    core "ELF core ($class-bit, QEMU)" 26 elf$class --variant paging --runs $runs
done
core "ELF core (64-bit, VirtualBox)" 26 elf64 --variant vbox --runs $runs --dtb 0x1000
finish
