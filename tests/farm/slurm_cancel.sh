#!/usr/bin/env bash
# What a user cancels on Slurm stays cancelled: farm.sbatch, which requeues what was told to stop, leaves
# an element alone that was cancelled in the middle of its task; the merge job goes with it. An element
# whose scanner somebody else told to stop runs again. Submitted again, the cancelled one completes the
# result.
# shellcheck source=tests/farm/farm.sh
. "$PS_SOURCE/tests/farm/farm.sh"
# shellcheck source=tests/farm/box.sh
. "$PS_SOURCE/tests/farm/box.sh"

on_exit box_stop
box_start "$work/box" 2 || skip "$box_why"
farm_images xp-pae win7-x64
farm_plan
farm_scanner 2

farm_submit told told.jsonl
farm_stopped told
kill -TERM "$stopped"
kill -CONT "$stopped"

farm_submit hits hits.jsonl
farm_stopped hits
array=$(tr '\0' '\n' <"/proc/$stopped/environ" | sed -n 's/^SLURM_ARRAY_JOB_ID=//p')
[ -n "$array" ] || give_up "the scanner is in no array"
scancel "${array}_2"
until_it 240 "both arrays" box_idle

farm_complete told
farm_same told.jsonl || box_log
[ "$(farm_scans told 2)" = 2 ] || wrong "told to stop, the task was started $(farm_scans told 2) times"

[ "$(farm_scans hits 2)" = 1 ] || wrong "cancelled, the task was started $(farm_scans hits 2) times"
# Slurm wakes it before it tells it to stop: a small task may be done in between.
! grep -q 'requeued' slurm-"${array}"_2.out || wrong "$(tail -n 3 slurm-"${array}"_2.out)"
[ ! -e hits.jsonl ] || wrong "merged, though a task was cancelled"
[ -z "$(find hits -name '*.tmp')" ] || wrong "a task that was cancelled left $(find hits -name '*.tmp')"
[ "$(find hits -name 'task-*.shard' | wc -l)" -ge $((n_tasks - 1)) ] || wrong "not all others are done"

PLAN=$work/plan.jsonl HITS=$work/hits sbatch -Q --array=2 "$PS_SOURCE/docs/farm/farm.sbatch" >/dev/null
until_it 120 "the element that was submitted again" box_idle
farm_complete hits
"$POOLSCAN" merge -q hits --plan plan.jsonl --format jsonl -o hits.jsonl || wrong "no merge"
farm_same hits.jsonl
finish "${#images[@]} images, $n_tasks tasks; ${array}_2 was cancelled"
