#!/usr/bin/env bash
# The tables of docs/BENCHMARKS.md from a results file.
#
#   bench/tables.sh RESULTS.csv           all of them
#   bench/tables.sh RESULTS.csv short     the one of README.md
#   bench/tables.sh RESULTS.csv docs      all of them, into docs/BENCHMARKS.md
set -euo pipefail

csv=$1

# Rows as tab-separated values; no field of this file holds a comma.
data() {
    grep -v '^#' "$csv" | tail -n +2 | tr ',' '\t'
}

# Columns: 1 group 2 name 3 pages 4 arch 5 tags 6 threads 9 median 10 min 12 spread 13 ceiling
# 14 its median 15 ratio 17 against the fewest tags 18 hits 19 hits per MiB
short() {
    echo "| what | GB/s | ceiling of the same run | ratio |"
    echo "| --- | --- | --- | --- |"
    data | awk -F'\t' '
        $1 == "kernel" && ($3 == "image" || $3 == "idle image") && $4 == "x64" && $5 == 4600 {
            printf "| %s in memory, %s, 4,600 tags | %.1f | memory read %.1f | %.2f |\n", $2, $3, $9, $14, $15 }
        $1 == "run" && $2 != "null" {
            printf "| whole run, %s, %s, %s | %.1f | file read (%s) %.1f | %.2f |\n", $2,
                $3 == "image.raw" ? "image" : "idle image",
                $6 == "" ? "device" : $6 == 1 ? "1 thread" : $6 " threads", $9, $13, $14, $15 }'
}

# What issue 2 asked for, beside what was measured; "best" is over the kernels, one thread.
goals() {
    echo "| asked | for | measured |"
    echo "| --- | --- | --- |"
    data | awk -F'\t' '
        function most(k, v) { if (!(k in best) || v > best[k]) best[k] = v }
        $1 == "kernel" && $5 == 4600 && $3 ~ /image/ { most("kernel, " $3 ", " $4, $15 + 0) }
        $1 == "run" && $6 == 1 && $2 ~ /^cpu/ { most("run, " $3, $15 + 0) }
        $1 == "kernel" && $5 == 4600 && $2 != "scalar" {
            k = $2 ", " $4
            if ($3 ~ /same hits/) same[k] = same[k] (same[k] ? ", " : "") sprintf("%.2f (%s)", $17, $3)
            if (!(k in worst) || $17 + 0 > worst[k]) { worst[k] = $17 + 0; where[k] = $3 } }
        $1 == "kernel" && $5 > 4600 && $2 != "scalar" && $3 ~ /same hits/ && !(($2, $4, $3) in once) {
            once[$2, $4, $3] = 1
            k = $2 ", " $4
            lists[k] = lists[k] (lists[k] ? ", " : "") sprintf("%.2f (%s)", $17, $3) }
        $1 == "peak-memory" && $15 != "" && $15 + 0 > peak { peak = $15 + 0; what = $2 ", " $3 }
        END {
            for (k in best) if (k ~ /^kernel/)
                printf "| kernel in memory >= 0.80 of memory read | %s | %.2f |\n", substr(k, 9), best[k]
            for (k in best) if (k ~ /^run/)
                printf "| whole run >= 0.75 of file read | %s | %.2f |\n", substr(k, 6), best[k]
            for (k in same) printf "| 4,600 tags <= 1.1 x 15 tags, same hits | %s | %s |\n", k, same[k]
            for (k in lists) printf "| built-in lists <= 1.1 x 15 tags, same hits | %s | %s |\n", k, lists[k]
            for (k in worst) printf "| the same, the worst pages, more hits | %s | %.2f (%s) |\n", k, worst[k], where[k]
            printf "| peak memory <= 512 MiB | %s | %.2f of it |\n", what, peak }' | sort -s -t'|' -k2,2
}

machine() {
    echo '```'
    grep '^#' "$csv" | sed 's/^# //'
    echo '```'
}

kernels() { # ARCH
    echo "| pages | hits per MiB | memory read | avx512: GB/s | ratio | avx2: GB/s | ratio | scalar: GB/s | ratio |"
    echo "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    data | awk -F'\t' -v arch="$1" '
        $1 == "kernel" && $4 == arch && $5 == 4600 {
            if (!($3 in seen)) { order[++n] = $3; seen[$3] = 1 }
            rate[$3, $2] = $9; ratio[$3, $2] = $15; hits[$3] = $19
            if ($2 == "avx512") limit[$3] = $14 }
        function cell(p, k) { return sprintf("%.1f | %.2f", rate[p, k], ratio[p, k]) }
        END { for (i = 1; i <= n; i++) { p = order[i]
            printf "| %s | %.1f | %.1f | %s | %s | %s |\n", p, hits[p], limit[p],
                cell(p, "avx512"), cell(p, "avx2"), cell(p, "scalar") } }'
}

