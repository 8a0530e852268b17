#!/bin/bash
# The devices verb: CPU kernels always, OpenCL devices where there are any; without a vendor file the
# kernels are still listed, one line says what was looked for, and the exit status is 0.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

expect_listed() {
    grep -q -- "$1" "$work/out" || wrong "standard output lacks $1: $(head -c 600 "$work/out")"
}

mkdir "$work/no-vendors"
export OCL_ICD_VENDORS=$work/no-vendors

expect 0 1 "$POOLSCAN" devices
expect_listed '"Kind":"cpu"'
expect_listed '"Kind":"kernel".*"Name":"scalar"'
[ "$(grep -c '"Kind":"kernel".*"WouldBeUsed":true' "$work/out")" = 1 ] ||
    wrong "not exactly one kernel would be used: $(cat "$work/out")"
if grep -q '"Kind":"opencl"' "$work/out"; then
    wrong "a device without a vendor file"
fi
if ! grep -q 'this build has no OpenCL' "$work/err"; then
    expect_said "$work/no-vendors"
    expect_said '*.icd'
fi
cp "$work/out" "$work/first"

expect 0 1 "$POOLSCAN" -I
cmp -s "$work/out" "$work/first" || wrong "-I and devices differ"
expect 0 0 "$POOLSCAN" devices -q -o "$work/file"
expect_silent_stdout
cmp -s "$work/file" "$work/first" || wrong "-o has other bytes than standard output"
expect 0 0 "$POOLSCAN" devices -q --format table
expect_listed '^KIND .*NAME'
expect_listed 'would be used'
expect 0 0 "$POOLSCAN" devices -q --format json
[ "$(head -c 1 "$work/out")$(tail -n 1 "$work/out")" = "[]" ] || wrong "json is no array"
expect 0 0 "$POOLSCAN" devices -q --format csv
[ "$(head -c 12 "$work/out")" = "Kind,Number," ] || wrong "csv has no header"
expect 0 0 "$POOLSCAN" devices -q --format none
expect_silent_stdout

# With what this machine has: every device says how to use it or why not.
unset OCL_ICD_VENDORS
expect 0 - "$POOLSCAN" devices
if grep '"Kind":"opencl"' "$work/out" >"$work/devices"; then
    [ "$(grep -c '"Note":"[^"]' "$work/devices")" = "$(wc -l <"$work/devices")" ] ||
        wrong "a device without a note: $(cat "$work/devices")"
else
    skip_line "no OpenCL device on this machine"
fi

finish
