#!/bin/bash
# Databases: the same bytes from any number of threads, what JSON Lines say, files that appear whole
# or not at all. Read with the shell of SQLite.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$work" || exit 1

expect 0 0 "$POOLSCAN" --version -v
if grep -q 'libsqlite3 missing' out; then
    expect 64 1 "$POOLSCAN" tags --format sqlite -o db
    expect_said 'this build lacks libsqlite3'
    expect 64 1 "$POOLSCAN" scan -q "$work/out" --format sqlite -o db
    expect_said 'this build lacks libsqlite3'
    [ ! -e db ] || wrong 'there is a database'
    finish
fi
grep -q '^features: .*+sqlite' out || wrong "features lack +sqlite: $(cat out)"
if ! command -v sqlite3 >/dev/null; then
    skip_line "no sqlite3: .ci/packages.sh install test"
    exit 77
fi

# sql DATABASE QUERY: what it says
sql() {
    sqlite3 -batch -noheader -readonly "$@" || wrong "sqlite3 $*"
}
# expect_sql DATABASE QUERY ANSWER
expect_sql() {
    local got
    n_checks=$((n_checks + 1))
    got=$(sql "$1" "$2")
    [ "$got" = "$3" ] || wrong "$1: $2: $got, expected $3"
}

"$POOLSCAN" mkimage -q sample a.raw || exit 1
printf 'build 19041\npages 4\n' >few.recipe
"$POOLSCAN" mkimage -q few.recipe "few, 'odd\".raw" 2>/dev/null || head -c 16384 /dev/zero >"few, 'odd\".raw"

# A value of JSON Lines as SQLite has it, row by row, by a reader that is neither's.
as_json='SELECT json_object(
    '\''Offset'\'', Offset, '\''Tag'\'', Tag, '\''TagRaw'\'', TagRaw, '\''NumberOfBytes'\'', NumberOfBytes,
    '\''Evidence'\'', json('\''["'\'' || replace(Evidence, '\''|'\'', '\''","'\'') || '\''"]'\''),
    '\''Image'\'', Image, '\''ImageId'\'', ImageId) FROM report ORDER BY Number'
for options in "" "--all-headers --show-free --min-confidence 0"; do
    # shellcheck disable=SC2086 # words
    expect 0 0 "$POOLSCAN" scan -q a.raw "few, 'odd\".raw" a.raw $options --format sqlite -o a.db
    expect_silent_stdout
    # shellcheck disable=SC2086
    "$POOLSCAN" scan -q a.raw "few, 'odd\".raw" a.raw $options --format jsonl -o a.jsonl
    expect_sql a.db 'PRAGMA integrity_check' ok
    expect_sql a.db 'SELECT count(*) FROM report' "$(wc -l <a.jsonl)"
    expect_sql a.db 'SELECT count(*) FROM images' 3
    sql a.db "$as_json" >got
    sed -E 's/^.*"Offset":("[^"]*"|null),.*,("Tag":"([^"\\]|\\.)*","TagRaw":"[^"]*"),.*,("NumberOfBytes":[0-9]+),.*,("Evidence":\[[^]]*\]),.*,("Image":.*)\}$/{"Offset":\1,\2,\4,\5,\6}/' \
        a.jsonl >want
    cmp -s got want || wrong "'$options': $(diff got want | head -4)"
    [ "$(wc -l <got)" -gt 500 ] || wrong "only $(wc -l <got) rows were compared"
    for other in "-t 1" "-t 3 --chunk 64K" "--io read --kernel scalar"; do
        # shellcheck disable=SC2086
        expect 0 0 "$POOLSCAN" scan -q a.raw "few, 'odd\".raw" a.raw $options $other --format sqlite -o b.db
        cmp -s a.db b.db || wrong "'$options' with '$other' gives other bytes"
    done
done

expect 0 0 "$POOLSCAN" find -q a.raw 'Pro?' -r sqlite -o find.db
expect_sql find.db "SELECT count(*) > 0 AND count(*) = sum(Tag LIKE 'Pro%') FROM findings" 1
expect 0 - "$POOLSCAN" scan "few, 'odd\".raw" --format sqlite -o none.db
expect_sql none.db "SELECT count(*) || Image FROM images, (SELECT count(*) AS n FROM findings) WHERE n = 0" \
    "1few, 'odd\".raw"

# Lists have a table of the verb's name.
for verb in used bigpools info tags devices; do
    image=a.raw
    [ "$verb" = info ] || [ "$verb" = used ] || [ "$verb" = bigpools ] || image=
    # shellcheck disable=SC2086
    expect 0 - "$POOLSCAN" "$verb" $image --format sqlite -o list.db
    # shellcheck disable=SC2086
    "$POOLSCAN" "$verb" -q $image --format jsonl -o list.jsonl
    expect_sql list.db "SELECT count(*) FROM $verb" "$(wc -l <list.jsonl)"
    expect_sql list.db "SELECT Value FROM meta WHERE Name = 'Content'" "$verb"
done
"$POOLSCAN" used -q a.raw --format sqlite -o list.db
"$POOLSCAN" used -q a.raw --format csv | awk -F, 'NR > 1 { n += $5 + $9 } END { print n }' >bytes
expect_sql list.db 'SELECT sum(NonPagedUsed) + sum(PagedUsed) FROM used' "$(cat bytes)"

# No file but a regular one, and nothing is left behind.
for where in "" "-o -" "-o /dev/null"; do
    # shellcheck disable=SC2086
    expect 64 1 "$POOLSCAN" scan -q a.raw --format sqlite $where
    expect_said '--format sqlite makes a file'
    expect_silent_stdout
done
expect 73 1 "$POOLSCAN" scan -q a.raw --format sqlite -o no-such-folder/db
expect 73 1 "$POOLSCAN" scan -q a.raw --format sqlite -o none.db --temp-dir no-such-folder
expect_said '--temp-dir'
for place in none .; do
    expect 0 0 "$POOLSCAN" scan -q a.raw --format sqlite -o b.db --temp-dir $place
    "$POOLSCAN" scan -q a.raw --format sqlite -o c.db
    cmp -s b.db c.db || wrong "--temp-dir $place gives other bytes"
done
expect 66 1 "$POOLSCAN" scan -q no-such-image --format sqlite -o a.db
expect_sql a.db 'SELECT count(*) > 500 FROM findings' 1
(
    trap '' XFSZ
    ulimit -f 64
    "$POOLSCAN" scan -q a.raw --all-headers --format sqlite -o a.db 2>err
    echo $? >status
)
[ "$(cat status)" = 74 ] || wrong "a full disk: exit status $(cat status)"
expect_said 'cannot write the database'
expect_sql a.db 'SELECT count(*) > 500 FROM findings' 1
expect 0 0 "$POOLSCAN" scan -q a.raw --format sqlite -o ':memory:'
[ -s ':memory:' ] || wrong 'a file that is called :memory: is not there'
left=$(find . -name '*.tmp*' -o -name '*-journal' -o -name '*-wal')
[ -z "$left" ] || wrong "left behind: $left"
finish
