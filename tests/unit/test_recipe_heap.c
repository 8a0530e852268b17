/* Segment heaps of recipes, read back by a walk of its own: page tables, ExPoolState, heaps,
 * segments, descriptors, bitmaps and chunks lead to every block, and each of them is what the truth
 * says. */
#include "host/recipe/recipe.h"

#include <stddef.h>
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAP_KEY 0x1122334455667788ull
#define LFH_KEY  0x5a17e29ca1b2c3d4ull
#define COOKIE   0x6f2a9c31d4e85b07ull
#define DTB      0x10000ull
#define KERNEL   0xfffff80200000000ull
#define PAGE     4096u
#define NOWHERE  UINT64_MAX

/* clang-format off */
#define RECIPE \
    "size 8M\nseed $SEED\nbuild $BUILD\n" \
    "tags np File:0x150-0x1b0*8/NonPaged Even:0x80*8/NonPaged Irp:0x120-0x220*4/NonPaged\n" \
    "tags np Proc:0xd00-0xe80*2/NonPaged MmCi:0x40-0x250*6/NonPaged IoNm:0x20-0x90*6/NonPaged\n" \
    "tags pg CM25:0x40-0x300*3/Paged Toke:0x690-0x960*2/Paged ObNm:0x20-0x80*6/Paged\n" \
    "pages 0- random\n" \
    "system cr3=0x10 frames=0x20-0xff shuffle\npagefile pages=64\n" \
    "heaps heapkey=0x1122334455667788 lfhkey=0x5a17e29ca1b2c3d4 cookie=0x6f2a9c31d4e85b07\n" \
    " user=0x100-0x102\n" \
    "heap pool=nonpagednx va=0xffffbd0a41e00000 pages=0x200-0x4ff scatter tags=np\n" \
    " delayed=5 lookaside=10\n" \
    "heap pool=paged va=0xffff9b03c7a00000 pages=0x500-0x7df scatter tags=pg\n" \
    " transition=20 out=5 file=0x801-0x83f gone=$GONE\n" \
    "heap pool=prototype va=0xffff9b03f0000000 pages=0x7e0-0x7ff tags=pg large=0\n" \
    "bigtable va=0xffffbd0a50000000 slots=0x1000 self\n" \
    "kernel va=0xfffff80200000000 size=0x200000\n"
/* clang-format on */

struct head {
    uint64_t phys;
    struct ps_planted h;
    int seen;
};

struct memory {
    uint8_t *b;
    uint64_t n_pages, image_pages;
    struct head *head;
    size_t n_heads;
};

struct variant {
    uint32_t build;
    uint32_t node, contexts, bitmap, sign_at;
    uint64_t constant;
};

static const struct variant variants[] = {
    {17763, 0x3100, 0x100, 0x30, 0x22, 0xa2e64eada2e64eadull},
    {18362, 0x3900, 0x100, 0x30, 0x22, 0xa2e64eada2e64eadull},
    {19041, 0x3900, 0x100, 0x30, 0x22, 0xa2e64eada2e64eadull},
    {20348, 0x3900, 0x140, 0x30, 0x22, 0xa2e64eada2e64eadull},
    {22000, 0x3900, 0x140, 0x30, 0x22, 0xa2e64eada2e64eadull},
    {22631, 0x3940, 0x140, 0x30, 0x22, 0xa2e64eada2e64eadull},
    {26100, 0x3940, 0x140, 0x40, 0x22, 0},
    {26200, 0x3940, 0x140, 0x40, 0x24, 0},
};
#define N_VARIANTS (sizeof variants / sizeof *variants)

/* What the walk has met. */
struct met {
    unsigned lfh_live, lfh_stale, lfh_never, lfh_lost, withheld;
    unsigned vs_live, vs_lost, vs_free, vs_moved, vs_big, vs_hollow, left_over, quota, released;
    unsigned large, segments, paged_out;
};

/* --- memory --- */

static uint32_t get16(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8;
}

static uint32_t get32(const uint8_t *p)
{
    return get16(p) | get16(p + 2) << 16;
}

static uint64_t get64(const uint8_t *p)
{
    return get32(p) | (uint64_t)get32(p + 4) << 32;
}

