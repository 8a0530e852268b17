#!/usr/bin/env bash
# Install what is missing, build poolscan, and run it.
#
#   ./quickstart.sh                    build the sample image from its recipe and scan it
#   ./quickstart.sh ARGUMENTS...       run poolscan with these arguments (./quickstart.sh mem.raw)
#
# Standard output is poolscan's own; what happens before goes to standard error.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$root/build/release
poolscan=$build/host/poolscan
# shellcheck source=.ci/quietly.sh
. "$root/.ci/quietly.sh"

build_poolscan() (
    cd "$root"
    quietly "$build/configure.log" cmake --preset release -DPOOLSCAN_TESTS=OFF -DPOOLSCAN_BENCH=OFF
    quietly "$build/build.log" cmake --build --preset release --target poolscan
)

"$root/.ci/packages.sh" install build
[ -x "$poolscan" ] || echo "Building poolscan in build/release" >&2
build_poolscan

if [ $# -gt 0 ]; then
    exec "$poolscan" "$@"
fi
sample=$build/sample.raw
rm -f "$sample"
"$poolscan" mkimage sample "$sample"
echo "+ build/release/host/poolscan scan --format table build/release/sample.raw" >&2
exec "$poolscan" scan --format table "$sample"
