#!/usr/bin/env bash
# tags --unknown: results of every verb, the drivers that recipes planted and those that must not be
# found, and what is no result.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

recipes=$PS_SOURCE/tests/recipes/modules
cd "$work" || exit 1

# planted RECIPE TRUTH: "tag driver" of each tag that the recipe's code has as an operand, from its
# list of tag bytes in code and the module statements whose pages they lie in. Not those of hidden and
# lost drivers, nor of pages in the page file unless PAGED is set.
planted() {
    sed -n 's/^module name=\([a-z.]*\) *va=0x\([0-9a-f]*\) pages=0x\([0-9a-f]*\)-0x\([0-9a-f]*\)\(.*\)/\1 \3 \4 \5/p' \
        "$1" | grep -v 'hidden\|lost' | while read -r name first last rest; do
        : "$rest"
        for ((page = 0x$first; page <= 0x$last; page++)); do
            printf '%x %s\n' "$page" "$name"
        done
    done >pages
    awk -v paged="${PAGED:-}" '
        FILENAME == "pages" { name[$1] = $2; next }
        !/"State":"decoy"/ { next }
        { match($0, /"Tag":"[^"]*"/); tag = substr($0, RSTART + 7, RLENGTH - 8) }
        match($0, /^{"Offset":"0x[0-9a-f]*/) {
            page = substr($0, RSTART + 13, RLENGTH - 16); sub(/^0*/, "", page)
        }
        match($0, /"PageFile":"0x[0-9a-f]*/) {
            page = paged ? sprintf("80%s", substr($0, RSTART + 14, RLENGTH - 17)) : ""
        }
        page in name { print tag, name[page] }' pages "$2" | sort -u
}

# found FIELD <ROWS: "tag driver" of each driver that the field names
found() {
    sed -n "s/^{\"Tag\":\"\\([^\"]*\\)\".*\"$1\":\\[\\([^]]*\\)\\].*/\\1 \\2/p" | while read -r tag names; do
        tr ',' '\n' <<<"$names" | sed -n "s/^\"\\(.*\\)\"\$/$tag \\1/p"
    done | sort -u
}

# compare NAME WANT GOT, both files
compare() {
    n_checks=$((n_checks + 1))
    [ -s "$2" ] || wrong "$1: nothing is planted"
    cmp -s "$2" "$3" || wrong "$1: planted (<) and found (>): $(diff "$2" "$3")"
}

# list IMAGE MORE...: the unknown tags of found.jsonl in 'rows', with no tag known
list() {
    expect 0 2 "$POOLSCAN" tags --no-builtin-tags --unknown found.jsonl "$@"
    cp out rows
}

for build in 17134 7601; do
    for shown in exported ''; do
        name="$build ${shown:-searched}"
        "$POOLSCAN" mkimage "$recipes/x64.recipe" x64.raw BUILD="$build" SHOWN="$shown" \
            --truth truth --pagefile-out pagefile || wrong "$name: mkimage"
        "$POOLSCAN" scan -q --all-headers --format jsonl x64.raw >found.jsonl || wrong "$name: scan"
        list x64.raw
        expect_said '6 modules of a list that breaks: 20 pages of code searched, 3 missing'
        planted "$recipes/x64.recipe" truth >want
        # As bytes at an address: over the end of a page, and of 7601 a protected form.
        echo 'Acrs shared.sys' >>want
        [ "$build" != 7601 ] || echo 'Prtc shared.sys' >>want
        sort -o want want
        found ExactIn <rows >got
        compare "$name: operands" want got
        echo 'Byte shared.sys' >want
        found BytesIn <rows >got
        compare "$name: bytes" want got
        list x64.raw --pagefile pagefile
        found ExactIn <rows | grep -q '^Pagd paged.sys$' || wrong "$name: nothing is read from the page file"
    done
done
# Hidden, behind the break, data only, nowhere: told apart.
for tag in Hidn None Data; do
    grep -q "^{\"Tag\":\"$tag\".*\"ExactIn\":\\[\\],\"BytesIn\":\\[\\]}" rows || wrong "$tag is in a driver"
done
for pair in 'Tail tail.sys' 'Head head.sys'; do
    found ExactIn <rows | grep -qx "$pair" || wrong "$pair is not found"
done

"$POOLSCAN" mkimage "$recipes/x86.recipe" x86.raw --truth truth || wrong "x86: mkimage"
"$POOLSCAN" scan -q --all-headers --format jsonl x86.raw >found.jsonl || wrong "x86: scan"
list x86.raw
expect_said ' 3 modules: 9 pages of code searched, 0 missing'
{ planted "$recipes/x86.recipe" truth; echo 'Prtc prot.sys'; } | sort >want
found ExactIn <rows >got
compare "x86: operands" want got

# How often: counted from the same lines by other means.
sed -n 's/.*"Tag":"\([^"]*\)".*"NumberOfBytes":\([0-9]*\),"Status":"\([A-Za-z]*\)".*"InBigPool":null.*/\1 \2 \3/p' found.jsonl |
    sed 's/^Prt\\\\xe3/Prtc/' |
    awk '{ if ($3 == "Free" || $3 == "Stale") { f[$1]++; n[$1] += 0 } else { n[$1]++; b[$1] += $2 } }
        END { for (t in n) print n[t], f[t] + 0, b[t] + 0, t }' | sort -k1,1nr -k2,2nr -k3,3nr -k4 >want
sed 's/^{"Tag":"\([^"]*\)".*"Allocations":\([0-9]*\),"Freed":\([0-9]*\),"Bytes":\([0-9]*\),.*/\2 \3 \4 \1/' rows >got
compare "frequency" want got

# A tag file, --min-confidence, standard input, an array, and the image that the result names.
printf 'Evil - evil.sys - mine\nPr?c - p.sys - known by wildcard\n' >own.txt
expect 0 2 "$POOLSCAN" tags --no-builtin-tags --tag-file own.txt --unknown - x86.raw <found.jsonl
grep -q '"Tag":"\(Evil\|Prtc\)"' out && wrong "a tag of the tag file is unknown"
grep -q '"Tag":"Rkit"' out || wrong "Rkit is known"
printf 'Ev?l - e.sys - by wildcard\nRkit - r.sys - exactly\n' >wide.txt
expect 0 2 "$POOLSCAN" tags --no-builtin-tags --tag-file wide.txt --unknown found.jsonl
grep -q '"Tag":"\(Evil\|Rkit\)"' out && wrong "a tag that a wildcard explains is unknown"
expect 0 2 "$POOLSCAN" tags --no-builtin-tags --tag-file wide.txt --unknown found.jsonl --exact
grep -q '"Tag":"Evil"' out || wrong "--exact: a wildcard explains Evil"
grep -q '"Tag":"Rkit"' out && wrong "--exact: Rkit is unknown"
expect 0 2 "$POOLSCAN" tags --no-builtin-tags --unknown found.jsonl
cmp -s out rows || wrong "the image that the result names gives something else"
{ echo '['; sed '$!s/$/,/' found.jsonl; echo ']'; } >array.json
expect 0 2 "$POOLSCAN" tags --no-builtin-tags --unknown array.json
cmp -s out rows || wrong "an array gives something else"
expect 0 2 "$POOLSCAN" tags --no-builtin-tags --unknown found.jsonl --min-confidence 100
expect_said "$(grep -vc '"Confidence":100' found.jsonl) below the confidence"
for format in table csv json; do
    expect 0 2 "$POOLSCAN" tags --no-builtin-tags --unknown found.jsonl --format "$format"
    grep -q Rkit out || wrong "$format lacks a tag"
done
if ! "$POOLSCAN" --version -v | grep -q 'libsqlite3 missing'; then
    expect 0 0 "$POOLSCAN" tags --no-builtin-tags --unknown found.jsonl -q --format sqlite -o unknown.db
    grep -qa 'CREATE TABLE "\{0,1\}unknown' unknown.db || wrong "sqlite: no table of that name"
fi
expect 0 0 "$POOLSCAN" tags --no-builtin-tags --unknown found.jsonl -q -o written
cmp -s written rows || wrong "-o gives something else"
"$POOLSCAN" find -q --format jsonl x86.raw 'R*' >find.jsonl
"$POOLSCAN" used -q --format jsonl x86.raw >used.jsonl 2>/dev/null
for verb in find used; do
    expect 0 2 "$POOLSCAN" tags --no-builtin-tags --unknown $verb.jsonl x86.raw
    grep -q '"Tag":"Rkit".*"ExactIn":\["evil.sys"\]' out || wrong "$verb: Rkit"
done
grep -q '"Tag":"Evil"' out || wrong "used: Evil"
# Rows of used name no image, and two results are of two.
expect 0 2 "$POOLSCAN" tags --no-builtin-tags --unknown used.jsonl
expect_said 'drivers are not listed: the result names no image'
sed 's/"Image":"[^"]*"/"Image":"other.raw"/' found.jsonl | cat found.jsonl - >two.jsonl
expect 0 2 "$POOLSCAN" tags --no-builtin-tags --unknown two.jsonl
expect_said 'drivers are not listed: the result names more than one image'
"$POOLSCAN" mkimage "$PS_SOURCE/tests/recipes/system/win7-x64.recipe" big.raw
"$POOLSCAN" bigpools -q --format jsonl big.raw >big.jsonl
expect 0 2 "$POOLSCAN" tags --no-builtin-tags --unknown big.jsonl big.raw
expect_said 'PsLoadedModuleList was not found'
[ "$(sed 's/.*"Allocations":\([0-9]*\),.*/\1/' out | awk '{ n += $1 } END { print n }')" = "$(wc -l <big.jsonl)" ] ||
    wrong "bigpools: rows are lost"
grep -q '"ExactIn":null,"BytesIn":null}' out || wrong "drivers where there are none"

# Another image: used when asked for, with a warning; never by itself.
expect 0 3 "$POOLSCAN" tags --no-builtin-tags --unknown found.jsonl x64.raw
expect_said 'x64.raw is not the image of the result'
cp x64.raw x86.raw
expect 0 2 "$POOLSCAN" tags --no-builtin-tags --unknown found.jsonl
expect_said 'drivers are not listed'
rm x86.raw
expect 0 2 "$POOLSCAN" tags --no-builtin-tags --unknown found.jsonl
expect_said 'drivers are not listed: x86.raw'
expect 66 1 "$POOLSCAN" tags --no-builtin-tags --unknown found.jsonl x86.raw
expect_silent_stdout
truncate -s 1M zeros.raw
printf 'x' | dd of=zeros.raw bs=1 seek=5000 conv=notrunc status=none
expect 0 3 "$POOLSCAN" tags --no-builtin-tags --unknown found.jsonl zeros.raw
expect_said 'no page tables were found'

# What is no result.
expect 66 1 "$POOLSCAN" tags --unknown nowhere.jsonl
expect 74 1 "$POOLSCAN" tags --unknown .
expect 65 1 "$POOLSCAN" tags --unknown x64.raw
expect_said 'no result of scan, find, bigpools or used'
expect_silent_stdout
"$POOLSCAN" scan -q --format csv x64.raw >found.csv
expect 65 1 "$POOLSCAN" tags --unknown found.csv
"$POOLSCAN" info -q --format jsonl x64.raw >info.jsonl 2>/dev/null
expect 65 1 "$POOLSCAN" tags --unknown info.jsonl
expect_said 'line 1: an object without Tag'
head -c 1000 found.jsonl >cut.jsonl
expect 65 1 "$POOLSCAN" tags --unknown cut.jsonl
expect_said 'line 2'
: >empty
expect 0 1 "$POOLSCAN" tags --unknown empty
expect_silent_stdout
expect 64 1 "$POOLSCAN" tags --unknown empty --kind process
expect 64 1 "$POOLSCAN" tags Proc --symbols x
finish
