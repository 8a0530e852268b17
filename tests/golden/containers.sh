#!/usr/bin/env bash
# One system in every container: tests/recipes/containers/ as raw images, and what make_container
# writes of them. Findings, big pool, pool usage and translations are the same in each; what a
# FileOffset points to is the header. The writers share nothing with what is tested.
set -eu
export LC_ALL=C
: "${POOLSCAN:?}" "${MAKE_CONTAINER:?}" "${PS_SOURCE:?}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failed=0
n_rows=0
more=() # options of every verb

wrong() {
    echo "WRONG: $row: $*"
    failed=1
}

# wanted ROW: PS_ONLY is a part of its name
wanted() {
    [[ -z ${PS_ONLY:-} || $1 == *"$PS_ONLY"* ]]
}

# without_place: findings but for FileOffset and the image's name and identity
without_place() {
    sed -E 's/"FileOffset":("[^"]*"|null),?//; s/"Image":"[^"]*",?//; s/"ImageId":"[^"]*",?//' "$1"
}

# What info says of the Windows inside; how it was found may differ.
said='Architecture|Build|Dtb|Paging|KernelBase|KernelPdbGuid|PoolTrackTable|PoolTrackTableSize'
said+='|PoolBigPageTable|PoolBigPageTableSize|BigAllocations'
essentials() {
    sed -nE 's/.*"Variable":"('$said')","Value":([^,]*),.*/\1 \2/p' "$1"
}

# see VERB FILE WHAT [OPTION...]: what the verb prints, without places, is seen/WHAT
see() {
    local verb=$1 file=$2 what=$3

    shift 3
    "$POOLSCAN" "$verb" -q --format jsonl "$file" "${more[@]}" "$@" >"$what.jsonl" 2>said.txt || return 1
    without_place "$what.jsonl" >>"seen/$what"
}

# look FILE: all that is compared, as files in the folder seen/
look() {
    local address

    rm -rf seen
    mkdir seen
    see info "$1" info || return 1
    essentials info.jsonl >seen/info
    see scan "$1" findings "${all[@]}" || return 1
    see scan "$1" physical "${all[@]}" --physical-only || return 1
    see bigpools "$1" bigpools --raw --show-free || return 1
    see used "$1" used || return 1
    for address in $addresses; do
        see vtop "$1" vtop "$address" || return 1
    done
}

# system NAME [OPTION...]: the raw image that all others are compared with
system() {
    local what

    row="$1 raw"
    raw=$1.raw
    shift
    all=(--min-confidence 0 --include-copies --show-free "$@")
    addresses=
    "$POOLSCAN" mkimage -q "$PS_SOURCE/tests/recipes/containers/${raw%.raw}.recipe" "$raw" \
        --truth truth.jsonl
    "$POOLSCAN" scan -q --format jsonl "$raw" >findings.jsonl
    addresses=$(sed -n 's/.*"Allocation":"\([^"]*\)".*/\1/p' findings.jsonl | awk 'NR % 600 == 7')
    look "$raw" || wrong "$(head -n 1 said.txt)"
    rm -rf expected
    mv seen expected
    dtb=$(sed -n 's/^Dtb "\(.*\)"/\1/p' expected/info)
    for what in findings:1500 physical:1500 bigpools:150 used:3 info:11 vtop:10; do
        [ "$(wc -l <"expected/${what%:*}")" -ge "${what#*:}" ] ||
            wrong "only $(wc -l <"expected/${what%:*}") lines of ${what%:*}"
    done
    [ -n "$dtb" ] || wrong "no page tables"
    echo "$row: $(wc -l <expected/findings) findings, $(wc -l <expected/physical) physical," \
        "$(wc -l <expected/bigpools) rows of the big pool, $(wc -l <expected/vtop) lines of vtop"
}

