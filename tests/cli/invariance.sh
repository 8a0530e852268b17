#!/usr/bin/env bash
# The same image gives the same bytes whatever runs the scan: threads, chunk size, kernel, backend,
# way of reading. Kernels that this CPU lacks and devices that are not there are named as left out.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

failed=0
runs=0

scan() {
    "$POOLSCAN" scan -q --include-copies --min-confidence 0 --format jsonl "$@" image.raw
}

# PoCL 3.1 itself ends a process now and then by an assertion when it lets go of a kernel (2 of 500 runs on a busy
# machine, versions of poolscan alike), which says nothing of findings: one more try, and it is told.
pocl_died() {
    grep -q 'pocl_release_dlhandle_cache: Assertion' said && echo "AGAIN: $image: $what: $(grep -m 1 Assertion said)"
}

# same NAME arguments...: one more way to scan image.raw
same() {
    local what=$1
    shift
    if ! scan "$@" >found.jsonl 2>said && ! { pocl_died && scan "$@" >found.jsonl 2>said; }; then
        echo "$image: $what: failed: $(cat said)"
        failed=1
    elif ! cmp -s found.jsonl want.jsonl; then
        echo "$image: $what: other findings"
        diff want.jsonl found.jsonl | head -n 6 || true
        failed=1
    fi
    runs=$((runs + 1))
}

kernels() {
    local kernel
    for kernel in scalar avx2 avx512; do
        if scan --kernel "$kernel" 2>said >/dev/null; then
            same "kernel $kernel" --kernel "$kernel"
        elif grep -q 'this CPU' said; then
            echo "LEFT OUT: kernel $kernel: $(cat said)"
        else
            echo "$image: kernel $kernel: $(cat said)"
            failed=1
        fi
    done
}

# Exit status 69 says that the device is not there; anything else is a failure.
opencl() {
    local pocl status
    for pocl in pthread basic; do
        status=0
        POCL_DEVICES=$pocl scan --backend opencl >/dev/null 2>said || status=$?
        if [ "$status" = 69 ] && [ "${PS_REQUIRE_DEVICE:-0}" != 1 ]; then
            echo "LEFT OUT: opencl on PoCL $pocl: $(cat said)"
            continue
        fi
        POCL_DEVICES=$pocl same "opencl, PoCL $pocl" --backend opencl
        POCL_DEVICES=$pocl same "opencl, PoCL $pocl, chunk 64k" --backend opencl --chunk 64k
        POCL_DEVICES=$pocl same "opencl, PoCL $pocl, chunk 4k" --backend opencl --chunk 4k
        POCL_DEVICES=$pocl same "opencl, PoCL $pocl, threads 3" --backend opencl --threads 3 \
            --io read
    done
}

all_ways() {
    local n size how
    scan --kernel scalar --threads 1 --chunk 1M --io read >want.jsonl
    [ -s want.jsonl ]
    for n in 1 2 3 4 5 6 7 8; do
        same "threads $n" --threads "$n"
        same "threads $n, chunk 12k" --threads "$n" --chunk 12k
    done
    for size in 4k 8k 60k 64k 1M 16M 64M; do
        for how in mmap read; do
            same "chunk $size, io $how" --chunk "$size" --io "$how"
        done
    done
    kernels
    opencl
}

for recipe in sample "$PS_SOURCE"/tests/recipes/{xp-x86,win7-x64,19041-x86,24h2-x64,heap/22000-x64}.recipe; do
    image=$(basename "$recipe" .recipe)
    "$POOLSCAN" mkimage "$recipe" image.raw
    all_ways
done
echo "$runs runs over 6 images"
[ "$runs" -ge 150 ] && [ "$failed" = 0 ]
