#!/bin/bash
# The table of docs/TAGS.md is true: as counted here from what poolscan tags prints, and as
# tags/counts.sh would write it.
set -u
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
n_wrong=0

sed -n '/^<!-- tags\/counts.sh -->$/,/^<!-- tags\/counts.sh ends -->$/p' "$PS_SOURCE/docs/TAGS.md" |
    grep '^|' >"$tmp/doc"
bash "$PS_SOURCE/tags/counts.sh" >"$tmp/script"
if ! cmp -s "$tmp/doc" "$tmp/script"; then
    echo "WRONG: run tags/counts.sh --docs" >&2
    diff "$tmp/doc" "$tmp/script" | head -5 >&2
    n_wrong=1
fi

# LIST TAGS WILDCARDS OWNER KIND POOL RELEASES
tail -n +3 "$tmp/doc" | tr -d '`|' | awk '{ $1 = $1; print }' | sort >"$tmp/want"
"$POOLSCAN" tags --format jsonl | awk '
    function count(list) {
        tags[list]++
        wild[list] += tag ~ /[?]/
        owner[list] += !/"Component":null/
        kind[list] += !/"Kind":null/
        pool[list] += !/"Pool":null/
        seen[list] += !/"Seen":null/ }
    {
        tag = $0
        sub(/^{"Tag":"/, "", tag)
        sub(/","Component".*/, "", tag)
        list = $0
        sub(/.*"Source":"/, "", list)
        sub(/".*/, "", list)
        count(list)
        count("all") }
    END { for (l in tags) print l, tags[l], wild[l], owner[l], kind[l], pool[l], seen[l] }' |
    sort >"$tmp/got"
if ! cmp -s "$tmp/want" "$tmp/got"; then
    echo "WRONG: the document, and what poolscan tags has:" >&2
    diff "$tmp/want" "$tmp/got" | head -10 >&2
    n_wrong=$((n_wrong + 1))
fi
[ "$(wc -l <"$tmp/got")" -ge 10 ] || n_wrong=$((n_wrong + 1))

echo "$n_wrong wrong"
[ "$n_wrong" = 0 ]
