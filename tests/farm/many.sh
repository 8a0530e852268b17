#!/usr/bin/env bash
# Several tasks in one process (--task K-L, all, --tasks-each N): the shards have the bytes of those that a
# process of its own writes, whatever the image is, and an image is opened and its page tables are read
# once for tasks that follow each other. What fails keeps nothing else from being done, and is named;
# what is told to stop leaves what is done.
# BAD_DISK, STOP_HERE_SO: the libraries of tests/support/bad_disk.c and tests/farm/stop_here.c, empty
# where nothing can be preloaded.
: "${MAKE_CONTAINER:?}"
# shellcheck source=tests/farm/compare.sh
. "$PS_SOURCE/tests/farm/compare.sh"
# The libraries come before the sanitizer's own.
export ASAN_OPTIONS=verify_asan_link_order=0:${ASAN_OPTIONS:-}
export TMPDIR=$here/tmp
mkdir tmp
for name in SLURM_ARRAY_TASK_ID JOB_COMPLETION_INDEX PBS_ARRAY_INDEX SGE_TASK_ID LSB_JOBINDEX \
    AWS_BATCH_JOB_ARRAY_INDEX PARALLEL_SEQ SLURM_PROCID; do
    unset "$name"
done
# The same in all processes: a shard shows how large chunks were.
words=(-t 2 --chunk 64k)

# tasks STATUS DIR WHICH OPTION...: of 'plan'
tasks() {
    expect "$1" "${preload[@]}" "$POOLSCAN" scan -v "${words[@]}" --plan plan --out-dir "$2" --task "$3" "${@:4}"
}

# same_shards DIR DIR
same_shards() {
    n_checks=$((n_checks + 1))
    diff -r "$1" "$2" >differ || wrong "$what: $(head -3 differ)"
}

# apart: each task of 'plan' in a process of its own, into the folder of that name; it ends with $status,
# or not at all worse
apart() {
    local k got

    rm -rf apart
    for ((k = 0; k < $(n_tasks plan); k++)); do
        "${preload[@]}" "$POOLSCAN" scan -q "${words[@]}" --plan plan --out-dir apart --task "$k" 2>err
        got=$?
        [ "$got" = 0 ] || [ "$got" = "$status" ] || wrong "$what: task $k: status $got ($(cat err))"
    done
    check_shards "$(n_tasks plan)" apart
}

# group WHICH: of $half tasks
group() {
    "${preload[@]}" "$POOLSCAN" scan -v "${words[@]}" --plan plan --out-dir halves --task "$1" \
        --tasks-each "$half" 2>err
    got=$?
    n_checks=$((n_checks + 1))
    [ "$got" = 0 ] || [ "$got" = "$status" ] || wrong "$what: group $1: status $got ($(cat err))"
}

# alike NAME RANGES IMAGE OPTION...: all in one process, and in two halves
alike() {
    local image=$3 bytes n half got

    what=$1
    bytes=$(present "$image")
    rm -rf plan together halves
    "$POOLSCAN" plan -q "$image" --task-bytes $(((bytes / $2 + 4095) / 4096 * 4096)) -o plan "${@:4}" || wrong "$what: no plan"
    n=$(n_tasks plan)
    [ "$2" = 1 ] || [ "$n" -gt "$2" ] || wrong "$what: only $n tasks"
    apart
    tasks "$status" together all
    [ "$(grep -cE 'DTB|no page tables found' err)" = "${opens:-1}" ] || wrong "$what: opened again: $(cat err)"
    said "tasks 0 to $((n - 1)): $n recorded, 0 done already"
    same_shards apart together
    half=$(((n + 1) / 2))
    # Two groups, the last one first. What is missing may be in one of them alone.
    JOB_COMPLETION_INDEX=1 group auto
    said "tasks $half to $((n - 1)): "
    group 0
    same_shards apart halves
    tasks 0 halves all
    [ "$(grep -c 'is done already$' err)" = "$n" ] || wrong "$what: not all of $n are done: $(cat err)"
    printf '%-12s %s tasks, %s bytes of shards\n' "$what" "$n" "$(cat apart/* | wc -c)"
}

make system/22h2-x64 tables.raw --pagefile-out page.sys
make system/win7-x64 old.raw --pagefile-out old.sys
make system/xp-pae pae.raw
make containers/x64 x64.raw
make_bare 16M 'pages 0- random'

