#!/bin/bash
# poolscan tags: every format, the filters, tag files of both forms, and what goes wrong.
set -u
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
n_wrong=0

wrong() {
    echo "WRONG: $*" >&2
    n_wrong=$((n_wrong + 1))
}

# expect NAME WANT GOT
expect() {
    [ "$2" = "$3" ] || wrong "$1: expected '$2', got '$3'"
}

# fails STATUS WORDS ARGUMENTS...: ends with that status, one line on stderr that has the words, and
# nothing on stdout
fails() {
    local want=$1 words=$2 status
    shift 2
    "$POOLSCAN" tags "$@" >"$tmp/out" 2>"$tmp/err"
    status=$?
    expect "status of: tags $*" "$want" "$status"
    expect "lines of stderr: tags $*" 1 "$(wc -l <"$tmp/err")"
    grep -qF -- "$words" "$tmp/err" || wrong "tags $*: '$(cat "$tmp/err")' lacks '$words'"
    [ -s "$tmp/out" ] && wrong "tags $*: wrote to standard output"
}

pool='"\(np\|pg\|both\)"\|null'
seen='"\([0-9a-z.]*-\?[0-9a-z.]*\)"\|null'
row='{"Tag":"Proc","Component":"nt!ps","Kind":"process","Pool":P,"Seen":S,"Description":"EPROCESS of a running or ended process","Source":"kernel/executive.tags"'
got=$("$POOLSCAN" tags Proc)
expect "jsonl" "$row" "$(sed "s/\"Pool\":\($pool\)/\"Pool\":P/; s/\"Seen\":\($seen\)/\"Seen\":S/; s/,\"Line\":.*//" <<<"$got")"
expect "protected bit" "$got" "$("$POOLSCAN" tags 'Pro\xe3')"
expect "wildcard" "$got" "$("$POOLSCAN" tags 'Pro*' --kind process)"
expect "json" "[ $got ]" "$("$POOLSCAN" tags Proc --format json | tr '\n' ' ' | sed 's/ $//')"
expect "empty json" '[ ]' "$("$POOLSCAN" tags Zz9z --format json 2>/dev/null | tr '\n' ' ' | sed 's/ $//')"
expect "none" "" "$("$POOLSCAN" tags --format none)"
expect "csv" 'Tag,Component,Kind,Pool,Seen,Description,Source,Line' \
    "$("$POOLSCAN" tags Proc --format csv | head -1 | tr -d '\r')"
expect "csv rows" 2 "$("$POOLSCAN" tags Proc --format csv | wc -l)"
"$POOLSCAN" tags Proc --format table | grep -q '^Proc *nt!ps *process *[a-z-]* *[0-9a-z.-]* *EPROCESS' || wrong "table"
expect "a wildcard entry explains" '"Tag":"Afd?"' \
    "$("$POOLSCAN" tags Afdz | grep -o '"Tag":"[^"]*"')"
[ "$("$POOLSCAN" tags | wc -l)" -ge 150 ] || wrong "too few built-in tags"
"$POOLSCAN" tags | cut -c1-12 >"$tmp/order"
LC_ALL=C sort -c "$tmp/order" || wrong "entries are not in order"

expect "component nt" 0 "$("$POOLSCAN" tags --component nt | grep -vc '"Component":"nt!')"
[ "$("$POOLSCAN" tags --component NT!PS | wc -l)" -ge 3 ] || wrong "component nt!ps"
expect "no component tcpip" "" "$("$POOLSCAN" tags --component tcpi 2>/dev/null)"
expect "status of no match" 0 "$("$POOLSCAN" tags Zz9z >/dev/null 2>&1; echo $?)"

printf '// head\nProc - mine.sys - my own words\nZz9z - z.sys - a "quoted", word\n' >"$tmp/pooltag"
printf '# head\nProc  other.sys  misc  other words\nZz8z  z.sys  misc  more words\n' >"$tmp/own"
expect "the first file wins" '"Component":"mine.sys"' \
    "$("$POOLSCAN" tags Proc --tag-file "$tmp/pooltag" --tag-file "$tmp/own" |
        grep -o '"Component":"[^"]*"')"
expect "the first file wins, turned round" '"Component":"other.sys"' \
    "$("$POOLSCAN" tags Proc --tag-file "$tmp/own" --tag-file "$tmp/pooltag" |
        grep -o '"Component":"[^"]*"')"
printf 'Zz7z  z.sys  ?  np  vista-10  three own words\nZz6z  z.sys  ?  np  words\n' >"$tmp/six"
expect "pool and releases" '{"Tag":"Zz7z","Component":"z.sys","Kind":null,"Pool":"np","Seen":"vista-10","Description":"three own words"' \
    "$("$POOLSCAN" tags Zz7z --tag-file "$tmp/six" | sed 's/,"Source":.*//')"
expect "neither" '"Pool":null,"Seen":null,"Description":"np  words"' \
    "$("$POOLSCAN" tags Zz6z --tag-file "$tmp/six" | grep -o '"Pool":.*words"')"
expect "no built-in tags" 3 "$("$POOLSCAN" tags --no-builtin-tags --tag-file "$tmp/own" \
    --tag-file "$tmp/pooltag" | wc -l)"
expect "quotes in json" '"Description":"a \"quoted\", word"' \
    "$("$POOLSCAN" tags Zz9z --tag-file "$tmp/pooltag" | grep -o '"Description":.*word"')"
expect "quotes in csv" '"a ""quoted"", word"' \
    "$("$POOLSCAN" tags Zz9z --format csv --tag-file "$tmp/pooltag" | grep -o '"a .*word"')"
"$POOLSCAN" tags Proc -o "$tmp/result" >"$tmp/out" || wrong "-o"
expect "-o writes a file" "$got" "$(cat "$tmp/result")"
expect "-o and stdout" "" "$(cat "$tmp/out")"

printf 'Good  g.sys  misc  fine here\nBad  b.sys\n' >"$tmp/bad"
printf 'A\0b\0' >"$tmp/zero"
: >"$tmp/empty"
fails 65 'line 2' --tag-file "$tmp/bad"
fails 65 'plain text' --tag-file "$tmp/pooltag" --tag-file <(printf '// x\n\0\n')
fails 65 'not printable' --tag-file "$tmp/zero"
fails 65 'folder' --tag-file "$tmp"
fails 65 'MiB' --tag-file /dev/zero
fails 66 'No such file' --tag-file "$tmp/nowhere"
fails 64 'position 5' Procs
fails 64 'position 1' '\q'
"$POOLSCAN" tags --tag-file "$tmp/empty" >/dev/null || wrong "an empty list is a list"
if [ -w /dev/full ]; then
    "$POOLSCAN" tags >/dev/full 2>"$tmp/err"
    expect "full disk" 74 $?
fi
"$POOLSCAN" tags --format jsonl 2>"$tmp/err" | head -1 >/dev/null
[ "$(wc -l <"$tmp/err")" -le 1 ] || wrong "closed pipe: $(cat "$tmp/err")"

echo "$n_wrong wrong"
[ "$n_wrong" = 0 ]
