#!/usr/bin/env bash
# Segment heaps through page tables: images of tests/recipes/heap, whose builder shares no code with
# the scan, and the list of what it planted. info names heaps and keys, scan says of each header
# what the heap says, pages in a page file too, and pool lists pages by chunks and blocks.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

image=$work/image.raw
n_pools=0
n_paged=0

# planted KEY: of the line about the system
planted() {
    sed -n "1s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p" "$work/truth"
}

# row VARIABLE: the value that info has
row() {
    sed -n "s/^{\"Variable\":\"$1\",\"Value\":\"\([^\"]*\)\".*/\1/p" "$work/info"
}

check_info() {
    local heap pool

    expect 0 - "$POOLSCAN" info "$image" --format jsonl
    cp "$work/out" "$work/info"
    [ "$(row HeapKey)" = "$(planted HeapKey)" ] || wrong "$name: HeapKey $(row HeapKey)"
    # The low dword is what subsegments are encoded with; no more of it is known without symbols.
    [ $(($(row LfhKey) & 0xffffffff)) = $(($(planted LfhKey) & 0xffffffff)) ] ||
        wrong "$name: LfhKey $(row LfhKey)"
    while read -r heap pool; do
        grep -q "\"SegmentHeap\",\"Value\":\"$heap\",\"How\":\"\($pool\|pool not known\), [1-9]" \
            "$work/info" || wrong "$name: heap $heap of $pool: $(grep '"SegmentHeap"' "$work/info")"
    done < <(sed -n 's/.*"Kind":"heap","Heap":"\([^"]*\)","Pool":"\([^"]*\)".*/\1 \2/p' "$work/truth")
    grep -q '"SegmentHeap"' "$work/info" || wrong "$name: no heap"
}

