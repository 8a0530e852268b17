#!/bin/bash
# --min-confidence: what it leaves is what a filter of everything leaves; its names, its default, its
# mistakes, and the count of what it left out.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
cd "${work:?}" || exit 1

levels="all=0 plausible=10 likely=40 sure=70 proved=80"
declare -A n_left_out

# at_least N FILE
at_least() {
    awk -v n="$1" 'match($0, /"Confidence":[0-9]+/) {
        if (substr($0, RSTART + 13, RLENGTH - 13) + 0 >= n)
            print
    }' "$2"
}

# filters LEAST ARGUMENTS...: these leave what a filter leaves, and say how much that is not.
filters() {
    local least=$1 below
    shift
    at_least "$least" everything >want
    below=$(($(wc -l <everything) - $(wc -l <want)))
    expect 0 - "$POOLSCAN" "$@" --format jsonl
    cmp -s want out || wrong "$*: other findings than those of confidence $least and more"
    expect_said ", $below below confidence $least, "
    n_left_out[$least]=$((${n_left_out[$least]:-0} + below))
}

# each_level ARGUMENTS...
each_level() {
    local level
    expect 0 0 "$POOLSCAN" "$@" -q --format jsonl --min-confidence 0
    cp out everything
    [ -s everything ] || wrong "$*: nothing is found"
    for level in $levels; do
        filters "${level#*=}" "$@" --min-confidence "${level%=*}"
        filters "${level#*=}" "$@" --min-confidence "${level#*=}"
    done
    filters 10 "$@"
    # Big allocations have all of it.
    grep '"Source":"bigpool"' everything >big
    grep '"Source":"bigpool"' want | cmp -s big - || wrong "$*: the default hides big allocations"
    n_big=$((${n_big:-0} + $(wc -l <big)))
}

n_images=0
for recipe in "$PS_SOURCE"/tests/recipes/{xp-x86,win7-x64,heap/22000-x64,system/22h2-x64,system/win7-x64}.recipe; do
    case $recipe in
    */system/*) to=(--pagefile-out page.sys) with=(--pagefile page.sys) ;;
    *) to=() with=() ;;
    esac
    expect 0 0 "$POOLSCAN" mkimage -q "$recipe" image.raw "${to[@]}"
    each_level scan image.raw "${with[@]}"
    each_level scan image.raw "${with[@]}" --all-headers --show-free
    each_level scan image.raw --physical-only --all-headers
    each_level find image.raw 'P*' "${with[@]}"
    n_images=$((n_images + 1))
done
[ "$n_images" = 5 ] || wrong "$n_images images"
[ "$n_big" -ge 100 ] || wrong "only $n_big big allocations were looked at"
[ "${n_left_out[0]}" = 0 ] || wrong "${n_left_out[0]} findings have less than no confidence"
for least in 10 40 70 80; do
    [ "${n_left_out[$least]}" -ge 100 ] || wrong "$least leaves out only ${n_left_out[$least]}"
done

# Whatever runs the scan: the last image, the same counts.
expect 0 - "$POOLSCAN" scan image.raw --all-headers --format none
said=$(sed -n 's/.*, \([0-9]* below confidence 10\),.*/\1/p' err)
for how in '--threads 1' '--threads 5 --chunk 12k' '--kernel scalar --io read' '--chunk 4k'; do
    read -ra words <<<"$how"
    expect 0 - "$POOLSCAN" scan image.raw --all-headers --format none "${words[@]}"
    expect_said ", ${said:-?},"
done
"$POOLSCAN" scan image.raw --all-headers --format none --status-json 2>err
grep -q "\"below_confidence\":${said%% *},\"min_confidence\":10," err || wrong "status: $(tail -n 1 err)"
expect 0 - "$POOLSCAN" find image.raw 'P*' --format table
n=$("$POOLSCAN" find -q image.raw 'P*' --format jsonl | wc -l)
below=$(($("$POOLSCAN" find -q image.raw 'P*' --format jsonl --min-confidence all | wc -l) - n))
expect_said "poolscan: $n allocations"
expect_said "; $below below confidence 10 left out"

# Copies that are asked for are there; those of too little confidence, when that is asked for too.
expect 0 0 "$POOLSCAN" mkimage -q "$PS_SOURCE/tests/recipes/24h2-x64.recipe" image.raw
expect 0 0 "$POOLSCAN" scan -q --format jsonl image.raw
cp out found
expect 0 0 "$POOLSCAN" scan -q --format jsonl --include-copies image.raw
[ "$(grep -c '"copy"[],]' out)" -ge 10 ] || wrong "--include-copies lists none"
grep -v '"copy"[],]' out | cmp -s - found || wrong "--include-copies changes the rest"
expect 0 0 "$POOLSCAN" scan -q --format jsonl --include-copies --min-confidence 10 image.raw
at_least 10 out | cmp -s - out || wrong "copies below the confidence that was asked for"

accepted='expected one of 0 to 100, all=0, plausible=10, likely=40, sure=70, proved=80'
for bad in 101 -1 ten Sure sur 'sure ' 1.5 '' 0x all,sure; do
    expect 64 1 "$POOLSCAN" scan --min-confidence "$bad" image.raw
    expect_said "--min-confidence $bad: $accepted"
    expect_silent_stdout
done
expect 64 1 "$POOLSCAN" image.raw --min-confidence
expect_said "option --min-confidence needs a value: ${accepted#*one of }"
for verb in used bigpools pool; do
    expect 64 1 "$POOLSCAN" "$verb" --min-confidence 10 image.raw
    expect_said "option --min-confidence is not one of the verb $verb"
done
expect 64 1 "$POOLSCAN" tags --min-confidence 10 image.raw
expect_said "the verb tags takes --min-confidence with --unknown only"
for verb in scan find; do
    expect 0 0 "$POOLSCAN" "$verb" --help
    tr -s ' \n' ' ' <out | grep -qF "plausible (${accepted#*one of })" || wrong "$verb --help: no names"
done

finish
