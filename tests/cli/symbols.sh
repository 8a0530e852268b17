#!/bin/bash
# The Windows kernel that info finds, and --symbols: files that fit, that do not, and that are none.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

recipe=$PS_SOURCE/tests/recipes/system/win7-x64.recipe
image=$work/image.raw
guid=2F6C1D08A5E94B7C9D03E8F147B25A66

# says VARIABLE TEXT: info printed that variable with this text in its line
says() {
    grep "\"Variable\":\"$1\"" "$work/out" | grep -qF -- "$2" ||
        wrong "$1 lacks $2: $(grep "\"Variable\":\"$1\"" "$work/out")"
}

# write_isf GUID AGE: a symbol file in $work/nt.json
write_isf() {
    printf '{"metadata":{"windows":{"pdb":{"GUID":"%s","age":%s,"database":"ntkrnlmp.pdb"}}},' \
        "$1" "$2" >"$work/nt.json"
    printf '"symbols":{"PoolBigPageTable":{"address":%d},"other":{"address":1},' \
        $((0x1a4f60)) >>"$work/nt.json"
    printf '"PoolTrackTable":{"type":{"kind":"base"},"address":%d}}}\n' $((0x1a4f88)) >>"$work/nt.json"
}

expect 0 - "$POOLSCAN" mkimage "$recipe" "$image"
expect 0 0 "$POOLSCAN" info "$image"
says KernelBase 0xfffff80002a06000
says KernelBase near-low-stub
says KernelBytes 1966080
says KernelExportName ntoskrnl.exe
says KernelPdbGuid "$guid"
says KernelPdbAge '"2"'
says NtBuildNumber 7601
says Build 'NtBuildNumber of the Windows kernel'
says Symbols '"exports"'
cp "$work/out" "$work/none"

# The same without the low stub: the region is searched.
sed 's/ stub=0x13 entry=[0-9a-fx]*//' "$recipe" >"$work/nostub.recipe"
expect 0 - "$POOLSCAN" mkimage "$work/nostub.recipe" "$work/nostub.raw"
expect 0 0 "$POOLSCAN" info "$work/nostub.raw"
says KernelBase 0xfffff80002a06000
says KernelBase region

# A file that fits, plain and packed.
write_isf "$guid" 2
expect 0 0 "$POOLSCAN" info "$image" --symbols "$work/nt.json"
says Symbols '"file, GUID and age agree"'
says Symbols '"Value":"3"'
expect 0 - "$POOLSCAN" scan -v "$image" --symbols "$work/nt.json" --format none
expect_said 'big-pool table by symbols'
expect 0 - "$POOLSCAN" scan -v "$image" --format none
expect_said 'big-pool table by pointer'
expect 66 1 "$POOLSCAN" scan "$image" --symbols "$work/nowhere.json"
expect 0 1 "$POOLSCAN" bigpools "$image" --symbols "$work/nt.json" --format jsonl
expect_said 'by symbols'
if "$POOLSCAN" --version -v | grep -q '+xz' && command -v xz >/dev/null; then
    xz -k "$work/nt.json"
    expect 0 0 "$POOLSCAN" info "$image" --symbols "$work/nt.json.xz"
    says Symbols '"Value":"3"'
    head -c 60 "$work/nt.json.xz" >"$work/cut.json.xz"
    expect 65 1 "$POOLSCAN" info "$image" --symbols "$work/cut.json.xz"
    expect_said 'ends too early'
    expect_silent_stdout
    printf '\xff' | dd of="$work/nt.json.xz" bs=1 seek=40 conv=notrunc 2>/dev/null
    expect 65 1 "$POOLSCAN" info "$image" --symbols "$work/nt.json.xz"
    expect_said 'damaged xz data'
else
    skip_line "packed symbol files: this program or this machine has no xz"
fi

# A file of another kernel: said, and then as if it were not there.
write_isf 00112233445566778899AABBCCDDEEFF 2
expect 0 1 "$POOLSCAN" info "$image" --symbols "$work/nt.json"
expect_said 00112233445566778899AABBCCDDEEFF
expect_said "$guid"
cmp -s "$work/out" "$work/none" || wrong "a file of another kernel changed what is printed"
write_isf "$guid" 3
expect 0 1 "$POOLSCAN" info "$image" --symbols "$work/nt.json"
expect_said 'age 3'

# Files that are none.
expect 66 1 "$POOLSCAN" info "$image" --symbols "$work/nowhere.json"
for text in '' '{' '[]' '{"metadata":{}}' 'PoolBigPageTable 1a4f60'; do
    printf '%s' "$text" >"$work/bad.json"
    expect 65 1 "$POOLSCAN" info "$image" --symbols "$work/bad.json"
    expect_said 'line 1'
    expect_silent_stdout
done
expect 65 1 "$POOLSCAN" info "$image" --symbols "$image"
expect 74 1 "$POOLSCAN" info "$image" --symbols "$work"
expect 64 1 "$POOLSCAN" ptov "$image" 0 --symbols "$work/nt.json"

# A kernel of the built-in table, by a GUID out of it.
known=$(grep ' 6\.1\.7601\.24540 ' "$PS_SOURCE/scan/windows/symbols/kernels.list" | cut -d ' ' -f 1)
sed "s/guid=[0-9a-f]* age=2/guid=$known age=1/" "$recipe" >"$work/known.recipe"
expect 0 - "$POOLSCAN" mkimage "$work/known.recipe" "$work/known.raw"
expect 0 0 "$POOLSCAN" info "$work/known.raw"
says Symbols '"built-in, version 6.1.7601.24540"'
finish
