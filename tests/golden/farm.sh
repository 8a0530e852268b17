#!/usr/bin/env bash
# Plans, tasks and merging: whatever the images are cut into, in whatever order, how often, by how
# many threads and in which chunks the tasks run, merge writes the bytes of one scan, says what it
# says and ends as it ends. What is missing, cut off, changed or foreign is refused by name.
: "${MAKE_CONTAINER:?}"
# shellcheck source=tests/farm/compare.sh
. "$PS_SOURCE/tests/farm/compare.sh"

make_bare 512K
make system/22h2-x64 classic.raw
make system/xp-pae x86.raw
make heap/22000-x64 heap.raw

compare bare "$here/bare.raw" "1 5 34"
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

# Files that are called as a shard, and are of no task, are named once.
what="shards of no task"
cp "dir/$last" dir/task-900000.shard
expect 0 "$POOLSCAN" merge dir --plan plan -o merged.jsonl --format jsonl
said "dir: task-900000.shard is a shard of no task of the plan, and is not read"
same plain.jsonl merged.jsonl
cp "dir/$last" dir/task-0000001.shard
: >dir/other.shard
: >dir/task-000001.shard.host.1.0.tmp
expect 0 "$POOLSCAN" merge dir --plan plan -o merged.jsonl --format jsonl
said "dir: 3 shards of no task of the plan are not read: other.shard ..."
[ "$(grep -c 'no task' err)" = 1 ] || wrong "$what: $(cat err)"
same plain.jsonl merged.jsonl
expect 0 "$POOLSCAN" merge -q dir --plan plan -o merged.jsonl --format jsonl
[ ! -s err ] || wrong "$what: -q says $(cat err)"
mv "dir/$last" keep
expect 75 "$POOLSCAN" merge dir --plan plan -o merged.jsonl --format jsonl
said "3 shards of no task of the plan"
said "has no shard; run it"
mv keep "dir/$last"
rm dir/task-900000.shard dir/task-0000001.shard dir/other.shard dir/*.tmp

# A shard of the form before, its sum put right by another program.
if xxhsum --version >/dev/null 2>&1; then
    mv "dir/$last" keep
    perl -e '
        local $/;
        open my $in, "<", "keep" or die;
        my $shard = <$in>;
        my $n = 16 + unpack("Q<", substr($shard, 8, 8));
        substr($shard, 16, 4) = pack("V", 1);
        open my $out, ">", "head" or die;
        print $out substr($shard, 0, $n);
        close $out;
        my ($sum) = `xxhsum -H3 - <head` =~ /([0-9a-f]{16})$/m or die;
        substr($shard, $n, 8) = reverse pack("H*", $sum);
        print $shard;' >"dir/$last" || wrong "no shard of the form before"
    refused 65 "a shard of format 1, and this version of the program reads format"
    [ "$(grep -c format err)" = 1 ] || wrong "an older shard: more than one line is said of it: $(cat err)"
    expect 73 "$POOLSCAN" scan --plan plan --task $((10#${last//[!0-9]/})) --out-dir dir
    said "a shard of format 1"
    mv keep "dir/$last"
else
    skip_line "no xxhsum: .ci/packages.sh install test"
fi

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

finish
