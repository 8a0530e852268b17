#!/usr/bin/env bash
# Put a measured table into docs/BENCHMARKS.md, between the two comments that name its script.
#
#   bench/into_docs.sh NAME FILE      between <!-- bench/NAME --> and <!-- bench/NAME ends -->
set -euo pipefail

doc=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/docs/BENCHMARKS.md
made=$(mktemp)
trap 'rm -f "$made"' EXIT
grep -q -x "<!-- bench/$1 -->" "$doc"
awk -v name="$1" -v table="$2" '
    $0 == "<!-- bench/" name " ends -->" { inside = 0 }
    !inside { print }
    $0 == "<!-- bench/" name " -->" {
        inside = 1
        while ((getline line <table) > 0)
            print line
    }' "$doc" >"$made"
cp "$made" "$doc"
