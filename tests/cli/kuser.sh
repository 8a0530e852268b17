#!/bin/bash
# Several KUSER_SHARED_DATA pages in one image: which of them says what Windows it is.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

image=$work/image.raw
# shellcheck source=tests/cli/bytes.sh
. "$(dirname "$0")/bytes.sh"

# A guest's below, one that fits, a copy of that above.
new_image 64
put_kuser 5 17763 0x100000
put_kuser 9 19041 60
put_kuser 12 19041 60
expect 0 1 "$POOLSCAN" info "$image"
says KuserSharedData 0x0000000000009000 'NumberOfPhysicalPages is'
says KuserPagesSeen 2
says Build 19041
expect 0 - "$POOLSCAN" scan "$image" -v --format none
expect_said 'build 19041 x64, KUSER_SHARED_DATA at 0x9000'

# Page tables that map another one at its fixed address decide.
put64 0x2f68 0x2063 # top table in frame 2, self-map in slot 0x1ed
put64 0x2f78 0x3063
put64 0x3000 0x4063
put64 0x4000 0x6063
put64 0x6000 0x7063
put_kuser 7 22621 0x2000000
expect 0 0 "$POOLSCAN" info "$image"
says KuserSharedData 0x0000000000007000 'the page tables map it'
says KuserOther 0x0000000000005000 'build 17763 x64'
says DtbProof "maps itself, KUSER_SHARED_DATA"
says Build 22621
expect 0 - "$POOLSCAN" scan "$image" -v --format none
expect_said 'build 22621 x64, KUSER_SHARED_DATA at 0x7000'
expect 0 0 "$POOLSCAN" info "$image" --build 9600
says Build 9600 given

# None fits: the nearest.
new_image 64
put_kuser 5 17763 0x100000
put_kuser 6 9999 60 # no such build: no such page
put_kuser 9 18362 0x80000
expect 0 1 "$POOLSCAN" info "$image"
says KuserSharedData 0x0000000000009000 'the nearest'
says KuserPagesSeen 2 'none of them fits'
says Build 18362
finish
