/* The page mixes: a whole image, each of its parts alone, and headers at a stated density. */
#include "host/bench/data/pages.h"

/* A machine at work: of 100 pages 8 are pool, as much as a desktop of a few GiB has, 5 are text. */
#define BUSY(POOL)                                                                                 \
    "mix run=4 zero=30 random=20 text=5 code=25 pointers=12 " POOL " style=any tags=a decoys=a"
/* An idle one: shares of zeros (54), text (3) and pool (2) as measured on the 256 MiB desktop of
 * shared/images (ReactOS x86). */
#define IDLE(POOL)                                                                                 \
    "mix run=4 zero=54 random=10 text=3 code=23 pointers=8 " POOL " style=any tags=a decoys=a"

/* The allocators of Windows 10 and of Windows 7. */
#define SEGMENT(A, B) "vs=" #A " lfh=" #B
#define CLASSIC(A)    "classic=" #A

/* clang-format off */
#define ON(ARCH, BUILD) .arch = (ARCH), .build = (BUILD)

#define MIXES(ARCH, BUILD, BUSY_POOL, IDLE_POOL, POOL_PAGES)                                       \
    {.name = "image", ON(ARCH, BUILD), .fill = BUSY(BUSY_POOL)},                                   \
    {.name = "image same hits", ON(ARCH, BUILD), .fill = BUSY(BUSY_POOL), .common = 1},            \
    {.name = "image any build", ON(ARCH, BUILD), .fill = BUSY(BUSY_POOL), .any_build = 1},         \
    {.name = "idle image", ON(ARCH, BUILD), .fill = IDLE(IDLE_POOL)},                              \
    {.name = "zero", ON(ARCH, BUILD), .fill = "zero"},                                             \
    {.name = "random", ON(ARCH, BUILD), .fill = "random"},                                         \
    {.name = "text", ON(ARCH, BUILD), .fill = "text style=any tags=a"},                            \
    {.name = "code", ON(ARCH, BUILD), .fill = "code decoys=a"},                                    \
    {.name = "pointers", ON(ARCH, BUILD), .fill = "pointers"},                                     \
    {.name = "pool", ON(ARCH, BUILD), .fill = POOL_PAGES},                                         \
    {.name = "pool same hits", ON(ARCH, BUILD), .fill = POOL_PAGES, .common = 1},                  \
    {.name = "headers 1/1000", ON(ARCH, BUILD), .fill = "random", .per_mille = 1},                 \
    {.name = "headers 1/10", ON(ARCH, BUILD), .fill = "random", .per_mille = 100},                 \
    {.name = "headers 1/2", ON(ARCH, BUILD), .fill = "zero", .dense = 1}

const struct ps_page_mix ps_page_mixes[] = {
    MIXES(PS_ARCH_X64, 19041, SEGMENT(4, 4), SEGMENT(1, 1), "mix run=4 vs=1 lfh=1 tags=a"),
    MIXES(PS_ARCH_X86, 7601, CLASSIC(8), CLASSIC(2), "classic tags=a"),
};

const size_t ps_n_page_mixes = sizeof ps_page_mixes / sizeof *ps_page_mixes;

/* A header in every second slot, by the allocator that packs blocks closest. */
const struct ps_page_mix ps_page_mix_dense[2] = {
    {.name = "dense", .arch = PS_ARCH_X64, .build = 19041,
     .fill = "lfh first=0 stride=0x20 unused=0 freed=0 tags=a"},
    {.name = "dense", .arch = PS_ARCH_X86, .build = 19041,
     .fill = "lfh first=0 stride=0x10 unused=0 freed=0 tags=a"},
};
/* clang-format on */
