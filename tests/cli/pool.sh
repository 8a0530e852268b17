#!/bin/bash
# poolscan pool: pages of recipes by physical address against what the recipe planted, page tables
# written here for what is not in memory, and the real images by virtual address.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

# owner FIELD VALUE: the row with the star has it
owner() {
    local row
    row=$(grep '"Owner":true' "$work/out")
    case $row in
        *"\"$1\":$2,"* | *"\"$1\":$2}"*) ;;
        *) wrong "$1 is not $2: $row" ;;
    esac
}

# Each planted header that a page still holds is the owner of its own address and of its last byte.
for era in win7-x64 xp-x86 19041-x64; do
    image=$work/$era.raw
    "$POOLSCAN" mkimage "$PS_SOURCE/tests/recipes/$era.recipe" "$image" --truth "$work/truth" ||
        wrong "mkimage $era"
    n=0
    while read -r offset tag size; do
        n=$((n + 1))
        for at in "$offset" $((offset + size - 1)); do
            expect 0 1 "$POOLSCAN" pool "$image" "phys:$(printf %x "$at")" --format jsonl
            owner Offset "\"$offset\""
            owner TagRaw "\"$tag\""
            owner NumberOfBytes "$size"
            owner Kind '"block"'
            owner OffsetInBlock $((at - offset))
        done
    done < <(sed -n 's/.*"Offset":"\(0x[0-9a-f]*\)".*"TagRaw":"\(0x[0-9a-f]*\)".*"NumberOfBytes":\([0-9]*\),.*"State":"allocated".*"Copy":false,"Torn":false.*/\1 \2 \3/p' \
        "$work/truth" | awk 'NR % 97 == 1' | head -n 12)
    [ "$n" -ge 5 ] || wrong "$era: only $n planted blocks were looked at"
done

# All rows of a page: in order, without holes, 4096 bytes together, one star.
expect 0 1 "$POOLSCAN" pool "$work/win7-x64.raw" phys:0x200123
expect_said 'region is Paged pool'
[ "$(grep -c '"Owner":true' "$work/out")" = 1 ] || wrong "one owner: $(cat "$work/out")"
[ "$(grep -c '"Kind":"gap"' "$work/out")" = 0 ] || wrong "a closed chain has no gap"
grep -q '"Status":"Free"' "$work/out" || wrong "a free block is shown"
sed 's/.*"Offset":"\(0x[0-9a-f]*\)".*"NumberOfBytes":\([0-9]*\),.*/\1 \2/' "$work/out" >"$work/rows"
end=$((0x200000))
while read -r offset size; do
    [ $((offset)) = "$end" ] || wrong "a row begins at $offset, not at $end"
    end=$((offset + size))
done <"$work/rows"
[ "$end" = $((0x201000)) ] || wrong "the rows end at $end"

expect 0 1 "$POOLSCAN" pool "$work/win7-x64.raw" phys:200123 --format table
grep -q '^\* block *0x0000000000200000 *0x123 *0x570 *0x0 *Allocated *classic *PagedPool *Tok.xe5 *100 nt!se' \
    "$work/out" || wrong "table: $(head -2 "$work/out")"
expect 0 1 "$POOLSCAN" pool "$work/win7-x64.raw" phys:200123 --format csv
[ "$(head -1 "$work/out" | cut -d, -f1-4)" = Owner,Kind,Address,Offset ] || wrong "csv: $(head -1 "$work/out")"
expect 0 0 "$POOLSCAN" pool -q "$work/win7-x64.raw" phys:200123 --format json

# A page without a header, and one that is not in the image.
expect 0 1 "$POOLSCAN" pool "$work/win7-x64.raw" phys:10010
expect_said 'no pool header'
owner Kind '"gap"'
owner NumberOfBytes 4096
expect 1 2 "$POOLSCAN" pool "$work/win7-x64.raw" phys:10010 --fail-if-none
expect 0 1 "$POOLSCAN" pool "$work/win7-x64.raw" phys:123456000
expect_said 'not in the image'
expect_silent_stdout

