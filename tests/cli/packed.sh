#!/usr/bin/env bash
# Compressed images: the findings of the raw image in each of them, whatever tool packed it, and
# what is said about how it was read and about damage. Packed by the command-line tools.
set -euo pipefail

if "$POOLSCAN" --version -v | grep -qE '(zlib|libzstd|liblz4|liblzma) missing'; then
    echo "a library is missing in this build; cli/lacks tests that"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export TMPDIR=$work/tmp
mkdir tmp
failed=0

wrong() {
    echo "$*"
    failed=1
}

# Records but for the name and the identity of the image, which are those of the unpacked file. With
# little memory, unless an option says other.
scan() { # IMAGE OPTIONS... : to found, said, status
    status=0
    "$POOLSCAN" scan -v --format jsonl --unpack-memory 0 "$@" 2>said | sed 's/"Image":"[^"]*"//' >found || status=$?
}

same() { # IMAGE WORD
    for threads in 1 3; do
        scan "$1" -t $threads
        [ "$status" = 0 ] || wrong "$1: status $status: $(cat said)"
        cmp -s found raw.jsonl || wrong "$1: other findings with $threads threads ($(wc -l <found))"
        grep -q "digest $digest" said || wrong "$1: other digest"
        if [ -n "$2" ]; then
            grep -q "^poolscan: $1: .*$2" said || wrong "$1 does not say '$2': $(cat said)"
        else
            grep -q "temporary file" said && wrong "$1: unpacked to a file: $(cat said)"
        fi
        [ -z "$(ls tmp)" ] || wrong "$1: a file stays behind"
    done
    in_memory "$1" "$2"
}

# In memory: no file is made, and with too little of it for a stream there is one after all.
in_memory() { # IMAGE WORD
    for options in '-t 1' '-t 3'; do
        # shellcheck disable=SC2086 # words
        scan "$1" --unpack-memory 64M --temp-dir none $options
        [ "$status" = 0 ] || wrong "$1 in memory: status $status: $(cat said)"
        ! grep -q "temporary file" said || wrong "$1: unpacked to a file: $(cat said)"
        [ -z "$2" ] || grep -q "^poolscan: $1: .*unpacked to [0-9]* bytes of memory" said ||
            wrong "$1: not unpacked to memory: $(cat said)"
        cmp -s found raw.jsonl || wrong "$1 in memory: other findings with $options"
        grep -q "digest $digest" said || wrong "$1 in memory: other digest"
    done
    scan "$1" --unpack-memory 15M
    cmp -s found raw.jsonl || wrong "$1: other findings with memory for less"
    [ -z "$2" ] || [ "$1" = layers.zst.gz ] || grep -q "temporary file" said || wrong "$1: no file"
}

said_format() { # IMAGE FORMAT
    "$POOLSCAN" info "$1" >rows 2>&1 || true
    grep -q "$2" rows || wrong "$1: container is not '$2': $(cat rows)"
}

# Without holes, as what is unpacked has none.
"$POOLSCAN" mkimage "$PS_SOURCE/tests/recipes/sample.recipe" sparse.raw
head -c 16M sparse.raw >image.raw
scan image.raw
mv found raw.jsonl
digest=$(sed -n 's/.*digest //p' said)
[ -n "$digest" ] || wrong "no digest: $(cat said)"
[ "$(wc -l <raw.jsonl)" -ge 100 ] || wrong "only $(wc -l <raw.jsonl) findings in the raw image"
file='temporary file of'

# Of what is damaged, no page tables are wanted: they may be in the part that is lost.
scan image.raw --physical-only
cp found phys_ids.jsonl
sed 's/"ImageId":"[^"]*"//' found | sort >phys.jsonl

# Scanned while it is unpacked, or, where that cannot be, by way of a file: the same findings, and
# the identity of what is unpacked.
passes() { # IMAGE WORD OPTIONS...
    for threads in 1 3; do
        scan "$1" --physical-only -t $threads "${@:3}"
        [ "$status" = 0 ] || wrong "$1 passing: status $status: $(cat said)"
        cmp -s found phys_ids.jsonl || wrong "$1 passing: other findings with $threads threads"
        grep -q "^poolscan: $1: .*$2" said || wrong "$1 passing does not say '$2': $(cat said)"
        [ -z "$(ls tmp)" ] || wrong "$1 passing: a file stays behind"
    done
}
at_once='scanned while it is unpacked'
fewer() { # IMAGE
    scan "$1" --physical-only
    sed -i 's/"ImageId":"[^"]*"//' found
    [ "$(wc -l <found)" -gt 0 ] || wrong "$1: nothing found"
    [ "$(wc -l <found)" -lt "$(wc -l <phys.jsonl)" ] || wrong "$1: as many findings"
    [ -z "$(sort found | comm -23 - phys.jsonl | head -n 1)" ] || wrong "$1: other findings"
}

