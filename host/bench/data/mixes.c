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
#define MIXES(ARCH, BUSY_POOL, IDLE_POOL, POOL_PAGES)                                              \
    {.name = "image", .arch = (ARCH), .fill = BUSY(BUSY_POOL)},                                    \
    {.name = "image same hits", .arch = (ARCH), .fill = BUSY(BUSY_POOL), .common = 1},             \
    {.name = "idle image", .arch = (ARCH), .fill = IDLE(IDLE_POOL)},                               \
    {.name = "zero", .arch = (ARCH), .fill = "zero"},                                              \
    {.name = "random", .arch = (ARCH), .fill = "random"},                                          \
    {.name = "text", .arch = (ARCH), .fill = "text style=any tags=a"},                             \
    {.name = "code", .arch = (ARCH), .fill = "code decoys=a"},                                     \
    {.name = "pointers", .arch = (ARCH), .fill = "pointers"},                                      \
    {.name = "pool", .arch = (ARCH), .fill = POOL_PAGES},                                          \
    {.name = "pool same hits", .arch = (ARCH), .fill = POOL_PAGES, .common = 1},                   \
    {.name = "headers 1/1000", .arch = (ARCH), .fill = "random", .per_mille = 1},                  \
    {.name = "headers 1/10", .arch = (ARCH), .fill = "random", .per_mille = 100},                  \
    {.name = "headers 1/2", .arch = (ARCH), .fill = "zero", .dense = 1}

const struct ps_page_mix ps_page_mixes[] = {
    MIXES(PS_ARCH_X64, SEGMENT(4, 4), SEGMENT(1, 1), "mix run=4 vs=1 lfh=1 tags=a"),
    MIXES(PS_ARCH_X86, CLASSIC(8), CLASSIC(2), "classic tags=a"),
};

const size_t ps_n_page_mixes = sizeof ps_page_mixes / sizeof *ps_page_mixes;

/* A header in every second slot, by the allocator that packs blocks closest. */
const struct ps_page_mix ps_page_mix_dense[2] = {
    {.name = "dense", .arch = PS_ARCH_X64,
     .fill = "lfh first=0 stride=0x20 unused=0 freed=0 tags=a"},
    {.name = "dense", .arch = PS_ARCH_X86,
     .fill = "lfh first=0 stride=0x10 unused=0 freed=0 tags=a"},
};
/* clang-format on */