# A VS page of Windows 10 x64 as a debugger showed it: two blocks in use, the first of them moved out
# of the page before, and two free chunks, whose tags are bytes of their encoded headers. There is
# no page table and no key: the chunk headers of the page tell.
perl -e '
    my ($key, $va, $page) = (0xdc00f71055667788, 0xffffdc0155e94000, "\0" x 4096);
    sub block { substr($page, $_[0], 8) = pack "C4 a4", 0, 0, $_[1] / 16, 2, $_[2] }
    sub chunk {
        my ($at, $size, $before, $used) = @_;
        my $plain = $size / 16 << 16 | $before / 16 << 32 | $used << 48;
        substr($page, $at, 8) = pack "Q<", $plain ^ ($va + $at) ^ $key;
    }
    block(0x000, 0x250, "MmCi");
    chunk(0x250, 0x60, 0x260, 0);
    chunk(0x2b0, 0xd10, 0x60, 1);
    block(0x2c0, 0xd00, "Proc");
    chunk(0xfc0, 0x20, 0xd10, 0);
    chunk(0xfe0, 0x300, 0x20, 1);
    print "\0" x 0x10000, $page, "\0" x 0x1000;
' >"$work/vs.raw"
expect 0 1 "$POOLSCAN" pool "$work/vs.raw" phys:10340 --arch x64 --build 19041 --format jsonl
expect_said 'region is Nonpaged pool'
owner Tag '"Proc"'
owner OffsetInBlock 128
grep '"Kind":"\(block\|chunk\)"' "$work/out" |
    perl -ne '
        my ($at, $n, $status, $allocator, $tag) =
            /"Offset":"0x0*(\w+)".*"NumberOfBytes":(\d+),.*"Status":"(\w+)","Allocator":"(\w+)".*"TagRaw":"0x(\w+)"/;
        my $text = join "", map { $_ >= 0x20 && $_ <= 0x7e ? chr : "." } reverse unpack "C4", pack "H8", $tag;
        printf "%03x %x %s %s %s\n", hex($at) & 0xfff, $n, $status, $allocator, $text;
    ' >"$work/rows"
cmp -s "$work/rows" - <<'END' || wrong "the debugger's page: $(cat "$work/rows")"
000 250 Allocated vs MmCi
250 60 Free vs 7+.#
2c0 d00 Allocated vs Proc
fc0 20 Free vs .+.#
END

# A big-pool table of Windows 10 x64 with rows that a debugger printed, and page tables that show
# one page of the freed allocation, one paged out, one not made yet; 0x200 is a page of two blocks.
perl -e '
    sub e { pack("Q< a4 V Q<", $_[0], $_[1], $_[2] << 8, $_[3]) }
    my @s = ("\1" . "\0" x 23) x 16384;
    $s[0] = e(0xffffc7065d778000, "MmRe", 0x401, 0x8000);
    $s[1] = e(0xffffb585977f7000, "smBt", 0x200, 0x1000);
    $s[4] = e(0xffffc70658df4000, "CM25", 5, 0x1000);
    $s[0x3ff5] = e(0xffffb585979c3001, "smWw", 0x200, 0x1000);
    $s[0x3ffa] = e(0xffffc7065b6ce000, "CM16", 1, 0x1000);
    $s[0x3ffb] = e(0xffffd880bc16e000, "ConT", 0x200, 0x3000);
    my $image = "\0" x (0x400 * 4096);
    substr($image, 0x2000, 0x60000) = join "", @s;
    my $va = 0xffffb585979c3000;
    my $put = sub { substr($image, $_[0], 8) = pack "Q<", $_[1] };
    $put->(0x80000 + 8 * 0x1ed, 0x80063);
    $put->(0x80000 + 8 * ($va >> 39 & 511), 0x81063);
    $put->(0x81000 + 8 * ($va >> 30 & 511), 0x82063);
    $put->(0x82000 + 8 * ($va >> 21 & 511), 0x83063);
    my $pt = 0x83000 + 8 * ($va >> 12 & 511);
    $put->($pt, 0x200063);
    $put->($pt + 8, 0x00012345000010a0);
    $put->($pt + 16, 0x80);
    $put->($pt + 24, 0xff000063);
    substr($image, 0x200000, 8) = pack "C4 a4", 0, 0, 0x80, 2, "Proc";
    substr($image, 0x200800, 8) = pack "C4 a4", 0x80, 0, 0x80, 2, "Abcd";
    print $image;
