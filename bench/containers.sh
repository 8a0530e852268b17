#!/usr/bin/env bash
# What a container costs: scans of one image in every container, each in pairs with its ceiling.
#
#   bench/containers.sh BUILD [REPEATS]         comma-separated rows
#   bench/containers.sh --docs BUILD [REPEATS]  a table in docs/BENCHMARKS.md
#
# BUILD is a build folder. The image is that of pools-classic.recipe: a fifth of it pool pages, the rest of it
# what memory holds. Containers that are not packed are compared with the raw image, packed ones with what the library
# unpacks by itself with as many threads (bench/decoders/), which first goes in every second pair. Figures
# are medians of the pairs; a ratio is the rate of the scan by that of its ceiling, wall-clock and processor time.
# On a busy machine only processor time tells anything. All files are in the page cache.
#
# The bound of a packed row is the ratio of a scan that costs nothing but what the library takes to unpack,
# what the raw image takes to scan and, with page tables, which are read all over the image, new memory for all
# that is unpacked (processor time, the latter two measured just before), shared out over the threads as well
# as can be: a single stream is unpacked by one of them. With page tables it has to be at its end first, since they may lie
# there: then what the raw image takes to scan comes after it (wall-clock time).
#
# PS_BENCH_ROWS=REGEX picks rows of packed images by name. PS_BENCH_SIZE=1G of the image. PS_BENCH_DIR=DIR (kept), PS_BENCH_PLAIN=1 leaves packed images out,
# PS_BENCH_PACKED=1 the others.
set -euo pipefail

source=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
docs=0
if [ "${1:-}" = --docs ]; then
    docs=1
    shift
fi
build=$(cd "$1" && pwd)
repeats=${2:-9}
size=${PS_BENCH_SIZE:-1G}
work=$(mktemp -d "${TMPDIR:-/tmp}/poolscan-containers.XXXXXX")
trap 'rm -rf "$work"' EXIT
folder=${PS_BENCH_DIR:-$work}
mkdir -p "$folder"
poolscan=$build/host/poolscan
make_container=$build/tests/make_container
decoders=$build/bench/bench_decoders

cmake --build "$build" --target poolscan make_container bench_decoders >"$work/build.log" || {
    tail -n 20 "$work/build.log" >&2
    exit 1
}

# once COMMAND...: wall-clock and processor time in ms
once() {
    local TIMEFORMAT='%R %U %S'

    { time "$@" >/dev/null 2>"$work/said"; } 2>&1 |
        awk '{ printf "%d %d\n", $1 * 1000, ($2 + $3) * 1000 }'
    if grep -q 'poolscan:' "$work/said"; then
        cat "$work/said" >&2
        return 1
    fi
}

# pairs NAME MIB THREADS ARGUMENTS CEILING... -- SCAN...: one row
pairs() {
    local name=$1 mib=$2 threads=$3 arguments=$4 ceiling=() i a b
    shift 4
    while [ "$1" != -- ]; do
        ceiling+=("$1")
        shift
    done
    shift
    for ((i = 0; i <= repeats; i++)); do
        if ((i % 2)); then
            a=$(once "${ceiling[@]}")
            b=$(once "$@")
        else
            b=$(once "$@")
            a=$(once "${ceiling[@]}")
        fi
        # The first pair reads the files.
        ((i == 0)) || echo "$a $b"
    done >"$work/pairs"
    printf '%s,%s,%s' "$name" "$threads" "$arguments"
    for column in 1 2 3 4; do
        awk -v c="$column" -v mib="$mib" '{
            v[1] = mib * 1.048576 / ($1 > 0 ? $1 : 1); v[2] = mib * 1.048576 / ($3 > 0 ? $3 : 1)
            v[3] = $1 / ($3 > 0 ? $3 : 1); v[4] = $2 / ($4 > 0 ? $4 : 1)
            print v[c] }' "$work/pairs" | sort -g |
            awk '{ v[NR] = $1 } END { printf ",%.3g", v[int((NR + 1) / 2)] }'
    done
}

# median COLUMN: of the last pairs
median() {
    sort -g -k "$1,$1" "$work/pairs" | awk -v c="$1" '{ v[NR] = $c } END { print v[int((NR + 1) / 2)] }'
}

scan() { # THREADS FILE ARGUMENTS...: the words of a scan
    words=("$poolscan" scan --threads "$1" --format none -q --temp-dir "$folder" "${@:3}" "$2")
}

# How a file was written decides in which pieces it lies in memory, and that how fast it is mapped: what is
# compared is written alike, and next to each other in time.
rewrite() { # FILE
    dd if="$1" of="$1.new" bs=8M status=none
    mv "$1.new" "$1"
    sync "$1"
}

# One container of all memory but the hole below 1 MiB, beside the raw image.
plain() { # NAME FORMAT VARIANT
    local raw file=$folder/one/image.vmss

    mkdir -p "$folder/one"
    "$make_container" "$2" "$folder/image.raw" "$file" --variant "$3" \
        --runs "0x1000-0x9f000,0x100000-$(printf '0x%x' $((mib << 20)))"
    rewrite "$folder/image.raw"
    rewrite "$file"
    [ ! -e "$folder/one/image.vmem" ] || rewrite "$folder/one/image.vmem"
    for threads in 1 2; do
        for arguments in --physical-only ''; do
            # shellcheck disable=SC2086 # none or one
            scan "$threads" "$folder/image.raw" $arguments
            raw=("${words[@]}")
            # shellcheck disable=SC2086
            scan "$threads" "$file" $arguments
            pairs "$1" "$mib" "$threads" "$arguments" "${raw[@]}" -- "${words[@]}"
            echo ,
        done
    done
    rm -rf "$folder/one"
}