static struct ps_recipe *parse(uint32_t build, const char *seed, const char *gone)
{
    struct ps_recipe *r = NULL;
    struct ps_err err = {0};
    char text[4096], number[16];
    const char *from = RECIPE;
    size_t n = 0;
    const struct ps_recipe_param params[] = {{"BUILD", number}, {"SEED", seed}, {"GONE", gone}};

    /* A statement is one line: the pieces above that begin with a blank go on. */
    for (; *from; from++)
        if (*from != '\n' || from[1] != ' ')
            text[n++] = *from;
    snprintf(number, sizeof number, "%u", build);
    cr_assert_eq(ps_recipe_parse(&r, text, n, params, 3, &err), 0, "%u: line %llu: %s", build,
                 (unsigned long long)err.at, err.msg);
    return r;
}

static struct memory build(const struct ps_recipe *r)
{
    struct memory m = {.n_pages = ps_recipe_pages(r), .image_pages = ps_recipe_size(r) / PAGE};
    struct ps_planted_page *planted = malloc(sizeof *planted);
    size_t cap = 0;

    m.b = calloc(m.n_pages, PAGE);
    cr_assert(m.b && planted);
    for (uint64_t page = 0; page < m.n_pages; page++) {
        struct ps_err err = {0};

        cr_assert_geq(ps_recipe_page(r, page, m.b + page * PAGE, planted, &err), 0);
        for (size_t i = 0; i < planted->n; i++) {
            if (m.n_heads == cap) {
                cap = cap * 2 + 1024;
                m.head = realloc(m.head, cap * sizeof *m.head);
                cr_assert(m.head);
            }
            m.head[m.n_heads++] =
                (struct head){page * PAGE + planted->header[i].offset, planted->header[i], 0};
        }
    }
    free(planted);
    return m;
}

static void drop(struct memory *m)
{
    free(m->b);
    free(m->head);
}

/* Entries since the updates of 2018: what is not valid has bit 45 flipped unless bit 4 is set. */
static uint64_t phys_of(const struct memory *m, uint64_t va)
{
    uint64_t table = DTB, e = 0;

    for (int level = 3; level >= 0; level--) {
        e = get64(m->b + table + (va >> (12 + 9 * level) & 511) * 8);
        if (!(e & 1))
            break;
        table = e & 0xfffffffff000ull;
    }
    if (!(e & 1)) {
        if (e == 0 || e == 0x80)
            return NOWHERE;
        if (!(e & 0x10))
            e ^= 1ull << 45;
        table = e & 0x800 ? e & 0xfffffffff000ull : (m->image_pages + (e >> 32)) * PAGE;
    }
    return table + va % PAGE;
}

static const uint8_t *at(const struct memory *m, uint64_t va)
{
    uint64_t phys = phys_of(m, va);

    return phys == NOWHERE ? NULL : m->b + phys;
}

static uint64_t word(const struct memory *m, uint64_t va)
{
    const uint8_t *p = at(m, va);

    cr_assert(p, "%#llx is not there", (unsigned long long)va);
    return get64(p);
}

static struct head *head_at(struct memory *m, uint64_t va)
{
    uint64_t phys = phys_of(m, va);
    size_t lo = 0, hi = m->n_heads;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (m->head[mid].phys < phys)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == m->n_heads || m->head[lo].phys != phys)
        return NULL;
    m->head[lo].seen = 1;
    return &m->head[lo];
}

/* --- the walk --- */

struct walk {
    struct memory *m;
    const struct variant *v;
    struct met *met;
    uint64_t context;
    int paged;
};

/* A block that the heap has live: its header, or the link of a look-aside list over it. */
static struct head *live_block(struct walk *w, uint64_t va, uint8_t allocator)
{
    struct head *h = head_at(w->m, va);
    const uint8_t *p = at(w->m, va);
    uint64_t billed;

    if (!h) {
        cr_assert(get64(p) == 0 || get32(p + 4) >> 16 == 0xffff, "%#llx: %#llx",
                  (unsigned long long)va, (unsigned long long)get64(p));
        return NULL;
    }
    cr_assert_eq(h->h.state, PS_PLANTED_ALLOCATED);
    cr_assert_eq(h->h.allocator, allocator);
    cr_assert_eq(h->h.prev, 0);
    cr_assert_eq((int)(h->h.type & 7), w->paged ? 3 : 2);
    if (h->h.type & 8) {
        billed = get64(p + 8) ^ COOKIE ^ va;
        cr_assert_eq(billed, h->h.process);
        w->met->quota += billed != 0;
        w->met->released += billed == 0;
        if (billed && at(w->m, billed))
            cr_assert_eq(at(w->m, billed)[0], 3);
    }
    return h;
}