# Something appended is a warning, another part whose beginning is damaged a loss; what is before it
# is scanned.
followed() { # IMAGE
    { cat "$1"; echo "signed by somebody"; } >"signed.$1"
    scan "signed.$1" --physical-only
    [ "$status" = 0 ] || wrong "signed.$1: status $status: $(cat said)"
    cmp -s found phys_ids.jsonl || wrong "signed.$1: other findings"
    grep -q "signed.$1: .*: the last 19 of .* and were not unpacked" said || wrong "signed.$1: $(cat said)"
    { cat "$1"; printf '\0'; tail -c +2 "$1"; } >"second.$1"
    scan "second.$1" --physical-only
    [ "$status" = 65 ] || wrong "second.$1: status $status: $(cat said)"
    cmp -s found phys_ids.jsonl || wrong "second.$1: other findings"
    grep -q "second.$1: .*packed bytes are lost" said || wrong "second.$1: $(cat said)"
}

have() {
    command -v "$1" >/dev/null && return 0
    echo "SKIPPED: $1 is not installed"
    skipped=1
    return 1
}
skipped=0

if have gzip; then
    gzip -1 -c image.raw >one.gz
    same one.gz "gzip cannot be entered in the middle: unpacked to a $file"
    said_format one.gz 'gzip raw'
    head -c 1M image.raw | gzip -9 -c >two.gz
    tail -c +1048577 image.raw | gzip -1 -c >>two.gz
    same two.gz "$file"
    cat one.gz - >padded.gz </dev/null
    head -c 3000 /dev/zero >>padded.gz
    same padded.gz "$file"
    split -b 300000 -d -a 3 one.gz part.
    said_format part.000 'split gzip raw'
    same part.000 "$file"
    passes one.gz "$at_once" --temp-dir none
    passes one.gz "$at_once" --chunk 4k
    passes part.000 "$at_once" --temp-dir none
    passes two.gz "$file"
    grep -q 'two.gz: .*: once more' said || wrong "two.gz says nothing of its sizes: $(cat said)"
    passes padded.gz "$file"

    followed one.gz
    # What is before the damage is read.
    head -c $(($(stat -c %s one.gz) / 2)) one.gz >short.gz
    fewer short.gz
    [ "$status" = 65 ] || wrong "short.gz: status $status"
    grep -q 'short.gz: gzip: the file ends too early.* bytes were unpacked' said ||
        wrong "short.gz: $(cat said)"
    head -c 20 one.gz >none.gz
    scan none.gz
    [ "$status" = 65 ] || wrong "none.gz: status $status: $(cat said)"

    # No room for it, or no place.
    scan one.gz --temp-dir "$work/none"
    [ "$status" = 73 ] || wrong "--temp-dir none: status $status"
    grep -q -e '--temp-dir' said || wrong "--temp-dir none: $(cat said)"
    scan one.gz --temp-dir none
    [ "$status" = 73 ] || wrong "--temp-dir none: status $status"
    grep -q 'forbids' said || wrong "--temp-dir none: $(cat said)"
    (ulimit -f 100; trap '' XFSZ; scan one.gz; [ "$status" = 73 ]) || wrong "no room: $(cat said)"
fi

