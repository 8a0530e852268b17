#!/usr/bin/env bash
# The farm on a real Slurm that dies in parts. A node: its daemon, the step and the scanner are killed in
# the middle of a task. A scanner alone. An image that was cut after the plan. What can be had is merged,
# and is what one scan prints; what cannot is named.
# shellcheck source=tests/farm/farm.sh
. "$PS_SOURCE/tests/farm/farm.sh"
# shellcheck source=tests/farm/box.sh
. "$PS_SOURCE/tests/farm/box.sh"

# Daemon, step, script and scanner of the node that holds the stopped scanner, from the top.
kill_node() {
    local node

    node=$(tr '\0' '\n' <"/proc/$stopped/environ" | sed -n 's/^SLURMD_NODENAME=w//p')
    [ -n "$node" ] || give_up "the scanner is on no node"
    step=$(ancestors "$stopped" slurmstepd) || give_up "the scanner has no step"
    [ "$(cat "/proc/${step%% *}/comm")" = slurmstepd ] || give_up "the scanner has no step"
    # shellcheck disable=SC2086 # numbers
    kill -9 "$(box_node_pid "$node")" $step 2>/dev/null || give_up "they do not die"
    dead=w$node
}

# shellcheck disable=SC2317 # by until_it
node_is_down() {
    [ -n "$(sinfo -h -N -t down -n "$dead")" ]
}

check_node() {
    local again

    farm_complete node
    farm_same node.jsonl || box_log
    again=$(grep -- '--task 2 ' node.scans | tail -n +2)
    [[ $again == *" restarted "[1-9]* ]] || wrong "the killed task was not started again by Slurm: $again"
    [[ $again != *" on $dead "* ]] || wrong "the killed task ran again on the node that is dead"
    # What was killed left its temporary file, which nobody took for a shard.
    [ -n "$(find node -name '*.tmp')" ] || wrong "the scanner was not in the middle of its task"
}

check_scanner() {
    farm_complete scanner
    farm_same scanner.jsonl || box_log
    [ "$(farm_scans scanner 2)" = 2 ] || wrong "the killed task was started $(farm_scans scanner 2) times"
    [ "$(farm_scans scanner)" = $((n_tasks + 1)) ] ||
        wrong "$(farm_scans scanner) scans for $n_tasks tasks of which one was killed"
}

check_image() {
    local rc=0

    [ ! -e image.jsonl ] || wrong "merged, though tasks of an image failed"
    "$POOLSCAN" merge image --plan plan.jsonl --format jsonl -o image.jsonl 2>err && rc=0 || rc=$?
    [ "$rc" != 0 ] || wrong "merged with status 0, though an image is missing"
    [ ! -e image.jsonl ] || wrong "merged with status $rc, though an image is missing"
    "$POOLSCAN" merge image --plan plan.jsonl --format jsonl -o image.jsonl --partial 2>err && rc=0 || rc=$?
    [ "$rc" != 0 ] || wrong "merged in part, and nobody is told by the status"
    grep -q "${images[1]}" err || wrong "the failed image is not named: $(head -n 3 err)"
    "$POOLSCAN" scan -q --format jsonl "${images[0]}" "${images[2]}" >rest.jsonl
    cmp -s image.jsonl rest.jsonl || wrong "the rest is not what a scan of the other images prints"
}

on_exit box_stop
box_start "$work/box" 2 || skip "$box_why"
farm_images 24h2-x64 xp-pae win7-x64
farm_plan
farm_scanner 2

farm_submit node node.jsonl
farm_stopped node
kill_node
# Slurm takes a while to believe it; the other node has work meanwhile.
farm_submit scanner scanner.jsonl
farm_stopped scanner
kill -9 "$stopped"
until_it 120 "a node that is down" node_is_down
until_it 240 "arrays and merge jobs" box_idle
check_node
check_scanner

farm_scanner none
truncate -s -8M "${images[1]}"
farm_submit image image.jsonl
until_it 120 "the array with a cut image" box_idle
check_image

finish "${#images[@]} images, $n_tasks tasks; $dead was killed"
