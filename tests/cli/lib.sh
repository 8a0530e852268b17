# shellcheck shell=bash
# For the command-line tests; sourced. POOLSCAN is the program, PS_SOURCE the source tree.
set -u
: "${POOLSCAN:?}" "${PS_SOURCE:?}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n_checks=0
n_wrong=0

wrong() {
    printf 'WRONG: %s\n' "$*"
    n_wrong=$((n_wrong + 1))
}

skip_line() {
    printf '%s\n' "##### SKIPPED: $* #####"
}

# expect STATUS N_LINES COMMAND...: run it; its exit status is STATUS and its standard error has
# N_LINES lines (- for any number), each begun by "poolscan: ". Output: $work/out, $work/err.
expect() {
    local want=$1 lines=$2 got
    shift 2
    "$@" >"$work/out" 2>"$work/err"
    got=$?
    n_checks=$((n_checks + 1))
    [ "$got" = "$want" ] || wrong "$*: exit status $got, expected $want ($(head -c 300 "$work/err"))"
    if [ "$lines" != - ] && [ "$(wc -l <"$work/err")" != "$lines" ]; then
        wrong "$*: $(wc -l <"$work/err") lines on standard error, expected $lines: $(cat "$work/err")"
    fi
    if grep -vq '^poolscan: ' "$work/err"; then
        wrong "$*: a line on standard error is not begun by 'poolscan: ': $(cat "$work/err")"
    fi
}

# Standard error of the last command has the fixed string $1.
expect_said() {
    grep -qF -- "$1" "$work/err" || wrong "standard error lacks '$1': $(cat "$work/err")"
}

expect_silent_stdout() {
    [ ! -s "$work/out" ] || wrong "standard output is not empty: $(head -c 200 "$work/out")"
}

# A test that checked nothing is no test.
finish() {
    if [ "$n_checks" = 0 ]; then
        echo "nothing was checked"
        exit 1
    fi
    echo "$n_checks commands, $n_wrong wrong"
    [ "$n_wrong" = 0 ]
    exit
}