' >"$work/big.raw"
big() { # STATUS LINES ADDRESS ARGUMENTS...
    local status=$1 lines=$2
    shift 2
    expect "$status" "$lines" "$POOLSCAN" pool "$work/big.raw" "$@" --build 9600
}

big 0 1 'ffffc706`5d779010'
expect_said 'not in memory: nothing is mapped there'
owner Kind '"big"'
owner Address '"0xffffc7065d778000"'
owner OffsetInBlock 4112
owner NumberOfBytes 32768
owner Tag '"MmRe"'
owner PoolType '"PagedPool|Zero"'
owner Status '"Allocated"'
[ "$(wc -l <"$work/out")" = 1 ] || wrong "a big allocation is one row: $(cat "$work/out")"
big 0 2 ffffb585979c3804
expect_said 'a big allocation at 0xffffb585979c3000, tag smWw, 0x1000 bytes, has been freed here'
expect_said 'region is Nonpaged pool'
owner Address '"0xffffb585979c3800"'
owner Offset '"0x0000000000200800"'
owner Tag '"Abcd"'
owner PreviousBytes 2048
big 0 2 phys:200010
owner Address '"0xffffb585979c3000"'
owner Tag '"Proc"'
big 0 1 ffffb585979c4000
expect_said 'page file 0, byte 0x12345000'
expect_silent_stdout
big 0 1 ffffb585979c5000
expect_said 'a page of zeros, not made yet'
big 0 1 ffffb585979c6000
expect_said 'not in the image'
big 1 2 ffffb585979c5000 --fail-if-none
big 64 1 1234567890123456
expect 0 3 "$POOLSCAN" pool "$work/big.raw" ffffb585979c3804
expect_said 'the Windows version is not known'
# BAD_DISK: the library of tests/support/bad_disk.c, empty where it cannot be loaded.
if [ -n "${BAD_DISK:-}" ]; then
    ASAN_OPTIONS=verify_asan_link_order=0:${ASAN_OPTIONS:-} expect 74 1 \
        env LD_PRELOAD="$BAD_DISK" BAD_DISK_FILE="$work/big.raw" BAD_DISK_RANGE=0x200000-0x201000 \
        BAD_DISK_READ=eio BAD_DISK_MAP=poison "$POOLSCAN" pool "$work/big.raw" ffffb585979c3010
    expect_said 'physical address 0x200000 cannot be read'
else
    skip_line "a bad disk: nothing can be preloaded under this sanitizer"
fi
expect 66 1 "$POOLSCAN" pool "$work/nowhere" phys:0
expect 65 1 "$POOLSCAN" pool "$work/win7-x64.raw" fffffa8000000000
expect_said '--dtb'
head -c 65536 /dev/zero >"$work/none.raw"
expect 0 2 "$POOLSCAN" pool "$work/none.raw" phys:1000 --arch x86

