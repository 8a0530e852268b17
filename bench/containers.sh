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
# A part of an image has a KUSER_SHARED_DATA page that does not fit it, and all of it would be searched for
# another one: packed images, which are parts, are scanned with --arch and --build where no page tables tell.
#
# PS_BENCH_SIZE=1G of the image; packed ones are a quarter of it, with xz a 32nd. PS_BENCH_DIR=DIR (kept),
# PS_BENCH_PLAIN=1 leaves packed ones out.
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
    echo
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
        done
    done
    rm -rf "$folder/one"
}

# packed NAME KIND FILE MIB: beside the library
packed() {
    for threads in 1 2; do
        scan "$threads" "$3" --physical-only --arch x64 --build 19041
        pairs "$1" "$4" "$threads" --physical-only "$decoders" "$2" "$3" "$threads" -- "${words[@]}"
    done
    scan 2 "$3"
    pairs "$1" "$4" 2 '' "$decoders" "$2" "$3" 2 -- "${words[@]}"
}

if_there() { # TOOL: its row is left out where it is not
    command -v "$1" >/dev/null || {
        echo "containers.sh: no $1, its row is left out" >&2
        return 1
    }
}

packed_rows() {
    local part=$folder/part.raw some=$((mib / 4)) few=$((mib / 32))

    head -c "${some}M" "$folder/image.raw" >"$part"
    if if_there lz4; then
        lz4 -q -f -1 -B5 -BI "$part" "$part.lz4" 2>/dev/null || lz4 -q -f -1 -B5 "$part" "$part.lz4"
        packed "lz4, blocks of 256 KiB" lz4 "$part.lz4" "$some"
        lz4 -q -f -1 "$part" "$part.lz4"
        packed "lz4, blocks of 4 MiB" lz4 "$part.lz4" "$some"
    fi
    if if_there pzstd; then
        pzstd -q -f -p 2 -1 "$part" -o "$part.zst"
        packed "zstd, frames" zstd "$part.zst" "$some"
    fi
    if if_there zstd; then
        zstd -q -f -1 "$part" -o "$part.zst"
        packed "zstd, one frame" zstd "$part.zst" "$some"
    fi
    gzip -1 -c "$part" >"$part.gz"
    packed gzip gzip "$part.gz" "$some"
    if if_there ewfacquire; then
        rm -f "$part".E01
        ewfacquire -u -q -t "$part" -f encase6 -c fast -S 64GiB -m removable "$part" >/dev/null
        packed E01 ewf "$part.E01" "$some"
    fi
    rm -f "$part".*
    head -c "${few}M" "$folder/image.raw" >"$part"
    xz -0 -T 2 --block-size=2MiB -k -f "$part"
    packed "xz, blocks of 2 MiB" xz "$part.xz" "$few"
}

rows() {
    echo "container,threads,arguments,ceiling-GB/s,GB/s,ratio,processor-ratio"
    [ -s "$folder/image.raw" ] ||
        "$poolscan" mkimage -q "$source/bench/pools-classic.recipe" "$folder/image.raw" "SIZE=$size"
    mib=$(($(stat -c %s "$folder/image.raw") >> 20))
    plain LiME lime plain
    plain "ELF core" elf64 qemu
    plain "crash dump, full" dump64 full
    plain "crash dump, bitmap" dump64 bitmap
    plain VMware vmware vmss
    repeats=$(((repeats + 2) / 3))
    [ -n "${PS_BENCH_PLAIN:-}" ] || packed_rows
}

table() {
    echo "Measured $(date -u +%Y-%m-%d), load $(cut -d' ' -f1 /proc/loadavg), medians of $repeats pairs and, of packed" \
        "images, $(((repeats + 2) / 3)):"
    echo
    echo "| container | threads | arguments | ceiling GB/s | scan GB/s | ratio | of processor time |"
    echo "| --- | ---: | --- | ---: | ---: | ---: | ---: |"
    tail -n +2 "$work/rows" | awk -F, '{
        n = NF - 6; name = $1
        for (i = 2; i <= n; i++) name = name "," $i
        printf "| %s | %s | %s | %s | %s | %.2f | %.2f |\n", name, $(n + 1),
            $(n + 2), $(n + 3), $(n + 4), $(n + 5), $(n + 6) }'
}

if [ "$docs" = 0 ]; then
    rows
    exit
fi
rows | tee "$work/rows" >&2
table >"$work/table"
"$source/bench/into_docs.sh" containers.sh "$work/table"
