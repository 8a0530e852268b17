# shellcheck shell=bash
# Sourced: quietly LOG COMMAND... runs COMMAND with its output in LOG, and shows the end of LOG only
# when COMMAND fails.
quietly() {
    local log=$1 rc=0
    shift
    mkdir -p "$(dirname "$log")"
    "$@" >"$log" 2>&1 </dev/null || rc=$?
    if [ "$rc" -ne 0 ]; then
        tail -n 60 "$log" >&2
        echo "failed (status $rc): $*" >&2
        echo "whole output: $log" >&2
    fi
    return "$rc"
}
