#!/usr/bin/env bash
# Whom the blocks of the real images are charged to. The witness is the image itself: processes are
# blocks of the tag Proc that the chain walk confirms, and the owner is read out of the file here.
# Skipped where the images are not (PS_SHARED, else shared/ beside the sources).
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

images=${PS_SHARED:-$PS_SOURCE/../shared}/images
if [ ! -d "$images" ]; then
    skip_line "no real images: $images is not there (PS_SHARED names the folder that holds images/)"
    exit 77
fi
command -v xz >/dev/null || { skip_line "xz is not installed"; exit 77; }

# owner OFFSET BYTES: the last four bytes of the block, as an address
owner() {
    printf '0x%08x%s' 0 "$(od -An -tx4 -N4 -j $(($1 + $2 - 4)) "$work/image.raw" | tr -d ' ')"
}

scan() {
    xz -dc "$images/$1.raw.xz" | dd of="$work/image.raw" bs=1M iflag=fullblock conv=sparse status=none
    truncate -s %4096 "$work/image.raw"
    "$POOLSCAN" scan -q --all-headers --min-confidence 0 --format jsonl "$work/image.raw" >"$work/found" ||
        wrong "$1: exit status $?"
    grep -o '"Process":"0x[0-9a-f]*"' "$work/found" | cut -d'"' -f4 | sort >"$work/named" || true
    n_checks=$((n_checks + 1))
}

scan reactos-0.4.13-x86-desktop
sed -n 's/.*"Allocation":"\([^"]*\)","Tag":"Proc".*"Status":"Allocated".*/\1/p' "$work/found" |
    while read -r va; do printf '0x%016x\n' $((va + 0x18)); done | sort >"$work/processes"
n=$(wc -l <"$work/processes")
[ "$n" = 14 ] || wrong "$n processes have a block"
listed=$("$POOLSCAN" info --format jsonl "$work/image.raw" 2>/dev/null |
    sed -n 's/.*"Variable":"Processes","Value":"\([^"]*\)".*/\1/p')
[ "$listed" = "$n" ] || wrong "$n processes, info lists $listed"

sed -n 's/.*"Offset":"\([^"]*\)".*|Quota".*"NumberOfBytes":\([0-9]*\),"Status":"Allocated".*/\1 \2/p' \
    "$work/found" >"$work/charged"
# A rundll32.exe that has ended: its block is free, its bytes are still there.
echo 0x00000000ffad51f8 >>"$work/processes"
[ "$(wc -l <"$work/charged")" = 54 ] || wrong "$(wc -l <"$work/charged") charged blocks"
while read -r offset n_bytes; do
    owner "$offset" "$n_bytes"
    echo
done <"$work/charged" | sort | grep -Fxf "$work/processes" >"$work/want" || true
[ "$(wc -l <"$work/want")" = 45 ] || wrong "$(wc -l <"$work/want") blocks name a process"
cmp -s "$work/want" "$work/named" ||
    wrong "other owners: $(diff "$work/want" "$work/named" | head -n 5)"
echo "x86: $(wc -l <"$work/named") blocks of $(sort -u "$work/named" | wc -l) processes"

scan reactos-0.4.16-x64-pools
[ ! -s "$work/named" ] || wrong "x64: $(wc -l <"$work/named") owners, where none is written"
finish
