#!/usr/bin/env bash
# What a farm costs: planning, scanning in tasks one after the other, with a process for each or in one process
# (--task all), and merging, beside one plain scan of the same images, in pairs, each first in every second
# pair. The merge comes after the tasks, or (where they are one process) beside them: merge --wait is started
# with the scan. What is merged must be what the plain scan wrote.
#
#   bench/farm.sh POOLSCAN [REPEATS]         comma-separated rows
#   bench/farm.sh --docs POOLSCAN [REPEATS]  tables in docs/BENCHMARKS.md
#
# The images are those of virtual.recipe: 4 of a GiB, a task each; and one of 4 GiB, as the task that it is by
# itself, and in 4 ranges and its virtual side; a process for each of these reads its page tables. Warm: they are in the page
# cache. Cold: they are not, each time anew, as on a farm. Figures are medians: wall-clock and processor time
# in ms, and of the pairs' ratios. On a busy machine only processor time tells anything. Then what merge takes of memory (GNU time), by number of findings: pools-segment.recipe.
# PS_BENCH_SIZE=1G of an image of the first set, a quarter of the second. PS_BENCH_DIR=DIR (kept).
set -euo pipefail

source=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
docs=0
if [ "${1:-}" = --docs ]; then
    docs=1
    shift
fi
poolscan=$1
repeats=${2:-7}
size=${PS_BENCH_SIZE:-1G}
task_bytes=$size
amount=${size%[GMK]}
unit=${size##*[0-9]}
work=$(mktemp -d "${TMPDIR:-/tmp}/poolscan-farm.XXXXXX")
trap 'rm -rf "$work"' EXIT
folder=${PS_BENCH_DIR:-$work}
mkdir -p "$folder"

# timed COMMAND...: "wall processor" in ms
timed() {
    local TIMEFORMAT='%R %U %S'

    { time "$@" >"$work/said" 2>&1; } 2>&1 | awk '{ printf "%d %d\n", $1 * 1000, ($2 + $3) * 1000 }'
    if grep -q '^poolscan:' "$work/said"; then
        cat "$work/said" >&2
        return 1
    fi
}

whole() {
    "$poolscan" scan -q --format "$format" -o "$work/whole" "${images[@]}"
}

plan() {
    "$poolscan" plan -q "${images[@]}" --task-bytes "$task_bytes" -o "$work/plan"
    n_tasks=$(grep -c '^{"task":' "$work/plan")
}

# The words of --task for each process.
processes() {
    if [ "$n_processes" = 1 ]; then
        echo all
    else
        seq 0 $((n_tasks - 1))
    fi
}

tasks() {
    local which

    for which in $(processes); do
        "$poolscan" scan -q --plan "$work/plan" --task "$which" --out-dir "$work/shards"
    done
}

merge() {
    "$poolscan" merge -q "$work/shards" --plan "$work/plan" --format "$format" -o "$work/merged" "$@"
}

# All of it, with the merge beside the tasks.
beside() {
    local scan

    plan
    tasks &
    scan=$!
    merge --wait 100
    wait "$scan"
}

# Images out of the page cache, or into it.
prepare() {
    local image

    for image in "${images[@]}"; do
        if [ "$cache" = cold ]; then
            dd if="$image" iflag=nocache count=0 status=none
        else
            cat "$image" >/dev/null
        fi
    done
}

measure_whole() {
    prepare
    timed whole
}

measure_farm() {
    prepare
    rm -rf "$work/plan" "$work/shards" "$work/merged"
    if [ "$merge" = beside ]; then
        echo "0 0 $(timed beside) 0 0"
    else
        echo "$(timed plan) $(timed tasks) $(timed merge)"
    fi
    cmp "$work/whole" "$work/merged"
}

median() { # COLUMN of the pairs; 9 and 10 are the ratios
    awk -v c="$1" '{
        $9 = ($3 + $5 + $7) / ($1 > 0 ? $1 : 1); $10 = ($4 + $6 + $8) / ($2 > 0 ? $2 : 1)
        print $c }' "$work/pairs" | sort -g | awk '{ v[NR] = $1 } END { printf ",%.4g", v[int((NR + 1) / 2)] }'
}

