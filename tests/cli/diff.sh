#!/bin/bash
# diff: images, JSON Lines and databases on either side; what changed, in which order; hostile
# results.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$work" || exit 1

has_sqlite=1
"$POOLSCAN" --version -v | grep -q 'libsqlite3 missing' && has_sqlite=0

# shellcheck source=tests/cli/snapshots.sh
. "$PS_SOURCE/tests/cli/snapshots.sh"
write_snapshots a.recipe b.recipe
"$POOLSCAN" mkimage -q a.recipe a.raw && "$POOLSCAN" mkimage -q b.recipe b.raw &&
    "$POOLSCAN" mkimage -q sample sample.raw || exit 1
for name in a b; do
    "$POOLSCAN" scan -q $name.raw --all-headers --format jsonl -o $name.jsonl
    "$POOLSCAN" scan -q $name.raw --all-headers --format json -o $name.json
    "$POOLSCAN" used -q $name.raw --format jsonl -o $name.used 2>/dev/null
    [ $has_sqlite = 0 ] || "$POOLSCAN" scan -q $name.raw --all-headers --format sqlite -o $name.db
    [ $has_sqlite = 0 ] || "$POOLSCAN" used -q $name.raw --format sqlite -o $name.used.db 2>/dev/null
done

# The same answer whatever the two sides are.
cat >want <<'W'
Zq8z new 0 1 1 0 2688 2688
Proc changed 1 2 1 1408 2816 1408
Ntfx vanished 1 0 -1 512 0 -512
Thre new 0 1 1 0 512 512
W
fields() {
    sed 's/"Component.*//; s/"[A-Za-z]*"://g; s/[{"]//g; s/,$//; s/,/ /g' "$@"
}
for a in a.raw a.jsonl a.json a.used a.db a.used.db; do
    for b in b.raw b.jsonl b.json b.used b.db b.used.db; do
        if [ ! -e $a ] || [ ! -e $b ]; then
            continue
        fi
        expect 0 - "$POOLSCAN" diff $a $b --format jsonl
        expect_said '4 tags differ, 2 of them new and 1 vanished, 2 are the same'
        expect_said 'compared is what is found of each tag'
        fields out >got
        cmp -s got want || wrong "$a $b: $(diff got want)"
    done
done

tags_of() {
    fields out | cut -d' ' -f1 | tr '\n' ' '
}
expect 0 - "$POOLSCAN" diff -q a.raw b.raw --format jsonl --sort tag
[ "$(tags_of)" = 'Ntfx Proc Thre Zq8z ' ] || wrong "by tag: $(tags_of)"
expect 0 - "$POOLSCAN" diff -q a.raw b.raw --format jsonl --sort allocs
[ "$(tags_of)" = 'Zq8z Proc Ntfx Thre ' ] || wrong "by allocs: $(tags_of)"
expect 0 - "$POOLSCAN" diff -q a.raw b.raw --format jsonl --tags 'P*,Thre'
[ "$(tags_of)" = 'Proc Thre ' ] || wrong "two tags: $(tags_of)"
expect 0 - "$POOLSCAN" diff -q a.raw b.raw --format csv
[ "$(wc -l <out)" = 5 ] || wrong "csv: $(cat out)"
expect 0 - "$POOLSCAN" diff -q a.raw b.raw --format table
grep -q '^Zq8z  *new ' out || wrong "table: $(cat out)"
if [ $has_sqlite = 1 ]; then
    expect 0 - "$POOLSCAN" diff -q a.raw b.raw --format sqlite -o diff.db
    [ -s diff.db ] || wrong 'no database'
fi

# The tracker table, where both have one.
"$POOLSCAN" used -q sample.raw --format jsonl -o sample.used
expect 0 - "$POOLSCAN" diff sample.raw sample.used
expect_said 'compared is what Windows counts of each tag; 0 tags differ'
expect_silent_stdout
sed 's/\("Tag":"Toke".*"PagedDiff":\)\([0-9]*\)/\11\2/; /"Tag":"File"/d' sample.used >changed.used
expect 0 - "$POOLSCAN" diff sample.raw changed.used --format jsonl
expect_said '2 tags differ, 0 of them new and 1 vanished'
expect 0 - "$POOLSCAN" diff sample.raw a.jsonl --format none
expect_said 'compared is what is found of each tag'

# Exit statuses.
expect 1 1 "$POOLSCAN" diff -q a.raw b.raw --fail-if-different
expect_said '4 tags differ'
expect 0 0 "$POOLSCAN" diff -q a.raw a.jsonl --fail-if-different
expect 66 1 "$POOLSCAN" diff -q a.raw nowhere
expect 64 1 "$POOLSCAN" diff a.raw
expect 64 1 "$POOLSCAN" diff a.raw b.raw --sort paged
expect 64 1 "$POOLSCAN" used a.raw --sort bytes
: >empty
expect 0 - "$POOLSCAN" diff empty a.jsonl --format jsonl
expect_said '4 tags differ, 4 of them new'
expect 0 - "$POOLSCAN" diff empty empty

# What is damaged or hostile ends in one line and 65.
damaged() {
    expect 65 1 "$POOLSCAN" diff -q "$1" a.jsonl
    expect_said "poolscan: $1: "
}
head -c 300 a.jsonl >cut.jsonl
damaged cut.jsonl
printf '{"Tag":"toolong"}\n' >tag.jsonl
damaged tag.jsonl
printf '{"x":1}\n' >none.jsonl
damaged none.jsonl
if [ $has_sqlite = 1 ]; then
    head -c 5000 a.db >cut.db
    damaged cut.db
    { head -c 4096 a.db && head -c 40000 /dev/urandom; } >noise.db
    damaged noise.db
    { head -c 16 a.db && head -c 9000 /dev/zero; } >zero.db
    damaged zero.db
    "$POOLSCAN" tags -q --format sqlite -o tags.db
    damaged tags.db
fi
if [ $has_sqlite = 1 ] && command -v sqlite3 >/dev/null; then
    # A view in place of the table, which would never end.
    sqlite3 view.db "CREATE TABLE tags (Number INTEGER PRIMARY KEY, TagRaw, Protected);
        CREATE VIEW findings AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
        SELECT 1 AS TagNumber, 'x' AS Status, '' AS Pool, i AS NumberOfBytes, 90 AS Confidence,
        NULL AS InBigPool, NULL AS Offset FROM n; INSERT INTO tags VALUES (1, '0x636f7250', 0)"
    damaged view.db
    sqlite3 raw.db "CREATE TABLE tags (Number INTEGER PRIMARY KEY, TagRaw, Protected);
        CREATE TABLE findings (TagNumber, Status, Pool, NumberOfBytes, Confidence, InBigPool, Offset);
        INSERT INTO tags VALUES (1, 'hello', 0); INSERT INTO findings VALUES (1, 1, 1, 1, 99, NULL, 1)"
    damaged raw.db
fi
finish
