#!/bin/bash
# tools/compile_tags: what is wrong in a list ends the build, with file and line.
set -u
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
n_wrong=0
mkdir "$tmp/tags" "$tmp/tags/a" "$tmp/tags/b"

wrong() {
    echo "WRONG: $*" >&2
    n_wrong=$((n_wrong + 1))
}

# refuses PLACE WORDS LINES: as list a/x.tags, beside b/y.tags with one entry
refuses() {
    printf '%b' "$3" >"$tmp/tags/a/x.tags"
    rm -f "$tmp/out.c"
    if "$COMPILE_TAGS" "$tmp/out.c" "$tmp/tags" "$tmp"/tags/*/*.tags 2>"$tmp/err"; then
        wrong "'$3' was taken"
    fi
    grep -qF -- "$tmp/tags/$1: error: " "$tmp/err" || wrong "'$3': no '$1' in '$(cat "$tmp/err")'"
    grep -qF -- "$2" "$tmp/err" || wrong "'$3': no '$2' in '$(cat "$tmp/err")'"
    [ -e "$tmp/out.c" ] && wrong "'$3': there is a table"
}

echo 'Only  y.sys  io  np  7-  one of another list' >"$tmp/tags/b/y.tags"
good='Good  x.sys  io  np  7-  some good words\n'
refuses a/x.tags:2 'behind the kind' "${good}Abcd  x.sys  io  four columns only\n"
refuses a/x.tags:1 'behind the kind' 'Abcd  x.sys  io  np  95-  no such release\n'
refuses a/x.tags:3 'behind the kind' "# c\n${good}Abcd  x.sys  io  nx  7-  no such pool\n"
refuses a/x.tags:2 'not a kind of tags/README.md: misc' "${good}Abcd  x.sys  misc  np  7-  some words\n"
refuses a/x.tags:2 'this is the fifth' "${good}Abcde  x.sys  io  np  7-  some words\n"
refuses a/x.tags:2 'comes the kind' "${good}Abcd  x.sys\n"
refuses a/x.tags:2 'not printable' "${good}Abcd  x.sys  io  np  7-  s\\0303\\0266me words\n"
refuses b/y.tags:1 'a/x.tags, line 2, too' "${good}Only  x.sys  io  np  7-  there already\n"
refuses a/x.tags:2 'a/x.tags, line 1, too' 'Ab*  x.sys  io  np  7-  some words\nAb??  x.sys  io  np  7-  the same\n'
for i in 1 2; do echo "Bad$i x.sys"; done >"$tmp/tags/b/z.tags"
refuses b/z.tags:1 'comes the kind' "Abcd  x.sys\n"
grep -q 'a/x.tags:1:' "$tmp/err" || wrong "only one list with an error is named"
rm "$tmp/tags/b/z.tags"
refuses a/none.tags:0 'cannot be read' "$good" "$(ln -s nowhere "$tmp/tags/a/none.tags")"
rm "$tmp/tags/a/none.tags"

printf '%b' "${good}\"?? \"  x.sys  ?  ?  ?  \"quotes\" \\\\and???) a trigraph\n" >"$tmp/tags/a/x.tags"
"$COMPILE_TAGS" "$tmp/out.c" "$tmp/tags" "$tmp"/tags/*/*.tags || wrong "a good list is refused"
grep -qF '"\"quotes\" \\and\?\?\?) a trigraph\0"' "$tmp/out.c" || wrong "text is not escaped"
grep -q '\.n = 3,' "$tmp/out.c" || wrong "not three entries"
"$COMPILE_TAGS" "$tmp/no/out.c" "$tmp/tags" "$tmp"/tags/*/*.tags 2>/dev/null && wrong "no place to write"
"$COMPILE_TAGS" "$tmp/out.c" 2>/dev/null && wrong "no lists"

echo "$n_wrong wrong"
[ "$n_wrong" = 0 ]