# What more tags cost, beside what they find.
tags() { # KERNEL
    echo "| pages | arch | hits per MiB with 15, 500, 4,600 tags | 500 : 15 | 4,600 : 15 | the built-in lists : 15 |"
    echo "| --- | --- | --- | --- | --- | --- |"
    data | awk -F'\t' -v kernel="$1" '
        $1 == "kernel" && $2 == kernel {
            k = $3 " | " $4
            if (!(k in seen)) { order[++n] = k; seen[k] = 1 }
            set = $5 == 15 || $5 == 500 || $5 == 4600 ? $5 : "real"
            if ((k, set) in slow) next
            hits[k, set] = sprintf("%.0f", $19); slow[k, set] = sprintf("%.2f", $17) }
        END { for (i = 1; i <= n; i++) { k = order[i]
            printf "| %s | %s, %s, %s | %s | %s | %s |\n", k, hits[k, 15], hits[k, 500], hits[k, 4600],
                slow[k, 500], slow[k, 4600], (k, "real") in slow ? slow[k, "real"] : "" } }'
}

files() {
    echo "| way | file | threads | GB/s | spread |"
    echo "| --- | --- | --- | --- | --- |"
    data | awk -F'\t' '$1 == "file-read" { printf "| %s | %s | %s | %.1f | %.2f |\n", $2, $3, $6, $9, $12 }'
}

runs() {
    echo "| backend | file | threads | GB/s | ceiling | its GB/s | ratio | findings |"
    echo "| --- | --- | --- | --- | --- | --- | --- | --- |"
    data | awk -F'\t' '$1 == "run" || $1 == "other" {
        printf "| %s | %s | %s | %.2f | %s | %.1f | %.3f | %s |\n", $2, $3, $6, $9, $13, $14, $15, $18 }'
}

memory() {
    echo "| scan, and what is counted | image | threads | MiB | of the bound |"
    echo "| --- | --- | --- | --- | --- |"
    data | awk -F'\t' '$1 == "peak-memory" {
        printf "| %s | %s | %s | %.1f | %s |\n", $2, $3, $6, $9, $15 == "" ? "" : sprintf("%.2f", $15) }'
}

virtual() {
    echo "| image | threads | GB/s | with --physical-only | ratio | spread |"
    echo "| --- | --- | --- | --- | --- | --- |"
    data | awk -F'\t' '$1 == "virtual" {
        printf "| %s | %s | %.1f | %.1f | %.2f | %.2f |\n", $3, $6, $9, $14, $15, $16 }'
}

virtual_parts() {
    echo "| part, and what is counted | median | spread |"
    echo "| --- | --- | --- |"
    data | awk -F'\t' '$1 == "virtual-part" || $1 == "virtual-memory" {
        printf "| %s | %.2f %s | %.2f |\n", $2, $9, $8, $12 }'
}

lookup() {
    echo "| hash | asked | ns a look-up | against multiply |"
    echo "| --- | --- | --- | --- |"
    data | awk -F'\t' '$1 == "lookup" {
        printf "| %s | %s | %.1f | %s |\n", $2, $3, $9, $15 == "" ? "" : sprintf("%.2f", $15) }'
}

ceilings() {
    echo "| memory read | GB/s | spread |"
    echo "| --- | --- | --- |"
    data | awk -F'\t' '$1 == "memory-read" { printf "| %s | %.1f | %.2f |\n", $2, $9, $12 }'
}

section() { # TITLE COMMAND...
    echo
    echo "### $1"
    echo
    shift
    "$@"
}

all() {
    machine
    section "What was asked for" goals
    section "Memory read" ceilings
    section "Kernels in memory, x64, 4,600 tags, one thread" kernels x64
    section "Kernels in memory, x86, 4,600 tags, one thread" kernels x86
    section "What tags cost, avx512" tags avx512
    section "What tags cost, avx2" tags avx2
    section "Finding a tag's rule" lookup
    section "File read" files
    section "Whole runs and other programs, 4,600 tags" runs
    section "Peak memory" memory
    section "Virtual side, whole runs" virtual
    section "Virtual side, its parts and its memory" virtual_parts
}

# Everything behind the marker in docs/BENCHMARKS.md becomes the tables.
docs() {
    local page marker='<!-- The rest is written by bench/tables.sh RESULTS.csv docs -->'
    page=$(dirname "${BASH_SOURCE[0]}")/../docs/BENCHMARKS.md
    grep -qxF -e "$marker" "$page"
    {
        awk -v marker="$marker" '{ print } $0 == marker { exit }' "$page"
        printf '\n## Measured\n\nFrom %s, on\n\n' "bench/results/$(basename "$csv")"
        all
    } >"$page.new"
    mv "$page.new" "$page"
}

case ${2:-all} in
short | all | docs) "${2:-all}" ;;
*)
    echo "usage: bench/tables.sh RESULTS.csv [short|docs]" >&2
    exit 64
    ;;
esac
