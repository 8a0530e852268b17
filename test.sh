#!/usr/bin/env bash
# Install what is missing, build poolscan with its tests, and run the whole suite.
#
#   ./test.sh                  everything; ends with ctest's own closing lines
#   ./test.sh -L unit          arguments go to ctest (docs/TESTING.md)
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$root/build/release
# shellcheck source=.ci/quietly.sh
. "$root/.ci/quietly.sh"

# In CI a warning of the release build is an error; elsewhere a newer compiler may know new ones.
werror=OFF
[ "${CI:-}" != true ] || werror=ON

"$root/.ci/packages.sh" install build test
echo "Building poolscan and its tests in build/release" >&2
cd "$root"
quietly "$build/configure.log" cmake --preset release -DPOOLSCAN_TESTS=ON -DPOOLSCAN_BENCH=ON \
    -DPOOLSCAN_WERROR="$werror"
quietly "$build/build.log" cmake --build --preset release
exec ctest --preset release "$@"
