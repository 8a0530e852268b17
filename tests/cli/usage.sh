#!/bin/bash
# Each wrong use ends with exit status 64, exactly one line on standard error, nothing on standard
# output.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

n_lines=0
while IFS= read -r line; do
    case $line in '' | '#'*) continue ;; esac
    n_lines=$((n_lines + 1))
    read -ra words <<<"$line"
    [ "$line" = nothing ] && words=()
    expect 64 1 "$POOLSCAN" "${words[@]}"
    expect_silent_stdout
done <<'END'
nothing
-q
scan
mkimage only-one
mkimage one two three
scan --truth t image
devices operand
tags A B
--formt table image
--nonsense
-x image
--re 3
--gpu=1 image
image --threads
--threads -1 image
--threads many image
--format xml image
--backend cuda image
--kernel mmx image
--color maybe image
--progress sometimes image
--chunk 5000 image
--chunk 1 image
--range 4096 image
--range 1-2 image
--range 0x2000-0x1000 image
--min-confidence 101 image
--min-confidence certain image
--tags A,,B image
--device 0 image
--gpu --backend cpu image
--gpu --kernel scalar image
--backend opencl --kernel scalar image
--any-device image
--all-headers --tags A image
--quiet --verbose image
--no-builtin-tags image
tags --gpu
scan --component nt image
--dtb 0x1aa000 image
--generate html
help bogus
scna
info a b
bigpools
used
used image --sort size
used a b
pool image
pool image zz
pool image phys:
pool image phys:0x1`
find image
vtop image
ptov image x1
plan
plan --gpu image
plan --task-bytes 5000 image
plan --task-bytes 0 image
plan --fail-if-none image
keyspace
keyspace --tags A image
scan --plan p
scan --plan p --task 0
scan --plan p --out-dir d
scan --task 0 image
scan --out-dir d image
scan --plan p --task 0 --out-dir d image
scan --plan p --task 0 --out-dir d --tasks-each 0
scan --plan p --task 0 --out-dir d --tasks-each x
scan --plan p --task 0 --out-dir d --tasks-each 16777217
scan --tasks-each 2 image
farm --tasks-each 0 p
farm --task 0 p
scan --plan p --task 0 --out-dir d --tags A
scan --plan p --task 0 --out-dir d --range 0-4k
scan --plan p --task 0 --out-dir d --min-confidence 10
scan --plan p --task 0 --out-dir d --format csv
scan --plan p --task 0 --out-dir d -o x
scan --plan p --task 0 --out-dir d --skip 4k
--range 0-4k --skip 4k image
--range 0-4k --limit 4k image
--limit 0 image
--skip 5 image
find --skip 4k image Proc
farm
farm a b
farm --tags A p
merge a b
diff a
diff a b c
diff a b --sort paged
used a --sort bytes
END
[ "$n_lines" -gt 40 ] || wrong "only $n_lines uses were tried"

# Control bytes in a word neither break the line nor reach the terminal.
expect 64 1 "$POOLSCAN" $'--bad\n\033[31mred' image
grep -q $'\033' "$work/err" && wrong "an escape sequence reached standard error"

# An option is refused before anything is done: the output file is not there.
expect 64 1 "$POOLSCAN" -o "$work/result" --format xml image
[ ! -e "$work/result" ] || wrong "an output file was made on wrong use"

finish
