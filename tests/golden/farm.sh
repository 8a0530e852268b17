#!/usr/bin/env bash
# Plans, tasks and merging: whatever the images are cut into, in whatever order, how often, by how
# many threads and in which chunks the tasks run, merge writes the bytes of one scan, says what it
# says and ends as it ends. What is missing, cut off, changed or foreign is refused by name.
set -u
export LC_ALL=C
: "${POOLSCAN:?}" "${PS_SOURCE:?}" "${MAKE_CONTAINER:?}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
n_checks=0
n_wrong=0
RANDOM=${PS_SEED:-20261121}
echo "PS_SEED=${PS_SEED:-20261121}"

wrong() {
    printf 'WRONG: %s\n' "$*"
    n_wrong=$((n_wrong + 1))
}

# expect STATUS COMMAND...: output in out, what is said in err
expect() {
    local want=$1 got

    shift
    "$@" >out 2>err
    got=$?
    n_checks=$((n_checks + 1))
    [ "$got" = "$want" ] || wrong "$*: exit status $got, expected $want ($(head -c 300 err))"
}

said() {
    n_checks=$((n_checks + 1))
    grep -qF -- "$1" err || wrong "not said: $1 ($(head -c 400 err))"
}

same() {
    n_checks=$((n_checks + 1))
    cmp -s "$1" "$2" || wrong "$what: $1 and $2 differ ($(cmp "$1" "$2" 2>&1 | head -c 100))"
}

n_tasks() {
    echo $(($(wc -l <"$1") - 1))
}

# task_words K: a task with its own number of threads and size of chunks
task_words() {
    printf '%s\n' "--task $1 -t $((RANDOM % 3 + 1)) --chunk $(((RANDOM % 16 + 1) * 4))k"
}

# others DIR: what is there beside shards
others() {
    find "$1" -mindepth 1 ! -name 'task-[0-9]*.shard' 2>/dev/null
}

# run_tasks STATUS PLAN DIR: every task, shuffled, some of them twice, two at a time; STATUS is that
# of all, or of those that fail
run_tasks() {
    local want=$1 n k

    n=$(n_tasks "$2")
    for ((k = 0; k < n; k++)); do
        task_words "$k"
        [ $((RANDOM % 8)) != 0 ] || task_words "$k"
    done | shuf --random-source=<(yes "$RANDOM") >words
    rm -f status
    # shellcheck disable=SC2016 # the words are for the inner shell
    xargs -P 2 -L 1 bash -c '"$0" scan -q --plan "$1" --out-dir "$2" "${@:3}" 2>>said_by_tasks
        rc=$?; [ $rc = 0 ] || echo "${@:3}: $rc" >>status' "$POOLSCAN" "$2" "$3" <words
    [ "$(find "$3" -name 'task-[0-9]*.shard' | wc -l)" = "$n" ] || wrong "$what: shards: $(ls "$3")"
    [ -z "$(others "$3")" ] || wrong "$what: left over: $(others "$3")"
    n_checks=$((n_checks + 1))
    [ "$want" != 0 ] || [ ! -e status ] || wrong "$what: $(head -3 status)"
    [ "$want" = 0 ] || ! grep -v ": $want\$" status || wrong "$what: other status than $want"
}

# without_time FILE: what was said, without how long it took and what did it
without_time() {
    sed -E 's/ in [0-9.]+ s, [^(]*\([^)]*\)//' "$1"
}

# scan_plain STATUS IMAGES OPTION...: once, as plain.jsonl, plain.csv and what is said
scan_plain() {
    local want=$1 images=$2

    shift 2
    # shellcheck disable=SC2086 # images are several words
    expect "$want" "$POOLSCAN" scan $images "$@" --format jsonl -o plain.jsonl
    without_time err >plain.said
    # shellcheck disable=SC2086
    expect "$want" "$POOLSCAN" scan -q $images "$@" --format csv -o plain.csv
    [ "$(wc -l <plain.jsonl)" -gt "$least" ] || wrong "$what: only $(wc -l <plain.jsonl) findings"
}

# cut_into BYTES STATUS IMAGES OPTION...: plan, tasks, merge, compare
cut_into() {
    local bytes=$1 want=$2 images=$3

    shift 3
    rm -rf plan dir
    # shellcheck disable=SC2086
    expect 0 "$POOLSCAN" plan -q $images --task-bytes "$bytes" -o plan "$@"
    what="$name in $(n_tasks plan) tasks"
    counts+=" $(n_tasks plan)"
    run_tasks "$want" plan dir
    expect "$want" "$POOLSCAN" merge dir --plan plan --format jsonl -o merged.jsonl
    without_time err >merged.said
    same plain.jsonl merged.jsonl
    same plain.said merged.said
    expect "$want" "$POOLSCAN" merge -q dir --plan plan --format csv -o merged.csv
    same plain.csv merged.csv
}

