#!/bin/bash
# poolscan bigpools: a table made here (Windows 10 x64, 16384 slots), every format and filter, and an
# image without a table.
set -u
. "$PS_SOURCE/tests/cli/lib.sh"
cd "$work" || exit 1

# All slots empty but for rows that a debugger printed, each at its home.
perl -e '
    print "\0" x 8192;
    my @s = ("\1" . "\0" x 23) x 16384;
    my $e = sub { pack("Q< a4 V Q<", $_[1], $_[2], $_[3] << 8, $_[4]) };
    $s[0] = $e->(0, 0xffffc7065d778000, "MmRe", 0x401, 0x8000);
    $s[1] = $e->(0, 0xffffb585977f7000, "smBt", 0x200, 0x1000);
    $s[4] = $e->(0, 0xffffc70658df4000, "CM25", 5, 0x1000);
    $s[0x3ff5] = $e->(0, 0xffffb585979c3001, "smWw", 0x200, 0x1000);
    $s[0x3ffa] = $e->(0, 0xffffc7065b6ce000, "CM16", 1, 0x1000);
    $s[0x3ffb] = $e->(0, 0xffffd880bc16e000, "ConT", 0x200, 0x3000);
    print @s;
' >table.raw
head -c 65536 /dev/zero >none.raw

expect 0 1 "$POOLSCAN" bigpools --format jsonl table.raw
expect_said "16384 slots, 5 allocated, 1 freed; 6 of 6 entries obey the hash (mul32)"
[ "$(wc -l <out)" = 5 ] || wrong "rows: $(cat out)"
[ "$(head -1 out | cut -d, -f1-5)" = '{"Allocation":"0xffffc7065d778000","Tag":"MmRe","PoolType":"PagedPool|Zero","NumberOfBytes":32768,"Status":"Allocated"' ] || wrong "first row: $(head -1 out)"
expect 0 1 "$POOLSCAN" bigpools --format jsonl --show-free table.raw
[ "$(grep -c '"Tag":"smWw".*"Status":"Free"' out)" = 1 ] || wrong "freed entry: $(cat out)"
expect 0 1 "$POOLSCAN" bigpools --format jsonl --tags 'CM*,smBt' table.raw
[ "$(wc -l <out)" = 3 ] || wrong "--tags: $(cat out)"
expect 0 1 "$POOLSCAN" bigpools --format jsonl --raw --tags smBt table.raw
grep -qF '"EntryOffset":"0x0000000000002018","EntryAddress":null,"Slot":1,"PoolTypeRaw":512,"Pattern":0,"SlushSize":0' out || wrong "--raw: $(cat out)"
expect 0 1 "$POOLSCAN" bigpools --format csv table.raw
[ "$(head -1 out | tr -d '\r')" = Allocation,Tag,PoolType,NumberOfBytes,Status,Offset,Component,Kind,Description ] || wrong "csv: $(head -1 out)"
expect 0 1 "$POOLSCAN" bigpools --format table table.raw
grep -q '^0xffffd880bc16e000 *ConT *NonPagedPoolNx' out || wrong "table: $(cat out)"
expect 0 0 "$POOLSCAN" bigpools -q --format json table.raw
expect 0 1 "$POOLSCAN" bigpools --arch x86 table.raw
expect_said "no page of a big-pool table"
expect 0 1 "$POOLSCAN" bigpools none.raw
expect_said "no page of a big-pool table"
expect_silent_stdout

# An image with page tables: with --physical-only they are not used, and no address is physical.
expect 0 0 "$POOLSCAN" mkimage "$PS_SOURCE/tests/recipes/system/22h2-x64.recipe" system.raw
expect 0 1 "$POOLSCAN" bigpools --format jsonl system.raw
expect_said "by pointer"
grep -q '"Offset":"0x' out || wrong "Offset: $(head -3 out)"
sed 's/"Offset":[^,]*,//' out | sort >rows
expect 0 1 "$POOLSCAN" bigpools --physical-only --format jsonl system.raw
expect_said "by carve"
! grep -q '"Offset":"0x' out || wrong "Offset with --physical-only: $(head -3 out)"
sed 's/"Offset":[^,]*,//' out | sort | cmp -s - rows || wrong "--physical-only: $(diff out rows | head -5)"
expect 0 1 "$POOLSCAN" bigpools --physical-only --dtb 1000 --format jsonl system.raw
expect 66 1 "$POOLSCAN" bigpools nowhere.raw
expect 64 1 "$POOLSCAN" bigpools --tags TooLong table.raw
expect 64 - "$POOLSCAN" bigpools
finish
