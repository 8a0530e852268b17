#!/usr/bin/env bash
# The real images: one result digest from every kernel and backend, several OpenCL devices at once
# included. Skipped where the images are not (PS_SHARED, else shared/ beside the sources).
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

images=${PS_SHARED:-$PS_SOURCE/../shared}/images
if [ ! -d "$images" ]; then
    skip_line "no real images: $images is not there (PS_SHARED names the folder that holds images/)"
    exit 77
fi
command -v xz >/dev/null || { skip_line "xz is not installed"; exit 77; }

# digest ARGUMENTS...: the digest in the summary of a scan; nothing if the scan failed.
digest() {
    "$POOLSCAN" scan --min-confidence 0 --format none "$@" "$work/image.raw" 2>"$work/err" &&
        sed -n 's/.*digest \([0-9a-f]*\)$/\1/p' "$work/err"
}

# same WANT WHAT ARGUMENTS...
same() {
    local want=$1 what=$2 got
    shift 2
    n_checks=$((n_checks + 1))
    got=$(digest "$@") || true
    [ "$got" = "$want" ] || wrong "$name: $what: digest '$got', expected $want: $(cat "$work/err")"
}

for name in reactos-0.4.13-x86-desktop reactos-0.4.16-x64-pools; do
    # dd leaves holes where xz writes zeros.
    xz -dc "$images/$name.raw.xz" | dd of="$work/image.raw" bs=1M iflag=fullblock conv=sparse status=none
    truncate -s %4096 "$work/image.raw"
    for what in --quiet --all-headers; do
        want=$(digest --kernel scalar ${what#--quiet})
        [ ${#want} = 32 ] || wrong "$name: scalar: $(cat "$work/err")"
        for kernel in avx2 avx512; do
            if "$POOLSCAN" devices --format jsonl 2>/dev/null | grep -q "\"$kernel\".*\"Usable\":true"; then
                same "$want" "$kernel" --kernel $kernel ${what#--quiet}
            else
                skip_line "$kernel: not on this CPU"
            fi
        done
        same "$want" "read, 3 threads" --io read --threads 3 ${what#--quiet}
        if POCL_DEVICES="pthread pthread" digest --backend opencl -d 1 >/dev/null; then
            POCL_DEVICES="pthread pthread" same "$want" "two devices" -d 1,2 ${what#--quiet}
            POCL_DEVICES=basic same "$want" "PoCL basic" --backend opencl ${what#--quiet}
        elif [ "${PS_REQUIRE_DEVICE:-0}" = 1 ]; then
            wrong "no OpenCL device, and PS_REQUIRE_DEVICE=1: $(cat "$work/err")"
        else
            skip_line "no OpenCL device: $(cat "$work/err")"
        fi
    done
    rm -f "$work/image.raw"
done
finish