# Images with page tables and a big-pool table, by virtual address, against what was planted.
n_recipes=0
n_paged=0
for recipe in "$PS_SOURCE"/tests/recipes/system/*.recipe; do
    n_recipes=$((n_recipes + 1))
    name=$(basename "$recipe" .recipe)
    image=$work/system.raw
    "$POOLSCAN" mkimage "$recipe" "$image" --truth "$work/truth" --pagefile-out "$work/page.sys" ||
        wrong "mkimage $name"
    header=8
    grep -q '"Kind":"system","Mode":"x64"' "$work/truth" && header=16
    # Offset TagRaw NumberOfBytes Allocation, of headers that are mapped and in no big allocation
    sed -n 's/.*"Offset":"\(0x[0-9a-f]*\)".*"TagRaw":"\(0x[0-9a-f]*\)","NumberOfBytes":\([0-9]*\),.*"State":"allocated".*"Allocation":"\(0x[0-9a-f]*\)","Mapped":true,"InBigPool":null.*/\1 \2 \3 \4/p' \
        "$work/truth" | awk 'NR % 67 == 1' | head -n 16 >"$work/headers"
    while read -r offset tag size va; do
        expect 0 - "$POOLSCAN" pool "$image" "$va" --format jsonl
        owner Kind '"block"'
        owner Offset "\"$offset\""
        owner Address "\"$(printf '0x%016x' $((va - header)))\""
        owner TagRaw "\"$tag\""
        owner NumberOfBytes "$size"
    done <"$work/headers"
    [ "$(wc -l <"$work/headers")" -ge 5 ] || wrong "$name: too few headers"

    # By physical address: the address that a scan gives the page, and what it says of mapping and pool.
    "$POOLSCAN" scan -q "$image" --format jsonl --min-confidence 0 >"$work/scan"
    while read -r offset _ _ va; do
        expect 0 - "$POOLSCAN" pool "$image" "phys:$offset" --format jsonl
        owner Address "\"$(printf '0x%016x' $((va - header)))\""
        owner Mapped true
        pool=$(grep "\"Offset\":\"$offset\"" "$work/scan" | sed 's/.*"Pool":\([^,]*\),.*/\1/')
        owner Pool "${pool:-not found by the scan}"
        grep -q '"Owner":true.*"mapped"\|"Owner":true.*|mapped' "$work/out" || wrong "$name: Evidence"
    done < <(awk 'NR % 4 == 1' "$work/headers")

    # TagRaw Allocation of headers in the page file
    number=$(sed -n 's/^pagefile .*number=\([0-9]*\).*/\1/p' "$recipe")
    while read -r tag va; do
        expect 0 - "$POOLSCAN" pool "$image" "$va" --format jsonl --pagefile "${number:-0}=$work/page.sys"
        expect_said "read from page file ${number:-0}"
        owner TagRaw "\"$tag\""
        owner Offset null
        n_paged=$((n_paged + 1))
        expect 0 - "$POOLSCAN" pool "$image" "$va" --format jsonl
        expect_said "it is in page file ${number:-0}, byte"
        expect_silent_stdout
    done < <(sed -n 's/.*"Offset":null,.*"TagRaw":"\(0x[0-9a-f]*\)".*"State":"allocated".*"PageFile".*"Allocation":"\(0x[0-9a-f]*\)".*/\1 \2/p' \
        "$work/truth" | awk 'NR % 31 == 1' | head -n 4)

    # Allocation TagRaw NumberOfBytes: live rows of the table
    sed -n 's/.*"Kind":"big","Allocation":"\(0x[0-9a-f]*\)".*"TagRaw":"\(0x[0-9a-f]*\)","NumberOfBytes":\([0-9]*\),.*"State":"allocated".*"Offset":\([^,]*\),.*/\1 \2 \3 \4/p' \
        "$work/truth" | awk 'NR % 9 == 1' | head -n 16 >"$work/bigs"
    while read -r va tag size offset; do
        expect 0 - "$POOLSCAN" pool "$image" "$(printf %x $((va + size - 1)))" --format jsonl
        owner Kind '"big"'
        owner Address "\"$va\""
        owner TagRaw "\"$tag\""
        owner NumberOfBytes "$size"
        owner OffsetInBlock $((size - 1))
        owner Offset "$offset"
    done <"$work/bigs"
    [ "$(wc -l <"$work/bigs")" -ge 5 ] || wrong "$name: too few big allocations"

    # What looks like a header inside one is not listed.
    read -r va big < <(sed -n 's/.*"Allocation":"\(0x[0-9a-f]*\)","Mapped":true,"InBigPool":"\(0x[0-9a-f]*\)".*/\1 \2/p' "$work/truth" | head -n 1)
    expect 0 - "$POOLSCAN" pool "$image" "$va" --format jsonl
    owner Kind '"big"'
    owner Address "\"$big\""
    rm -f "$image"
done
[ "$n_recipes" -ge 1 ] || wrong "no recipe with page tables"
[ "$n_paged" -ge 4 ] || wrong "only $n_paged headers in page files"

