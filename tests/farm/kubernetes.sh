#!/usr/bin/env bash
# docs/farm/job.yaml without a cluster: its fields are those of the reference (job_schema.json), its
# rules give up after the statuses that docs/FARM.md says are for good, and its command, run once for
# each index with what a pod would find, makes shards that merge into what one scan prints.
# shellcheck source=tests/farm/farm.sh
. "$PS_SOURCE/tests/farm/farm.sh"
manifest=$PS_SOURCE/docs/farm/job.yaml

# Debian's Python: the packages are for that one.
python=/usr/bin/python3
$python -c 'import jsonschema, yaml' 2>/dev/null ||
    skip "no python3-yaml or python3-jsonschema: .ci/packages.sh install test"
manifest() {
    $python -B "$PS_SOURCE/tests/farm/job_manifest.py" "$@"
}

mapfile -t hopeless < <(sed -n 's/^| \([0-9]*\) |.*| no |$/\1/p' "$PS_SOURCE/docs/FARM.md")
[ "${#hopeless[@]}" -ge 4 ] || give_up "docs/FARM.md names only ${hopeless[*]} as for good"
manifest check "$manifest" "${hopeless[@]}" || wrong "job.yaml (above)"
manifest broken "$manifest" || wrong "what is broken is not told (above)"

# The claim, mounted at /farm, is a folder here.
farm_images xp-pae win7-x64
farm_plan
mkdir bin
ln -s "$POOLSCAN" bin/poolscan
mapfile -t command < <(manifest command "$manifest" | sed "s|^/farm/|$work/|")
[ "${command[0]}" = poolscan ] || give_up "its command is ${command[*]}"
# Once with a task for each index, once with two.
each() { # TASKS FOLDER
    local words=() word index

    for word in "${command[@]}"; do
        [ "${words[-1]-}" != --tasks-each ] || word=$1
        words+=("${word/hits/$2}")
    done
    for ((index = (n_tasks + $1 - 1) / $1 - 1; index >= 0; index--)); do
        env -i PATH="$work/bin" JOB_COMPLETION_INDEX=$index "${words[@]}" ||
            wrong "index $index of $1 tasks: status $?"
    done
    farm_complete "$2"
}
each 1 hits
each 2 pairs
diff -r hits pairs || wrong "two tasks for an index give other shards"
"$POOLSCAN" merge -q hits --plan plan.jsonl --format jsonl -o merged.jsonl || wrong "no merge"
farm_same merged.jsonl
finish "$n_tasks indexes; for good: ${hopeless[*]}"
