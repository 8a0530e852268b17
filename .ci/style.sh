#!/usr/bin/env bash
# Form: everything that needs no build. Prints each offence as FILE:LINE and fails at the end when
# there was one; a checker that is not installed is named and left out, except in CI, where
# .ci/run installs them all.
#
#   .ci/style.sh             the tracked files and the commit subjects
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

offences=$(mktemp)
trap 'rm -f "$offences"' EXIT
# offend TITLE: reads offences from standard input, one per line (at the end of pipes, hence a file)
offend() {
    awk -v title="$1" '{ print title ": " $0 }' | tee -a "$offences"
}

tracked() { git ls-files -z --cached --others --exclude-standard -- "$@"; }
text_files() { tracked ':!tests/fuzz/corpus' ':!*.raw' ':!*.png'; }
c_files() { tracked '*.c' '*.h' '*.cl'; }
grep_in() { # LIST PATTERN [GREP OPTIONS]: matching lines of the files of LIST, never failing
    local list=$1 pattern=$2
    shift 2
    "$list" | xargs -0 -r grep -nHIE "$@" -e "$pattern" -- || true
}

check_whitespace() {
    grep_in text_files '[[:space:]]+$' | offend "trailing white space"
    grep_in text_files $'\r' | offend "carriage return"
    grep_in c_files $'\t' | offend "tab in C"
    grep_in c_files '^.{101,}$' | offend "line over 100 columns"
    local file
    text_files | while IFS= read -r -d '' file; do
        [ ! -s "$file" ] || [ -z "$(tail -c 1 "$file")" ] || echo "$file"
    done | offend "no newline at the end"
}

check_words() {
    tracked ':!.ci/style.sh' ':!tests/fuzz/corpus' ':!tags' ':!docs' |
        xargs -0 grep -nHIEw 'TODO|FIXME|XXX|HACK' -- | offend "left open" || true
}

# A header says what it needs: each one compiles alone as C11.
check_headers() {
    local header flags
    flags=$(pkg-config --cflags hwloc libxxhash smartcols jansson 2>/dev/null || true)
    tracked '*.h' ':!kernels/opencl' | while IFS= read -r -d '' header; do
        # shellcheck disable=SC2086 # flags are words
        gcc -std=c11 -D_GNU_SOURCE -I. $flags -Wall -Wextra -Werror -Wno-unused-function \
            -fsyntax-only -x c - <<<"#include \"$header\"" 2>&1 || true
    done | offend "header that does not compile alone"
    tracked '*.h' | while IFS= read -r -d '' header; do
        guard="PS_$(tr 'a-z/.-' 'A-Z___' <<<"$header")"
        grep -qx "#define $guard" "$header" || echo "$header: expected guard $guard"
    done | offend "include guard"
}

check_sizes() {
    c_files | xargs -0 -r wc -l | awk '$2 != "total" && $1 > 600 { print $2 ": " $1 " lines" }' |
        offend "file over 600 lines"
    # One module is a .c and its .h; a folder that needs more than twelve has two nouns in it.
    tracked 'kernels/*.c' 'kernels/*.h' 'scan/*.c' 'scan/*.h' 'host/*.c' 'host/*.h' |
        tr '\0' '\n' | sed 's/\.[ch]$//' | sort -u | sed 's|/[^/]*$||' | uniq -c |
        awk '$1 > 12 { print $2 ": " $1 " modules" }' | offend "folder of more than 12 modules"
}

# Braces of functions stand in column one, so a body is what lies between them.
warn_long_functions() {
    c_files | xargs -0 -r awk '
        /^{/ { start = FNR }
        /^}/ { if (start && FNR - start > 60)
                   print "warning: " FILENAME ":" start ": function of " FNR - start " lines"
               start = 0 }'
}

# clang-format is followed but for what it would spoil: columns aligned by hand and tables of one
# row a line. So runs of blanks do not count, and what is left over is only told.
warn_format() {
    command -v clang-format >/dev/null || return 0
    local file n
    tracked '*.c' '*.h' | while IFS= read -r -d '' file; do
        n=$(diff <(squeezed <"$file") <(clang-format <"$file" | squeezed) | grep -c '^<' || true)
        [ "$n" = 0 ] || echo "warning: $file: clang-format would change $n lines"
    done
}
squeezed() { sed -E 's/([^ ]) +/\1 /g; s/\{ /{/g; s/ \}/}/g'; }

check_scripts() {
    bash -n .ci/run quickstart.sh test.sh
    if ! command -v shellcheck >/dev/null; then
        echo "shellcheck is not installed: scripts not checked"
        return
    fi
    tracked '*.sh' .ci/run | xargs -0 -r shellcheck -x -f gcc | offend "shellcheck" || true
}

# 'area: what changes', at most 50 characters, no period; the root commit brings the tree.
check_subjects() {
    git log --no-merges --min-parents=1 --format='%h %s' | while read -r commit subject; do
        [ "${#subject}" -le 50 ] || echo "$commit $subject: ${#subject} characters"
        [[ $subject =~ ^[a-z0-9_./,\ -]+:\ .*[^.]$ ]] || echo "$commit $subject: not 'area: what'"
    done | offend "commit subject"
}

check_whitespace
check_words
check_headers
check_sizes
check_scripts
check_subjects
warn_long_functions
warn_format
if [ -s "$offences" ]; then
    echo "style: $(wc -l <"$offences") offences"
    exit 1
fi
echo "style: clean"
