#!/usr/bin/env bash
# The device kernel under oclgrind: reads and writes out of bounds, races, uninitialised values.
# oclgrind always exits 0: what it says on standard error tells (a --log is begun anew by each context
# of the program), and the program's last line says that it ran to its end.
set -euo pipefail

if ! command -v oclgrind >/dev/null; then
    echo "SKIPPED: oclgrind is not installed (apt-get install oclgrind)"
    exit 77
fi

# This version cannot run the code that its own compiler makes when it inlines.
export PS_CL_BUILD_OPTIONS=-cl-opt-disable
# One work-group that goes round many times: the loop of a real GPU.
export PS_CL_AS_GPU=1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

status=0
oclgrind --data-races --uninitialized --max-errors 20 "$CL_SMALL" >"$work/out" 2>"$work/err" || status=$?

if [ -s "$work/err" ]; then
    echo "oclgrind found:"
    cat "$work/err"
    exit 1
fi
if [ "$status" -ne 0 ] || ! grep -q '^done on .*Oclgrind' "$work/out"; then
    echo "the program under oclgrind failed (status $status):"
    cat "$work/out"
    exit 1
fi
tail -n 1 "$work/out"
