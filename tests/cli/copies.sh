#!/usr/bin/env bash
# Pages that are copies: left out and counted, listed with --include-copies, in every verb the same.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failed=0

wrong() {
    echo "$*"
    failed=1
}

# count PATTERN FILE
count() {
    grep -c "$1" "$2" || true
}

# The second half of the image repeats the first; page 0x30 repeats a page behind it.
cat >twice.recipe <<'R'
size 512K
arch x64
build 17134
tags np Proc:0xb80/NonPaged File:0x180*9/NonPaged Even:0x80*9/NonPaged
page  0x01 kuser
pages 0x10-0x1f classic tags=np
pages 0x40-0x4f copy from=0x10
pages 0x50-0x5f classic tags=np
page  0x08 copy from=0x50
R
"$POOLSCAN" mkimage twice.recipe image.raw --truth truth.jsonl

"$POOLSCAN" scan --format jsonl image.raw >found.jsonl 2>said
"$POOLSCAN" scan --format jsonl --include-copies image.raw >all.jsonl 2>said_all
n_copies=$(count '"copy"[],]' all.jsonl)
[ "$n_copies" -ge 50 ] || wrong "only $n_copies headers in copies"
[ "$(count '"copy"[],]' found.jsonl)" = 0 ] || wrong "copies without --include-copies"
grep -v '"copy"[],]' all.jsonl | cmp -s - found.jsonl || wrong "--include-copies changes the rest"
grep -q ", $n_copies in copied pages left out;" said || wrong "said: $(cat said)"
grep -q ', 0 in copied pages left out;' said_all || wrong "said: $(cat said_all)"

# The first page by address is the original, wherever the builder took the bytes from.
[ "$(count '"Offset":"0x0000000000008' found.jsonl)" -gt 0 ] || wrong "page 8 is no copy"
[ "$(count '"Offset":"0x0000000000050' found.jsonl)" = 0 ] || wrong "page 0x50 is one"
grep '"copy"[],]' all.jsonl | grep -q '"Status":"\(Allocated\|Unknown\)"' && wrong "a copy is in use"
# A copy comes below 50, so it is gone with what is asked for here.
"$POOLSCAN" scan -q --format jsonl --min-confidence 50 image.raw >found50.jsonl
"$POOLSCAN" scan -q --format jsonl --min-confidence 50 --include-copies image.raw >all50.jsonl
cmp -s found50.jsonl all50.jsonl || wrong "--min-confidence 50 and --include-copies"
# What is dropped for other reasons is remembered all the same.
"$POOLSCAN" scan -q --format jsonl --tags Even image.raw >even.jsonl
grep '"Tag":"Even"' found.jsonl | cmp -s - even.jsonl || wrong "--tags changes what is a copy"

# find is a scan.
"$POOLSCAN" find -q --format jsonl image.raw Even | cmp -s - even.jsonl || wrong "find"
[ "$("$POOLSCAN" find -q --format jsonl image.raw Even --include-copies | wc -l)" = \
    "$(count '"Tag":"Even"' all.jsonl)" ] || wrong "find --include-copies"
"$POOLSCAN" find --format table image.raw Even 2>said >/dev/null
grep -q "^poolscan: $(wc -l <even.jsonl) allocations" said || wrong "find: $(cat said)"

# used counts each block once.
n=$("$POOLSCAN" used -q --format jsonl image.raw 2>/dev/null |
    sed -n 's/.*"Tag":"Even".*"HeaderBlocks":\([0-9]*\).*/\1/p')
[ "$n" = "$(count '"Status":"Allocated"' even.jsonl)" ] || wrong "used counts $n of Even"

# A range knows itself only.
"$POOLSCAN" scan --format jsonl --range 0x40000-0x50000 image.raw >range.jsonl 2>said
[ "$(wc -l <range.jsonl)" -ge 50 ] || wrong "pages 0x40-0x4f in a range of their own"
grep -q ', 0 in copied pages left out;' said || wrong "range: $(cat said)"

"$POOLSCAN" scan --status-json --format none image.raw 2>said
grep -q "\"copies_left_out\":$n_copies," said || wrong "status: $(tail -n 1 said)"

[ "$failed" = 0 ]
