#!/bin/bash
# The queries of docs/QUERIES.md run, and say what the JSON Lines of the same scan say.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

if "$POOLSCAN" --version -v | grep -q 'libsqlite3 missing'; then
    skip_line "this build has no libsqlite3"
    exit 77
fi
if ! command -v sqlite3 >/dev/null; then
    skip_line "no sqlite3: .ci/packages.sh install test"
    exit 77
fi
cd "$work" || exit 1

# shellcheck source=tests/cli/snapshots.sh
. "$PS_SOURCE/tests/cli/snapshots.sh"
write_snapshots first.recipe second.recipe
"$POOLSCAN" mkimage -q first.recipe first.raw && "$POOLSCAN" mkimage -q second.recipe second.raw &&
    "$POOLSCAN" mkimage -q sample sample.raw || exit 1

# block NAME: the query of that name
block() {
    sed -n "/^-- $1\$/,/^\`\`\`/p" "$PS_SOURCE/docs/QUERIES.md" | grep -v '^```'
}

# query DATABASE NAME: its rows
query() {
    n_checks=$((n_checks + 1))
    [ -n "$(block "$2")" ] || wrong "docs/QUERIES.md has no query '$2'"
    block "$2" | sqlite3 -batch -noheader -readonly -separator '|' -nullvalue - "$1" ||
        wrong "the query '$2' fails"
}

# expect_rows NAME ROWS
expect_rows() {
    query two.db "$1" >got
    printf '%s' "$2" >want
    cmp -s got want || wrong "$1: $(diff got want)"
}

[ "$(grep -c '^```sql' "$PS_SOURCE/docs/QUERIES.md")" = 5 ] || wrong 'not five queries'
"$POOLSCAN" scan -q first.raw second.raw --all-headers --format sqlite -o two.db || exit 1

query two.db top-tags | cut -d'|' -f1,4- >got
printf '%s\n' 'Proc|3|4224|2' 'Qz7q|4|3680|2' 'Zq8z|1|2688|1' 'File|2|672|2' 'Ntfx|1|512|1' 'Thre|1|512|1' >want
cmp -s got want || wrong "top-tags: $(diff got want)"
query two.db one-image | cut -d'|' -f1,4- >got
printf '%s\n' 'Ntfx|1|first.raw' 'Thre|1|second.raw' 'Zq8z|1|second.raw' >want
cmp -s got want || wrong "one-image: $(diff got want)"
query two.db unknown-tags | cut -d'|' -f1-3,5 >got
printf '%s\n' 'Qz7q|4|3680|0x0000000000002580' 'Zq8z|1|2688|0x0000000000003580' >want
cmp -s got want || wrong "unknown-tags: $(diff got want)"
expect_rows growth 'Zq8z|1|2688.0
Proc|1|1408.0
Thre|1|512.0
Ntfx|-1|-512.0
'
expect_rows big-unknown ''

# The sample, against the JSON Lines of the same scan.
"$POOLSCAN" scan -q sample.raw --all-headers --format sqlite -o sample.db
"$POOLSCAN" scan -q sample.raw --all-headers --format jsonl -o sample.jsonl
grep '"Source":"bigpool"' sample.jsonl | grep '"Status":"Allocated"' | grep '"Description":null' |
    sed 's/.*"Allocation":"\([^"]*\)".*"NumberOfBytes":\([0-9]*\),.*/\2 \1/' | sort -k1,1nr -k2 >want
query sample.db big-unknown | awk -F'|' '{ print $4, $2 }' >got
cmp -s got want || wrong "big-unknown: $(diff got want | head -5)"
[ "$(wc -l <want)" -gt 10 ] || wrong "only $(wc -l <want) big allocations without description"
grep -v '"Status":"\(Free\|Stale\)"' sample.jsonl | grep '"InBigPool":null' | grep '"Description":null' |
    grep '"Component":null' | sed 's/.*"TagRaw":"\([^"]*\)".*/\1/' | sort | uniq -c | awk '{ print $1 }' |
    sort -nr >want
query sample.db unknown-tags | awk -F'|' '{ print $(NF - 3) }' >got
cmp -s got want || wrong "unknown-tags: $(diff got want | head -5)"
[ "$(wc -l <want)" -gt 10 ] || wrong "only $(wc -l <want) unknown tags"
for name in top-tags one-image growth; do
    query sample.db "$name" >got
    [ -s got ] || wrong "$name says nothing of the sample"
done
finish
