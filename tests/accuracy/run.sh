#!/usr/bin/env bash
# Build the labelled images, scan each and count how well that went: lines of comma-separated counts
# (docs/ACCURACY.md) on standard output.
#
#   tests/accuracy/run.sh [--why] [--all-headers] [IMAGE...]
#
# POOLSCAN and MEASURE are the two programs. Without names all of tests/recipes/accuracy/images. --why:
# instead of counts, what became of each statement's headers, and examples of mistakes. --all-headers: a
# third scan of each image, for any tag.
# PS_ACC_DIR=DIR keeps the images, lists and findings there, in a folder for each image. PS_SEED=N: other
# images of the same kinds.
set -euo pipefail

recipes=$(cd "$(dirname "${BASH_SOURCE[0]}")/../recipes/accuracy" && pwd)
why=0
all_headers=0
while [[ ${1:-} == --* ]]; do
    case $1 in
    --why) why=1 ;;
    --all-headers) all_headers=1 ;;
    *)
        echo "run.sh: what is $1?" >&2
        exit 2
        ;;
    esac
    shift
done
if [ -n "${PS_ACC_DIR:-}" ]; then
    folder=$PS_ACC_DIR
    mkdir -p "$folder"
else
    folder=$(mktemp -d "${TMPDIR:-/tmp}/poolscan-accuracy.XXXXXX")
    trap 'rm -rf "$folder"' EXIT
fi

# mode NAME [OPTION...]: scan the image of this folder, count
mode() {
    local mode=$1
    local measure=("$MEASURE")
    shift
    "$POOLSCAN" scan -q --min-confidence 0 --show-free --format jsonl "$@" image.raw >"$mode.jsonl"
    case $mode in
    physical-only) measure+=(--no-page-file --without Qz) ;;
    tables) measure+=(--without Qz) ;; # tags that no list knows
    esac
    measure+=("${leftovers[@]}")
    if [ "$why" = 1 ]; then
        "${measure[@]}" --by-line "$name" "$mode" truth.jsonl "$mode.jsonl"
        "${measure[@]}" --examples 2 "$name" "$mode" truth.jsonl "$mode.jsonl"
    else
        "${measure[@]}" "$name" "$mode" truth.jsonl "$mode.jsonl"
    fi
}

wanted() {
    local one

    [ $# -gt 1 ] || return 0
    for one in "${@:2}"; do
        [ "$one" != "$1" ] || return 0
    done
    return 1
}

n=0
[ "$why" = 1 ] || "$MEASURE" --heading
while read -r name recipe parameters; do
    case $name in
    '' | '#'*) continue ;;
    esac
    wanted "$name" "$@" || continue
    if [ -n "${PS_SEED:-}" ]; then
        parameters=${parameters/SEED=/SEED=$PS_SEED}
    fi
    mkdir -p "$folder/$name"
    cd "$folder/$name"
    # shellcheck disable=SC2086 # parameters are words
    "$POOLSCAN" mkimage "$recipes/$recipe.recipe" image.raw $parameters --truth truth.jsonl \
        --pagefile-out page.sys -q
    leftovers=()
    while read -r line; do
        leftovers+=(--leftover "$line")
    done < <(grep -n '# leftover$' "$recipes/$recipe.recipe" | cut -d: -f1)
    mode tables --pagefile page.sys
    mode physical-only --physical-only
    [ "$all_headers" = 0 ] || mode all-headers --all-headers --pagefile page.sys
    n=$((n + 1))
    [ -n "${PS_ACC_DIR:-}" ] || rm -rf "${folder:?}/$name"
done <"$recipes/images"
if [ "$n" = 0 ]; then
    echo "run.sh: no such image in $recipes/images" >&2
    exit 2
fi
