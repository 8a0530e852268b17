#!/usr/bin/env bash
# Every number of shards from 1 to 64, with page tables and without: tasks in any order, some of them
# twice, by two processes at once and once more later. What is merged is what one scan prints.
# EVERY: look at each so-manyth number only (1), for builds that are slow.
# shellcheck source=tests/farm/compare.sh
. "$PS_SOURCE/tests/farm/compare.sh"
every=${EVERY:-1}
[ "$every" = 1 ] || echo "only each ${every}th number of shards"

# check_merged: tasks of 'plan' are run and merged
check_merged() {
    local n

    n=$(n_tasks plan)
    rm -rf dir
    all_words "$n" >words
    n_runs=$((n_runs + $(wc -l <words)))
    n_all=$((n_all + n))
    xargs -P 2 -L 1 "$POOLSCAN" scan -q --plan plan --out-dir dir --task <words ||
        wrong "$what: a task failed"
    check_shards "$n" dir
    expect 0 "$POOLSCAN" merge -q dir --plan plan --format jsonl -o merged.jsonl
    same plain.jsonl merged.jsonl
}

# counts IMAGE: into 1, 2, 3 ... 64 ranges, each of which is a shard
counts() {
    local image=$1 pages each n

    pages=$(($(present "$image") / 4096))
    expect 0 "$POOLSCAN" scan -q "$image" --format jsonl -o plain.jsonl
    [ "$(wc -l <plain.jsonl)" -gt 300 ] || wrong "$image: only $(wc -l <plain.jsonl) findings"
    n_runs=0
    n_all=0
    for ((n = 1; n <= 64; n += every)); do
        what="${image##*/} in $n ranges"
        each=$(((pages + n - 1) / n))
        expect 0 "$POOLSCAN" plan -q "$image" --task-bytes $((each * 4))k -o plan
        [ "$(grep -c '"part":"\(range\|whole\)"' plan)" = "$n" ] ||
            wrong "$what: $(grep -c '"part":"range"' plan) were planned"
        check_merged
    done
    [ "$n_runs" -gt $((n_all * 21 / 20)) ] || wrong "$image: only $n_runs runs of $n_all tasks"
    printf '%s: %s findings, %s tasks, %s runs\n' "${image##*/}" "$(wc -l <plain.jsonl)" "$n_all" "$n_runs"
}

make_bare 16M 'pages 0- random'
make system/22h2-x64 tables.raw
counts "$here/bare.raw"
grep -q '"Allocator":"big"' plain.jsonl || wrong "bare: nothing was carved"
counts "$here/tables.raw"
grep -q '"Mapped":true' plain.jsonl || wrong "tables: no page tables"

# An image in several ranges has one task more: two tasks are two images.
what="two images"
"$POOLSCAN" plan -q bare.raw tables.raw -o plan
[ "$(n_tasks plan)" = 2 ] || wrong "$what: $(n_tasks plan) tasks"
"$POOLSCAN" scan -q "$here/bare.raw" "$here/tables.raw" --format jsonl -o plain.jsonl
n_runs=0
n_all=0
check_merged
finish