# judge LISTING KEY: "WHAT COUNT" of the headers of heaps that can be read, by KEY, their physical or
# (in the page file) virtual address, from truth and listing.
judge() {
    perl -e '
        my ($key, $truth, $listing, $paged) = @ARGV;
        my (%is_heap, %state, %n);
        open my $f, "<", $truth or die;
        my @lines = <$f>;
        /"Kind":"heap".*"Line":(\d+)/ and $is_heap{$1} = 1 for @lines;
        for (@lines) {
            my ($line) = /"Line":(\d+)/;
            next if /"Kind":/ || !/"State":"(\w+)"/;
            my $state = $1;
            next if $state ne "decoy" && ($paged ? !/"PageFile":"?0x/ : !/"Mapped":true/);
            next if $state ne "decoy" && !$is_heap{$line} && !$paged;
            my ($at) = /"$key":"(0x[0-9a-f]+)"/ or next;
            my ($prev) = /"PreviousSize":(\d+)/;
            $state{$at} = /"InBigPool":"/ ? "content" : $prev ? "second" : $state;
        }
        open $f, "<", $listing or die;
        while (<$f>) {
            next unless /"Source":"header"/;
            my ($at) = /"$key":"(0x[0-9a-f]+)"/ or next;
            my $state = $state{$at} or next;
            my ($status) = /"Status":"(\w+)"/;
            my ($points) = /"Confidence":(\d+)/;
            if ($status eq "Allocated" && !/"heap-block"/) {
                $n{"by-page"}++; # what the heap does not decide
                next;
            }
            $n{"$state-$status"}++;
            $n{"unsure"}++ if $status eq "Allocated" && /"tag-known".*"heap-block"/ && $points < 95;
            $n{"differs"}++ if /"heap-differs"/ && ($points >= 20 || $status ne "Unknown");
        }
        print "$_ $n{$_}\n" for sort keys %n;
    ' "$1" "$work/truth" "$2" "${3:-}" >"$work/counts"
}

# n WHAT
n() {
    awk -v what="$1" '$1 == what { n = $2 } END { print n + 0 }' "$work/counts"
}

# What must not be, and that most of what could be is.
check_counts() {
    local what known total

    for what in stale-Allocated decoy-Allocated content-Allocated second-Allocated \
        allocated-Stale unsure differs; do
        [ "$(n "$what")" = 0 ] || wrong "$name: $(n "$what") $what $1: $(tr '\n' ' ' <"$work/counts")"
    done
    known=$(($(n allocated-Allocated) + $(n stale-Stale)))
    total=$((known + $(n allocated-Unknown) + $(n stale-Unknown)))
    [ "$known" -ge "$2" ] || wrong "$name: only $known of $total are known $1"
    [ $((known * 100)) -ge $((total * $3)) ] || wrong "$name: $known of $total are known $1"
    echo "$name $1: $known of $total headers of heaps decided"
}

# owner FIELD VALUE
owner() {
    grep '"Owner":true' "$work/out" | grep -q "\"$1\":$2[,}]" ||
        wrong "$name: $1 is not $2: $(grep '"Owner":true' "$work/out")"
}

# Some blocks that the scan decided: the page that each is on, by its last byte. The second header of
# a cache-aligned block is inside it.
check_pool() {
    local va tag size allocator status

    while read -r va tag size status allocator; do
        [ "$status" = Stale ] && status=Free
        expect 0 - "$POOLSCAN" pool "$image" "$(printf %x $((va - header + size - 1)))" --format jsonl
        owner Address "\"$(printf '0x%016x' $((va - header)))\""
        owner TagRaw "\"$tag\""
        owner NumberOfBytes "$size"
        owner Status "\"$status\""
        owner Allocator "\"$allocator\""
        expect_said "by its segment heap ($(tr "[:lower:]" "[:upper:]" <<<"$allocator"))"
        rows_are_whole
        n_pools=$((n_pools + 1))
    done < <(sed -n 's/.*"Allocation":"\([^"]*\)".*"TagRaw":"\([^"]*\)".*"NumberOfBytes":\([0-9]*\),"Status":"\(Allocated\|Stale\)","Allocator":"\(lfh\|vs\)".*"heap-block".*/\1 \2 \3 \4 \5/p' \
        <(grep '"PreviousSize":0,' "$work/scan") | awk 'NR % 1499 == 7' | head -n 10)
    # The first page of a segment has no blocks, and the verb says why.
    va=$(sed -n 's/.*"Kind":"heap".*"FirstSegment":"\([^"]*\)".*/\1/p' "$work/truth" | head -n 1)
    expect 0 - "$POOLSCAN" pool "$image" "$va" --format jsonl
    expect_said 'no pool header in it: descriptors of a segment of the segment heap'
}

# All of the page is in rows, in order.
rows_are_whole() {
    sed 's/.*"Offset":"\(0x[0-9a-f]*\)".*"NumberOfBytes":\([0-9]*\),.*/\1 \2/' "$work/out" |
        perl -ne '($at, $n) = split; $at = hex $at; die "hole\n" if defined $end && $at != $end;
                  $end = $at + $n; $sum += $n; END { exit($sum != 4096) }' ||
        wrong "$name: rows are not 4096 bytes"
}

for recipe in "$PS_SOURCE"/tests/recipes/heap/{,x86/}*.recipe; do
    name=$(basename "$recipe" .recipe)
    page_file=()
    # Bytes of a POOL_HEADER.
    case $name in
    *x86) header=8 ;;
    *) header=16 ;;
    esac
    if grep -q '^pagefile' "$recipe"; then
        page_file=(--pagefile-out "$work/page.sys")
    fi
    expect 0 - "$POOLSCAN" mkimage "$recipe" "$image" --truth "$work/truth" "${page_file[@]}"
    check_info
    expect 0 - "$POOLSCAN" scan "$image" --all-headers --min-confidence 0 --format jsonl
    cp "$work/out" "$work/scan"
    judge Offset "$work/scan"
    check_counts "in memory" 5000 90
    check_pool
    [ "${#page_file[@]}" = 0 ] && continue
    expect 0 - "$POOLSCAN" scan "$image" --all-headers --min-confidence 0 --format jsonl --pagefile "$work/page.sys"
    grep '"Offset":null' "$work/out" >"$work/scan"
    judge Allocation "$work/scan" paged
    check_counts "in the page file" 400 80
    n_paged=$((n_paged + $(n allocated-Allocated)))
done
[ "$n_pools" -ge 20 ] || wrong "only $n_pools pages were listed"
[ "$n_paged" -ge 100 ] || wrong "only $n_paged blocks in a page file"
finish