# pairs NAME: one row of the images
pairs() {
    local a b i column

    plan
    [ "$n_processes" = 1 ] || n_processes=$n_tasks
    whole
    for ((i = 0; i < repeats; i++)); do
        if ((i % 2)); then
            a=$(measure_whole)
            b=$(measure_farm)
        else
            b=$(measure_farm)
            a=$(measure_whole)
        fi
        echo "$a $b"
    done >"$work/pairs"
    printf '%s,%s,%s,%s,%s,%s' "$1" "$n_tasks" "$n_processes" "$merge" "$cache" "$format"
    for column in 1 2 3 4 5 6 7 8 9 10; do
        median "$column"
    done
    echo
}

make() { # RECIPE NAME SIZE
    [ -s "$folder/$2" ] || "$poolscan" mkimage -q "$source/bench/$1.recipe" "$folder/$2" "SIZE=$3"
    # What is not written yet cannot leave the page cache.
    sync "$folder/$2"
}

set_of() { # NAME NUMBER...: cold and warm; in one process, or in as many as there are tasks
    local number

    for number in "${@:2}"; do
        for merge in after beside; do
            [ "$merge" = after ] || [ "$number" = 1 ] || continue
            n_processes=$number
            cache=warm
            for format in none jsonl; do
                pairs "$1"
            done
            cache=cold
            pairs "$1"
        done
    done
}

rows() {
    local i

    echo "images,tasks,processes,merged,files,format,ms,cpu-ms,plan-ms,plan-cpu-ms,tasks-ms,tasks-cpu-ms,merge-ms,merge-cpu-ms,ratio,cpu-ratio"
    images=()
    for i in 1 2 3 4; do
        make virtual "$i.raw" "$size"
        images+=("$folder/$i.raw")
    done
    set_of "4 of $size" 1 each
    [ -n "${PS_BENCH_DIR:-}" ] || rm -f "${images[@]}"
    make virtual all.raw "$((4 * amount))$unit"
    images=("$folder/all.raw")
    task_bytes=64G
    set_of "1 of $((4 * amount))$unit" 1
    task_bytes=$size
    set_of "1 of $((4 * amount))$unit" 1 each
    [ -n "${PS_BENCH_DIR:-}" ] || rm -f "${images[@]}"
}

# What a merge takes, of an image that is in the plan once, twice, four times.
memory() {
    local times i

    [ -x /usr/bin/time ] || {
        echo "farm.sh: no GNU time, the memory of merge is left out" >&2
        return
    }
    n_processes=1
    merge=after
    make pools-segment dense.raw "$size"
    for times in 1 2 4; do
        images=()
        for ((i = 0; i < times; i++)); do
            images+=("$folder/dense.raw")
        done
        rm -rf "$work/shards"
        plan
        tasks
        /usr/bin/time -f %M -o "$work/peak" "$poolscan" merge "$work/shards" --plan "$work/plan" \
            --format none 2>"$work/said"
        printf '%s,%s,%s\n' "$times" "$(sed -n 's/.*: \([0-9]*\) findings.*/\1/p' "$work/said")" \
            "$(tail -n 1 "$work/peak")"
    done
    [ -n "${PS_BENCH_DIR:-}" ] || rm -f "$folder/dense.raw"
}

table() {
    echo "Measured $(date -u +%Y-%m-%d), load $(cut -d' ' -f1 /proc/loadavg), medians of $repeats pairs, ms:"
    echo
    echo "Merged *after* the tasks, or *beside* them (\`--wait\`): then *tasks* is all of it, from before the plan until both" \
        "have ended."
    echo
    echo "| images | tasks | processes | merged | files | format | plain | plan | tasks | merge | adds |" \
        "processor: plain | plan | tasks | merge | adds |"
    echo "| --- | ---: | ---: | --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    awk -F, 'function part(ms) { return $4 == "beside" ? "" : sprintf("%d", ms) }
        NR > 1 { printf "| %s | %s | %s | %s | %s | %s | %d | %s | %d | %s | %.0f %% | %d | %s | %d | %s | %.0f %% |\n",
        $1, $2, $3, $4, $5, $6, $7, part($9), $11, part($13), ($15 - 1) * 100,
        $8, part($10), $12, part($14), ($16 - 1) * 100 }' "$work/rows"
    echo
    echo "| images | findings | merge takes MiB |"
    echo "| ---: | ---: | ---: |"
    awk -F, '{ printf "| %s | %d | %.1f |\n", $1, $2, $3 / 1024 }' "$work/peaks"
}

if [ "$docs" = 0 ]; then
    rows
    echo "images,findings,merge-KiB"
    memory
    exit
fi
rows | tee "$work/rows" >&2
memory | tee "$work/peaks" >&2
table >"$work/table"
"$source/bench/into_docs.sh" farm.sh "$work/table"
