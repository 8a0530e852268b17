#!/bin/bash
# farm prints lines that a shell can run: here with stand-ins for sbatch, scontrol and the scanner.
# Every task of a plan is submitted once, whatever its size, and farm.sbatch requeues exactly its
# own element.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

"$POOLSCAN" mkimage sample "$work/it's.raw"
bin=$work/bin
mkdir "$bin"
# Each submission is a line: FIRST, the arguments.
cat >"$bin/sbatch" <<SCRIPT
#!/bin/bash
echo "\${FIRST:-0} \$*" >>"$work/submitted"
wc -l <"$work/submitted"
SCRIPT
cat >"$bin/scontrol" <<SCRIPT
#!/bin/bash
echo "\$*" >>"$work/scontrol"
[ "\$1" = show ] && echo "JobId=7 JobState=\$STATE"
exit 0
SCRIPT
cat >"$bin/sleep" <<'SCRIPT'
#!/bin/bash
SCRIPT
cat >"$bin/poolscan" <<SCRIPT
#!/bin/bash
printf '%s\n' "\$*" >>"$work/scanned"
if [ "\$RC" = term ]; then
    trap 'exit 75' TERM
    echo up >"$work/up"
    while :; do /bin/sleep 0.05; done
fi
[ "\$RC" != kill ] || kill -9 \$\$
exit "\$RC"
SCRIPT
chmod +x "$bin"/*

# What is printed, run with the stand-ins: the numbers of all tasks that were submitted.
submitted() { # PLAN OPTION...
    rm -f "$work/submitted"
    expect 0 0 "$POOLSCAN" farm "$@"
    (cd "$work" && PATH=$bin:$PATH bash -eu "$work/out" >/dev/null) || wrong "the lines do not run"
    sed -n 's/^\([0-9]*\) .*--array=0-\([0-9]*\) .*/\1 \2/p' "$work/submitted" |
        while read -r first last; do seq "$first" $((first + last)); done
}

for size in 64G 4M 16k; do
    "$POOLSCAN" plan "$work/it's.raw" --task-bytes $size -o "$work/it's.plan"
    n_tasks=$(grep -c '^{"task":' "$work/it's.plan")
    cmp <(seq 0 $((n_tasks - 1))) <(submitted "$work/it's.plan") || wrong "$size: not all of $n_tasks"
    jobs=$(grep -c -- --array "$work/submitted")
    [ "$(tail -n 1 "$work/submitted" | grep -o 'afterok[:0-9]*')" = "afterok$(seq -f :%g "$jobs" | tr -d '\n')" ] ||
        wrong "the merge job does not wait for all: $(tail -n 1 "$work/submitted")"
    tail -n 1 "$work/submitted" | grep -q -- '--kill-on-invalid-dep=yes' || wrong "it may wait for ever"
    grep -qE -- '--array=0-[0-9]{4,}' "$work/submitted" && wrong "an array larger than 1000"
done
[ "$n_tasks" -gt 2000 ] || wrong "only $n_tasks tasks were tried"
# Groups of tasks: one array where they are few enough.
for each in 2 3 1000 99999; do
    n_groups=$(((n_tasks + each - 1) / each))
    cmp <(seq 0 $((n_groups - 1))) <(submitted "$work/it's.plan" --tasks-each $each) ||
        wrong "$each tasks each: not all of $n_groups groups"
    grep -qx "export TASKS_EACH=$each" "$work/out" || wrong "the scripts are not told of $each tasks each"
    jobs=$(grep -c -- --array "$work/submitted")
    [ "$jobs" = $(((n_groups + 999) / 1000)) ] || wrong "$n_groups groups in $jobs arrays"
done
[ "$n_groups" = 1 ] || wrong "99999 tasks each: $n_groups groups"
submitted "$work/it's.plan" --gpu >/dev/null
grep -qx 'export TASKS_EACH=1' "$work/out" || wrong "a TASKS_EACH of somebody else's would count"
grep -q -- '--gres=gpu:1' "$work/submitted" || wrong "no GPU is asked for"
expect 66 1 "$POOLSCAN" farm "$work/none"
expect 65 1 "$POOLSCAN" farm "$work/it's.raw"

# element STATUS RESTARTS STATE: run farm.sbatch as element 5 of job 7
element() {
    rm -f "$work/scontrol" "$work/scanned"
    RC=$1 SLURM_RESTART_COUNT=$2 STATE=$3 PLAN=/p HITS="/h i" FIRST=1000 TASKS_EACH=3 OPTIONS="--gpu -q" \
        SLURM_ARRAY_JOB_ID=7 SLURM_ARRAY_TASK_ID=5 SLURM_JOB_ID=7 PATH=$bin:$PATH \
        bash "$PS_SOURCE/docs/farm/farm.sbatch" >"$work/element" 2>&1
}
n_requeued=0
while read -r rc restarts state want requeue; do
    element "$rc" "$restarts" "$state"
    got=$?
    n_checks=$((n_checks + 1))
    [ "$got" = "$want" ] || wrong "scan $rc: element ends with $got, not $want"
    grep -qx 'scan --plan /p --task 1005 --tasks-each 3 --out-dir /h i --gpu -q' "$work/scanned" || wrong "$(cat "$work/scanned")"
    has=$(grep -c '^requeue 7_5$' "$work/scontrol" 2>/dev/null)
    [ "${has:-0}" = "$requeue" ] || wrong "scan $rc, restart $restarts, $state: requeued ${has:-0} times"
    n_requeued=$((n_requeued + requeue))
done <<'END'
0 0 RUNNING 0 0
64 0 RUNNING 64 0
65 0 RUNNING 65 0
66 0 RUNNING 66 0
69 0 RUNNING 69 0
70 0 RUNNING 70 0
73 0 RUNNING 73 0
74 0 RUNNING 74 0
75 0 RUNNING 75 1
75 2 RUNNING 75 1
75 3 RUNNING 75 0
75 0 CANCELLED 75 0
75 0 COMPLETING 75 0
kill 0 COMPLETING 137 0
kill 0 RUNNING 137 1
139 1 RUNNING 139 1
END
[ "$n_requeued" = 4 ] || wrong "requeued $n_requeued times in all"

# Told to stop, the element hands that on and waits for what becomes of it.
rm -f "$work/up"
element term 0 RUNNING &
script=$!
for _ in $(seq 200); do
    [ -s "$work/up" ] && break
    /bin/sleep 0.05
done
# The script is the child of the subshell that the background job is.
kill -TERM "$(cut -d" " -f1 "/proc/$script/task/$script/children")"
wait "$script"
got=$?
[ "$got" = 75 ] || wrong "after TERM the element ends with $got: $(cat "$work/element")"
grep -qx 'requeue 7_5' "$work/scontrol" || wrong "after TERM it is not requeued"

finish