if have zstd; then
    zstd -q image.raw -o one.zst
    same one.zst "zstd cannot be entered in the middle"
    passes one.zst "$at_once" --temp-dir none
    passes one.zst "$at_once" --chunk 4k
    said_format one.zst 'zstd raw'
    split -b 1M image.raw piece.
    full=$(($(sed -n 's/.*"Offset":"\(0x[0-9a-f]*\)".*/\1/p;q' phys.jsonl) >> 20)) # has a finding
    number=0
    for piece in piece.*; do
        zstd -q --rm "$piece"
        [ "$number" != "$full" ] || n=$(stat -c %s many.zst 2>/dev/null || echo 0)
        number=$((number + 1))
        cat "$piece.zst" >>many.zst
    done
    same many.zst ''
    followed one.zst
    followed many.zst
    # Frames that are to be skipped, and trailing ones.
    { printf 'P*M\030\4\0\0\0abcd'; cat many.zst; printf '_*M\030\3\0\0\0abc'; } >skips.zst
    same skips.zst ''
    split -b 1M --filter='zstd -q -c' image.raw >unknown.zst
    same unknown.zst "$file"
    passes unknown.zst "$file"
    { cat one.zst; head -c 1M image.raw | zstd -q -c; } >longer.zst
    head -c 1M image.raw | cat image.raw - >longer.raw
    scan longer.raw --physical-only
    mv found longer.jsonl
    scan longer.zst --physical-only
    [ "$status" = 0 ] || wrong "longer.zst: status $status: $(cat said)"
    cmp -s found longer.jsonl || wrong "longer.zst: other findings"
    grep -q 'longer.zst: .*: once more' said || wrong "longer.zst: $(cat said)"
    # A frame in the middle: only that is lost, and the scan says so.
    cp many.zst bad.zst
    printf 'damaged here' | dd of=bad.zst bs=1 seek=$((n + 1000)) conv=notrunc status=none
    fewer bad.zst
    grep -q ', unreadable 1.00 MiB,' said || wrong "bad.zst: $(cat said)"
    head -c $(($(stat -c %s many.zst) * 3 / 4)) many.zst >cut.zst
    fewer cut.zst
    grep -q 'cut.zst: zstd: no whole frame at offset' said || wrong "cut.zst: $(cat said)"
    if command -v pzstd >/dev/null; then
        pzstd -q -p 2 image.raw -o p.zst
        same p.zst ''
        # Two outputs behind each other, the first of which ends with a short frame, also with
        # something to be skipped between; and of other windows.
        n=$(($(stat -c %s image.raw) * 5 / 8 / 4096 * 4096 + 4096))
        head -c "$n" image.raw >1st.raw
        tail -c +$((n + 1)) image.raw >2nd.raw
        pzstd -q -p 2 1st.raw -o 1st.zst
        pzstd -q -p 2 2nd.raw -o 2nd.zst
        cat 1st.zst 2nd.zst >twice.zst
        same twice.zst "$file"
        { cat 1st.zst; printf 'P*M\030\4\0\0\0abcd'; cat 2nd.zst; } >between.zst
        same between.zst "$file"
        pzstd -q -f -1 -p 2 2nd.raw -o 2nd.zst
        cat 1st.zst 2nd.zst >windows.zst
        same windows.zst "$file"
        # As zstd writes them, each of which says how much it has.
        zstd -q 1st.raw -o 1.zst
        zstd -q 2nd.raw -o 2.zst
        { cat 1.zst; printf 'P*M\030\4\0\0\0abcd'; cat 2.zst; } >sized.zst
        same sized.zst ''
        cat 1.zst 2.zst >sized.zst
        same sized.zst ''
    fi
fi

if have lz4; then
    lz4 -q -B4 -BI image.raw b4.lz4 2>/dev/null || lz4 -q -B4 image.raw b4.lz4
    same b4.lz4 ''
    said_format b4.lz4 'lz4 raw'
    lz4 -q -BX -B7 --content-size image.raw b7.lz4
    same b7.lz4 ''
    lz4 -q -BD image.raw bd.lz4
    same bd.lz4 "$file"
    followed b4.lz4
    followed bd.lz4
    lz4 -q -l image.raw legacy.lz4
    same legacy.lz4 ''
    head -c $(($(stat -c %s b4.lz4) / 2)) b4.lz4 >cut.lz4
    fewer cut.lz4
    grep -q 'cut.lz4: lz4: no whole block at offset' said || wrong "cut.lz4: $(cat said)"
fi

if have xz; then
    xz -q -1 -T2 --block-size=1MiB -c image.raw >blocks.xz
    same blocks.xz ''
    said_format blocks.xz 'xz raw'
    xz -q -1 -c image.raw >one.xz
    same one.xz "xz cannot be entered in the middle"
    followed blocks.xz
    followed one.xz
    head -c 1M image.raw | xz -q -0 -C sha256 -c >streams.xz
    head -c 4096 /dev/zero >>streams.xz
    tail -c +1048577 image.raw | xz -q -1 -c --block-size=1MiB -C none >>streams.xz
    same streams.xz ''
    head -c $(($(stat -c %s blocks.xz) / 2)) blocks.xz >cut.xz
    fewer cut.xz
    grep -q 'cut.xz: xz: the file ends too early.* bytes were unpacked' said ||
        wrong "cut.xz: $(cat said)"

    # So many streams, with nothing in them, must not take the square of their number.
    xz -q -c /dev/null >empty.xz
    for _ in $(seq 18); do
        cat empty.xz empty.xz >twice.xz
        mv twice.xz empty.xz
    done
    status=0
    timeout 120 "$POOLSCAN" info empty.xz >/dev/null 2>said || status=$?
    [ "$status" = 65 ] || wrong "empty.xz: status $status: $(cat said)"
fi

if have gzip && have zstd; then
    zstd -q one.gz -o two.gz.zst
    same two.gz.zst 'gzip cannot be entered in the middle'
    said_format two.gz.zst 'zstd gzip raw'
    gzip -1 -c many.zst >layers.zst.gz
    same layers.zst.gz "$file"
fi

[ "$failed" = 0 ] || exit 1
[ "$skipped" = 0 ] || exit 77
