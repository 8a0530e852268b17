# shellcheck shell=bash
# Two snapshots for tests that compare them: one protected tag, one of which there is more, one that is
# new, one that is gone, tags that nobody knows. For scripts to source.

# write_snapshots FIRST SECOND: their recipes
write_snapshots() {
    cat >"$1" <<'R'
size 64K
arch x64
build 7601
page 0x1 kuser
page 0x2 classic
    block tag=Proc protected size=0x580
    block tag=Qz7q size=0x100
    block tag=File protected size=0x150
    block tag=Ntfx size=0x200
    block tag=Qz7q size=0x630
R
    sed 's/^    block tag=Ntfx size=0x200/    block tag=Thre protected size=0x200/' "$1" >"$2"
    cat >>"$2" <<'R'
page 0x3 classic
    block tag=Proc protected size=0x580
    block tag=Zq8z size=0xa80
R
}