static void walk_lfh(struct walk *w, uint64_t va, uint32_t n_units)
{
    const uint8_t *b = at(w->m, va);
    uint32_t shifted = w->v->build >= 26100 ? (uint32_t)(va >> 12) : (uint32_t)va >> 12;
    uint32_t plain, size, first, n_blocks, n_free = 0;

    if (!b)
        return;
    plain = get32(b + 0x28) ^ (uint32_t)LFH_KEY ^ shifted;
    size = plain & 0xffff;
    first = plain >> 16;
    n_blocks = get16(b + 0x22);
    cr_assert(size % 16 == 0 && size >= 32 && size <= 0xff0 && first % 16 == 0, "%#x", plain);
    cr_assert_geq(first, w->v->bitmap + (n_blocks * 2 + 63) / 64 * 8);
    cr_assert_leq(first + n_blocks * size, n_units * PAGE);
    cr_assert_gt(first + (n_blocks + 1) * size, n_units * PAGE);
    for (uint32_t i = 0; i < n_blocks; i++) {
        uint32_t pair = (uint32_t)b[w->v->bitmap + i / 4] >> i % 4 * 2 & 3;
        uint64_t block = va + first + i * size;
        struct head *h;

        n_free += pair == 0;
        cr_assert_eq(pair == 3, block % PAGE + size > PAGE);
        w->met->withheld += pair == 3;
        if (pair == 3 || !at(w->m, block))
            continue;
        if (pair == 0) {
            h = head_at(w->m, block);
            w->met->lfh_stale += h != NULL;
            w->met->lfh_never += h == NULL;
            cr_assert(!h || h->h.state == PS_PLANTED_STALE);
            continue;
        }
        h = live_block(w, block, PS_PLANTED_BY_LFH);
        w->met->lfh_live += h != NULL;
        w->met->lfh_lost += h == NULL;
        cr_assert(!h || h->h.n_bytes <= size);
    }
    cr_assert_eq(n_free, get16(b + 0x20));
}

/* The block of a chunk in use that begins at 'va'; at the start of the next page when it would have
 * crossed into that. */
static void walk_chunk(struct walk *w, uint64_t va, uint64_t n_bytes)
{
    uint64_t header = va + 16, end = va + n_bytes;
    int is_moved = va % PAGE + n_bytes > 0x1040;
    struct head *h;

    if (is_moved)
        header = va / PAGE * PAGE + PAGE;
    if (end - header > 0xff0) {
        w->met->vs_big++;
        return;
    }
    if (!at(w->m, header))
        return;
    h = live_block(w, header, PS_PLANTED_BY_VS);
    w->met->vs_live += h != NULL;
    w->met->vs_lost += h == NULL;
    w->met->vs_moved += h && is_moved;
    if (!h)
        return;
    cr_assert(header + h->h.n_bytes == end || header + h->h.n_bytes + 16 == end, "%#llx",
              (unsigned long long)va);
    w->met->left_over += header + h->h.n_bytes != end;
    cr_assert_leq(header % PAGE + h->h.n_bytes, PAGE);
}

static void walk_vs(struct walk *w, uint64_t va, uint32_t n_units)
{
    const uint8_t *b = at(w->m, va);
    uint64_t end = va + (uint64_t)n_units * PAGE, prev = 0;
    uint32_t size;
    int after_free = 0;

    if (!b)
        return;
    size = get16(b + 0x20);
    cr_assert_eq((size ^ get16(b + w->v->sign_at)) & 0x7fff, 0x2bed);
    cr_assert_eq(size, n_units * 256 - 3);
    for (uint64_t c = va + 0x30; c < end;) {
        uint64_t plain, units;

        if (!at(w->m, c))
            return;
        plain = word(w->m, c) ^ c ^ HEAP_KEY;
        units = plain >> 16 & 0xffff;
        cr_assert(units >= 2 && plain >> 49 == 0 && (plain >> 32 & 0xffff) == prev, "%#llx: %#llx",
                  (unsigned long long)c, (unsigned long long)plain);
        prev = units;
        if (plain >> 48 & 1) {
            walk_chunk(w, c, units * 16);
        } else {
            cr_assert(!after_free, "two free chunks stand side by side");
            cr_assert_null(head_at(w->m, c + 16));
            w->met->vs_free++;
            w->met->vs_hollow += (plain & 0xffff) > 0;
        }
        after_free = !(plain >> 48 & 1);
        c += units * 16;
        cr_assert_leq(c, end);
    }
}

