#!/usr/bin/env bash
# The farm with GNU parallel on one machine, by docs/farm/parallel.sh: a scanner is killed and tried again;
# parallel itself is killed, and the next run goes on with what is missing. What is merged is what one
# scan prints.
# shellcheck source=tests/farm/farm.sh
. "$PS_SOURCE/tests/farm/farm.sh"

parallel --version 2>/dev/null | grep -q '^GNU parallel' || skip "GNU parallel is not installed"
export HOME=$work PARALLEL_SHELL=/bin/bash
mkdir -p "$work/.parallel"
touch "$work/.parallel/will-cite"

start() { # FOLDER: in the background; its process is $runner
    bash "$PS_SOURCE/docs/farm/parallel.sh" plan.jsonl "$1" "$1.jsonl" -j 2 >>"$1.said" 2>&1 &
    runner=$!
}

# shellcheck disable=SC2317 # at the end
kill_left() {
    local pid

    for pid in $runner $stopped; do
        kill -9 "$pid" 2>/dev/null
    done
}

check() { # FOLDER
    farm_complete "$1"
    farm_same "$1.jsonl" || tail -n 5 "$1.said"
    [ "$(farm_scans "$1" 2)" = 2 ] || wrong "the killed task was started $(farm_scans "$1" 2) times"
}

runner=
on_exit kill_left
farm_images 24h2-x64 xp-pae win7-x64
farm_plan
farm_scanner 2

start retried
farm_stopped retried
kill -9 "$stopped"
wait "$runner" || wrong "parallel failed: $(tail -n 3 retried.said)"
check retried

start resumed
farm_stopped resumed
chain=$(ancestors "$stopped" parallel) || give_up "the scanner is not parallel's"
[ "$(cat "/proc/${chain%% *}/comm")" = parallel ] || give_up "the scanner is not parallel's"
kill -9 "${chain%% *}" "$stopped"
! wait "$runner" || wrong "parallel was killed, and nobody is told by the status"
[ ! -e resumed.jsonl ] || wrong "merged, though parallel was killed"
n_done=$(find resumed -name 'task-*.shard' | wc -l)
[ "$n_done" -lt "$n_tasks" ] || wrong "parallel was killed when nothing was left to do"
start resumed
wait "$runner" || wrong "it does not go on: $(tail -n 3 resumed.said)"
check resumed

# Groups of two tasks: what is killed was in the middle of one.
TASKS_EACH=2 start pairs
farm_stopped pairs
kill -9 "$stopped"
wait "$runner" || wrong "parallel failed: $(tail -n 3 pairs.said)"
check pairs
[ "$(farm_scans pairs)" = $(((n_tasks + 1) / 2 + 1)) ] || wrong "$(farm_scans pairs) scans for pairs of $n_tasks tasks"

runner=
stopped=
finish "${#images[@]} images, $n_tasks tasks; $n_done were done when parallel was killed"
