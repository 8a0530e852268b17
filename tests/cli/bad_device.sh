#!/bin/bash
# Without an OpenCL loader, platform, GPU or device, or when the program does not build on it, the
# run ends with status 69, one line that says what was looked for, and no output; what does not ask
# for a device does not mind.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$work" || exit 1

"$POOLSCAN" mkimage -q sample good.raw || exit 1
"$POOLSCAN" scan -q --backend cpu --format jsonl good.raw >good.jsonl || exit 1
[ "$(wc -l <good.jsonl)" -gt 1000 ] || wrong "the sample image has too few findings"

# no_device SAID COMMAND...: COMMAND scans on a device, in vain. Drivers may talk too.
no_device() {
    local said=$1 lines
    shift
    "$@" -q --format jsonl good.raw -o result.jsonl >out 2>err
    local got=$?
    n_checks=$((n_checks + 1))
    [ "$got" = 69 ] || wrong "$*: exit status $got, expected 69 ($(head -c 300 err))"
    lines=$(grep -c '^poolscan: ' err)
    [ "$lines" = 1 ] || wrong "$*: $lines lines of poolscan on standard error: $(cat err)"
    grep -qF -- "$said" err || wrong "$*: standard error lacks '$said': $(cat err)"
    expect_silent_stdout
    [ -z "$(ls result.jsonl* 2>/dev/null)" ] || wrong "$*: left $(ls result.jsonl*)"
}

# on_cpu COMMAND...: COMMAND does not need a device.
on_cpu() {
    expect 0 0 "$@" -q --format jsonl good.raw
    cmp -s "$work/out" good.jsonl || wrong "$*: other findings"
}

if "$POOLSCAN" --version -v | grep -q 'features:.*-opencl'; then
    no_device OpenCL "$POOLSCAN" --gpu
    no_device OpenCL "$POOLSCAN" --backend opencl
    on_cpu "$POOLSCAN"
    skip_line "this build has no OpenCL: nothing else to try"
    finish
fi

mkdir no_vendors
for device in --gpu '--gpu --any-device' '--backend opencl' '--device 1'; do
    # shellcheck disable=SC2086 # words
    no_device no_vendors env OCL_ICD_VENDORS="$work/no_vendors" "$POOLSCAN" $device
done
on_cpu env OCL_ICD_VENDORS="$work/no_vendors" "$POOLSCAN"

mkdir no_loader
: >no_loader/libOpenCL.so.1
no_device libOpenCL.so.1 env LD_LIBRARY_PATH="$work/no_loader" "$POOLSCAN" --gpu
on_cpu env LD_LIBRARY_PATH="$work/no_loader" "$POOLSCAN"

# A machine with nothing but PoCL, which is no GPU.
pocl=(/etc/OpenCL/vendors/pocl*.icd)
if [ -e "${pocl[0]}" ]; then
    mkdir pocl_only
    cp "${pocl[0]}" pocl_only/
    export OCL_ICD_VENDORS=$work/pocl_only
    no_device GPU "$POOLSCAN" --gpu
    no_device 99 "$POOLSCAN" --device 99
    no_device clBuildProgram env PS_CL_BUILD_OPTIONS=-Dps_u32=void "$POOLSCAN" --gpu --any-device
    no_device clBuildProgram env PS_CL_BUILD_OPTIONS=-Dps_u32=void "$POOLSCAN" --backend opencl
    POCL_DEVICES=none no_device 'device' "$POOLSCAN" --gpu --any-device
    on_cpu "$POOLSCAN" --gpu --any-device
else
    skip_line "PoCL is not installed: no device to be without"
fi
finish