static void walk_segment(struct walk *w, uint64_t va)
{
    for (uint32_t unit = 2; unit < 256;) {
        const uint8_t *d = at(w->m, va + unit * 0x20ull);
        uint64_t first = va + (uint64_t)unit * PAGE;
        uint32_t n;

        cr_assert(d);
        if (d[0x18] == 0) {
            unit++;
            continue;
        }
        n = d[0x1f];
        cr_assert_eq(get32(d), 0xccddccddu);
        cr_assert(n > 0 && unit + n <= 256);
        for (uint32_t i = 1; i < n; i++) {
            const uint8_t *later = at(w->m, va + (unit + i) * 0x20ull);

            cr_assert(later && later[0x18] == 1 && later[0x1f] == i);
        }
        for (uint32_t i = 0; i < n; i++)
            w->met->paged_out +=
                phys_of(w->m, first + (uint64_t)i * PAGE) / PAGE >= w->m->image_pages;
        cr_assert(d[0x18] == 3 || d[0x18] == 0xb || d[0x18] == 0xf, "%#x", d[0x18]);
        if (d[0x18] == 0xb)
            walk_lfh(w, first, n);
        else if (d[0x18] == 0xf)
            walk_vs(w, first, n);
        else
            w->met->large++;
        unit += n;
    }
}

static void walk_heap(struct walk *w, uint64_t heap)
{
    uint64_t list = heap + w->v->contexts + 0x48, before = list, n = 0;

    w->context = heap + w->v->contexts;
    cr_assert_eq((uint32_t)word(w->m, heap + 0x10), 0xddeeddeeu);
    cr_assert_eq(word(w->m, w->context), 0xfffffffffff00000ull);
    cr_assert_eq((uint32_t)word(w->m, w->context + 8) & 0xffffff, 0x02000cu);
    cr_assert_eq(word(w->m, w->context + 0xc0), 0xffffffffff000000ull);
    cr_assert_eq((uint32_t)word(w->m, w->context + 0xc8) & 0xffffff, 0x010410u);
    cr_assert_eq(word(w->m, w->context + 0x38), heap);
    for (uint64_t s = word(w->m, list); s != list; s = word(w->m, s)) {
        cr_assert_eq(s % 0x100000, 0);
        cr_assert_eq(word(w->m, s + 8), before);
        cr_assert_eq(word(w->m, s + 0x10), s ^ w->context ^ HEAP_KEY ^ w->v->constant);
        walk_segment(w, s);
        before = s;
        n++;
        cr_assert_lt(n, 100);
    }
    cr_assert_eq(word(w->m, list + 8), before);
    cr_assert_eq(word(w->m, w->context + 0x58), n);
    w->met->segments += (unsigned)n;
}

static void walk_all(struct memory *m, const struct variant *v, struct met *met)
{
    uint64_t state = KERNEL + 0x14000, globals = word(m, state);

    cr_assert_eq(word(m, globals), HEAP_KEY);
    cr_assert_eq(word(m, globals + 8), LFH_KEY);
    cr_assert_eq(word(m, KERNEL + 0x65d8), COOKIE);
    cr_assert_eq(word(m, state + v->node), 0, "there is no heap for pool=nonpaged");
    for (unsigned i = 1; i < 4; i++) {
        struct walk w = {.m = m, .v = v, .met = met, .paged = i >= 2};

        walk_heap(&w, word(m, state + v->node + (uint64_t)i * 8));
    }
}

/* What the walk did not come to: second headers, leftovers in free chunks and never-used blocks,
 * content of large allocations. */
