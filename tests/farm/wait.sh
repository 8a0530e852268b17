#!/usr/bin/env bash
# merge --wait: shards that come while they are merged, in any order, into a folder that is not there yet,
# give the bytes that they give when all of them are there. What does not come, or is bad, is told as if
# nobody had waited, and nothing is published; so it is when it is told to stop.
# shellcheck disable=SC2317 # what feeds is called by a name in a variable
: "${MAKE_CONTAINER:?}"
# shellcheck source=tests/farm/compare.sh
. "$PS_SOURCE/tests/farm/compare.sh"
mkdir results

# names DIR: the shards in it
names() {
    (cd "$1" && ls -- *.shard)
}

# feed DIR: what 'order' names out of 'all', one by one, now and then after a moment
feed() {
    local name

    mkdir -p "$1"
    while read -r name; do
        sleep "0.00$((RANDOM % 10))"
        [ $((RANDOM % 4)) != 0 ] || sleep "0.0$((RANDOM % 5))"
        [ -e "$1/$name" ] || ln "all/$name" "$1/$name" || wrong "$what: cannot link $name"
    done <order
}

# waiting STATUS DIR FEEDER OPTION...: a merge beside what FEEDER does, which is no part of it
waiting() {
    local want=$1 dir=$2 feeder=$3 got

    shift 3
    rm -f results/*
    "$POOLSCAN" merge "$dir" --plan plan --wait 100 "$@" 2>err &
    pid=$!
    $feeder "$dir"
    wait "$pid"
    got=$?
    n_checks=$((n_checks + 1))
    [ "$got" = "$want" ] || wrong "$what: status $got, expected $want ($(head -c 300 err))"
}

# orders: of what is in 'all', each as 'order'
orders() {
    names all >order
    "$@" in order
    tac order >reversed
    mv reversed order
    "$@" reversed
    shuffle order
    mv shuffled order
    "$@" random
}

# come STATUS ORDER: all formats in the order that is set; with --partial too where that is at random
come() {
    local format options want=$1

    for format in jsonl csv sqlite; do
        for options in '' --partial; do
            [ "$options" = '' ] || [ "$2" = random ] || continue
            what="$name, $2, $format $options"
            rm -rf dir
            # shellcheck disable=SC2086 # none or one
            waiting "$want" dir feed --format $format -o "results/merged.$format" $options
            without_time err >merged.said
            same "all.$format" "results/merged.$format"
            same all.said merged.said
        done
    done
}

# make_all STATUS BYTES: 'plan' of $images, its shards in 'all', what is merged of them
make_all() {
    local format n

    rm -rf all plan
    # shellcheck disable=SC2086 # several words
    "$POOLSCAN" plan -q $images --task-bytes "$2" -o plan || wrong "no plan"
    "$POOLSCAN" scan -q --plan plan --task all --out-dir all 2>said_by_tasks
    n=$(n_tasks plan)
    check_shards "$n" all
    for format in csv sqlite jsonl; do
        expect "$1" "$POOLSCAN" merge all --plan plan --format $format -o "all.$format"
    done
    without_time err >all.said
    counts+=" $n"
}

make_bare 512K
make system/22h2-x64 classic.raw
make system/xp-pae x86.raw
"$MAKE_CONTAINER" lime "$here/classic.raw" whole.lime || wrong "make_container"
head -c $(($(stat -c %s whole.lime) - 5000000)) whole.lime >short.lime

counts=
name=several
images="$here/classic.raw $here/bare.raw $here/x86.raw"
# shellcheck disable=SC2086 # several words
"$POOLSCAN" scan -q $images --format jsonl -o plain.jsonl
[ "$(wc -l <plain.jsonl)" -gt "$least" ] || wrong "only $(wc -l <plain.jsonl) findings"
for bytes in 64G 8M 2M; do
    make_all 0 "$bytes"
    same plain.jsonl all.jsonl
    orders come 0
done
name=lossy
images="$here/short.lime $here/bare.raw"
make_all 65 4M
grep -q 'part of the image is missing' all.said || wrong "lossy: $(cat all.said)"
orders come 65
echo "tasks:$counts"

# From here on: several images in about ten tasks, the last one whole.
name=some
images="$here/bare.raw $here/classic.raw $here/x86.raw $here/bare.raw"
make_all 0 8M
last=$(names all | tail -n 1)
middle=$(printf 'task-%06d.shard' $(($(n_tasks plan) / 2)))
# shellcheck disable=SC2086 # several words
"$POOLSCAN" scan -q ${images% *} --format jsonl -o without.jsonl

# The tasks themselves beside it: in one process, and each in its own, the last one first.
what='in one process'
tasks_together() {
    "$POOLSCAN" scan -q --plan plan --task all --out-dir "$1" || wrong "$what: a task failed"
}
tasks_apart() {
    local k

    for ((k = $(n_tasks plan) - 1; k >= 0; k--)); do
        "$POOLSCAN" scan -q --plan plan --task "$k" --out-dir "$1" || wrong "$what: task $k failed"
    done
}
for feeder in tasks_together tasks_apart; do
    what=$feeder
    rm -rf dir
    waiting 0 dir $feeder --format jsonl -o results/merged.jsonl
    same all.jsonl results/merged.jsonl
done
what='standard output'
rm -rf dir
names all >order
waiting 0 dir feed --format csv >results.csv
same all.csv results.csv

# What was said, but for that of images, and for the summary.
errors() {
    grep -E '^poolscan: (task [0-9]+ |[0-9]+ of [0-9]+ tasks)' err
}

# as_without STATUS DIR OPTION...: what cannot be merged is told as if nobody had waited for it
as_without() {
    local want=$1 dir=$2

    shift 2
    rm -f results/*
    expect "$want" "$POOLSCAN" merge "$dir" --plan plan --format jsonl -o results/merged.jsonl "$@"
    errors >without.said
    [ -s without.said ] || wrong "$what: nothing is said: $(cat err)"
    [ ! -e results/merged.jsonl ] || mv results/merged.jsonl partial.jsonl
    expect "$want" "$POOLSCAN" merge "$dir" --plan plan --format jsonl -o results/merged.jsonl --wait 1 "$@"
    errors >waited.said
    same without.said waited.said
    if [ "$*" = --partial ] && [ -e partial.jsonl ]; then
        same partial.jsonl results/merged.jsonl
        rm partial.jsonl
    else
        [ -z "$(ls -A results)" ] || wrong "$what: there is $(ls -A results)"
    fi
}

copy_all() {
    rm -rf dir
    cp -r all dir
}

what='one does not come'
copy_all
rm "dir/$last"
as_without 75 dir
as_without 75 dir --partial
same without.jsonl results/merged.jsonl
what='one in the middle does not come'
copy_all
rm "dir/$middle"
as_without 75 dir
as_without 75 dir --partial
what='no folder'
rm -rf dir
as_without 75 dir
as_without 75 dir --partial
for bad in damaged cut foreign; do
    what="a $bad one"
    copy_all
    rm "dir/$middle"
    case $bad in
    damaged) { head -c 200 "all/$middle" && printf x && tail -c +202 "all/$middle"; } >"dir/$middle" ;;
    cut) head -c -3 "all/$middle" >"dir/$middle" ;;
    foreign) cp "all/$last" "dir/$middle" ;;
    esac
    as_without 65 dir
    as_without 65 dir --partial
    what="a $bad one, and one that does not come"
    rm "dir/$last"
    as_without 65 dir --partial
done

what='--wait 0'
copy_all
expect 0 "$POOLSCAN" merge dir --plan plan --wait 0 --format jsonl -o results/merged.jsonl
without_time err >merged.said
same all.jsonl results/merged.jsonl
same all.said merged.said
rm -f results/* "dir/$last"
expect 75 "$POOLSCAN" merge dir --plan plan --wait 0 --format jsonl -o results/merged.jsonl
said 'has no shard; run it'
[ -z "$(ls -A results)" ] || wrong "$what: there is $(ls -A results)"
what=words
expect 64 "$POOLSCAN" merge dir --plan plan --wait soon
expect 64 "$POOLSCAN" merge dir --plan plan --wait -1
expect 64 "$POOLSCAN" scan bare.raw --wait 1
expect 66 "$POOLSCAN" merge dir --plan nowhere --wait 100
expect 73 "$POOLSCAN" merge dir --plan plan --wait 100 -o nowhere/merged.jsonl

# is_waiting NAME: the merge of number $pid says so when it is asked
is_waiting() {
    local i

    for ((i = 0; i < 1000; i++)); do
        sleep 0.02
        # Before it has a file it may not know the signal.
        [ -n "$(ls -A results)" ] || continue
        kill -s USR1 "$pid" || break
        ! grep -q "/$1: waiting for this shard" err || return 0
    done
    wrong "$what: it does not say that it waits for $1: $(head -c 300 err)"
}

# As long as any shard comes it is waited for, for longer than SECONDS in all. Where this machine slept
# through most of that time itself, the try counts for nothing.
what='others come'
slowly() {
    local name now before=$EPOCHREALTIME

    mkdir "$1"
    names all >order
    for name in $(tail -n +2 order) "$(head -n 1 order)"; do
        sleep 0.35
        ln "all/$name" "$1/$name"
        now=$EPOCHREALTIME
        [ $((${now/[.,]/} - ${before/[.,]/})) -lt 1500000 ] || is_slow=1
        before=$now
    done
}
[ "$(n_tasks plan)" -ge 7 ] || wrong "$what: only $(n_tasks plan) tasks"
for try in 1 2 3 4 5; do
    is_slow=0
    rm -rf dir results/*
    "$POOLSCAN" merge dir --plan plan --format jsonl -o results/merged.jsonl --wait 2 2>err &
    pid=$!
    slowly dir
    wait "$pid"
    got=$?
    [ $is_slow = 1 ] || break
    echo "$what: try $try was too slow to tell"
done
if [ "$is_slow" = 1 ]; then
    skip_line "$what: this machine sleeps for seconds"
else
    n_checks=$((n_checks + 1))
    [ "$got" = 0 ] || wrong "$what: status $got ($(head -c 300 err))"
    same all.jsonl results/merged.jsonl
fi

# Told to stop while it waits, with something written already.
for signal in TERM:75 INT:130; do
    what="SIG${signal%:*}"
    rm -f results/*
    copy_all
    rm "dir/$last"
    # A background job ignores SIGINT from its start, unless the shell has job control.
    set -m
    "$POOLSCAN" merge dir --plan plan --wait 100 --format jsonl -o results/merged.jsonl 2>err &
    pid=$!
    set +m
    is_waiting "$last"
    kill -s "${signal%:*}" "$pid"
    wait "$pid" 2>/dev/null
    got=$?
    n_checks=$((n_checks + 1))
    [ "$got" = "${signal#*:}" ] || wrong "$what: status $got ($(cat err))"
    [ -z "$(ls -A results)" ] || wrong "$what: there is $(ls -A results)"
    ! grep -q 'has no shard' err || wrong "$what: $(cat err)"
done

# A bad shard that was put right while others were waited for: its image was passed over already.
what='too late'
copy_all
head -c -3 all/task-000000.shard >dir/task-000000.shard
rm "dir/$last"
put_right() {
    is_waiting "$last"
    cp all/task-000000.shard dir/
    ln "all/$last" "dir/$last"
}
waiting 75 dir put_right --partial --format jsonl -o results/merged.jsonl
said "bare.raw: a shard of it came too late; merge again"
said "0 of $(n_tasks plan) tasks have no shard and 0 a bad one: 1 of 4 images are left out"
# shellcheck disable=SC2086 # several words
expect 0 "$POOLSCAN" scan -q ${images#* } --format jsonl -o later.jsonl
same later.jsonl results/merged.jsonl
expect 0 "$POOLSCAN" merge -q dir --plan plan --wait 100 --format jsonl -o results/merged.jsonl
same all.jsonl results/merged.jsonl

what='shards of no task'
copy_all
: >dir/other.shard
expect 0 "$POOLSCAN" merge dir --plan plan --wait 100 --format jsonl -o results/merged.jsonl
said "dir: other.shard is a shard of no task of the plan, and is not read"
same all.jsonl results/merged.jsonl
finish
