#!/usr/bin/env bash
# Whom blocks are charged to, against the list that the builder of the recipes wrote: the cookie, the
# list of processes, the owner of each block. The builder shares no code with what is tested.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failed=0

wrong() {
    echo "$name: $*"
    failed=1
}

# value VARIABLE: what info says
value() {
    sed -n "s/.*\"Variable\":\"$1\",\"Value\":\"\([^\"]*\)\".*/\1/p" info.jsonl
}

# owners WHAT LEAST FINDINGS
owners() {
    local n

    awk -v what="$1" -f "$PS_SOURCE/tests/golden/quota.awk" truth.jsonl "$3" >owners.txt
    if grep -v '^right$' owners.txt >bad.txt; then
        wrong "$(wc -l <bad.txt) of $1 wrong:"
        head -n 10 bad.txt
    fi
    n=$(grep -c '^right$' owners.txt || true)
    [ "$n" -ge "$2" ] || wrong "only $n of $1 are right"
    printf ' %s %s' "$1" "$n"
}

# Live processes by their names, those that have left the list by none.
names() {
    sed -n 's/.*"EProcess":"\([^"]*\)".*"Name":\("[^"]*"\),"Exited":\(.*\)}/\1 \2 \3/p' truth.jsonl |
        sed 's/"[^"]*" true$/null/; s/ false$//' | sort >want.txt
    sed -n 's/.*"Process":"\([^"]*\)","ProcessName":\(null\|"[^"]*"\),.*/\1 \2/p' scan.jsonl |
        sort -u >named.txt
    [ -s want.txt ] || return 0
    grep -q null want.txt || wrong "no process has ended"
    cmp -s want.txt named.txt || wrong "other names: $(diff want.txt named.txt | head -n 5)"
    printf ' names %s' "$(wc -l <named.txt)"
}

# The row that the verb pool shows of a charged block.
pool_row() {
    local va who

    read -r va who < <(sed -n 's/.*"Allocation":"\([^"]*\)".*"Status":"Allocated".*\("Process":"0x[^,]*,"ProcessName":[^,]*\),.*/\1 \2/p' scan.jsonl |
        sed -n 7p)
    [ -n "$va" ] || return 0
    "$POOLSCAN" pool -q --format jsonl image.raw "$va" 2>/dev/null | grep '"Owner":true' >row.txt || true
    grep -qF "$who" row.txt || wrong "pool $va does not say $who: $(cat row.txt)"
}

n=0
for recipe in "$PS_SOURCE"/tests/recipes/quota/*.recipe "$PS_SOURCE"/tests/recipes/heap/*.recipe; do
    name=$(basename "$(dirname "$recipe")")/$(basename "$recipe" .recipe)
    printf '%-15s' "$name"
    "$POOLSCAN" mkimage "$recipe" image.raw --truth truth.jsonl -q
    "$POOLSCAN" info --format jsonl image.raw >info.jsonl 2>/dev/null
    cookie=$(sed -n '1s/.*"QuotaCookie":"\([^"]*\)".*/\1/p' truth.jsonl)
    [ "$(value ExpPoolQuotaCookie)" = "$cookie" ] ||
        wrong "the cookie is $cookie, info says $(value ExpPoolQuotaCookie)"
    live=$(grep -c '"Exited":false' truth.jsonl || true)
    if grep -q '"KernelBase"' truth.jsonl && [ "$live" -gt 0 ]; then
        [ "$(value Processes)" = "$live" ] ||
            wrong "$live processes are listed, info says $(value Processes)"
    fi
    "$POOLSCAN" scan -q --all-headers --min-confidence 0 --format jsonl image.raw >scan.jsonl
    owners header 100 scan.jsonl
    if grep -q '"Kind":"big".*"Process"' truth.jsonl; then
        owners big 1 scan.jsonl
    fi
    if grep -q '"KernelBase"' truth.jsonl; then
        names
    fi
    pool_row
    # A scan with fewer threads, and one of large chunks, name the same.
    "$POOLSCAN" scan -q --all-headers --min-confidence 0 --format jsonl --threads 1 --chunk 16M image.raw >again.jsonl
    cmp -s scan.jsonl again.jsonl || wrong "another number of threads, other findings"
    echo
    n=$((n + 1))
done
echo "$n images"
[ "$n" -ge 8 ] && [ "$failed" = 0 ]
