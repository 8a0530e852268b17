#!/usr/bin/env bash
# Images without their PCI hole: a recipe whose memory lies on both sides of it is built as it is, and
# the hole is cut out of a copy by dd. Findings must be the same but for FileOffset, and an image that has
# its hole, or was only cut short, must stay as it is.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failed=0
recipe=$PS_SOURCE/tests/recipes/hole/x64.recipe

wrong() {
    echo "$name: $*"
    failed=1
}

# squeeze MIB_BELOW: image.raw without its hole, into squeezed.raw
squeeze() {
    rm -f squeezed.raw
    dd if=image.raw of=squeezed.raw bs=1M count=16 conv=sparse status=none
    dd if=image.raw of=squeezed.raw bs=1M skip=4096 seek="$1" conv=sparse,notrunc status=none
    truncate -s $(($(stat -c %s image.raw) - (4096 - $1) * 1048576)) squeezed.raw
}

# findings IMAGE OPTION...: of scan and bigpools, without what may differ
findings() {
    "$POOLSCAN" scan -q --all-headers --min-confidence 0 --include-copies --format jsonl "$@" >scan.txt
    "$POOLSCAN" bigpools -q --raw --show-free --format jsonl "$@" >big.txt
    sed 's/"FileOffset":[^,}]*//; s/"Image":"[^"]*"//; s/"ImageId":"[^"]*"//' scan.txt big.txt
}

# offsets IMAGE: FileOffset of a finding is where its tag stands in the file
offsets() {
    local offset tag n=0

    "$POOLSCAN" scan -q --format jsonl "$1" | sed -n \
        's/.*"Source":"header","Offset":"0x00000001.*"FileOffset":"\([^"]*\)".*"TagRaw":"\([^"]*\)".*/\1 \2/p' |
        awk 'NR % 40 == 1' >offsets.txt
    while read -r offset tag; do
        [ "$(dd if="$1" bs=1 skip=$((offset + 4)) count=4 status=none | od -An -tx4 | tr -d ' ')" = \
            "${tag#0x}" ] || wrong "no tag $tag at FileOffset $offset"
        n=$((n + 1))
    done <offsets.txt
    [ "$n" -gt 5 ] || wrong "only $n offsets"
}

corrected() {
    "$POOLSCAN" info -v --format jsonl "$@" 2>&1 >/dev/null | grep -c 'addresses above were moved' || true
}

# is_found MIB_BELOW
is_found() {
    local from

    squeeze "$1"
    findings squeezed.raw >found.txt
    if ! cmp -s planted.txt found.txt; then
        wrong "hole from $1 MiB: findings with (<) and without it (>) differ:"
        diff planted.txt found.txt | head -n 5 || true
    fi
    [ "$(corrected squeezed.raw)" = 1 ] || wrong "hole from $1 MiB: no note"
    offsets squeezed.raw
    from=$(printf '0x%x-0x100000000' $(($1 * 1048576)))
    findings squeezed.raw --pci-hole "$from" >found.txt
    cmp -s planted.txt found.txt || wrong "--pci-hole $from gives other findings"
    findings squeezed.raw --pci-hole none >found.txt
    cmp -s planted.txt found.txt && wrong "--pci-hole none changes nothing"
    return 0
}

# stays WHAT FILE
stays() {
    [ "$(corrected "$2")" = 0 ] || wrong "$1 was moved"
    findings "$2" >a.txt
    findings "$2" --pci-hole none >b.txt
    cmp -s a.txt b.txt || wrong "$1: --pci-hole none makes a difference"
}

# build NAME PARAMETER...
build() {
    name=$1
    shift
    "$POOLSCAN" mkimage "$recipe" image.raw --truth truth.jsonl -q "$@"
    findings image.raw >planted.txt
    [ "$(wc -l <planted.txt)" -gt 1000 ] || wrong "few findings"
    grep -q '"Offset":"0x00000001[04]' planted.txt || wrong "none of them above the hole"
    stays "the image with its hole" image.raw
    printf '%-14s %s findings\n' "$name" "$(wc -l <planted.txt)"
}

build tables-above
for below in 1024 2048 3072 3968; do
    is_found $below
done
build tables-below FRAMES=0x800-0x9ff SIZE=4112M
is_found 3072
build root-above CR3=0x100300
is_found 3072
is_found 2048
build all-far H=14 FRAMES=0x140400-0x1405ff SIZE=6160M
is_found 3072
build data-far H=14 FRAMES=0x800-0x9ff SIZE=6160M
is_found 2048

# Cut short, so that much of what is mapped lies behind the end; some tables say nonsense.
name=cut-short
truncate -s 5128M image.raw
stays "an image that was cut short" image.raw
for i in 0x50000 0x50777 0x60123; do
    dd if=image.raw of=image.raw bs=4096 skip=$((0x1ad)) seek=$((i)) count=1 conv=notrunc status=none
    printf '\x63\x08\x00\x00\x05\x00\x00\x00' |
        dd of=image.raw bs=1 seek=$((i * 4096 + 0x147 * 8)) conv=notrunc status=none
done
stays "an image whose tables say nonsense" image.raw

# Those of other tests, made long enough that there may be a hole.
for recipe in "$PS_SOURCE"/tests/recipes/system/*.recipe; do
    name=$(basename "$recipe" .recipe)
    "$POOLSCAN" mkimage "$recipe" image.raw -q
    truncate -s 5G image.raw
    stays "the image" image.raw
done
[ "$failed" = 0 ]
