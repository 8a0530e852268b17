#!/bin/bash
# --help and --version go to standard output, are complete, and say when they cannot be written.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

expect 0 0 "$POOLSCAN" --help
cp "$work/out" "$work/help"
for verb in scan tags devices bench mkimage bigpools pool; do
    grep -q "^  $verb" "$work/help" || wrong "--help lacks the verb $verb"
done
[ "$(wc -l <"$work/help")" -le 50 ] || wrong "--help does not fit a screen"
[ "$(wc -L <"$work/help")" -le 80 ] || wrong "--help is wider than 80 columns"
for same in -h help "-q --help"; do
    # shellcheck disable=SC2086 # the words are words
    expect 0 0 "$POOLSCAN" $same
    cmp -s "$work/out" "$work/help" || wrong "$same differs from --help"
done

# Every option that a verb's --help lists is one that the program knows.
for verb in scan tags devices bench mkimage bigpools pool; do
    expect 0 0 "$POOLSCAN" "$verb" --help
    cp "$work/out" "$work/verb"
    expect 0 0 "$POOLSCAN" help "$verb"
    cmp -s "$work/out" "$work/verb" || wrong "help $verb differs from $verb --help"
    [ "$(wc -L <"$work/verb")" -le 80 ] || wrong "$verb --help is wider than 80 columns"
    n_options=0
    while read -r option; do
        n_options=$((n_options + 1))
        "$POOLSCAN" "$verb" "--$option=?" --help 2>&1 | grep -q 'unknown option' &&
            wrong "$verb --help lists --$option, which is unknown"
    done < <(sed -n 's/^  .\{4\}--\([a-z-]*\).*/\1/p' "$work/verb")
    [ "$n_options" -ge 5 ] || wrong "$verb --help lists only $n_options options"
done

expect 0 0 "$POOLSCAN" --version
grep -qxE 'poolscan [0-9]+\.[0-9]+\.[0-9]+' "$work/out" || wrong "--version: $(cat "$work/out")"
expect 0 0 "$POOLSCAN" --version -v
for word in features: kernels: scalar hwloc xxHash smartcols jansson libsqlite3 OpenCL:; do
    grep -qF "$word" "$work/out" || wrong "--version -v lacks $word"
done
[ "$(grep -c '(chosen)' "$work/out")" = 1 ] || wrong "--version -v: one kernel is chosen"
grep -qE 'hwloc [1-9]+\.[0-9]+' "$work/out" || wrong "--version -v: no version of hwloc"

# Each library that a packed image needs is there with a version, or missing.
packed=$(sed -n 's/^packed images: //p' "$work/out" | sed 's/, /\n/g')
for name in gzip zstd lz4 xz E01; do
    grep -q "^$name (" <<<"$packed" || wrong "--version -v: no $name in packed images: $packed"
done
if grep -vE '^[A-Za-z0-9]+ \((lib[a-z0-9]+|zlib|poolscan) ([0-9][0-9.]+|missing)\)$' <<<"$packed" >"$work/odd"; then
    wrong "--version -v: packed images: $(cat "$work/odd")"
fi

# What cannot be written is an error, also for help.
if [ -w /dev/full ]; then
    for word in --help --version "--generate man"; do
        # shellcheck disable=SC2086
        "$POOLSCAN" $word >/dev/full 2>"$work/err"
        status=$?
        n_checks=$((n_checks + 1))
        [ "$status" = 74 ] || wrong "$word to a full disk: exit status $status"
        [ "$(wc -l <"$work/err")" = 1 ] || wrong "$word to a full disk: $(cat "$work/err")"
    done
else
    skip_line "/dev/full is not there"
fi

finish
