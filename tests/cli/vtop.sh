#!/bin/bash
# vtop, ptov and info on an image with page tables written here, byte by byte.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

image=$work/image.raw
# shellcheck source=tests/cli/bytes.sh
. "$(dirname "$0")/bytes.sh"
new_image 64

# Top table in frame 2, self-map in slot 0x1ed; ffffb80000000000 and the page 2 MiB above it.
put64 0x2f68 0x2063
put64 0x2b80 0x3063
put64 0x3000 0x4063
put64 0x4000 0x5063
put64 0x4008 0x000000e3
put64 0x5000 0x8000000000006063
put64 0x5008 0x6880
put64 0x5010 0x00012345000010a0

expect 0 0 "$POOLSCAN" vtop "$image" 'ffffb800`00000123'
[ "$(wc -l <"$work/out")" = 5 ] || wrong "four entries and a result: $(cat "$work/out")"
grep -q '"Level":"PML4E","Index":368,"Entry":"0x0000000000002b80","Value":"0x0000000000003063","Kind":"table"' \
    "$work/out" || wrong "PML4E: $(head -1 "$work/out")"
has Kind '"mapped"'
has Physical '"0x0000000000006123"'
has FileOffset '"0x0000000000006123"'
has Access '"kw-"'
expect 0 0 "$POOLSCAN" vtop "$image" 0xFFFFB80000001004
has Physical '"0x0000000000006004"'
grep -q '"Kind":"transition"' "$work/out" || wrong "transition"
expect 0 0 "$POOLSCAN" vtop "$image" ffffb80000002000
has Kind '"paged-out"'
has Note '"page file 1, byte 0x10345000, which is not given'
grep -q 'page file 1, page 0x10345' "$work/out" || wrong "page file: $(cat "$work/out")"
expect 0 0 "$POOLSCAN" vtop "$image" ffffb80000208000
has PageBytes 2097152
has Physical '"0x0000000000008000"'
expect 0 0 "$POOLSCAN" vtop "$image" ffffb80000208000 --format table
grep -q '^PDE  .* page ' "$work/out" || wrong "table: $(cat "$work/out")"
expect 0 0 "$POOLSCAN" vtop "$image" ffffb80000000000 --dtb 0x2000
has Physical '"0x0000000000006000"'

expect 0 0 "$POOLSCAN" ptov "$image" 6123
[ "$(grep -o '"Virtual":"[^"]*"' "$work/out" | tr '\n' ' ')" = \
    '"Virtual":"0xffffb80000000123" "Virtual":"0xffffb80000001123" "Virtual":"0xffffb80000206123" ' ] ||
    wrong "addresses of 6123: $(cat "$work/out")"
expect 0 1 "$POOLSCAN" ptov "$image" 123456000
expect_said 'not in the image'
expect_silent_stdout

expect 0 1 "$POOLSCAN" info "$image"
expect_said 'no KUSER_SHARED_DATA'
grep -q '"Variable":"Dtb","Value":"0x0000000000002000","How":"self-map' "$work/out" ||
    wrong "info: $(cat "$work/out")"
grep -q '"Variable":"KernelPages","Value":"66"' "$work/out" || wrong "info: $(cat "$work/out")"
expect 0 1 "$POOLSCAN" info "$image" --format json
expect 0 1 "$POOLSCAN" info "$image" --format table
# A narrow terminal cuts no address.
# A root without /dev/pts has no terminals.
if script -qc true /dev/null </dev/null >/dev/null 2>&1; then
    expect 0 0 script -qc "stty cols 60; $POOLSCAN info -q $image" /dev/null </dev/null
    grep -q '^Dtb  *0x0000000000002000 ' "$work/out" || wrong "60 columns: $(cat "$work/out")"
else
    skip_line "a narrow terminal: script cannot make one here"
fi

expect 64 1 "$POOLSCAN" vtop "$image" 1234567890123456
expect 64 1 "$POOLSCAN" vtop "$image" '0x'
expect 64 1 "$POOLSCAN" vtop "$image" '`12'
expect 64 1 "$POOLSCAN" vtop "$image" 12345678901234567
expect 64 1 "$POOLSCAN" vtop "$image" zz
expect 64 1 "$POOLSCAN" ptov "$image" 12 --dtb nothing
expect 64 1 "$POOLSCAN" ptov "$image" 12 --dtb 9000
expect 66 1 "$POOLSCAN" info "$work/nowhere"
dd if=/dev/zero of="$work/empty.raw" bs=4096 count=4 2>/dev/null
expect 65 1 "$POOLSCAN" vtop "$work/empty.raw" ffffb80000000000
expect_said '--dtb'
# Of several images, the one that --dtb does not fit is named, and the others are scanned.
expect 64 - "$POOLSCAN" scan "$work/empty.raw" "$image" --dtb 0x2000 --build 19041 --arch x64
expect_said "$work/empty.raw: no kernel address is mapped by a page table at --dtb 0x2000"
expect_said ': 1 image, '
expect 0 2 "$POOLSCAN" info "$work/empty.raw"
expect_said '--dtb'
grep -q '"Variable":"PoolBigPageTable","Value":null,"How":"no page of it found' "$work/out" ||
    wrong "no tables: $(cat "$work/out")"
expect 0 2 "$POOLSCAN" info "$work/empty.raw"
finish
