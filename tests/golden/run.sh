#!/usr/bin/env bash
# Recipe -> image -> findings, compared byte by byte with tests/golden/CASE/expected.jsonl. The file
# CASE/arguments, where there is one, holds more arguments for the scan.
#
# PS_UPDATE=1 writes expected.jsonl anew; read the difference before committing it.
set -eu

folder=$PS_SOURCE/tests/golden
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

n=0
failed=0
for recipe in "$folder"/*/recipe; do
    case=${recipe%/recipe}
    name=${case##*/}
    arguments=()
    if [ -f "$case/arguments" ]; then
        read -r -a arguments <"$case/arguments"
    fi
    "$POOLSCAN" mkimage "$recipe" image.raw
    "$POOLSCAN" scan -q --min-confidence 0 --format jsonl ${arguments[@]+"${arguments[@]}"} image.raw >found.jsonl
    if [ "${PS_UPDATE:-0}" = 1 ]; then
        cp found.jsonl "$case/expected.jsonl"
    elif ! cmp -s found.jsonl "$case/expected.jsonl"; then
        echo "$name: the findings differ from expected.jsonl:"
        diff "$case/expected.jsonl" found.jsonl | head -n 20 || true
        failed=1
    fi
    n=$((n + 1))
done
echo "$n golden cases"
[ "$n" -gt 0 ] && [ "$failed" = 0 ]
