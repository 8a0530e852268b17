#!/bin/bash
# --pagefile: a page that is in a page file, by vtop and info.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

image=$work/image.raw
# shellcheck source=tests/cli/bytes.sh
. "$(dirname "$0")/bytes.sh"
new_image 64
put_kuser 7 17134 60
put64 0x2f68 0x2063
put64 0x2f78 0x3063
put64 0x3000 0x4063
put64 0x4000 0x5063
put64 0x5000 0x7063
put64 0x5008 0x0000000500000082 # page 5 of page file 1, as entries were before the updates
put64 0x5010 0x00000006000000a2
put64 0x5018 0x0000000400000482 # a prototype
dd if=/dev/zero of="$work/page.sys" bs=4096 count=6 2>/dev/null

expect 0 0 "$POOLSCAN" vtop "$image" fffff78000001123 --build 7601
has Kind '"paged-out"'
has Note '"page file 1, byte 0x5123, which is not given (--pagefile)"'
expect 0 0 "$POOLSCAN" vtop "$image" fffff78000001123 --pagefile "1=$work/page.sys"
has Note '"page file 1, byte 0x5123, read from it"'
expect 0 0 "$POOLSCAN" vtop "$image" fffff78000001123 --pagefile "$work/page.sys" --build 7601
has Note '"page file 1, byte 0x5123, which is not given (--pagefile)"'
expect 0 0 "$POOLSCAN" vtop "$image" fffff78000002000 --pagefile "1=$work/page.sys" \
    --pagefile "0=$work/page.sys"
has Note '"page file 1, byte 0x6000, which is behind its end"'

expect 0 0 "$POOLSCAN" info "$image" --pagefile "1=$work/page.sys"
says PageFile "$work/page.sys" 'number 1, 6 pages'
says PteGeneration old 'page files, against the build: of 2 offsets 1 lie inside as old, 0'
says PagingLevels 4
says KernelPagedOutPages 2
says KernelPrototypePages 1
expect 0 0 "$POOLSCAN" info "$image"
says PteGeneration swizzled build

expect 66 1 "$POOLSCAN" vtop "$image" fffff78000001123 --pagefile "$work/nowhere"
expect_said '--pagefile'
expect 64 1 "$POOLSCAN" vtop "$image" fffff78000001123 --pagefile "16=$work/page.sys"
expect 64 1 "$POOLSCAN" vtop "$image" fffff78000001123 --pagefile "$work/page.sys" \
    --pagefile "0=$work/page.sys"
expect 65 1 "$POOLSCAN" vtop "$image" fffff78000001123 --pagefile "$work"
finish
