#!/usr/bin/env bash
# tags --unknown on a real image: with no tag known, those that only one driver of it uses are found in
# the code of that driver. Which those are, its published source says.
# Skipped where the image is not (PS_SHARED, else shared/ beside the sources).
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

images=${PS_SHARED:-$PS_SOURCE/../shared}/images
packed=$images/reactos-0.4.13-x86-desktop.raw.xz
if [ ! -f "$packed" ]; then
    skip_line "no real image: $packed is not there (PS_SHARED names the folder that holds images/)"
    exit 77
fi
command -v xz >/dev/null || { skip_line "xz is not installed"; exit 77; }
xz -dc "$packed" | dd of="$work/image.raw" bs=1M iflag=fullblock conv=sparse status=none
truncate -s %4096 "$work/image.raw"

"$POOLSCAN" used -q "$work/image.raw" --format jsonl >"$work/used" || wrong "used"
"$POOLSCAN" scan -q "$work/image.raw" --all-headers --min-confidence 40 --format jsonl >"$work/scan" ||
    wrong "scan"
for result in used scan; do
    expect 0 2 "$POOLSCAN" tags --no-builtin-tags --unknown "$work/$result" "$work/image.raw"
    expect_said ' modules: '
    expect_said ' of code searched'
    n=0
    while read -r tag driver; do
        n=$((n + 1))
        grep -q "^{\"Tag\":\"$tag\".*\"ExactIn\":\\[\"$driver\"\\],\"BytesIn\":\\[\\]}\$" "$work/out" ||
            wrong "$result: $tag is not in $driver alone: $(grep "^{\"Tag\":\"$tag\"" "$work/out")"
    done <<'END'
FTYP ftfd.dll
NpFn npfs.sys
NpFf npfs.sys
PCI0 pci.sys
VBE. vbemp.sys
RMAP ntoskrnl.exe
Gla1 win32k.sys
END
    [ "$n" = 7 ] || wrong "nothing was compared"
done
# The result of a scan names its image.
cp "$work/out" "$work/asked"
expect 0 2 "$POOLSCAN" tags --no-builtin-tags --unknown "$work/scan"
cmp -s "$work/out" "$work/asked" || wrong "the image that the result names gives something else"
finish