# present IMAGE: bytes of memory
present() {
    "$POOLSCAN" keyspace "$1" --format jsonl | sed -nE 's/.*"PresentBytes":"?([0-9]+).*/\1/p'
}

# compare NAME IMAGE COUNTS OPTION...: cut into about that many ranges each
compare() {
    local image=$2 sizes=$3 bytes n

    name=$1
    what=$name
    counts=
    shift 3
    scan_plain "$status" "$image" "$@"
    bytes=$(present "$image")
    for n in $sizes; do
        cut_into $(((bytes / n + 4095) / 4096 * 4096)) "$status" "$image" "$@"
    done
    printf '%-12s %7s findings, tasks:%s\n' "$name" "$(wc -l <plain.jsonl)" "$counts"
}

make() {
    "$POOLSCAN" mkimage -q "$PS_SOURCE/tests/recipes/$1.recipe" "$2" "${@:3}" || wrong "mkimage $1"
}

# No page tables: copies, of pages behind them too, and pages of a big-pool table, so that it is
# carved.
make_bare() {
    cat >bare.recipe <<'R'
size 512K
arch x64
build 17134
tags np Proc:0xb80/NonPaged File:0x180*9/NonPaged Even:0x80*9/NonPaged
page  0x01 kuser
pages 0x10-0x1f classic tags=np
pages 0x40-0x4f copy from=0x10
pages 0x50-0x5f classic tags=np
page  0x08 copy from=0x50
R
    "$POOLSCAN" mkimage -q bare.recipe bare.raw || wrong "mkimage bare"
    perl -e '
        my @s = ("\1" . "\0" x 23) x 16384;
        for my $i (0 .. 199) {
            my $va = 0xffffc70600000000 + $i * 0x1000;
            my $home = ((($va >> 12) * 40543) ^ ((($va >> 12) * 40543) >> 32)) % 16384;
            $s[$i * 81] = pack("Q< a4 V Q<", $va, "CM" . chr(65 + $i % 26) . "x", 0x100, 0x2000);
        }
        print "\0" x 8192, @s;' >>bare.raw
}

here=$work
least=100
status=0
make_bare
make system/22h2-x64 classic.raw
make system/xp-pae x86.raw
make heap/22000-x64 heap.raw

compare bare "$here/bare.raw" "1 2 3 5 8 13 21 34 63"
grep -q '"Allocator":"big"' plain.jsonl || wrong "bare: nothing was carved"
grep -q ' 0 in copied pages left out' plain.said && wrong "bare: no copies"
compare bare-copies "$here/bare.raw" "7" --include-copies --min-confidence 0 --show-free
compare classic "$here/classic.raw" "1 6 61"
compare x86 "$here/x86.raw" "4" --all-headers
compare heap "$here/heap.raw" "3 17" --tags 'Pro*,A?*,????' --show-free
compare range "$here/classic.raw" "5" --range 0x200000-0x1203000
compare physical "$here/classic.raw" "3" --physical-only

# Containers: one in which a part is missing, which costs the status; a packed one.
"$MAKE_CONTAINER" lime "$here/classic.raw" whole.lime || wrong "make_container"
head -c $(($(stat -c %s whole.lime) - 5000000)) whole.lime >short.lime
status=65
compare lossy "$here/short.lime" "1 4"
grep -q 'part of the image is missing' plain.said || wrong "lossy: $(cat plain.said)"
status=0
if gzip -c bare.raw >bare.raw.gz && "$POOLSCAN" info bare.raw.gz >/dev/null 2>&1; then
    compare packed "$here/bare.raw.gz" "4" --include-copies
fi

# Several images in one plan, in every format.
name=several
what=$name
list=("$here/classic.raw" "$here/bare.raw" "$here/x86.raw" "$here/bare.raw")
images=${list[*]}
scan_plain 0 "$images"
counts=
cut_into 4M 0 "$images"
for format in json table default none; do
    "$POOLSCAN" scan -q "${list[@]}" --format $format >plain.out 2>/dev/null
    expect 0 "$POOLSCAN" merge -q dir --plan plan --format $format
    same plain.out out
done

