#!/usr/bin/env bash
# The merged scan of the real images against their truth: the big allocations with virtual and
# physical address, and the virtual address of each allocated header, walked back by vtop.
# Skipped where the images are not (PS_SHARED, else shared/ beside the sources).
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

images=${PS_SHARED:-$PS_SOURCE/../shared}/images
if [ ! -d "$images" ]; then
    skip_line "no real images: $images is not there (PS_SHARED names the folder that holds images/)"
    exit 77
fi
command -v xz >/dev/null || { skip_line "xz is not installed"; exit 77; }

# truth_rows <TRUTH: "va tag first_pa" of each big allocation, addresses of 16 digits or null.
truth_rows() {
    awk -F'"' '
        function wide(text) { return "0x" substr("0000000000000000" substr(text, 3), length(text) - 1) }
        /"big_pages"/ { on = 1 }
        on && $2 == "va" { va = wide($4) }
        on && $2 == "tag" { tag = $4 }
        on && $2 == "first_pa" { print va, tag, ($4 == "" ? "null" : wide($4)) }' | sort
}

# big_rows <FINDINGS: the same of what the scan lists.
big_rows() {
    sed -n 's/^{"Source":"bigpool","Offset":"\{0,1\}\([^",]*\).*"Allocation":"\([^"]*\)","Tag":"\([^"]*\)".*/\2 \3 \1/p' |
        sort
}

for name in reactos-0.4.13-x86-desktop reactos-0.4.16-x64-pools; do
    # dd leaves holes where xz writes zeros.
    xz -dc "$images/$name.raw.xz" | dd of="$work/image.raw" bs=1M iflag=fullblock conv=sparse status=none
    truncate -s %4096 "$work/image.raw"
    "$POOLSCAN" scan -q --all-headers --min-confidence 0 --format jsonl "$work/image.raw" >"$work/found" ||
        wrong "$name: exit status $?"
    big_rows <"$work/found" >"$work/big"
    truth_rows <"$images/$name.truth.json" >"$work/truth"
    n_checks=$((n_checks + 1))
    [ "$(wc -l <"$work/truth")" -gt 400 ] || wrong "$name: the truth could not be read"
    cmp -s "$work/truth" "$work/big" ||
        wrong "$name: big allocations differ: $(diff "$work/truth" "$work/big" | head -n 5)"

    grep '^{"Source":"header".*"Status":"Allocated"' "$work/found" >"$work/allocated" || true
    n=$(wc -l <"$work/allocated")
    n_checks=$((n_checks + 1))
    [ "$n" -gt 25000 ] || wrong "$name: only $n allocated headers"
    grep -c '"Allocation":"0x.*"Mapped":true,"InBigPool":null' "$work/allocated" >"$work/n" || true
    [ "$(cat "$work/n")" = "$n" ] || wrong "$name: of $n allocated headers $(cat "$work/n") have an address"
    # In no page that nothing maps: stale, but for the bit 0x20 of session pool.
    sed -n 's/.*"Source":"header".*"PoolTypeRaw":\([0-9]*\),.*"Status":"\([A-Za-z]*\)".*"Mapped":false.*/\1 \2/p' \
        "$work/found" | awk '{ bad += int($1 / 32) % 2 ? $2 == "Allocated" : $2 != "Stale" }
                             END { print bad + 0 }' >"$work/n"
    n_checks=$((n_checks + 1))
    [ "$(cat "$work/n")" = 0 ] || wrong "$name: $(cat "$work/n") headers in unmapped pages with another status"

    # The allocation begins behind its header.
    case $name in
    *x64*) header=16 ;;
    *) header=8 ;;
    esac
    # vtop walks one address after the other: some of them.
    while read -r offset va; do
        n_checks=$((n_checks + 1))
        "$POOLSCAN" vtop --format jsonl "$work/image.raw" "$va" >"$work/walk" 2>/dev/null || true
        physical=$(sed -n 's/.*"Level":"result".*"Physical":"\([^"]*\)".*/\1/p' "$work/walk")
        [ $((physical)) = $((offset + header)) ] || wrong "$name: $va is at $physical, its header at $offset"
    done < <(sed -n 's/.*"Offset":"\([^"]*\)".*"Allocation":"\([^"]*\)".*/\1 \2/p' "$work/allocated" |
        awk -v n="$n" 'NR % int(n / 40) == 0')
    echo "$name: $(wc -l <"$work/big") big allocations, $n allocated headers"
done
finish
