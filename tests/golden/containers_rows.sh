# shellcheck shell=bash
# What golden/containers compares; sourced by it.
# shellcheck disable=SC2034 # read there
n_expected=88

# As a PC has them: memory ends inside page 0x9f.
pc_runs=0x1000-0x9fc00,0x100000-0x700000,0x740000-0xc00000,0xbff80000-0xc0000000,0x100000000-0x1007fe000

x64_rows() {
    system x64
    make "LiME" lime
    make "LiME, runs that end inside a page" lime --runs "$pc_runs"
    make "ELF core" elf64
    make "ELF core of QEMU" elf64 --variant qemu --processors 4
    make "ELF core of QEMU, paging" elf64 --variant paging --processors 2
    make "ELF core of VirtualBox" elf64 --variant vbox
    make "ELF core, PN_XNUM" elf64 --variant qemu --xnum
    make "ELF core, 80,000 program headers" elf64 --split 0x100
    make "crash dump, full" dump64 --build 26100
    make "crash dump, bitmap" dump64 --variant bitmap
    make "crash dump, kernel bitmap" dump64 --variant kernel
    make "crash dump, live" dump64 --variant live
    make "crash dump, RDMP kernel" dump64 --variant rdmp-kernel
    make "crash dump, RDMP kernel and user" dump64 --variant rdmp-user
    make "crash dump, RDMP complete" dump64 --variant rdmp-complete
    make "crash dump whose header lies" dump64 --dtb 0x1234000 --build 7601 --kdbg 0xfffff80000000000
    more=(--pci-hole 0xc0000000-0x100000000)
    make "raw without its hole, which is said" squeezed
    more=()
    make_vmware "VMware, suspended" vmss
    make_vmware "VMware, its memory named" vmem
    for version in 0 1 2 3 4; do
        make_vmware "VMware, version $version" vmss --variant runs --number "$version"
        make_vmware "VMware, memory within, version $version" vmss --variant embedded \
            --number "$version"
    done
    for codec in huffman xpress raw mixed; do
        make_hiber "hibernation, $codec" hiber8 --variant "$codec"
    done
    for length in 0x360 0x3b0 0x3c8 0x3d8 0x3e0 0x448 0x4d8; do
        make_hiber "hibernation, header of $length" hiber8 --number "$length" --variant raw
    done
    for layout in 7-x64 vista-sp2-x64 2003-x64; do
        make_hiber "hibernation, $layout" hiber7 --variant "$layout"
    done
    make_parts "split, LiME" lime
    make_parts "split, crash dump" dump64 --variant live
    pack "packed, LiME in gzip" lime '' gzip -1
    pack "packed, LiME in several gzip members" lime '' in_pieces gzip -1
    pack "packed, crash dump in zstd" dump64 '--variant full' zstd -q -1
    pack "packed, crash dump in zstd frames" dump64 '--variant bitmap' in_pieces zstd -q -1
    pack "packed, ELF core in lz4" elf64 '--variant qemu' lz4 -q -1 -B4
    pack "packed, ELF core in lz4, blocks that depend on each other" elf64 '' lz4 -q -1 -BD -B5
    pack "packed, ELF core in xz blocks" elf64 '--variant paging' xz -q -0 -T2 --block-size=2MiB
    pack "packed, crash dump in gzip in zstd" dump64 '--variant rdmp-complete' twice
    pack "packed, crash dump in zdmp" dump64 '--variant full' zdmp
    pack "packed, crash dump in zdmp, small blocks" dump64 '--variant live' zdmp --number 0x8000
    pack "packed, hibernation in lz4" hiber8 '--variant mixed' lz4 -q -1
    cut_short "LiME" lime
    cut_short "ELF core" elf64
    cut_short "crash dump, full" dump64
    cut_short "crash dump, bitmap" dump64 --variant bitmap
    cut_short "crash dump, RDMP" dump64 --variant rdmp-kernel
    cut_packed "hibernation" hiber8 cat
    cut_packed "hibernation of 7" hiber7 cat
    cut_packed "crash dump in zdmp" dump64 zdmp
    cut_packed "LiME in gzip" lime gzip -1
    cut_packed "LiME in zstd" lime in_pieces zstd -q -1
    cut_packed "LiME in lz4" lime lz4 -q -1 -B4
    cut_packed "LiME in xz" lime xz -q -0 --block-size=1MiB
}

# gzip, and zstd around it
twice() {
    gzip -1 | zstd -q -1
}

x86_rows() {
    system x86
    make "LiME" lime
    make_parts "split, raw" raw
    pack "packed, raw in xz" raw '' xz -q -0 -T1
    pack "packed, raw in zstd" raw '' zstd -q -1
    pack "packed, raw in gzip" raw '' gzip -1
    make "ELF core" elf32 --x86
    make "ELF core of QEMU" elf32 --x86 --variant qemu
    make "ELF core of QEMU, paging" elf32 --x86 --variant paging
    make "ELF64 core of x86" elf64 --x86 --variant qemu
    make "crash dump, full" dump32 --build 2600
    make_vmware "VMware without regions" vmss --variant regionless
    make_vmware "VMware, memory within" vmss --variant embedded
    for length in 0x2c8 0x310 0x328 0x338 0x340; do
        make_hiber "hibernation, header of $length" hiber8 --x86 --number "$length" --variant raw
    done
    for layout in 7-x86 vista-sp2-x86 xp-x86; do
        make_hiber "hibernation, $layout" hiber7 --x86 --variant "$layout"
    done
}
