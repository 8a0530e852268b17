#!/usr/bin/env bash
# What the built-in tags cost: the start of a process, and scans for all of them beside scans for a few,
# in pairs, each first in every second pair.
#
#   bench/tags.sh POOLSCAN [REPEATS]         comma-separated rows
#   bench/tags.sh --docs POOLSCAN [REPEATS]  a table in docs/BENCHMARKS.md
#
# The images are those of bench/cost.sh; the tags of their blocks are 22. Figures are medians, of the pairs'
# ratios too: wall-clock and processor time in ms. PS_BENCH_SIZE=1G, PS_BENCH_DIR=DIR (kept).
set -euo pipefail

source=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
docs=0
if [ "${1:-}" = --docs ]; then
    docs=1
    shift
fi
poolscan=$1
repeats=${2:-15}
size=${PS_BENCH_SIZE:-1G}
work=$(mktemp -d "${TMPDIR:-/tmp}/poolscan-tags.XXXXXX")
trap 'rm -rf "$work"' EXIT
folder=${PS_BENCH_DIR:-$work}
mkdir -p "$folder"
starts=20
some='File,Even,Sema,Muta,Thre,Irp ,Mdl ,EtwR,MmCa,Vad ,VadS,CcSc,CM25,Symb,Toke'
own="$some,NtfF,Ntff,MmSt,ObNm,SeSd,CM31,Pool"

# run TIMES ARGUMENTS...: "wall processor" of one process in ms
run() {
    local TIMEFORMAT='%R %U %S' n=$1 i
    shift
    { time for ((i = 0; i < n; i++)); do "$poolscan" "$@" >/dev/null 2>&1; done; } 2>&1 |
        awk -v n="$n" '{ printf "%.2f %.2f\n", $1 * 1000 / n, ($2 + $3) * 1000 / n }'
}

# pairs NAME TIMES FEW ALL: one row; each of the two is a file with an argument a line
pairs() {
    local a b i few all
    mapfile -t few <"$3"
    mapfile -t all <"$4"
    for ((i = 0; i <= repeats; i++)); do
        if ((i % 2)); then
            a=$(run "$2" "${few[@]}")
            b=$(run "$2" "${all[@]}")
        else
            b=$(run "$2" "${all[@]}")
            a=$(run "$2" "${few[@]}")
        fi
        # The first pair reads the file.
        ((i == 0)) || echo "$a $b"
    done >"$work/pairs"
    printf '%s' "$1"
    for column in 1 2 3 4 5 6; do
        awk -v c="$column" '{ v[1] = $1; v[2] = $3; v[3] = $3 / $1; v[4] = $2; v[5] = $4; v[6] = $4 / $2
            print v[c] }' "$work/pairs" | sort -g |
            awk '{ v[NR] = $1 } END { printf ",%.4g", v[int((NR + 1) / 2)] }'
    done
    echo
}

scans() { # IMAGE NAME TAGS
    printf '%s\n' scan -q --format none --threads 1 --physical-only "$1" >"$work/all"
    printf '%s\n' scan -q --format none --threads 1 --physical-only --tags "$3" "$1" >"$work/few"
    pairs "$2" 1 "$work/few" "$work/all"
}

rows() {
    local kind image
    echo "what,few-ms,all-ms,ratio,few-cpu-ms,all-cpu-ms,cpu-ratio"
    echo --version >"$work/few"
    printf '%s\n' tags Proc >"$work/all"
    pairs "start: \`--version\` and \`tags Proc\`" "$starts" "$work/few" "$work/all"
    for kind in segment classic; do
        image=$folder/$kind.raw
        [ -s "$image" ] ||
            "$poolscan" mkimage -q "$source/bench/pools-$kind.recipe" "$image" "SIZE=$size"
        cat "$image" >/dev/null
        scans "$image" "$kind: its 22 tags and all" "$own"
        scans "$image" "$kind: 15 of its tags and all" "$some"
        [ -n "${PS_BENCH_DIR:-}" ] || rm -f "$image"
    done
}

table() {
    echo "Measured $(date -u +%Y-%m-%d) with $("$poolscan" tags | wc -l) built-in tags, load" \
        "$(cut -d' ' -f1 /proc/loadavg), medians of $repeats pairs:"
    echo
    echo "| what | ms, few | all | ratio | processor: ms, few | all | ratio |"
    echo "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    tail -n +2 "$work/rows" | awk -F, '{ printf "| %s | %.1f | %.1f | %.2f | %.1f | %.1f | %.2f |\n",
        $1, $2, $3, $4, $5, $6, $7 }'
}

if [ "$docs" = 0 ]; then
    rows
    exit
fi
rows | tee "$work/rows" >&2
table >"$work/table"
"$source/bench/into_docs.sh" tags.sh "$work/table"
