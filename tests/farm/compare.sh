# shellcheck shell=bash
# For the tests that compare tasks and merge with a plain scan, byte for byte; sourced. Works in a
# folder of its own, $here. PS_SEED: of the order of tasks and of what they are given.
#
#   expect STATUS COMMAND...   output in out, what is said in err
#   said TEXT                  it is in err
#   same FILE FILE             they are; $what says what is compared
#   compare NAME IMAGE COUNTS OPTION...   scan plainly, and cut into about so many ranges each
#   make RECIPE FILE           an image of tests/recipes
#   make_bare SIZE [LINE...]   bare.raw: no page tables, copies, a big-pool table
#   finish                     the end of a test
#
# $status is what scans and merges end with, $least how many findings there must be.
set -u
export LC_ALL=C
: "${POOLSCAN:?}" "${PS_SOURCE:?}"

here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here" || exit 1
n_checks=0
n_wrong=0
n_skipped=0
least=100
status=0
what=
name=
counts=
preload=()      # before whatever scans
task_options=() # of the tasks alone
RANDOM=${PS_SEED:-20261121}
echo "PS_SEED=${PS_SEED:-20261121}"

wrong() {
    printf 'WRONG: %s\n' "$*"
    n_wrong=$((n_wrong + 1))
}

skip_line() {
    printf '%s\n' "##### SKIPPED: $* #####"
    n_skipped=$((n_skipped + 1))
}

finish() {
    [ "$n_wrong" = 0 ] || exit 1
    echo "$n_checks checks"
    [ "$n_checks" -gt 0 ] || exit 1
    [ "$n_skipped" = 0 ] || exit 77
    exit 0
}

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
    printf '%s\n' "$1 -t $((RANDOM % 3 + 1)) --chunk $(((RANDOM % 16 + 1) * 4))k"
}

# others DIR: what is there beside shards
others() {
    find "$1" -mindepth 1 ! -name 'task-[0-9]*.shard' 2>/dev/null
}

# shuffle FILE: its lines in an order that PS_SEED gives. Numbers are drawn in this shell: those
# behind a pipe begin with another one.
shuffle() {
    local seed=$RANDOM

    awk -v seed="$seed" 'BEGIN { srand(seed) } { print rand() "\t" $0 }' "$1" | sort -n | cut -f 2- >shuffled
}

# all_words N: every task of N in any order; some of them twice at once, some once more later
all_words() {
    local again=$((RANDOM % ($1 / 8 + 2))) k

    seq 0 $(($1 - 1)) >numbers
    shuffle numbers
    while read -r k; do
        task_words "$k"
        [ $((RANDOM % 8)) != 0 ] || task_words "$k"
    done <shuffled
    shuffle numbers
    while [ $((again--)) -gt 0 ] && read -r k; do
        task_words "$k"
    done <shuffled
}

# check_shards N DIR: those of N tasks, and nothing else
check_shards() {
    n_checks=$((n_checks + 1))
    [ "$(find "$2" -name 'task-[0-9]*.shard' | wc -l)" = "$1" ] || wrong "$what: shards: $(ls "$2")"
    [ -z "$(others "$2")" ] || wrong "$what: left over: $(others "$2")"
}

# run_tasks STATUS PLAN DIR OPTION...: all, two at a time; STATUS is that of all, or of those that fail
run_tasks() {
    local want=$1 n

    n=$(n_tasks "$2")
    all_words "$n" >words
    rm -f status
    # shellcheck disable=SC2016 # the words are for the inner shell
    xargs -P 2 -L 1 bash -c '"$@" 2>>said_by_tasks || echo "$*: $?" >>status' task \
        "${preload[@]}" "$POOLSCAN" scan -q --plan "$2" --out-dir "$3" "${task_options[@]}" --task <words
    check_shards "$n" "$3"
    [ "$want" != 0 ] || [ ! -e status ] || wrong "$what: $(head -3 status)"
    [ "$want" = 0 ] || [ -s status ] || wrong "$what: no task ends with $want"
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
    expect "$want" "${preload[@]}" "$POOLSCAN" scan $images "$@" --format jsonl -o plain.jsonl
    without_time err >plain.said
    # shellcheck disable=SC2086
    expect "$want" "${preload[@]}" "$POOLSCAN" scan -q $images "$@" --format csv -o plain.csv
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
    "$POOLSCAN" keyspace -q "$1" --format jsonl | sed -nE 's/.*"PresentBytes":"?([0-9]+).*/\1/p'
}

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

# Copies, of pages behind them too, and pages of a big-pool table, so that it is carved.
make_bare() {
    local size=$1

    shift
    {
        printf '%s\n' "size $size" 'arch x64' 'build 17134' "$@"
        cat <<'R'
tags np Proc:0xb80/NonPaged File:0x180*9/NonPaged Even:0x80*9/NonPaged
page  0x01 kuser
pages 0x10-0x1f classic tags=np
pages 0x40-0x4f copy from=0x10
pages 0x50-0x5f classic tags=np
page  0x08 copy from=0x50
R
    } >bare.recipe
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
