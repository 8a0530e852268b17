#!/usr/bin/env bash
# The Debian packages that poolscan needs, in groups, and their installation.
#
#   .ci/packages.sh list GROUP...      print the packages of the groups, one per line
#   .ci/packages.sh missing GROUP...   print those that are not installed
#   .ci/packages.sh install GROUP...   install those that are not installed; does nothing, not even
#                                      reach the network, when none is missing
#
# Groups: build (compile and run), test (the whole suite), ci (style, clang, fuzzing), bench (what
# the benchmark compares with). Standard output carries lists only; talk goes to standard error.
set -euo pipefail

packages_of() {
    case $1 in
    build) # compiler, build system, the libraries of CMakeLists.txt
        echo gcc libc6-dev cmake ninja-build pkg-config
        echo libhwloc-dev libxxhash-dev libsmartcols-dev libjansson-dev ocl-icd-opencl-dev
        echo liblzma-dev zlib1g-dev libzstd-dev liblz4-dev libewf-dev # images
        echo libsqlite3-dev # --format sqlite
        ;;
    test) # Criterion; an OpenCL device on the CPU and its linker; a kernel checker; test readers
        echo libcriterion-dev pocl-opencl-icd binutils oclgrind libfwnt-dev
        echo ewf-tools xz-utils zstd lz4 gzip # what packs images
        echo xxhash # xxhsum
        echo sqlite3 # reads what --format sqlite writes
        echo python3-yaml python3-jsonschema # read the manifest of a Kubernetes Job
        echo slurmctld slurmd slurm-client slurm-wlm-basic-plugins parallel # a farm
        ;;
    ci) # a second compiler with libFuzzer, and the style checkers
        echo git clang libclang-rt-14-dev clang-format clang-tidy shellcheck
        ;;
    bench)
        echo ripgrep libhyperscan-dev time
        ;;
    *)
        echo "packages.sh: no group '$1' (build, test, ci, bench)" >&2
        exit 64
        ;;
    esac
}

list() {
    local group
    for group in "$@"; do
        packages_of "$group" | tr ' ' '\n'
    done
}

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing() {
    local package
    for package in $(list "$@"); do
        is_installed "$package" || echo "$package"
    done
}

# How this user becomes root without being asked anything: a prefix, or failure.
root_prefix() {
    if [ "$(id -u)" = 0 ]; then
        echo env
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        echo sudo -n env
    else
        return 1
    fi
}

run_apt() { # PREFIX ARGUMENTS...
    local prefix=$1 log rc=0
    shift
    log=$(mktemp)
    # shellcheck disable=SC2086 # the prefix is words
    $prefix DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 \
        -o Dpkg::Use-Pty=0 "$@" >"$log" 2>&1 </dev/null || rc=$?
    if [ "$rc" -ne 0 ]; then
        tail -n 25 "$log" >&2
        echo "apt-get $1 failed (status $rc)" >&2
    fi
    rm -f "$log"
    return "$rc"
}

install() {
    local need prefix
    if ! command -v dpkg-query >/dev/null; then
        echo "This is not Debian: install what corresponds to these packages yourself:" >&2
        # shellcheck disable=SC2046 # one line of words
        echo "   " $(list "$@") >&2
        return 0
    fi
    need=$(missing "$@" | tr '\n' ' ')
    [ -n "$need" ] || return 0
    if ! prefix=$(root_prefix); then
        echo "These Debian packages are missing, and this user cannot install them. Run:" >&2
        echo "    sudo apt-get update" >&2
        echo "    sudo apt-get install --no-install-recommends ${need% }" >&2
        echo "then run this command again." >&2
        return 1
    fi
    echo "Installing Debian packages: ${need% }" >&2
    run_apt "$prefix" update
    # shellcheck disable=SC2086 # a list of words
    run_apt "$prefix" install --no-install-recommends $need
}

[ $# -ge 2 ] || {
    sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
    exit 64
}
command=$1
shift
case $command in
list | missing | install) "$command" "$@" ;;
*)
    echo "packages.sh: '$command' is not list, missing or install" >&2
    exit 64
    ;;
esac
