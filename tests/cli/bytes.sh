# shellcheck shell=bash
# Images written byte by byte; sourced after lib.sh, with image=FILE set.
: "${image:?}" "${work:?}"

# new_image FRAMES: all zero, none of it a hole
new_image() {
    dd if=/dev/zero of="$image" bs=4096 count="$1" 2>/dev/null
}

# put_bytes OFFSET N VALUE: N bytes, little-endian
put_bytes() {
    local i text=
    for ((i = 0; i < $2; i++)); do
        text+=$(printf '\\x%02x' $((($3 >> (8 * i)) & 255)))
    done
    printf '%b' "$text" | dd of="$image" bs=1 seek=$(($1)) conv=notrunc 2>/dev/null
}

put64() {
    put_bytes "$1" 8 "$2"
}

# put_kuser FRAME BUILD PAGES: KUSER_SHARED_DATA of x64 Windows 10
put_kuser() {
    local at=$(($1 * 4096))
    put_bytes $((at + 0x2c)) 4 0x86648664
    printf 'C\0:\0\\\0W\0' | dd of="$image" bs=1 seek=$((at + 0x30)) conv=notrunc 2>/dev/null
    put_bytes $((at + 0x260)) 4 "$2"
    put_bytes $((at + 0x264)) 8 0x100000001
    put_bytes $((at + 0x26c)) 4 10
    put_bytes $((at + 0x2e8)) 4 "$3"
}

last() {
    tail -n 1 "$work/out"
}

# has FIELD VALUE: the last line printed has it
has() {
    case $(last) in
        *"\"$1\":$2"*) ;;
        *) wrong "$1 is not $2: $(last)" ;;
    esac
}

# says VARIABLE VALUE [HOW]: a line of 'poolscan info' does
says() {
    grep -qF "\"Variable\":\"$1\",\"Value\":\"$2\"${3:+,\"How\":\"$3}" "$work/out" ||
        wrong "$1 is not $2 ${3:-}: $(grep -F "\"$1\"" "$work/out")"
}
