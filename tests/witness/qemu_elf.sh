#!/usr/bin/env bash
# What a real QEMU writes with dump-guest-memory: the real images put into the memory of a machine
# that never runs, its processor's paging switched on through the gdb stub, dumped with and without
# paging=true, and with memory above a PCI hole. The findings are those of the raw image, the
# offsets those that readelf says. Skipped where there is no QEMU, or the images are not
# (PS_SHARED, else shared/ beside the sources).
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/../cli/lib.sh"

images=${PS_SHARED:-$PS_SOURCE/../shared}/images
if [ ! -d "$images" ]; then
    skip_line "no real images: $images is not there (PS_SHARED names the folder that holds images/)"
    exit 77
fi
for tool in qemu-system-x86_64 readelf xz; do
    command -v $tool >/dev/null || { skip_line "$tool is not installed"; exit 77; }
done

qemu=
# shellcheck disable=SC2317 # the trap calls it
stop_qemu() {
    [ -z "$qemu" ] || kill "$qemu" 2>/dev/null
    [ -z "$qemu" ] || wait "$qemu" 2>/dev/null
    qemu=
}
trap 'stop_qemu; rm -rf "$work"' EXIT

# start_qemu OPTION...: a machine that is stopped before its first instruction. Descriptors 3 and 4
# are its monitor, 5 and 6 its gdb stub.
start_qemu() {
    local pipe
    rm -f "$work"/*.in "$work"/*.out
    for pipe in qmp gdb; do
        mkfifo "$work/$pipe.in" "$work/$pipe.out"
    done
    qemu-system-x86_64 -accel tcg -S -display none -nodefaults "$@" -qmp "pipe:$work/qmp" \
        -chardev "pipe,id=gdb,path=$work/gdb" -gdb chardev:gdb 2>"$work/qemu.err" &
    qemu=$!
    exec 3>"$work/qmp.in" 4<"$work/qmp.out" 5>"$work/gdb.in" 6<"$work/gdb.out"
    monitor '{"execute":"qmp_capabilities"}'
}

# monitor COMMAND: waits for what it returns.
monitor() {
    local line
    printf '%s\n' "$1" >&3
    while read -r -t 120 line <&4; do
        case $line in
        *'"return"'*) return 0 ;;
        *'"error"'*) wrong "QEMU: $1: $line"; return 1 ;;
        esac
    done
    wrong "QEMU does not answer to $1: $(cat "$work/qemu.err")"
    return 1
}

# stub PACKET: what the gdb stub answers, in $reply.
stub() {
    local sum=0 i
    for ((i = 0; i < ${#1}; i++)); do
        sum=$(((sum + $(printf '%d' "'${1:i:1}")) & 255))
    done
    printf '$%s#%02x' "$1" $sum >&5
    read -r -t 20 -d '#' reply <&6 && read -r -t 20 -N 2 _ <&6
    printf + >&5
    reply=${reply##*\$}
}

# set_register NUMBER VALUE: 27 CR0, 29 CR3, 30 CR4, 32 EFER. The stub sets registers for those
# who have read how it numbers them.
set_register() {
    local packet i hex
    stub qXfer:features:read:target.xml:0,fff
    hex=$(printf '%016x' "$2")
    packet=$(printf 'P%x=' "$1")
    for ((i = 14; i >= 0; i -= 2)); do packet+=${hex:i:2}; done
    stub "$packet"
    [ "$reply" = OK ] || wrong "the gdb stub answers '$reply' to $packet"
}

# dump FILE PAGING
dump() {
    monitor "{\"execute\":\"dump-guest-memory\",\"arguments\":{\"paging\":$2,\"protocol\":\"file:$1\"}}"
}

end_qemu() {
    printf '{"execute":"quit"}\n' >&3
    wait "$qemu"
    qemu=
    exec 3>&- 4<&- 5>&- 6<&-
}

# findings FILE OUT: without what may differ. FileOffset is checked by offsets.
findings() {
    n_checks=$((n_checks + 1))
    "$POOLSCAN" scan -q --all-headers --min-confidence 0 --format jsonl "$1" >"$2.all" ||
        wrong "$1: exit status $?"
    sed 's/"FileOffset":[^,]*,//; s/"Image":.*//' "$2.all" >"$2"
}

loads() { # FILE: offset, physical address, size of each PT_LOAD that has bytes
    readelf -lW "$1" | awk '$1 == "LOAD" && $5 != "0x000000" { print $2, $4, $5 }'
}

# offsets FILE FINDINGS: some hundred of the findings lie in the file where readelf says.
offsets() {
    local off phys size offset place n=0 seen=0
    local -A shifts=()
    n_checks=$((n_checks + 1))
    while read -r off phys size; do
        shifts[$((phys - off))]=1
    done < <(loads "$1")
    while read -r offset place; do
        [ -n "${shifts[$((offset - place))]:-}" ] || n=$((n + 1))
        seen=$((seen + 1))
    done < <(sed -n '1~150s/.*"Offset":"\([^"]*\)","FileOffset":"\([^"]*\)".*/\1 \2/p' "$2.all")
    if [ $seen -lt 150 ] || [ $n != 0 ]; then
        wrong "$1: of $seen offsets $n are not where readelf says"
    fi
}