images=${PS_SHARED:-$PS_SOURCE/../shared}/images
if [ ! -d "$images" ] || ! command -v xz >/dev/null; then
    skip_line "no real images: $images is not there (PS_SHARED names the folder that holds images/), or no xz"
    [ "$n_wrong" = 0 ] || finish
    exit 77
fi

# pages NAME SLOT_BYTES: "PHYS OFFSET SIZE TAG" for the blocks of some pages whose chain closes, by
# a walk of its own.
pages() {
    perl -e '
        my ($path, $unit) = @ARGV;
        my ($page, $n, $phys) = ("", 0, 0);
        open my $f, "<:raw", $path or die;
        for (; read($f, $page, 4096) == 4096 && $n < 640; $phys += 4096) {
            my ($at, $before, $rows, $live) = (0, 0, "", 0);
            while ($at < 4096) {
                my ($word, $tag) = unpack "V H8", substr($page, $at, 8);
                my ($prev, $size, $type) = $unit == 16
                    ? ($word & 255, $word >> 16 & 255, $word >> 24)
                    : ($word & 511, $word >> 16 & 511, $word >> 25);
                last if $prev != $before || $size == 0 || $at + $size * $unit > 4096;
                $live++ if $type && substr($page, $at + 4, 4) =~ /^[A-Za-z][ -~]{3}$/;
                $rows .= sprintf "%x %d %d %s\n", $phys, $at, $size * $unit, $tag;
                $at += $size * $unit;
                $before = $size;
            }
            print $rows if $at == 4096 && $live >= 4 && $n++ % 64 == 0;
        }' "$1" "$2"
}

while read -r name unit; do
    image=$work/real.raw
    xz -dc "$images/$name.raw.xz" | dd of="$image" bs=1M iflag=fullblock conv=sparse status=none
    truncate -s %4096 "$image"
    pages "$image" "$unit" >"$work/blocks"
    n_pages=0
    while read -r phys; do
        va=$("$POOLSCAN" ptov "$image" "$phys" --format jsonl 2>/dev/null | head -1 |
            sed 's/.*"Virtual":"0x\([0-9a-f]*\)".*/\1/')
        [ -n "$va" ] || continue
        n_pages=$((n_pages + 1))
        expect 0 - "$POOLSCAN" pool "$image" "$va" --format jsonl
        expect_said 'region is'
        sed 's/.*"Offset":"0x\([0-9a-f]*\)".*"NumberOfBytes":\([0-9]*\),.*"TagRaw":"0x\(..\)\(..\)\(..\)\(..\)".*/\1 \2 \6\5\4\3/' \
            "$work/out" | while read -r offset size tag; do
            printf '%s %d %d %s\n' "$phys" $((0x$offset & 4095)) "$size" "$tag"
        done >"$work/got"
        grep "^$phys " "$work/blocks" >"$work/want"
        cmp -s "$work/got" "$work/want" || wrong "$name: page at $phys: $(diff "$work/want" "$work/got" | head -5)"
    done < <(cut -d' ' -f1 "$work/blocks" | uniq)
    [ "$n_pages" -ge 5 ] || wrong "$name: only $n_pages pages were looked at"

    # Big allocations of the truth: their first byte, and one in their last page.
    n_big=0
    while read -r va tag n; do
        n_big=$((n_big + 1))
        expect 0 - "$POOLSCAN" pool "$image" "$(printf %x $((va + n * 4096 - 4095)))"
        owner Kind '"big"'
        owner Address "\"$(printf '0x%016x' "$va")\""
        owner NumberOfBytes $((n * 4096))
        owner Tag "\"$tag\""
        owner OffsetInBlock $((n * 4096 - 4095))
    done < <(tr -d ' \n' <"$images/$name.truth.json" | grep -o '"va":"[^"]*","tag":"[A-Za-z0-9]\{4\}","pages":[0-9]*' |
        sed 's/"va":"\([^"]*\)","tag":"\(....\)","pages":\(.*\)/\1 \2 \3/' | awk 'NR % 13 == 1')
    [ "$n_big" -ge 5 ] || wrong "$name: only $n_big big allocations were looked at"
    rm -f "$image"
done <<'END'
reactos-0.4.13-x86-desktop 8
reactos-0.4.16-x64-pools 16
END
finish
