# shellcheck shell=bash
# For the tests of the farm; sourced. Works in a folder of its own, which goes away with the test.
#
#   farm_images NAME...   system images of tests/recipes/system, as NAME.raw in the list $images
#   farm_plan             plan.jsonl of them, n_tasks; whole.jsonl is what one scan of all of them prints
#   farm_same FILE        FILE is whole.jsonl
#   farm_scanner TASK     the program as `poolscan` in PATH; the first scan of TASK for a folder of shards
#                         stops in the middle (stop_here.c). FOLDER.scans gets a line for each scan
#   farm_stopped FOLDER   waits for that; the process is $stopped
#   farm_scans FOLDER [TASK]   how often one was started
#   farm_complete FOLDER  it has the shards of all tasks, and none besides
#   farm_submit FOLDER MERGED [OPTION...]   array and merge job on Slurm, as `poolscan farm` says
#   finish TEXT           the end of a test
#   on_exit COMMAND       is run at the end, last come first served
set -u
export LC_ALL=C
: "${POOLSCAN:?}" "${PS_SOURCE:?}"

work=$(mktemp -d)
at_exit=()
images=()
n_tasks=0
failed=0
stopped=

on_exit() {
    at_exit=("$1" "${at_exit[@]}")
}

leave() {
    local rc=$? command

    trap '' INT TERM
    for command in "${at_exit[@]}"; do
        $command
    done
    rm -rf "$work"
    exit "$rc"
}
trap leave EXIT
trap 'exit 130' INT TERM
cd "$work" || exit 1

wrong() {
    echo "WRONG: $*"
    failed=1
}

give_up() {
    echo "WRONG: $*"
    exit 1
}

# What was found wrong decides.
finish() {
    echo "$*"
    exit "$failed"
}

skip() {
    echo "##### SKIPPED: $* #####"
    exit 77
}

farm_images() {
    local name

    for name in "$@"; do
        "$POOLSCAN" mkimage -q "$PS_SOURCE/tests/recipes/system/$name.recipe" "$name.raw" ||
            give_up "no image $name"
        images+=("$work/$name.raw")
    done
}

farm_plan() {
    "$POOLSCAN" plan "${images[@]}" --task-bytes 6M -o plan.jsonl || give_up "no plan"
    n_tasks=$(grep -c '^{"task":' plan.jsonl)
    [ "$n_tasks" -ge $((3 * ${#images[@]})) ] ||
        give_up "$n_tasks tasks for ${#images[@]} images are too few to tell anything"
    "$POOLSCAN" scan -q --format jsonl "${images[@]}" >whole.jsonl || give_up "no scan"
    [ "$(wc -l <whole.jsonl)" -gt 1000 ] || give_up "whole.jsonl has hardly any findings"
}

farm_same() {
    if ! cmp -s "$1" whole.jsonl; then
        wrong "$1 is not what one scan of all images prints ($(wc -l <"$1" 2>/dev/null) lines," \
            "$(wc -l <whole.jsonl) wanted)"
        return 1
    fi
}

farm_complete() {
    local n

    n=$(find "$1" -name 'task-*.shard' | wc -l)
    [ "$n" = "$n_tasks" ] || wrong "$1 has $n shards of $n_tasks"
}

farm_scanner() {
    mkdir -p bin
    cat >bin/poolscan <<SCRIPT
#!/bin/bash
if [[ " \$* " =~ ^" scan ".*" --out-dir "([^ ]*)" " ]]; then
    folder=\${BASH_REMATCH[1]}
    echo "\$* on \${SLURMD_NODENAME:-this} restarted \${SLURM_RESTART_COUNT:-0}" >>"\$folder.scans"
    if [[ " \$* " == *" --task $1 "* ]]; then
        export LD_PRELOAD=$STOP_HERE_SO STOP_HERE=\$folder.stopped STOP_HERE_AT=2
        export ASAN_OPTIONS=verify_asan_link_order=0:\${ASAN_OPTIONS:-}
    fi
fi
exec $POOLSCAN "\$@"
SCRIPT
    chmod +x bin/poolscan
    [[ $PATH == $work/bin:* ]] || export PATH=$work/bin:$PATH
}

farm_scans() {
    grep -c -- "${2:+--task $2 }" "$work/$1.scans"
}

is_stopped() {
    [ -s "$work/$1.stopped" ] || return 1
    stopped=$(cat "$work/$1.stopped")
    grep -q '^State:.T' "/proc/$stopped/status" 2>/dev/null
}

# until_it SECONDS WHAT COMMAND...: gives the test up after SECONDS, which are generous
until_it() {
    local end=$((SECONDS + $1)) what=$2

    shift 2
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || give_up "waited too long: $what"
        sleep 0.1
    done
}

farm_stopped() {
    until_it 60 "a scanner in the middle of its task" is_stopped "$1"
}

# The process and its parents up to the one called $2, which is in the list too: from the top.
ancestors() {
    local pid=$1 name parent list=

    while [ "$pid" -gt 1 ]; do
        name=$(cat "/proc/$pid/comm" 2>/dev/null) || return 1
        parent=$(awk '$1 == "PPid:" { print $2 }' "/proc/$pid/status") || return 1
        list="$pid $list"
        [ "$name" != "$2" ] || break
        pid=$parent
    done
    echo "$list"
}

farm_submit() {
    mkdir -p "$1"
    "$POOLSCAN" farm plan.jsonl --out-dir "$1" -o "$2" "${@:3}" >"$1.sh" || give_up "poolscan farm fails"
    FARM=$PS_SOURCE/docs/farm sh "$1.sh" >"$1.said" 2>&1
    grep -q '^Submitted batch job' "$1.said" || give_up "nothing was submitted: $(head -n 3 "$1.said")"
}