# median_ms COLUMN COMMAND...: of five, 1: wall-clock, 2: processor time
median_ms() {
    local i

    for ((i = 0; i < 5; i++)); do
        once "${@:2}"
    done | sort -g -k "$1,$1" | awk -v c="$1" 'NR == 3 { print $c }'
}

# packed_row NAME KIND FILE UNPACKERS THREADS ARGUMENTS
packed_row() {
    local ms memory=0 after=0

    # shellcheck disable=SC2086 # none or one
    scan "$5" "$folder/image.raw" $6
    ms=$(median_ms 2 "${words[@]}")
    [ -n "$6" ] || memory=$(median_ms 2 "$decoders" memory "$folder/image.raw" "$5")
    [ -n "$6" ] || [ "$4" != 1 ] || after=$(median_ms 1 "${words[@]}")
    # shellcheck disable=SC2086
    scan "$5" "$3" $6
    pairs "$1" "$mib" "$5" "$6" "$decoders" "$2" "$3" "$5" -- "${words[@]}"
    awk -v d="$(median 2)" -v s="$((ms + memory))" -v a="$after" -v u="$(($4 < $5 ? $4 : $5))" -v t="$5" 'BEGIN {
        one = d / u; all = (d + s) / t; long = one + a; printf ",%.3g\n", one / (all > long ? all : long) }'
}

# packed NAME KIND FILE UNPACKERS: beside the library, which can use so many threads for it
packed() {
    [[ $1 =~ ${PS_BENCH_ROWS:-.} ]] || return 0
    packed_row "$@" 1 --physical-only
    packed_row "$@" 2 --physical-only
    packed_row "$@" 2 ''
}

if_there() { # TOOL: its row is left out where it is not
    command -v "$1" >/dev/null || {
        echo "containers.sh: no $1, its row is left out" >&2
        return 1
    }
}

packed_rows() {
    local image=$folder/image.raw to=$folder/packed

    if if_there lz4; then
        lz4 -q -f -1 -B5 -BI "$image" "$to.lz4" 2>/dev/null || lz4 -q -f -1 -B5 "$image" "$to.lz4"
        packed "lz4, blocks of 256 KiB" lz4 "$to.lz4" 99
        lz4 -q -f -1 "$image" "$to.lz4"
        packed "lz4, blocks of 4 MiB" lz4 "$to.lz4" 99
        rm "$to.lz4"
    fi
    if if_there pzstd; then
        pzstd -q -f -p 2 -1 "$image" -o "$to.zst"
        packed "zstd, frames" zstd "$to.zst" 99
    fi
    if if_there zstd; then
        zstd -q -f -1 "$image" -o "$to.zst"
        packed "zstd, one frame" zstd "$to.zst" 1
        rm "$to.zst"
    fi
    gzip -1 -c "$image" >"$to.gz"
    packed gzip gzip "$to.gz" 1
    rm "$to.gz"
    if if_there ewfacquire; then
        rm -f "$to.E01"
        ewfacquire -u -q -t "$to" -f encase6 -c fast -S 64GiB -m removable "$image" >/dev/null
        packed E01 ewf "$to.E01" 99
        rm "$to.E01"
    fi
    repeats=1
    xz -0 -T 2 --block-size=2MiB -k -c "$image" >"$to.xz"
    packed "xz, blocks of 2 MiB" xz "$to.xz" 99
    rm "$to.xz"
}

rows() {
    echo "container,threads,arguments,ceiling-GB/s,GB/s,ratio,processor-ratio,bound"
    [ -s "$folder/image.raw" ] ||
        "$poolscan" mkimage -q "$source/bench/pools-classic.recipe" "$folder/image.raw" "SIZE=$size"
    mib=$(($(stat -c %s "$folder/image.raw") >> 20))
    if [ -z "${PS_BENCH_PACKED:-}" ]; then
        plain LiME lime plain
        plain "ELF core" elf64 qemu
        plain "crash dump, full" dump64 full
        plain "crash dump, bitmap" dump64 bitmap
        plain VMware vmware vmss
    fi
    repeats=$(((repeats + 2) / 3))
    [ -n "${PS_BENCH_PLAIN:-}" ] || packed_rows
}

table() {
    echo "Measured $(date -u +%Y-%m-%d), load $(cut -d' ' -f1 /proc/loadavg), medians of $repeats pairs and, of packed" \
        "images, $(((repeats + 2) / 3)):"
    echo
    echo "| container | threads | arguments | ceiling GB/s | scan GB/s | ratio | bound | of processor time |"
    echo "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |"
    tail -n +2 "$work/rows" | awk -F, '{
        n = NF - 7; name = $1
        for (i = 2; i <= n; i++) name = name "," $i
        bound = $(n + 7) == "" ? "" : sprintf("%.2f", $(n + 7))
        printf "| %s | %s | %s | %s | %s | %.2f | %s | %.2f |\n", name, $(n + 1),
            $(n + 2), $(n + 3), $(n + 4), $(n + 5), bound, $(n + 6) }'
}

if [ "$docs" = 0 ]; then
    rows
    exit
fi
rows | tee "$work/rows" >&2
table >"$work/table"
"$source/bench/into_docs.sh" containers.sh "$work/table"