static void check_rest(const struct memory *m, uint32_t build_number)
{
    unsigned second = 0, left = 0, decoys = 0;

    for (size_t i = 0; i < m->n_heads; i++) {
        const struct ps_planted *h = &m->head[i].h;

        if (m->head[i].seen)
            continue;
        second += h->prev > 0;
        left += h->prev == 0 && h->state == PS_PLANTED_STALE;
        decoys += h->state == PS_PLANTED_DECOY;
        cr_assert(h->prev > 0 || h->state != PS_PLANTED_ALLOCATED || m->head[i].phys >= 0x500000,
                  "%u: %#llx", build_number, (unsigned long long)m->head[i].phys);
        if (h->prev > 0)
            cr_assert(h->type & 4 && (m->head[i].phys + 16) % 64 == 0);
    }
    cr_assert(second > 0 && left > 0 && decoys > 0, "%u: %u %u %u", build_number, second, left,
              decoys);
}

static void all_builds_one(const struct variant *v)
{
    struct ps_recipe *r = parse(v->build, "7", "0");
    struct memory m = build(r);
    struct met met = {0};

    walk_all(&m, v, &met);
    cr_assert(met.lfh_live > 1000 && met.lfh_stale > 100 && met.lfh_never > 100, "%u", v->build);
    cr_assert(met.withheld > 10 && met.vs_live > 500 && met.vs_free > 50, "%u", v->build);
    cr_assert(met.vs_moved > 10 && met.vs_lost > 0 && met.left_over > 0, "%u", v->build);
    cr_assert(met.quota > 10 && met.released > 0 && met.vs_big > 0 && met.large > 0, "%u",
              v->build);
    cr_assert(met.segments >= 3 && met.paged_out > 5 && met.vs_hollow > 0, "%u", v->build);
    /* Look-aside lists take blocks that the LFH has only since 24H2. */
    cr_assert_eq(met.lfh_lost > 0, v->build >= 26100);
    check_rest(&m, v->build);
    drop(&m);
    ps_recipe_free(r);
}

Test(recipe_heap, every_block_is_what_the_truth_says)
{
    for (size_t i = 0; i < N_VARIANTS; i++)
        all_builds_one(&variants[i]);
}

/* The vectors of the specification, by the arithmetic that the walk above uses. */
Test(recipe_heap, the_walk_reads_the_vectors)
{
    static const uint8_t s1[] = {0xc8, 0x35, 0x89, 0x00, 0x63, 0xef, 0xdd, 0xee};
    static const uint8_t s2[] = {0x38, 0x35, 0x5e, 0x00, 0x43, 0xef, 0xdc, 0xee};
    uint64_t va = 0xffffe18f1d5ce000ull, s = 0xffffdc0155e00000ull, c = 0xffffdc0150000100ull;

    cr_assert_eq(get64(s1) ^ 0xffffdc0155e94240ull ^ HEAP_KEY, 0x0000002600060000ull);
    cr_assert_eq(get64(s2) ^ 0xffffdc0155e942b0ull ^ HEAP_KEY, 0x0001000600d10000ull);
    cr_assert_eq(0x0ffd ^ 0x2410, 0x2bed);
    cr_assert_eq(0xa1c3162au ^ 0xa1b2c3d4u ^ (uint32_t)va >> 12, 0x00700030u);
    cr_assert_eq(0xb933162au ^ 0xa1b2c3d4u ^ (uint32_t)(va >> 12), 0x00700030u);
    cr_assert_eq(0xb3c47de9f2603825ull ^ s ^ c ^ 0xa2e64eada2e64eadull, HEAP_KEY);
    cr_assert_eq(0x1122334450867688ull ^ s ^ c, HEAP_KEY);
}

/* A segment that was given back is in no list, mapped by nothing, and nothing in it is live. */
Test(recipe_heap, gone_segments_are_stale)
{
    struct ps_recipe *r = parse(19041, "8", "60");
    struct memory m = build(r);
    struct met met = {0}, none = {0};
    unsigned gone = 0, unseen_live = 0;
    struct ps_recipe *whole = parse(19041, "8", "0");
    struct memory all = build(whole);

    walk_all(&m, &variants[2], &met);
    walk_all(&all, &variants[2], &none);
    cr_assert_lt(met.segments, none.segments);
    for (size_t i = 0; i < m.n_heads; i++) {
        const struct head *h = &m.head[i];

        gone += !h->seen && h->h.allocator == PS_PLANTED_BY_LFH && h->h.state == PS_PLANTED_STALE;
        unseen_live += !h->seen && h->h.prev == 0 && h->h.state == PS_PLANTED_ALLOCATED &&
                       h->h.allocator == PS_PLANTED_BY_LFH;
    }
    cr_assert_gt(gone, 500);
    cr_assert_lt(unseen_live, gone);
    drop(&m);
    drop(&all);
    ps_recipe_free(whole);
    ps_recipe_free(r);
}

