#!/usr/bin/env bash
# Measure everything on this machine: bench/results/<date>-<machine>.csv. docs/BENCHMARKS.md says what
# the rows mean.
#
#   bench/run.sh [OUT.csv]
#
# PS_BENCH_GIB=4        size of the images (1)
# PS_BENCH_REPEATS=20   repetitions of each row (10)
# PS_BENCH_DIR=/fast    where the images are made (a new folder in $TMPDIR, removed at the end)
# PS_BENCH_BUILD=DIR    a release build to use; otherwise build/release is made
# PS_BENCH_TAGS=FILE    a pooltag.txt or .tags file as one more set of tags for the kernels
set -euo pipefail

source=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
gib=${PS_BENCH_GIB:-1}
repeats=${PS_BENCH_REPEATS:-10}
build=${PS_BENCH_BUILD:-}

if [ -z "$build" ]; then
    build=$source/build/release
    (cd "$source" && cmake --preset release -DPOOLSCAN_BENCH=ON >/dev/null)
fi
cmake --build "$build" --target poolscan bench_inputs bench_others >&2
poolscan=$build/host/poolscan

if [ -n "${PS_BENCH_DIR:-}" ]; then
    folder=$PS_BENCH_DIR
    mkdir -p "$folder"
else
    folder=$(mktemp -d "${TMPDIR:-/tmp}/poolscan-bench.XXXXXX")
    trap 'rm -rf "$folder"' EXIT
fi

machine=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1 |
    tr 'A-Z ' 'a-z-' | tr -cd 'a-z0-9-')
out=${1:-$source/bench/results/$(date -u +%Y-%m-%d)-${machine:-unknown}-$(nproc)cpu.csv}
mkdir -p "$(dirname "$out")"

image() { # NAME: make it from its recipe and read it once
    echo "run.sh: $folder/$1.raw, $gib GiB" >&2
    "$poolscan" mkimage "$folder/$1.recipe" "$folder/$1.raw"
    cat "$folder/$1.raw" >/dev/null
}

rows() { # PATTERN COMMAND...: those of its rows that match, without comments and heading
    local pattern=$1
    shift
    "$@" | tr -d '\r' | grep -v -e '^#' -e '^group,' | grep -e "$pattern" >>"$folder/rows.csv"
}

"$build/bench/bench_inputs" "$folder" $((gib << 30))
image image

echo "run.sh: kernels, files, runs" >&2
"$poolscan" bench "$folder/image.raw" --repeats "$repeats" --format csv |
    tr -d '\r' >"$folder/rows.csv"
if [ -n "${PS_BENCH_TAGS:-}" ]; then
    echo "run.sh: kernels with $PS_BENCH_TAGS" >&2
    "$poolscan" bench --rows kernels --no-builtin-tags --tag-file "$PS_BENCH_TAGS" \
        --repeats "$repeats" --format csv -o "$folder/tags.csv"
    tr -d '\r' <"$folder/tags.csv" |
        awk -F, '$1 == "kernel" && $5 != 15 && $5 != 500 && $5 != 4600' >>"$folder/rows.csv"
fi
echo "run.sh: other programs" >&2
rows . "$build/bench/bench_others" "$folder/image.raw" "$folder" "$poolscan" "$repeats"
rm -f "$folder/image.raw"

image idle
rows '^\(file-read\|run\),' "$poolscan" bench "$folder/idle.raw" --rows files,runs \
    --repeats "$repeats" --format csv
rm -f "$folder/idle.raw"

# The most memory that a scan takes: a header in every second slot of every page.
for name in dense-x64 dense-x86; do
    image "$name"
    rows '^peak' "$poolscan" bench "$folder/$name.raw" --rows peak --repeats 1 --format csv
    rm -f "$folder/$name.raw"
done

mv "$folder/rows.csv" "$out"
echo "run.sh: $out" >&2
