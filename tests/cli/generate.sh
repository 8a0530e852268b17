#!/bin/bash
# The generated manual page and completions are sound and know every option.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

for text in man complete-bash complete-zsh; do
    expect 0 0 "$POOLSCAN" --generate "$text"
    cp "$work/out" "$work/$text"
done

n_options=0
for verb in scan info bigpools find used pool vtop ptov tags devices bench mkimage; do
    options=$("$POOLSCAN" "$verb" --help | sed -n 's/^  .\{4\}--\([a-z-]*\).*/\1/p')
    twice=$(sort <<<"$options" | uniq -d)
    [ -z "$twice" ] || wrong "$verb has options twice: $twice"
    for option in $options; do
        n_options=$((n_options + 1))
        for text in complete-bash complete-zsh; do
            grep -qF -- "--$option" "$work/$text" || wrong "$text lacks --$option"
        done
        grep -qF -- "\\-\\-${option//-/\\-}\\fR" "$work/man" || wrong "man lacks --$option"
    done
done
[ "$n_options" -gt 30 ] || wrong "only $n_options options were looked for"

n_fields=0
if command -v groff >/dev/null; then
    lint=$(groff -ww -mandoc -Tutf8 -z "$work/man" 2>&1)
    [ -z "$lint" ] || wrong "groff: $lint"
    plain=$(groff -mandoc -Tascii -P-cbou "$work/man" 2>/dev/null)
    # Every field of a finding, by the header of a CSV.
    head -c 8192 /dev/zero >"$work/zeros"
    for field in $("$POOLSCAN" -q --format csv "$work/zeros" | head -n 1 | tr -d '\r' | tr , ' '); do
        n_fields=$((n_fields + 1))
        grep -qwF -- "$field" "$work/man" || wrong "man lacks the field $field"
    done
    [ "$n_fields" -gt 20 ] || wrong "only $n_fields fields were looked for"
    grep -qE '^ +TMPDIR' <<<"$plain" || wrong 'man lacks the variable TMPDIR'
    for section in NAME SYNOPSIS OPTIONS 'EXIT STATUS' ENVIRONMENT EXAMPLES; do
        grep -qx "$section" <<<"$plain" || wrong "man lacks the section $section"
    done
else
    skip_line "groff is not there: the manual page was not formatted"
fi
if command -v man >/dev/null; then
    lint=$(MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$work/man" 2>&1 >/dev/null)
    [ -z "$lint" ] || wrong "man: $lint"
fi

bash -n "$work/complete-bash" || wrong "bash does not read its completion"
# What bash offers for some beginnings, asked of bash itself.
offers() {
    (
        # shellcheck source=/dev/null
        . "$work/complete-bash"
        COMP_WORDS=("$@")
        COMP_CWORD=$(($# - 1))
        _poolscan 2>/dev/null
        printf '%s\n' "${COMPREPLY[@]}"
    )
}
check_offer() {
    local want=$1
    shift
    n_checks=$((n_checks + 1))
    offers "$@" | grep -qx -- "$want" || wrong "bash does not offer $want for '$*'"
}
cd "$work" && touch image.raw
check_offer scan poolscan sc
check_offer devices poolscan dev
check_offer image.raw poolscan im
check_offer --all-headers poolscan scan --all
check_offer --all-headers poolscan --all
check_offer --component poolscan tags --comp
check_offer jsonl poolscan --format js
check_offer csv poolscan -r c
check_offer plausible poolscan --min-confidence pl
check_offer image.raw poolscan -o im
check_offer image.raw poolscan scan im
offers poolscan tags --gp | grep -q gpu && wrong "bash offers --gpu for the verb tags"

if command -v zsh >/dev/null; then
    zsh -n "$work/complete-zsh" || wrong "zsh does not read its completion"
else
    skip_line "zsh is not there: its completion was not read"
fi

finish