Test(recipe_heap, one_seed_gives_one_image)
{
    struct ps_recipe *r = parse(26100, "9", "0"), *again = parse(26100, "9", "0");
    struct ps_recipe *other = parse(26100, "10", "0");
    struct memory a = build(r), b = build(other);
    unsigned different = 0;

    /* Backwards: no page depends on one that was built before. */
    for (uint64_t page = a.n_pages; page-- > 0;) {
        uint8_t one[PAGE];
        struct ps_err err = {0};

        cr_assert_geq(ps_recipe_page(again, page, one, NULL, &err), 0);
        cr_assert_arr_eq(one, a.b + page * PAGE, PAGE);
        different += memcmp(one, b.b + page * PAGE, PAGE) != 0;
    }
    cr_assert_gt(different, 1500);
    drop(&a);
    drop(&b);
    ps_recipe_free(r);
    ps_recipe_free(again);
    ps_recipe_free(other);
}

/* --- refusals --- */

#define HEAPS "size 4M\ntags t Aaaa\nsystem cr3=0x10 frames=0x20-0x3f\n"
#define HEAP  HEAPS "heap va=0xffffa80000000000 pages=0x100-0x1ff tags=t"

static const struct {
    const char *text;
    uint64_t line;
    const char *says;
} wrong[] = {
    {"size 1M\ntags t Aaaa\nheap va=0xffffa80000000000 pages=1-9 tags=t\n", 3, "page tables"},
    {"size 1M\nbuild 17134\nsystem cr3=1 frames=2-3\nheaps\n", 4, "17763"},
    {"size 1M\narch x86\nsystem cr3=1 frames=2-3\nheaps\n", 4, "x64"},
    {HEAPS "heaps signature=newer\n", 4, "old or new"},
    {HEAPS "heaps state=0x10\n", 4, ".data"},
    {HEAPS "heap va=0xffffa80000000000 pages=0x100-0x1ff\n", 4, "write: heap"},
    {HEAPS "heap va=0xffffa80000001000 pages=0x100-0x1ff tags=t\n", 4, "1 MiB"},
    {HEAPS "heap va=0x100000 pages=0x100-0x1ff tags=t\n", 4, "kernel half"},
    {HEAPS "heap va=0xffffa80000000000 pages=0x100-0x101 tags=t\n", 4, "4 to"},
    {HEAP " pool=session\n", 4, "pool is"},
    {HEAP " freed=101\n", 4, "at most 100"},
    {HEAP " freed=60 never=60\n", 4, "together"},
    {HEAP " lfh=0 vs=0 large=0\n", 4, "cannot all"},
    {HEAP " file=0x1-0x2\n", 4, "page file"},
    {HEAP "\nheaps\n", 5, "above the first heap"},
    {HEAP "\nheap va=0xffffa80100000000 pages=0x1ff-0x2ff tags=t\n", 5, "line 4"},
    {HEAP "\nheap va=0xffffa80000000000 pages=0x200-0x2ff tags=t\n", 5, "already"},
    {HEAPS "heap va=0xfffffffffff00000 pages=0x100-0x3ff tags=t\n", 4, "no room"},
    {HEAP "\nkernel va=0xfffff80000200000 size=0x20000\nheap va=0xffffa80100000000 "
          "at=0xffffa80080000000 pages=0x200-0x2ff tags=t pool=paged\nheaps\n",
     7, "above"},
};

Test(recipe_heap, mistakes_have_a_line_and_a_reason)
{
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct ps_recipe *r = NULL;
        struct ps_err err = {0};

        cr_assert_lt(ps_recipe_parse(&r, wrong[i].text, strlen(wrong[i].text), NULL, 0, &err), 0,
                     "%zu", i);
        cr_assert_null(r);
        cr_assert_eq(err.at, wrong[i].line, "%zu: line %llu: %s", i, (unsigned long long)err.at,
                     err.msg);
        cr_assert(strstr(err.msg, wrong[i].says), "%zu: %s", i, err.msg);
    }
}
