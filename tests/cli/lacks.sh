#!/bin/bash
# A build without a library says so when an image needs it. Skipped where all are there.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

declare -A magic=(
    [gzip]='\x1f\x8b\x08\x00'
    [zstd]='\x28\xb5\x2f\xfd'
    [lz4]='\x04\x22\x4d\x18\x64\x40\xa7'
    [xz]='\xfd7zXZ\x00\x00\x04'
    [E01]='EVF\x09\x0d\x0a\xff\x00\x01\x01\x00\x00\x00'
)

expect 0 0 "$POOLSCAN" --version -v
missing=$(sed -n 's/^packed images: //p' "$work/out" | sed 's/, /\n/g' |
    sed -n 's/^\(.*\) (\(.*\) missing)$/\1 \2/p')
if [ -z "$missing" ]; then
    echo "no library is missing in this build"
    exit 77
fi
while read -r name library; do
    [ -n "${magic[$name]:-}" ] || wrong "no bytes are known that begin $name"
    # shellcheck disable=SC2059 # escapes
    printf "${magic[$name]:-}" >"$work/image"
    truncate -s 64K "$work/image"
    for verb in scan info; do
        expect 65 1 "$POOLSCAN" "$verb" "$work/image"
        expect_said "format $name: this build lacks $library"
        expect_silent_stdout
    done
done <<<"$missing"

finish