# same WHAT RAW ELF: the findings of the raw image and no others.
same() {
    n_checks=$((n_checks + 1))
    cmp -s "$2" "$3" || wrong "$1: findings differ: $(diff "$2" "$3" | cut -c 1-200 | head -n 4)"
    [ "$(wc -l <"$3")" -gt 30000 ] || wrong "$1: only $(wc -l <"$3") findings"
    echo "$1: $(wc -l <"$3") findings as in the raw image"
}

# QEMU's firmware ends at 4 GiB; no image has memory there.
without_firmware() {
    grep -v '"Offset":"0x00000000fff[c-f]' "$1" >"$1.own"
}

says() { # FILE WORDS...
    n_checks=$((n_checks + 1))
    "$POOLSCAN" info --format jsonl "$1" >"$work/info" 2>/dev/null || wrong "info $1: exit status $?"
    local file=$1 words
    shift
    for words; do
        grep -qF -- "$words" "$work/info" || wrong "info $file lacks '$words': $(grep -E 'Container|Machine|Extent|NumberProc' "$work/info")"
    done
}

# image NAME: unpacked, at $work/image.raw
image() {
    xz -dc "$images/$1.raw.xz" | dd of="$work/image.raw" bs=1M iflag=fullblock conv=sparse status=none
    truncate -s %4096 "$work/image.raw"
    cr3=$(sed -n 's/.*"cr3": *"\(0x[0-9a-f]*\)".*/\1/p' "$images/$1.truth.json" | head -n 1)
    [ -n "$cr3" ] || wrong "$1: the truth does not say CR3"
    findings "$work/image.raw" "$work/raw"
}

# A machine of memory alone: a 32-bit core, since nothing ends at 4 GiB.
image reactos-0.4.13-x86-desktop
start_qemu -machine none -cpu qemu64,apic-id=0 -m 256M \
    -device "loader,file=$work/image.raw,addr=0x0,force-raw=on"
set_register 29 "$cr3"
set_register 30 0x10
set_register 27 0x80000011
dump "$work/x86.elf" false
dump "$work/x86p.elf" true
end_qemu
findings "$work/x86.elf" "$work/elf"
offsets "$work/x86.elf" "$work/elf"
same "x86" "$work/raw" "$work/elf"
for file in x86 x86p; do
    says "$work/$file.elf" '"ELF core (32-bit, QEMU)"' '"Machine","Value":"x86"' \
        "\"ContainerDtb\",\"Value\":\"$(printf '0x%016x' "$cr3")\""
done

# With paging=true the end of a block cannot be told where nothing maps it.
findings "$work/x86p.elf" "$work/elf"
offsets "$work/x86p.elf" "$work/elf"
end=$(loads "$work/x86p.elf" | while read -r _ phys size; do echo $((phys + size)); done |
    sort -n | tail -n 1)
awk -v end="$(printf '0x%016x' "$end")" -F'"' '$8 < end' "$work/raw" >"$work/raw.mapped"
[ $(($(wc -l <"$work/raw") - $(wc -l <"$work/raw.mapped"))) -lt 100 ] ||
    wrong "the mapped part ends at $end"
same "x86, paging=true" "$work/raw.mapped" "$work/elf"
[ "$(loads "$work/x86p.elf" | wc -l)" -gt 5000 ] || wrong "few program headers with paging=true"
rm -f "$work"/*.elf

# The same memory with its upper half above 4 GiB, and a raw image with a hole for witness.
truncate -s $((0x108000000)) "$work/holed.raw"
dd if="$work/image.raw" of="$work/holed.raw" bs=1M count=128 conv=notrunc status=none
dd if="$work/image.raw" of="$work/holed.raw" bs=1M skip=128 seek=4096 conv=notrunc status=none
dd if="$work/image.raw" of="$work/low" bs=1M count=128 status=none
dd if="$work/image.raw" of="$work/high" bs=1M skip=128 status=none
start_qemu -machine pc,max-ram-below-4g=128M -m 256M \
    -device "loader,file=$work/low,addr=0x0,force-raw=on" \
    -device "loader,file=$work/high,addr=0x100000000,force-raw=on"
dump "$work/holed.elf" false
end_qemu
findings "$work/holed.raw" "$work/raw"
findings "$work/holed.elf" "$work/elf"
offsets "$work/holed.elf" "$work/elf"
without_firmware "$work/elf"
same "x86, memory above the PCI hole" "$work/raw" "$work/elf.own"
# The firmware ends where the upper half begins.
says "$work/holed.elf" '0x0000000000000000-0x0000000008000000' '0x00000000fffc0000-0x0000000108000000'
rm -f "$work"/*.elf "$work"/*.raw "$work/low" "$work/high"

image reactos-0.4.16-x64-pools
start_qemu -m 1G -smp 2 -device "loader,file=$work/image.raw,addr=0x0,force-raw=on"
set_register 29 "$cr3"
set_register 30 0x20
set_register 32 0xd01
set_register 27 0x80000011
dump "$work/x64.elf" false
dump "$work/x64p.elf" true
end_qemu
for file in x64 x64p; do
    findings "$work/$file.elf" "$work/elf"
    offsets "$work/$file.elf" "$work/elf"
    without_firmware "$work/elf"
    same "$file" "$work/raw" "$work/elf.own"
    says "$work/$file.elf" '"ELF core (64-bit, QEMU)"' '"Machine","Value":"x64"' '"NumberProcessors","Value":"2"' \
        "\"ContainerDtb\",\"Value\":\"$(printf '0x%016x' "$cr3")\""
done
finish
