#!/usr/bin/env bash
# The farm on a real Slurm that the test starts: what `poolscan farm` prints is run, docs/farm/farm.sbatch
# as an array over all tasks of a plan and the merge job behind it; once more with two tasks for each
# element. What is merged is what one scan prints.
# shellcheck source=tests/farm/farm.sh
. "$PS_SOURCE/tests/farm/farm.sh"
# shellcheck source=tests/farm/box.sh
. "$PS_SOURCE/tests/farm/box.sh"

on_exit box_stop
box_start "$work/box" 2 || skip "$box_why"
farm_images 24h2-x64 xp-pae win7-x64
farm_plan
farm_scanner none

farm_submit hits merged.jsonl
farm_submit pairs pairs.jsonl --tasks-each 2
until_it 180 "both arrays and their merge jobs" box_idle
check() { # FOLDER MERGED SCANS
    local leftovers

    farm_complete "$1"
    farm_same "$2" || {
        box_log
        tail -n 5 slurm-*.out
    }
    leftovers=$(find "$1" -name '*.tmp')
    [ -z "$leftovers" ] || wrong "temporary files are left: $leftovers"
    [ "$(farm_scans "$1")" = "$3" ] || wrong "$1: $(farm_scans "$1") scans for $n_tasks tasks, expected $3"
}
check hits merged.jsonl "$n_tasks"
check pairs pairs.jsonl $(((n_tasks + 1) / 2))
box_stop
left=$(box_processes)
[ -z "$left" ] || wrong "processes are left: $left"
finish "${#images[@]} images, $n_tasks tasks"