alike tables 6 tables.raw
alike one-more 3 tables.raw --all-headers --min-confidence 0 --show-free --include-copies
alike pagefile 5 tables.raw --pagefile "$here/page.sys"
alike pagefile-old 4 old.raw --pagefile "0=$here/old.sys" --all-headers --min-confidence 0
alike pae 4 pae.raw
alike carved 6 bare.raw
opens=0 alike no-tables 3 tables.raw --physical-only
"$MAKE_CONTAINER" dump64 x64.raw holes.dmp --variant bitmap --dtb 0x1ae000 || wrong "make_container dump64"
alike holes 5 holes.dmp
status=65
head -c $(($(stat -c %s holes.dmp) - 3000000)) holes.dmp >cut.dmp
alike cut-dump 4 cut.dmp
status=0
head -c $((20 * 1024 * 1024 + 1234)) tables.raw >torn.raw
alike torn 4 torn.raw
# Frames that say how large they are: how long it takes to unpack others is a note of the shard.
split -b 1M old.raw piece.
zstd -q --rm piece.* && cat piece.*.zst >many.zst
alike zstd 3 many.zst
if [ -n "${BAD_DISK:-}" ]; then
    status=74
    preload=(env "LD_PRELOAD=$BAD_DISK" "BAD_DISK_FILE=$here/tables.raw" BAD_DISK_RANGE=0x108000-0x118000
        BAD_DISK_READ=eio BAD_DISK_MAP=refuse)
    alike bad-disk 7 tables.raw
    preload=()
    status=0
else
    skip_line "bad disks: nothing can be preloaded under this sanitizer"
fi

# Three images of two ranges each, and one that is whole.
what=several
"$POOLSCAN" plan -q tables.raw old.raw pae.raw x64.raw --task-bytes 14M -o plan || wrong "no plan"
n=$(n_tasks plan)
[ "$n" -ge 10 ] || wrong "$what: only $n tasks"
apart
tasks 0 together-all all
[ "$(grep -c 'DTB' err)" = 4 ] || wrong "$what: $(cat err)"
same_shards apart together-all
# The numbers of the tasks of an image.
of_image() {
    sed -n 's/^{"task":\([0-9]*\),"image":"[^"]*'"$1"'".*/\1/p' plan
}
first=$(of_image old.raw | head -n 1)
last=$(of_image old.raw | tail -n 1)
((first > 0 && last > first && last < n - 2)) || wrong "$what: $first to $last are not in the middle"

# others_done DIR: the shards of all tasks but those of old.raw, with the right bytes
others_done() {
    local k name

    for ((k = 0; k < n; k++)); do
        name=$(printf 'task-%06d.shard' "$k")
        n_checks=$((n_checks + 1))
        if [ "$k" -ge "$first" ] && [ "$k" -le "$last" ]; then
            [ ! -e "$1/$name" ] || wrong "$what: task $k has a shard"
        else
            cmp -s "apart/$name" "$1/$name" || wrong "$what: task $k has none, or another one"
        fi
    done
    [ -z "$(others "$1")" ] || wrong "$what: left over: $(others "$1")"
}

# failing STATUS TEXT: of each task of old.raw; when it is whole again, only these are done
failing() {
    local k

    rm -rf dir
    tasks "$1" dir all
    for ((k = first; k <= last; k++)); do
        n_checks=$((n_checks + 1))
        grep -q "^poolscan: task $k: .*old.raw: .*$2" err || wrong "$what: task $k is not named: $(cat err)"
    done
    [ "$(grep -cE '^poolscan: task [0-9]+: .*/' err)" = $((last - first + 1)) ] || wrong "$what: $(cat err)"
    others_done dir
    mv -f kept.raw old.raw
    tasks 0 dir all
    said "tasks 0 to $((n - 1)): $((last - first + 1)) recorded, $((n - last + first - 1)) done already, 0 failed"
    same_shards apart dir
}

what=missing
mv old.raw kept.raw
failing 66 ''
what=truncated
mv old.raw kept.raw
head -c -4M kept.raw >old.raw
failing 65 'not the image that the plan'
what=changed
mv old.raw kept.raw
cp kept.raw old.raw
printf x | dd of=old.raw conv=notrunc status=none
failing 65 'not the image that the plan'

# The status is that of the first one that fails.
what='first status'
mv old.raw kept.raw
mv x64.raw x64.kept
head -c 8192 x64.kept >x64.raw
rm -rf dir
tasks 66 dir all
tasks 65 dir "$((n - 1))-$((n - 1))"
mv kept.raw old.raw
mv x64.kept x64.raw

# Another file under the name of a shard is in the way of that one only.
what='a foreign file'
rm -rf dir
mkdir dir
echo nonsense >dir/task-000001.shard
tasks 73 dir all
said 'task 1: '
[ "$(grep -c '^poolscan: task [0-9]*: [0-9]* bytes' err)" = $((n - 1)) ] || wrong "$what: $(cat err)"
rm dir/task-000001.shard
tasks 0 dir 1
same_shards apart dir

