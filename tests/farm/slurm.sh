#!/usr/bin/env bash
# The farm on a real Slurm that the test starts: what `poolscan farm` prints is run, docs/farm/farm.sbatch
# as an array over all tasks of a plan and the merge job behind it. What is merged is what one scan prints.
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
until_it 120 "the array and the merge job" box_idle
farm_complete hits
farm_same merged.jsonl || {
    box_log
    tail -n 5 slurm-*.out
}
leftovers=$(find hits -name '*.tmp')
[ -z "$leftovers" ] || wrong "temporary files are left: $leftovers"
[ "$(farm_scans hits)" = "$n_tasks" ] || wrong "$(farm_scans hits) scans for $n_tasks tasks"
box_stop
left=$(box_processes)
[ -z "$left" ] || wrong "processes are left: $left"
finish "${#images[@]} images, $n_tasks tasks"