# The same plan and the same shards, whoever makes them.
"$POOLSCAN" plan -q "${list[@]}" --task-bytes 4M -o again
same plan again
"$POOLSCAN" scan -q --plan plan --task 1 --out-dir other -t 1 --chunk 1M
"$POOLSCAN" scan -q --plan plan --task 1 --out-dir another -t 1 --chunk 1M
same other/task-000001.shard another/task-000001.shard

# Done work is done, and what has the name of a shard is never written over.
before=$(md5sum <dir/task-000001.shard)
expect 0 "$POOLSCAN" scan -v --plan plan --task 1 --out-dir dir
said "task 1 is done already"
cp dir/task-000002.shard other/task-000001.shard.keep
cp -f dir/task-000002.shard other/task-000001.shard
expect 73 "$POOLSCAN" scan --plan plan --task 1 --out-dir other
said "a shard of another task"
[ "$before" = "$(md5sum <dir/task-000001.shard)" ] || wrong "a shard was written over"
for _ in 1 2 3; do
    rm -f dir/task-000003.shard
    for _ in 1 2 3 4; do
        "$POOLSCAN" scan -q --plan plan --task 3 --out-dir dir || wrong "task 3 four times at once"
    done &
    "$POOLSCAN" scan -q --plan plan --task 3 --out-dir dir || wrong "task 3 beside itself"
    wait
done
[ -z "$(others dir)" ] || wrong "left over: $(others dir)"

# What cannot be merged is named; --partial leaves its image out.
refused() {
    local want=$1 text=$2

    what=$text
    rm -f merged.jsonl
    expect "$want" "$POOLSCAN" merge dir --plan plan -o merged.jsonl --format jsonl
    said "$text"
    [ ! -e merged.jsonl ] || wrong "$text: something was written"
    expect "$want" "$POOLSCAN" merge dir --plan plan --partial -o merged.jsonl --format jsonl
    said "$text"
    same without.jsonl merged.jsonl
}
last=$(printf 'task-%06d.shard' $(($(n_tasks plan) - 1)))
"$POOLSCAN" scan -q "$here/classic.raw" "$here/bare.raw" "$here/x86.raw" --format jsonl -o without.jsonl
mv "dir/$last" keep
refused 75 "has no shard; run it"
head -c $(($(stat -c %s keep) - 1)) keep >"dir/$last"
refused 65 "cut off"
: >"dir/$last"
refused 65 "cut off"
cp keep "dir/$last"
printf '\1' | dd of="dir/$last" bs=1 seek=$(($(stat -c %s keep) / 2)) conv=notrunc status=none
refused 65 "damaged shard"
cp dir/task-000000.shard "dir/$last"
refused 65 "a shard of another task"
"$POOLSCAN" plan -q "${list[@]}" --task-bytes 4M -o foreign --show-free
rm -rf foreign_dir
"$POOLSCAN" scan -q --plan foreign --task $((10#${last//[!0-9]/})) --out-dir foreign_dir
cp "foreign_dir/$last" "dir/$last"
refused 65 "a shard of another plan"
mv keep "dir/$last"
expect 0 "$POOLSCAN" merge -q dir --plan plan -o merged.jsonl --format jsonl
same plain.jsonl merged.jsonl

# A changed image, a changed plan, options that are the plan's, a task that there is not.
printf 'X' | dd of=x86.raw bs=1 seek=8 conv=notrunc status=none
first_of_x86=$(grep -n x86.raw plan | head -1 | cut -d: -f1)
expect 65 "$POOLSCAN" scan --plan plan --task $((first_of_x86 - 2)) --out-dir fresh
said "this is not the image that the plan was made of"
[ -z "$(ls fresh 2>/dev/null)" ] || wrong "a task that failed left $(ls fresh)"
rm x86.raw
expect 66 "$POOLSCAN" scan --plan plan --task $((first_of_x86 - 2)) --out-dir fresh
sed 's/4194304/8388608/' plan >changed
expect 65 "$POOLSCAN" scan --plan changed --task 0 --out-dir fresh
expect 65 "$POOLSCAN" merge dir --plan changed
expect 64 "$POOLSCAN" scan --plan plan --task 0 --out-dir fresh --show-free
expect 64 "$POOLSCAN" scan --plan plan --task 999999 --out-dir fresh
expect 64 "$POOLSCAN" merge dir
expect 66 "$POOLSCAN" merge dir --plan nowhere
expect 73 "$POOLSCAN" scan --plan plan --task 0 --out-dir plan/below

[ "$n_wrong" = 0 ] || exit 1
echo "farm: $n_checks checks"
