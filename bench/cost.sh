#!/usr/bin/env bash
# What one build of the program costs beside another: whole scans of a warm image of which a fifth are
# pool pages (pools-*.recipe), in pairs, each build first in every second pair. Writes comma-separated
# rows: medians of wall-clock and processor time in ms, and the median of the pairs' ratios, new by old.
#
#   bench/cost.sh OLD NEW [REPEATS]
#
# OLD and NEW are poolscan programs; NEW makes the images. PS_BENCH_SIZE=1G, PS_BENCH_DIR=DIR (kept).
set -euo pipefail

old=$1
new=$2
repeats=${3:-15}
for program in "$old" "$new"; do
    [ -x "$program" ] || {
        echo "cost.sh: $program is no program" >&2
        exit 2
    }
done
size=${PS_BENCH_SIZE:-1G}
recipes=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [ -n "${PS_BENCH_DIR:-}" ]; then
    folder=$PS_BENCH_DIR
    mkdir -p "$folder"
else
    folder=$(mktemp -d "${TMPDIR:-/tmp}/poolscan-cost.XXXXXX")
    trap 'rm -rf "$folder"' EXIT
fi

# run PROGRAM ARGUMENTS...: "wall processor" in ms
run() {
    local TIMEFORMAT='%R %U %S'

    { time "$@" -q --format none "$image" >/dev/null 2>&1; } 2>&1 |
        awk '{ printf "%d %d\n", $1 * 1000, ($2 + $3) * 1000 }'
}

# pairs KIND ARGUMENTS...: one row
pairs() {
    local kind=$1 a b i
    shift
    for ((i = 0; i <= repeats; i++)); do
        if ((i % 2)); then
            a=$(run "$old" scan "$@")
            b=$(run "$new" scan "$@")
        else
            b=$(run "$new" scan "$@")
            a=$(run "$old" scan "$@")
        fi
        # The first pair reads the file.
        ((i == 0)) || echo "$a $b"
    done >"$folder/pairs"
    printf '%s,%s' "$kind" "$*"
    for column in 1 2 3 4 5 6; do
        awk -v c="$column" '{ v[1] = $1; v[2] = $3; v[3] = $3 / $1; v[4] = $2; v[5] = $4; v[6] = $4 / $2
            print v[c] }' "$folder/pairs" | sort -g |
            awk '{ v[NR] = $1 } END { printf ",%.4g", v[int((NR + 1) / 2)] }'
    done
    echo
}

echo "image,arguments,old-ms,new-ms,ratio,old-cpu-ms,new-cpu-ms,cpu-ratio"
for kind in segment classic; do
    image=$folder/$kind.raw
    [ -s "$image" ] || "$new" mkimage -q "$recipes/pools-$kind.recipe" "$image" "SIZE=$size"
    cat "$image" >/dev/null
    for threads in 1 2; do
        pairs "$kind" --threads "$threads"
        pairs "$kind" --threads "$threads" --physical-only
    done
    [ -n "${PS_BENCH_DIR:-}" ] || rm -f "$image"
done
