#!/usr/bin/env bash
# Build each commit of a series with warnings as errors: every commit must stand on its own.
#
#   .ci/every-commit.sh BASE [HEAD]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=.ci/quietly.sh
. .ci/quietly.sh

[ $# -ge 1 ] || {
    sed -n '2,4s/^# \{0,1\}//p' "$0" >&2
    exit 64
}
base=$1
head=${2:-HEAD}
work=$(mktemp -d)
log=$work/log
trap 'git worktree remove --force "$work/tree" 2>/dev/null || true; rm -rf "$work"' EXIT

commits=$(git rev-list --reverse --no-merges "$base..$head")
[ -n "$commits" ] || {
    echo "no commit in $base..$head" >&2
    exit 1
}
git worktree add --quiet --detach "$work/tree" "$base"
for commit in $commits; do
    git -C "$work/tree" checkout --quiet --detach "$commit"
    git log -1 --format='%h %s' "$commit"
    quietly "$log" cmake -S "$work/tree" -B "$work/build" -G Ninja -DPOOLSCAN_WERROR=ON
    quietly "$log" cmake --build "$work/build"
done
echo "$(wc -w <<<"$commits") commits build"
