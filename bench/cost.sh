#!/usr/bin/env bash
# What one build of the program costs beside another: whole scans of a warm image of which a fifth are
# pool pages (pools-*.recipe), in pairs, each build first in every second pair.
#
#   bench/cost.sh OLD NEW [REPEATS]         comma-separated rows
#   bench/cost.sh --docs OLD NEW [REPEATS]  a table in docs/BENCHMARKS.md
#
# OLD and NEW are poolscan programs; OLD may be a commit, which is built first. NEW makes the images.
# Figures are medians: wall-clock and processor time in ms, and of the pairs' ratios, new by old. On a busy
# machine only processor time tells anything. PS_BENCH_SIZE=1G, PS_BENCH_DIR=DIR (kept).
set -euo pipefail

source=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
docs=0
if [ "${1:-}" = --docs ]; then
    docs=1
    shift
fi
old=$1
new=$2
repeats=${3:-15}
size=${PS_BENCH_SIZE:-1G}
work=$(mktemp -d "${TMPDIR:-/tmp}/poolscan-cost.XXXXXX")
trap 'rm -rf "$work"' EXIT
folder=${PS_BENCH_DIR:-$work}
mkdir -p "$folder"

name=$(basename "$old")
if [ ! -x "$old" ] && git -C "$source" rev-parse --verify --quiet "$old^{commit}" >/dev/null; then
    name="commit $(git -C "$source" rev-parse --short=12 "$old^{commit}")"
    mkdir "$work/source"
    git -C "$source" archive "$old" | tar -x -C "$work/source"
    cmake -S "$work/source" -B "$work/build" -G Ninja >/dev/null
    cmake --build "$work/build" --target poolscan >"$work/build.log" ||
        {
            tail -n 20 "$work/build.log" >&2
            exit 1
        }
    old=$work/build/host/poolscan
fi
for program in "$old" "$new"; do
    [ -x "$program" ] || {
        echo "cost.sh: $program is no program" >&2
        exit 2
    }
done

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
    done >"$work/pairs"
    printf '%s,%s' "$kind" "$*"
    for column in 1 2 3 4 5 6; do
        awk -v c="$column" '{ v[1] = $1; v[2] = $3; v[3] = $3 / $1; v[4] = $2; v[5] = $4; v[6] = $4 / $2
            print v[c] }' "$work/pairs" | sort -g |
            awk '{ v[NR] = $1 } END { printf ",%.4g", v[int((NR + 1) / 2)] }'
    done
    echo
}

rows() {
    echo "image,arguments,old-ms,new-ms,ratio,old-cpu-ms,new-cpu-ms,cpu-ratio"
    for kind in segment classic; do
        image=$folder/$kind.raw
        [ -s "$image" ] ||
            "$new" mkimage -q "$source/bench/pools-$kind.recipe" "$image" "SIZE=$size"
        cat "$image" >/dev/null
        for threads in 1 2; do
            pairs "$kind" --threads "$threads"
            pairs "$kind" --threads "$threads" --physical-only
        done
        [ -n "${PS_BENCH_DIR:-}" ] || rm -f "$image"
    done
}

table() {
    echo "Measured $(date -u +%Y-%m-%d) beside $name, load $(cut -d' ' -f1 /proc/loadavg), medians of $repeats pairs:"
    echo
    echo "| image | scan | ms before | ms | ratio | processor: ms before | ms | ratio |"
    echo "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    tail -n +2 "$work/rows" | awk -F, '{
        printf "| %s | %s | %d | %d | %.2f | %d | %d | %.2f |\n", $1, $2, $3, $4, $5, $6, $7, $8 }'
}

if [ "$docs" = 0 ]; then
    rows
    exit
fi
rows | tee "$work/rows" >&2
table >"$work/table"
"$source/bench/into_docs.sh" cost.sh "$work/table"
