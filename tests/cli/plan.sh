#!/bin/bash
# plan, keyspace, --skip and --limit: a plan is the same whenever it is made, its id is that of its
# text, images that cannot be opened are left out, and windows side by side are the whole scan.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

"$POOLSCAN" mkimage sample "$work/a.raw"
cp "$work/a.raw" "$work/b.raw"
n_bytes=$(stat -c %s "$work/a.raw")

# The same plan from another folder and by another number of threads.
expect 0 0 "$POOLSCAN" plan "$work/a.raw" "$work/b.raw" --task-bytes 4M --tags 'Pr\x6fc,Thr?' -o "$work/p1"
expect_silent_stdout
(cd "$work" && "$POOLSCAN" plan a.raw b.raw --task-bytes 0x400000 -t 1 --tags 'Pr\x6fc' --tags 'Thr?' >p2)
cmp "$work/p1" "$work/p2" || wrong "the same plan has other bytes"
if command -v xxhsum >/dev/null; then
    id=$(sed '1s/"id":"[0-9a-f]*"/"id":""/' "$work/p1" | xxhsum -H2 - | cut -d' ' -f1)
    grep -q "^{\"poolscan_plan\":1,\"id\":\"$id\"" "$work/p1" || wrong "the id is not $id"
else
    skip_line "no xxhsum: the id of a plan is checked by unit tests only"
fi
grep -q '"options":\["--tags","Pr\\\\x5cx6fc","--tags","Thr?"\]' "$work/p1" ||
    wrong "options of the plan: $(head -n 1 "$work/p1")"
[ "$(grep -c '"part":"virtual"' "$work/p1")" = 2 ] || wrong "not one virtual side for each image"
n_ranges=$(grep -c '"part":"range"' "$work/p1")
n_of_a=$(grep -c 'a.raw".*"part":"range"' "$work/p1")
[ "$n_of_a" -ge 4 ] || wrong "only $n_of_a ranges"
grep -q "\"tasks\":$((n_ranges + 2))}" "$work/p1" || wrong "the number of tasks is not counted"

# Another option, image or size is another plan.
ids() { sed -n '1s/.*"id":"\([0-9a-f]*\)".*/\1/p' "$@"; }
"$POOLSCAN" plan "$work/a.raw" >"$work/p3"
"$POOLSCAN" plan "$work/a.raw" --show-free >"$work/p4"
"$POOLSCAN" plan "$work/b.raw" >"$work/p5"
"$POOLSCAN" plan "$work/a.raw" --task-bytes 8M >"$work/p6"
printf '\1' | dd of="$work/b.raw" bs=1 seek=4096 conv=notrunc status=none
"$POOLSCAN" plan "$work/b.raw" >"$work/p7"
[ "$(for i in 1 3 4 5 6 7; do ids "$work/p$i"; done | sort -u | wc -l)" = 6 ] || wrong "ids repeat"

# A file that an option names counts with its content.
echo '# tags' >"$work/t.tags"
printf 'Abcd\tnt\tother\ta test\n' >>"$work/t.tags"
expect 0 0 "$POOLSCAN" plan "$work/a.raw" --tag-file "$work/t.tags" -o "$work/p8"
printf 'Abce\tnt\tother\ta test\n' >>"$work/t.tags"
expect 0 0 "$POOLSCAN" plan "$work/a.raw" --tag-file "$work/t.tags" -o "$work/p9"
field() { sed -n "1s/.*\"$1\":\"\([0-9a-f]*\)\".*/\1/p" "$2"; }
[ "$(field options_id "$work/p8")" != "$(field options_id "$work/p9")" ] || wrong "options_id"
[ "$(field tags_id "$work/p8")" != "$(field tags_id "$work/p9")" ] || wrong "tags_id"

# What cannot be opened is told and left out; nothing at all is no plan.
head -c 100 "$work/a.raw" >"$work/short"
expect 66 1 "$POOLSCAN" plan "$work/none" "$work/a.raw" -o "$work/q1"
expect_said "$work/none"
[ "$(wc -l <"$work/q1")" = 2 ] || wrong "the good image was not planned"
expect 65 2 "$POOLSCAN" plan "$work/short" "$work/none" -o "$work/q2"
[ ! -e "$work/q2" ] || wrong "a plan of nothing was written"
expect 66 1 "$POOLSCAN" plan "$work/a.raw" --tag-file "$work/none" -o "$work/q3"
expect 64 1 "$POOLSCAN" plan "$work/a.raw" --tags toolong -o "$work/q4"
expect 64 1 "$POOLSCAN" plan "$work/a.raw" --range 0x10000000000000-0x10000000001000 -o "$work/q5"
expect 73 1 "$POOLSCAN" plan "$work/a.raw" -o "$work/no/such/folder"

# keyspace, and windows of it.
expect 0 0 "$POOLSCAN" keyspace "$work/a.raw" --task-bytes 4M --format csv
present=$(tail -n 1 "$work/out" | cut -d, -f3)
if [ "$present" -le 0 ] || [ "$present" -gt "$n_bytes" ]; then
    wrong "present bytes: $present of $n_bytes"
fi
[ "$(tail -n 1 "$work/out" | tr -d '\r' | cut -d, -f7)" = $((n_of_a + 1)) ] ||
    wrong "keyspace counts other tasks than the plan: $(tail -n 1 "$work/out")"
expect 66 1 "$POOLSCAN" keyspace "$work/none" "$work/a.raw"
[ "$(wc -l <"$work/out")" = 1 ] || wrong "keyspace: the good image has no row"

# Windows side by side are the scan, but for copies, which a window cannot see from another one.
whole() { "$POOLSCAN" -q "$work/a.raw" --physical-only --include-copies --min-confidence all "$@"; }
plain() { sed 's/"Confidence":[^]]*\]/"C"/; s/"Status":"[A-Za-z]*"/"S"/'; }
whole | plain >"$work/all"
: >"$work/parts"
for ((at = 0; at < present; at += 0x600000)); do
    whole --skip "$at" --limit 0x600000 | plain >>"$work/parts"
done
[ "$(wc -l <"$work/all")" -gt 100 ] || wrong "only $(wc -l <"$work/all") findings"
cmp "$work/all" "$work/parts" || wrong "windows are not the whole"
expect 0 1 "$POOLSCAN" "$work/a.raw" --skip 1T
expect_silent_stdout

finish