# tags_stand FILE: some of the headers, by their FileOffset in it
tags_stand() {
    local n=0 offset tag found

    while read -r offset tag; do
        found=0x$(od -An -tx4 -j $((offset + 4)) -N 4 "$1" | tr -d ' ')
        [ "$found" = "$tag" ] || wrong "tag $tag at $offset of $1 is $found"
        n=$((n + 1))
    done < <(sed -n 's/.*"Source":"header".*"FileOffset":"\([^"]*\)".*"TagRaw":"\([^"]*\)".*/\1 \2/p' \
        findings.jsonl | awk 'NR % 150 == 1')
    [ "$n" -ge 10 ] || wrong "only $n headers with a FileOffset"
    printf ', %s tags read at FileOffset' "$n"
}

no_offsets() {
    if grep -q '"FileOffset":"' findings.jsonl physical.jsonl; then
        wrong "FileOffset in a container that has none"
    fi
    printf ', no FileOffset'
}

# compare NAME FILE [UNPACKED|none]: FILE against the raw image; UNPACKED is where FileOffset leads
# (otherwise FILE itself)
compare() {
    local what

    row="${raw%.raw} $1"
    if ! look "$2"; then
        if grep -q 'this build lacks' said.txt; then
            echo "$row: not compared, this build lacks the library"
            n_rows=$((n_rows + 1))
        else
            wrong "$(head -n 1 said.txt)"
        fi
        return
    fi
    for what in findings physical bigpools used info vtop; do
        if ! cmp -s "expected/$what" "seen/$what"; then
            wrong "$what of raw (<) and container (>) differ:"
            diff "expected/$what" "seen/$what" | cut -c 1-200 | head -n 8 || true
        fi
    done
    printf '%s: %s, %s findings' "$row" \
        "$(sed -n 's/.*"Container","Value":"\([^"]*\)".*/\1/p' info.jsonl)" "$(wc -l <seen/findings)"
    if [ "${3:-}" = none ]; then
        no_offsets
    else
        tags_stand "${3:-$2}"
    fi
    echo
    n_rows=$((n_rows + 1))
}

# write FORMAT FILE [OPTION...]
write() {
    local format=$1 file=$2

    shift 2
    "$MAKE_CONTAINER" "$format" "$raw" "$file" --dtb "$dtb" "$@"
}

# make NAME FORMAT [OPTION...]: write it and compare
make() {
    local name=$1 format=$2

    wanted "$1" || return 0
    shift 2
    write "$format" made "$@"
    compare "$name" made
    rm -f made
}

# make_vmware NAME WHICH [OPTION...]: WHICH is vmss or vmem, the file that is named
make_vmware() {
    local name=$1 which=$2

    wanted "$1" || return 0
    shift 2
    write vmware made.vmss "$@"
    if [ -e made.vmem ]; then
        compare "$name" "made.$which" made.vmem
    else
        compare "$name" "made.$which"
    fi
    rm -f made.*
}

# make_hiber NAME FORMAT [OPTION...]: FileOffset is null, the pages are packed
make_hiber() {
    local name=$1 format=$2

    wanted "$1" || return 0
    shift 2
    write "$format" made "$@"
    compare "$name" made none
    rm -f made
}

# pack NAME FORMAT 'OPTIONS' COMMAND...: write it, pack it with COMMAND (from its standard input to its
# standard output), and compare; FileOffset leads into what is packed
pack() {
    local name=$1 format=$2
    local -a options

    wanted "$1" || return 0
    read -ra options <<<"$3"
    shift 3
    write "$format" made "${options[@]}"
    "$@" <made >made.packed
    if [ "$format" = hiber8 ]; then
        compare "$name" made.packed none
    else
        compare "$name" made.packed made
    fi
    rm -f made made.packed
}

# zdmp [OPTION...]: for pack
zdmp() {
    "$MAKE_CONTAINER" zdmp made made.zdmp "$@"
    cat made.zdmp
    rm made.zdmp
}

# in_pieces COMMAND...: each 3 MB by itself, one behind the other
in_pieces() {
    split -b 3000000 --filter="$*"
}

# make_parts NAME FORMAT [OPTION...]
make_parts() {
    local name=$1 format=$2

    wanted "$1" || return 0
    shift 2
    write "$format" made "$@"
    split -b 7000001 --numeric-suffixes=1 -a 3 made made.
    compare "$name" made.001 made
    rm -f made made.0*
}

# places FILE: address, FileOffset and tag of each header
places() {
    sed -nE 's/.*"Source":"header","Offset":"([^"]*)","FileOffset":("[^"]*"|null).*"TagRaw":"([^"]*)".*/\1 \2 \3/p' \
        "$1" | tr -d '"'
}

# scan_cut FILE: the physical side of what is there
scan_cut() {
    "$POOLSCAN" scan -q "${all[@]}" --physical-only --format jsonl "$1" 2>said.txt
}

# cut_short NAME FORMAT [OPTION...]: a container of ascending runs that ends in the middle of a block,
# which gives what a raw image gives that ends there
cut_short() {
    local offset file_offset status

    wanted "$1" || return 0
    row="${raw%.raw} $1, cut"
    shift
    write "$1" made "${@:2}"
    scan_cut made >whole.jsonl || wrong "$(cat said.txt)"
    read -r offset file_offset _ < <(places whole.jsonl | awk '{ line[NR] = $0 }
        END { print line[int(NR * 0.6)] }')
    truncate -s $((file_offset + 100)) made
    cp --sparse=always "$raw" cut.raw
    truncate -s $((offset + 100)) cut.raw
    scan_cut cut.raw | without_place - >cut.expected
    status=0
    scan_cut made >cut.jsonl || status=$?
    if [ "$status" != 65 ]; then
        wrong "status $status, not 65: $(cat said.txt)"
    elif ! without_place cut.jsonl | cmp -s - cut.expected; then
        wrong "$(wc -l <cut.jsonl) findings, $(wc -l <cut.expected) expected"
    fi
    [ "$(wc -l <cut.expected)" -gt 500 ] || wrong "only $(wc -l <cut.expected) findings expected"
    echo "$row at $offset: $(wc -l <cut.jsonl) of $(wc -l <whole.jsonl) findings"
    rm -f made cut.*
    n_rows=$((n_rows + 1))
}

# cut_packed NAME FORMAT COMMAND...: what is found in the first two thirds of a file that is
# packed is some of what is found in all of it, and not too little
cut_packed() {
    local n status

    wanted "$1" || return 0
    row="${raw%.raw} $1, cut"
    write "$2" made
    shift 2
    "$@" <made >made.packed
    truncate -s $(($(stat -c %s made.packed) * 2 / 3)) made.packed
    scan_cut made >whole.jsonl || wrong "$(cat said.txt)"
    status=0
    scan_cut made.packed >cut.jsonl || status=$?
    if [ "$status" != 65 ] || [ ! -s cut.jsonl ]; then
        if grep -q 'this build lacks' said.txt; then
            echo "$row: not compared, this build lacks the library"
            n_rows=$((n_rows + 1))
        else
            wrong "status $status, not 65: $(cat said.txt)"
        fi
        return
    fi
    places whole.jsonl | cut -d ' ' -f 1,3 | sort >whole.places
    places cut.jsonl | cut -d ' ' -f 1,3 | sort >cut.places
    n=$(wc -l <cut.places)
    if [ -n "$(comm -13 whole.places cut.places)" ] || [ "$n" -lt $(($(wc -l <whole.places) / 4)) ]; then
        wrong "$n headers of $(wc -l <whole.places), $(comm -13 whole.places cut.places | wc -l) of them new"
    fi
    echo "$row: $n of $(wc -l <whole.places) headers"
    rm -f made made.packed cut.* whole.*
    n_rows=$((n_rows + 1))
}

. "$PS_SOURCE/tests/golden/containers_rows.sh"

x64_rows
x86_rows
echo "$n_rows containers"
[ "$n_rows" -ge "$n_expected" ] || [ -n "${PS_ONLY:-}" ]
[ "$n_rows" -ge 1 ] && [ "$failed" = 0 ]
