#!/bin/bash
# All tasks of a plan on this machine, by GNU parallel, and the merge. Run it again after it was
# interrupted: what is done stays done.
#
#   docs/farm/parallel.sh PLAN HITS OUT [OPTION OF PARALLEL...]
#
#   OPTIONS     further options of poolscan scan; with --gpu each slot gets the GPU of its number
#   TASKS_EACH  tasks that one process does (1): for thousands of small images
#   FORMAT      of the result (jsonl)
#
# One scan uses all cores, so one runs at a time; -j 4 for four GPUs, --sshloginfile for machines
# that share the folders.
set -eu
[ $# -ge 3 ] || {
    sed -n '2,13s/^# \{0,1\}//p' "$0" >&2
    exit 64
}
plan=$(realpath "$1")
mkdir -p "$2"
hits=$(realpath "$2")
out=$3
shift 3
n_tasks=$(grep -c '^{"task":' "$plan")
each=${TASKS_EACH:-1}
# The list of what is done counts groups.
log=$hits.joblog
[ "$each" = 1 ] || log=$hits.by-$each.joblog

# shellcheck disable=SC2016 # parallel's own words
gpu='CUDA_VISIBLE_DEVICES=$(({%} - 1))'
case " ${OPTIONS:-} " in
*" --gpu "*) ;;
*) gpu= ;;
esac
# Quoted for the shells that parallel starts.
command="poolscan scan --plan ${plan@Q} --task {} --tasks-each $each --out-dir ${hits@Q} ${OPTIONS:-}"
seq 0 $(((n_tasks + each - 1) / each - 1)) |
    parallel -j 1 --retries 3 --joblog "$log" --resume-failed "$@" "$gpu $command"
poolscan merge "$hits" --plan "$plan" --format "${FORMAT:-jsonl}" -o "$out"
