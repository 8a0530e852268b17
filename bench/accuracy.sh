#!/usr/bin/env bash
# Measure how often scans are right, and write it into docs/ACCURACY.md below its last comment.
#
#   bench/accuracy.sh [BUILD]         # a build folder; otherwise build/release is made
#   bench/accuracy.sh BUILD -         # to standard output instead
set -euo pipefail

source=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${1:-$source/build/release}
doc=$source/docs/ACCURACY.md
default=10 # of --min-confidence; cli/min_confidence sees that it is
last='<!-- The rest is written by bench/accuracy.sh -->'

[ -n "${1:-}" ] || (cd "$source" && cmake --preset release >/dev/null)
cmake --build "$build" --target poolscan accuracy_measure >&2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
POOLSCAN=$build/host/poolscan MEASURE=$build/tests/accuracy_measure \
    bash "$source/tests/accuracy/run.sh" --all-headers >"$work/counts.csv"

table() {
    echo
    awk "$@" -f "$source/tests/accuracy/table.awk" "$work/counts.csv"
    echo
}

tables() {
    local figure

    echo
    echo "## Measured"
    echo
    echo "On $(date -u +%Y-%m-%d) at commit $(git -C "$source" rev-parse --short=12 HEAD) by \`bench/accuracy.sh\`."
    echo
    echo "### At the default threshold"
    table -v what=overview -v at=$default
    echo "What else is listed, and how much of it as \`Allocated\`, with page tables, then with \`--physical-only\`:"
    echo
    table -v what=others -v at=$default -v mode=tables
    table -v what=others -v at=$default -v mode=physical-only
    echo "### The worst image at each threshold, %"
    echo
    table -v what=worst
    echo "### By threshold, with page tables"
    for figure in recall allocated precision wrong; do
        echo
        echo "${title[$figure]}:"
        echo
        table -v what="$figure" -v mode=tables
    done
    echo "### By threshold, \`--physical-only\`"
    for figure in recall precision; do
        echo
        echo "${title[$figure]}:"
        echo
        table -v what="$figure" -v mode=physical-only
    done
    echo "### By threshold, what is listed"
    for figure in tables physical-only all-headers; do
        echo
        echo "${title[pool]}, ${title[$figure]}:"
        echo
        table -v what=pool -v mode="$figure"
    done
}

declare -A title=(
    [recall]="Recall, %"
    [allocated]="Live blocks reported as \`Allocated\`, %"
    [precision]="Precision of \`Allocated\`, %"
    [wrong]="Wrong state, %"
    [pool]="Headers of the pool among what is listed, %"
    [tables]="with page tables"
    [physical-only]="\`--physical-only\`"
    [all-headers]="\`--all-headers\` with page tables"
)

if [ "${2:-}" = - ]; then
    tables
    exit
fi
grep -q -x -F -e "$last" "$doc"
{
    awk -v last="$last" '{ print } $0 == last { exit }' "$doc"
    tables
} | cat -s | sed -e '${/^$/d;}' >"$work/ACCURACY.md"
cp "$work/ACCURACY.md" "$doc"
echo "accuracy.sh: $doc" >&2
