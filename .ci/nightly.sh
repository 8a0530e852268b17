#!/usr/bin/env bash
# Every fuzz target for ten minutes: too long for a submission.
#
#   .ci/nightly.sh [-j JOBS] [SECONDS] [TARGET...]    600 seconds each, all targets, two at a time
#
# Inputs that reach something new are kept in build/nightly/kept/TARGET/, and the next run begins with
# them. Fails when a target has a finding (build/nightly/found/) or ends before its time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=.ci/quietly.sh
. .ci/quietly.sh

jobs=2
if [ "${1:-}" = -j ]; then
    jobs=${2:?how many at a time}
    shift 2
fi
seconds=600
if [[ "${1:-}" =~ ^[0-9]+$ ]]; then
    seconds=$1
    shift
fi
programs=build/fuzz/tests/fuzz
night=build/nightly

quietly "$night/build.log" cmake --preset fuzz
quietly "$night/build.log" cmake --build --preset fuzz

if [ $# -eq 0 ]; then
    for source in tests/fuzz/fuzz_*.c; do
        name=$(basename "$source" .c)
        set -- "$@" "${name#fuzz_}"
    done
fi

# What libewf loses with each damaged chunk adds up to two gigabytes in three minutes, so a target begins
# anew, with what it kept, before that.
slice=100

fuzz() { # TARGET: one line about it; 1 when something is wrong with it
    local name=$1 rc=0 log=$night/$1.log kept=$night/kept/$1 left=$seconds now new

    [ -x "$programs/fuzz_$name" ] || {
        echo "$name: no such target"
        return 1
    }
    mkdir -p "$kept" "$night/found"
    new=$(find "$kept" -type f | wc -l)
    : >"$log"
    while [ "$left" -gt 0 ] && [ "$rc" -eq 0 ]; do
        now=$((left < slice ? left : slice))
        left=$((left - now))
        "$programs/fuzz_$name" -max_total_time="$now" -timeout=10 -rss_limit_mb=4096 \
            -artifact_prefix="$night/found/$name-" -print_final_stats=1 \
            "$kept" "tests/fuzz/corpus/$name" >>"$log" 2>&1 </dev/null || rc=$?
    done
    new=$(($(find "$kept" -type f | wc -l) - new))
    if [ "$rc" -ne 0 ]; then
        echo "$name: FINDING (status $rc): $(grep -aoE -m 1 'Test unit written to .*|ERROR: .*' "$log" ||
            echo "see the log"); log $log"
        return 1
    fi
    echo "$name: $(awk '/number_of_executed_units/ { n += $2 } END { print n }' "$log") inputs, $new new ones kept"
}

export -f fuzz
export night programs seconds slice
# shellcheck disable=SC2016 # the inner shell expands it
printf '%s\0' "$@" | xargs -0 -P "$jobs" -I {} bash -c 'fuzz "$1"' fuzz {} || {
    echo "nightly: FAILED" >&2
    exit 1
}
echo "nightly: $# targets, $seconds s each, no finding"
