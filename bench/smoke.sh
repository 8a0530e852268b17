#!/bin/bash
# poolscan bench on little memory: it checks its own answers, and here we look at whether it wrote
# every row. No time is looked at.
set -euo pipefail

out=$(mktemp)
trap 'rm -f "$out"' EXIT
"$POOLSCAN" bench --size 16M --repeats 2 --format csv -o "$out"

rows() { # GROUP: how many rows it has
    grep -c "^$1," "$out" || true
}

expect() { # GROUP LEAST
    local n
    n=$(rows "$1")
    if [ "$n" -lt "$2" ]; then
        echo "bench wrote $n rows of $1, expected $2 or more" >&2
        exit 1
    fi
}

# 20 page mixes, 3 tag sets, at least the scalar kernel.
expect memory-read 5
expect kernel 60
expect lookup 4
expect file-read 6
expect run 2
expect peak-memory 3
expect virtual 2
expect virtual-part 4
expect virtual-memory 2
grep -q '^# cpu: ' "$out"

# Every field that is written is there, and the planted headers were found.
awk -F, '
    /^#/ { next }
    !n { n = NF; next }
    NF != n { print "a row of " NF " fields instead of " n ": " $0; bad = 1 }
    $1 == "kernel" && $3 ~ /^headers/ && $18 == 0 { print "no hits: " $0; bad = 1 }
    $1 == "kernel" && !($9 > 0) { print "no rate: " $0; bad = 1 }
    END { exit bad }' "$out"
