#!/usr/bin/env bash
# How many tags the lists hold, as a table.
#
#   tags/counts.sh           to standard output
#   tags/counts.sh --docs    into docs/TAGS.md, between the two comments that name this script
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# The tag is as it stands there or in quotes; each of the words behind it is ? when it is not known.
table() {
    echo "| list | tags | of them wildcards | owner known | kind known | pool known | releases known |"
    echo "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    (cd "$root" && LC_ALL=C awk '
        function row(name, n) {
            printf "| %s | %d | %d | %d | %d | %d | %d |\n", name, n["tags"], n["wild"], n[1], n[2], n[3], n[4] }
        function flush(i) {
            if (file == "") return
            row("`" file "`", here)
            for (i in here) { all[i] += here[i]; here[i] = 0 } }
        FNR == 1 { flush(); file = substr(FILENAME, 3) }
        /^#/ || !NF { next }
        {
            line = $0
            tag = substr(line, 1, 1) == "\"" ? substr(line, 2, 4) : substr(line, 1, 4)
            line = substr(line, substr(line, 1, 1) == "\"" ? 7 : 5)
            split(line, word)
            here["tags"]++
            here["wild"] += tag ~ /[?]|[*] *$/
            for (i = 1; i <= 4; i++) here[i] += word[i] != "?" }
        END { flush(); row("all", all) }' ./*/*.tags)
}

case ${1:-} in
"") table ;;
--docs)
    doc=$root/../docs/TAGS.md
    made=$(mktemp)
    trap 'rm -f "$made"' EXIT
    grep -q -x '<!-- tags/counts.sh -->' "$doc"
    {
        sed '/^<!-- tags\/counts.sh -->$/q' "$doc"
        table
        sed -n '/^<!-- tags\/counts.sh ends -->$/,$p' "$doc"
    } >"$made"
    cp "$made" "$doc"
    ;;
*)
    echo "usage: tags/counts.sh [--docs]" >&2
    exit 64
    ;;
esac
