#!/usr/bin/env bash
# Compares the findings with what the recipes planted: a list that no scanning code has written.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# one NAME RECIPE [awk arguments]; the scan's stand in 'scan'
one() {
    local name=$1 recipe=$2
    shift 2
    "$POOLSCAN" mkimage "$recipe" "$work/image.raw" --truth "$work/truth.jsonl"
    "$POOLSCAN" scan -q --min-confidence 0 --format jsonl --include-copies "${scan[@]}" "$work/image.raw" \
        >"$work/found.jsonl"
    # Without them nothing else changes.
    "$POOLSCAN" scan -q --min-confidence 0 --format jsonl "${scan[@]}" "$work/image.raw" >"$work/without.jsonl"
    if ! grep -v '"copy"[],]' "$work/found.jsonl" | cmp -s - "$work/without.jsonl"; then
        echo "$name: --include-copies changes more than it should"
        failed=1
    fi
    n_copies=$((n_copies + $(grep -c '"copy"[],]' "$work/found.jsonl" || true)))
    # A recipe that plants nothing would pass with anything.
    if [ "$name" != nothing ]; then
        grep -q '"allocated"' "$work/truth.jsonl"
    fi
    printf '%-20s ' "$name"
    awk "$@" -f "$PS_SOURCE/tests/golden/recall.awk" "$work/truth.jsonl" "$work/found.jsonl"
}

n=0
n_copies=0
failed=0
for recipe in "$PS_SOURCE"/tests/recipes/*.recipe "$PS_SOURCE"/tests/golden/*/recipe; do
    case $recipe in
    */recipe) name=$(basename "$(dirname "$recipe")") ;;
    *) name=$(basename "$recipe" .recipe) ;;
    esac
    scan=()
    judge=()
    case $name in
    bench) continue ;; # a gigabyte; bench/ checks its answers itself
    two-tags) scan=(--tags 'File,Etw?') judge=(-v 'hidden=^(Proc|Even)$') ;;
    all-headers) scan=(--all-headers) judge=(-v chance=15) ;;
    # What a classic page has left is tagged "Free", which no list knows.
    free-blocks) scan=(--show-free) judge=(-v free=1 -v 'hidden=^Free$') ;;
    win7-x86) judge=(-v 'hidden=^Zz9q$') ;;
    win81-x64) judge=(-v 'hidden=^Pro.*xe3$') ;;
    esac
    one "$name" "$recipe" ${judge[@]+"${judge[@]}"} || failed=1
    n=$((n + 1))
done
echo "$n recipes, $n_copies headers in copies"
[ "$n" -ge 30 ] && [ "$n_copies" -ge 500 ] && [ "$failed" = 0 ]
