#!/usr/bin/env bash
# E01 images that ewfacquire wrote give the findings of the raw image; damage in them is told. Skipped
# where ewfacquire is missing or poolscan was built without libewf.
set -eu
: "${POOLSCAN:?}" "${MAKE_CONTAINER:?}"

if ! command -v ewfacquire >/dev/null; then
    echo "ewfacquire (ewf-tools) is missing: not compared"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failed=0
n_compared=0

wrong() {
    echo "WRONG: $row: $*"
    failed=1
}

# acquire FILE NAME [OPTION...]: NAME.E01 (.e01, .s01)
acquire() {
    local file=$1 name=$2

    shift 2
    ewfacquire -u -q -C case -D memory -e nobody -E 1 -N none -r 0 -g 64 -t "$name" "$@" "$file" \
        >acquired.txt 2>&1 || {
        cat acquired.txt
        exit 1
    }
}

# findings FILE OUT [OPTION...]: what scan prints, but for places and names
findings() {
    local file=$1 out=$2

    shift 2
    timeout 120 "$POOLSCAN" scan -q --format jsonl "$@" "$file" >rows.jsonl 2>said.txt || return 1
    sed -E 's/"FileOffset":("[^"]*"|null),?//; s/"Image":"[^"]*",?//; s/"ImageId":"[^"]*",?//' \
        rows.jsonl >"$out"
}

# same FILE CONTAINER [OPTION...]: the findings of the raw image
same() {
    local file=$1 container=$2 format

    shift 2
    row="$file $*"
    if ! findings "$file" found "$@"; then
        wrong "$(head -n 1 said.txt)"
        return
    fi
    cmp -s expected found || wrong "$(diff expected found | head -n 4 | cut -c 1-200)"
    format=$("$POOLSCAN" info -q --format jsonl "$file" 2>/dev/null |
        sed -n 's/.*"Variable":"Container","Value":"\([^"]*\)".*/\1/p')
    # shellcheck disable=SC2053 # a pattern
    [[ $format == $container ]] || wrong "container '$format', not '$container'"
    n_compared=$((n_compared + 1))
}

# refused FILE STATUS WORDS: exit status and what is said
refused() {
    local status=0

    row=$1
    timeout 120 "$POOLSCAN" scan -q --format none "$1" 2>said.txt || status=$?
    [ "$status" = "$2" ] || wrong "status $status, not $2: $(head -n 1 said.txt)"
    grep -qF -- "$3" said.txt || wrong "does not say '$3': $(head -n 1 said.txt)"
    n_compared=$((n_compared + 1))
}

# flip FILE OFFSET: another value for that byte
flip() {
    local byte

    byte=$(od -An -tu1 -j "$2" -N 1 "$1")
    # shellcheck disable=SC2059 # an octal escape
    printf "$(printf '\\%03o' $((byte ^ 85)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

"$POOLSCAN" mkimage -q sample sample.raw
findings sample.raw expected
[ "$(wc -l <expected)" -ge 1000 ] || {
    echo "only $(wc -l <expected) findings to compare"
    exit 1
}

acquire sample.raw none -c none -f encase5
if ! timeout 60 "$POOLSCAN" info -q none.E01 >/dev/null 2>said.txt && grep -q 'lacks libewf' said.txt; then
    cat said.txt
    exit 77
fi
same none.E01 'E01 raw'
same none.E01 'E01 raw' -t 1
same none.E01 'E01 raw' -t 5
acquire sample.raw fast -c fast -f encase6 -d sha1
same fast.E01 'E01 raw'
same fast.E01 'E01 raw' -t 1
acquire sample.raw small -c fast -b 16
same small.E01 'E01 raw'
acquire sample.raw large -c fast -b 2048
same large.E01 'E01 raw' -t 4
acquire sample.raw old -c fast -f ewf
same old.e01 'E01 raw'
acquire sample.raw smart -c fast -f smart
same smart.s01 'E01 raw'
acquire sample.raw parts -c best -S 1048576
[ -f parts.E10 ]
same parts.E01 'E01 raw'
same parts.E04 'E01 raw' -t 1
cp fast.E01 'by content'
same 'by content' 'E01 raw'

# An ELF core within.
"$MAKE_CONTAINER" elf64 sample.raw sample.elf --variant qemu
truncate -s %512 sample.elf # E01 stores whole sectors, and ewfacquire leaves out what is none
acquire sample.elf elf -c fast -S 4194304
same elf.E01 'E01 ELF core*'

# The stored digest is that of the memory.
row="digest"
"$POOLSCAN" info -v fast.E01 >/dev/null 2>said.txt
grep -qF "$(md5sum <sample.raw | cut -d ' ' -f 1)" said.txt || wrong "no MD5: $(cat said.txt)"
grep -qF "$(sha1sum <sample.raw | cut -d ' ' -f 1)" said.txt || wrong "no SHA-1: $(cat said.txt)"

"$POOLSCAN" info -q --format jsonl fast.E01 >said.txt
[ "$(grep -c '"Note","Value":"E01: stored' said.txt)" = 2 ] || wrong "not two digests in info"

# Damage: what is lost is said and counted, all else is found.
cp none.E01 damaged.E01
flip damaged.E01 $((20 << 20))
refused damaged.E01 65 '32768 bytes could not be read'
cp fast.E01 damaged2.E01
flip damaged2.E01 $(($(stat -c %s fast.E01) / 2))
refused damaged2.E01 65 '32768 bytes could not be read'
mkdir hole first wrong
cp parts.E* hole
rm hole/parts.E05
refused hole/parts.E01 66 'parts.E05 is missing'
refused hole/parts.E06 66 'parts.E05 is missing'
cp parts.E0[2-9] parts.E1* first
refused first/parts.E02 66 'parts.E01 is missing'
cp parts.E* wrong
mv wrong/parts.E03 wrong/parts.E04
refused wrong/parts.E01 66 'parts.E03 is missing'
cp parts.E04 wrong/parts.E03
refused wrong/parts.E01 65 'is segment 4, and should be 3'
head -c $((16 << 20)) none.E01 >cut.E01
refused cut.E01 65 'cut short'
gzip -1 <fast.E01 >fast.E01.gz
if ! "$POOLSCAN" scan -q --format none fast.E01.gz 2>said.txt && grep -q 'lacks zlib' said.txt; then
    echo "no zlib in this build: an E01 inside gzip is not tried"
else
    refused fast.E01.gz 65 'inside another packing'
fi

[ "$n_compared" -ge 21 ] || wrong "only $n_compared comparisons"
echo "$n_compared E01 images and refusals"
exit "$failed"