# Nothing can be created: one line says so, and no image is read in vain.
for folder in /dev/null/x /proc; do
    what="folder $folder"
    tasks 73 "$folder" all
    [ "$(grep -c '^poolscan: task [0-9]' err)" = 1 ] || wrong "$what: $(cat err)"
    [ "$(grep -c DTB err)" -le 1 ] || wrong "$what: it went on: $(cat err)"
done

# in_order: the tasks of 'plan', of each image its virtual side first
in_order() {
    sed -nE 's/^\{"task":([0-9]+),"image":"([^"]*)".*"part":"(range|virtual|whole)".*/\1 \2 \3/p' plan |
        awk '$2 != image || whole { n++ } { image = $2; whole = $3 != "range"
            print n, ($3 == "virtual" ? -1 : $1), $1 }' | sort -n -k 1,1 -k 2,2 | cut -d ' ' -f 3
}

# done_before DIR N: the shards of the first N tasks that are done, and no other file
done_before() {
    local k name

    n_checks=$((n_checks + 1))
    [ "$(find "$1" -mindepth 1 | wc -l)" = "$2" ] || wrong "$what: $(ls "$1")"
    for k in $(in_order | head -n "$2"); do
        name=$(printf 'task-%06d.shard' "$k")
        cmp -s "apart/$name" "$1/$name" || wrong "$what: $name is another one"
    done
}

# Told to stop in the middle of a task, it ends there; run again, it goes on with that one.
if [ -n "${STOP_HERE_SO:-}" ] && [ -n "${BAD_DISK:-}" ]; then
    for signal in TERM:75 INT:130 KILL:137; do
        what="SIG${signal%:*} in the middle"
        rm -rf dir there
        # A background job ignores SIGINT from its start, unless the shell has job control.
        set -m
        LD_PRELOAD=$STOP_HERE_SO STOP_HERE=$here/there STOP_HERE_AT=400 "$POOLSCAN" scan -v "${words[@]}" \
            --plan plan --out-dir dir --task all 2>err &
        pid=$!
        set +m
        until [ -s there ] && grep -q '^State:.T' "/proc/$pid/status"; do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.02
        done
        n_done=$(find dir -name '*.shard' | wc -l)
        kill -s "${signal%:*}" "$pid"
        kill -CONT "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
        got=$?
        n_checks=$((n_checks + 1))
        [ "$got" = "${signal#*:}" ] || wrong "$what: status $got ($(cat err))"
        ((n_done > 0 && n_done < n - 1)) || wrong "$what: $n_done of $n were done"
        [ "$signal" != KILL:137 ] || rm -f dir/*.tmp
        done_before dir "$n_done"
        tasks 0 dir all
        said "tasks 0 to $((n - 1)): $((n - n_done)) recorded, $n_done done already, 0 failed"
        same_shards apart dir
    done
    what='SIGUSR1'
    rm -rf dir
    preload=(env "LD_PRELOAD=$BAD_DISK" "BAD_DISK_FILE=$here/pae.raw" BAD_DISK_RANGE=0x900000-0x908000
        BAD_DISK_READ=usr1 BAD_DISK_MAP=refuse)
    tasks 0 dir all
    preload=()
    said 'pae.raw: '
    same_shards apart dir
fi

# Each engine counts groups, from 0 or from 1.
what=engines
for engine in SLURM_ARRAY_TASK_ID:0 JOB_COMPLETION_INDEX:0 PBS_ARRAY_INDEX:0 SGE_TASK_ID:1 LSB_JOBINDEX:1 \
    AWS_BATCH_JOB_ARRAY_INDEX:0 PARALLEL_SEQ:1 SLURM_PROCID:0; do
    rm -rf dir
    n_groups=$(((n + 3) / 4))
    for ((k = n_groups; k >= 0; k--)); do
        expect "$((k == n_groups ? 64 : 0))" env "${engine%:*}=$((k + ${engine#*:}))" "$POOLSCAN" scan -q \
            "${words[@]}" --plan plan --out-dir dir --task auto --tasks-each 4
    done
    same_shards apart dir
done

# Words that are none, or beyond the plan, do nothing.
what=words
rm -rf dir
for word in 3-1 0-99999999999 a-b - 0- -1 "0-$n" "$n-$n" "$n" alles 1,2 ''; do
    expect 64 "$POOLSCAN" scan -q --plan plan --out-dir dir --task "$word"
done
expect 64 "$POOLSCAN" scan -q --plan plan --out-dir dir --task 0-1 --tasks-each 2
expect 64 "$POOLSCAN" scan -q --plan plan --out-dir dir --task all --tasks-each 2
expect 64 "$POOLSCAN" scan -q --plan plan --out-dir dir --task "$n_groups" --tasks-each 4
[ ! -e dir ] || wrong "$what: something was done"
finish
