#include "scan/windows/kernel/kernel_image.h"

#include <string.h>
#include <strings.h>

#include "scan/windows/kernel/mapped_pages.h"

#define NEAR_BYTES (UINT64_C(32) << 20)
#define ALIGNED    (UINT64_C(2) << 20) /* where the loader of Windows 10 and later puts it */

/* Bounds on what hostile page tables can make of the search. */
#define MAX_PAGES      (UINT32_C(1) << 18) /* a GiB of small ones */
#define MAX_HEADERS    4096u
#define MAX_CANDIDATES 64u

/* How sure it is that an image is the Windows kernel. Any of the first three is a mark. */
enum {
    SCORE_SECTION = 2,
    SCORE_PDB_NAME = 4,
    SCORE_EXPORT_NAME = 4,
    SCORE_OWN_BASE = 1, /* ImageBase is where it is: a loader was here */
    SCORE_ALIVE = 8,
    SCORE_BEYOND_DOUBT = SCORE_ALIVE + SCORE_EXPORT_NAME,
};

static const struct ps_va_range x64_regions[] = {
    {UINT64_C(0xfffff80000000000), UINT64_C(1) << 36},
};
/* The second one is for systems started with /3GB. */
static const struct ps_va_range x86_regions[] = {
    {0x80000000, 0x10000000},
    {0xe0000000, 0x10000000},
};

struct search {
    struct ps_paging *paging;
    struct ps_mapped_pages pages;
    struct ps_va_reader memory;
    uint32_t pages_left;
    unsigned headers_left;
    uint64_t candidate[MAX_CANDIDATES]; /* bases, since ranges overlap */
    unsigned n_candidates;
    unsigned best;
    struct ps_pe pe;
    struct ps_kernel_image *out;
};

const char *ps_kernel_method_name(enum ps_kernel_method method)
{
    static const char *const names[] = {"not-found", "near-low-stub", "region", "no-header"};

    return names[method];
}

static size_t read_paging(void *arg, uint64_t va, void *buf, size_t n_bytes)
{
    return ps_paging_read(arg, va, buf, n_bytes);
}

static int is_kernel_pdb(const char *name)
{
    static const char *const names[] = {"ntkrnlmp.pdb", "ntoskrnl.pdb", "ntkrnlpa.pdb",
                                        "ntkrpamp.pdb"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcasecmp(name, names[i]) == 0)
            return 1;
    return 0;
}

static int has_pool_code(const struct ps_pe *pe)
{
    for (size_t i = 0; i < pe->n_sections; i++)
        if (strcmp(pe->section[i].name, "POOLCODE") == 0)
            return 1;
    return 0;
}

static uint64_t read_number(const struct search *s, uint32_t rva, unsigned n_bytes)
{
    uint8_t raw[8] = {0};
    uint64_t value = 0;

    if (rva == 0 || s->memory.read(s->memory.arg, s->pe.base + rva, raw, n_bytes) != n_bytes)
        return 0;
    for (unsigned i = n_bytes; i-- > 0;)
        value = value << 8 | raw[i];
    return value;
}

static int is_mapped_kernel_address(struct search *s, uint64_t va)
{
    uint64_t phys;

    return va >= ps_paging_kernel_base(s->paging->format.mode) &&
           ps_paging_translate(s->paging, va, &phys);
}

static unsigned score_marks(struct search *s, struct ps_kernel_image *found)
{
    unsigned score = 0;

    if (ps_pe_export_name(&s->memory, &s->pe, found->export_name) &&
        strcasecmp(found->export_name, "ntoskrnl.exe") == 0)
        score += SCORE_EXPORT_NAME;
    found->has_pdb = ps_pe_pdb(&s->memory, &s->pe, &found->pdb);
    if (found->has_pdb && is_kernel_pdb(found->pdb.name))
        score += SCORE_PDB_NAME;
    if (has_pool_code(&s->pe))
        score += SCORE_SECTION;
    return score;
}

static unsigned score_exports(struct search *s, struct ps_kernel_image *found)
{
    const unsigned n_bytes = s->pe.is_x64 ? 8 : 4;
    uint32_t build = 0;

    if (ps_pe_export(&s->memory, &s->pe, "NtBuildNumber", &build))
        found->build = (uint32_t)read_number(s, build, 4) & 0xffff;
    ps_pe_export(&s->memory, &s->pe, "PsLoadedModuleList", &found->loaded_module_list);
    ps_pe_export(&s->memory, &s->pe, "PsInitialSystemProcess", &found->initial_system_process);
    return is_mapped_kernel_address(s, read_number(s, found->initial_system_process, n_bytes))
               ? SCORE_ALIVE
               : 0;
}

static int is_known(const struct search *s, uint64_t base)
{
    for (unsigned i = 0; i < s->n_candidates; i++)
        if (s->candidate[i] == base)
            return 1;
    return 0;
}

/* A header at 's->pe': is it a better one than what there is? */
static void consider(struct search *s, enum ps_kernel_method method)
{
    struct ps_kernel_image found = {.method = method, .has_header = 1};
    unsigned score = is_known(s, s->pe.base) ? 0 : score_marks(s, &found);

    if (score == 0)
        return;
    s->candidate[s->n_candidates++] = s->pe.base;
    score += score_exports(s, &found);
    if (s->pe.preferred_base == s->pe.base)
        score += SCORE_OWN_BASE;
    if (score <= s->best)
        return;
    s->best = score;
    found.base = s->pe.base;
    found.n_bytes = s->pe.n_bytes;
    found.pe = s->pe;
    *s->out = found;
}

static int is_done(const struct search *s)
{
    return s->best >= SCORE_BEYOND_DOUBT || s->pages_left == 0 || s->headers_left == 0 ||
           s->n_candidates == MAX_CANDIDATES;
}

static void look_at_page(struct search *s, uint64_t va, uint64_t phys, enum ps_kernel_method method)
{
    const struct ps_physmem *mem = s->paging->mem;
    const int is_x64 = ps_paging_is_x64(s->paging->format.mode);
    uint8_t magic[2];

    s->pages_left--;
    if (mem->read(mem->arg, phys, magic, 2) != 2 || magic[0] != 'M' || magic[1] != 'Z')
        return;
    s->headers_left--;
    if (ps_pe_read(&s->memory, va, &s->pe) && s->pe.is_x64 == is_x64)
        consider(s, method);
}

static uint64_t round_up(uint64_t va, uint64_t step)
{
    return (va + (step - 1)) & ~(step - 1);
}

/* What is mapped at multiples of 'step' in the range. */
static void search_range(struct search *s, struct ps_va_range range, uint64_t step,
                         enum ps_kernel_method method)
{
    const uint64_t last = range.va + (range.n_bytes - 1);
    struct ps_mapped_page page;
    uint64_t va = range.va;

    while (!is_done(s) && ps_mapped_pages_next(&s->pages, va, last, &s->pages_left, &page)) {
        uint64_t at = round_up(page.va, step);

        for (; at >= page.va && at <= page.last && !is_done(s); at += step)
            look_at_page(s, at, page.phys + (at - page.va), method);
        va = round_up(page.last + 1, step);
        if (va <= page.last || va > last)
            return;
    }
}

static struct ps_va_range near_range(enum ps_paging_mode mode, uint64_t hint)
{
    const uint64_t top = ps_paging_is_x64(mode) ? UINT64_MAX : UINT32_MAX;
    const uint64_t bottom = ps_paging_kernel_base(mode);
    uint64_t from = bottom, last = top;

    hint &= ~(uint64_t)(PS_FRAME_BYTES - 1);
    if (hint - bottom > NEAR_BYTES)
        from = hint - NEAR_BYTES;
    if (top - hint > NEAR_BYTES)
        last = hint + (NEAR_BYTES - 1);
    return (struct ps_va_range){from, last - from + 1};
}

static size_t regions_of(enum ps_paging_mode mode, const struct ps_va_range **regions)
{
    *regions = ps_paging_is_x64(mode) ? x64_regions : x86_regions;
    return ps_paging_is_x64(mode) ? sizeof x64_regions / sizeof x64_regions[0]
                                  : sizeof x86_regions / sizeof x86_regions[0];
}

/* Where the loader prefers to put it first. */
static void search_twice(struct search *s, struct ps_va_range range, enum ps_kernel_method method)
{
    s->pages_left = MAX_PAGES;
    search_range(s, range, ALIGNED, method);
    search_range(s, range, PS_FRAME_BYTES, method);
}

static void add_range(struct ps_kernel_image *image, uint64_t va, uint64_t n_bytes)
{
    struct ps_va_range *last = image->n_ranges > 0 ? &image->range[image->n_ranges - 1] : NULL;

    if (last && last->va + last->n_bytes == va)
        last->n_bytes += n_bytes;
    else if (image->n_ranges < PS_KERNEL_MAX_RANGES)
        image->range[image->n_ranges++] = (struct ps_va_range){va, n_bytes};
}

static void take_sections(struct ps_kernel_image *image)
{
    for (size_t i = 0; i < image->pe.n_sections; i++) {
        const struct ps_pe_section *p = &image->pe.section[i];

        if (p->writable && !p->discardable && p->n_bytes > 0)
            add_range(image, image->base + p->rva, p->n_bytes);
    }
}

/* Without a header nothing says where the variables are but that they can be written. */
static void take_writable(struct search *s, struct ps_va_range range, uint64_t *bytes_left)
{
    const struct ps_physmem *mem = s->paging->mem;
    const uint64_t last = range.va + (range.n_bytes - 1);
    struct ps_mapped_page page;
    uint64_t va = range.va;

    s->pages_left = MAX_PAGES;
    while (*bytes_left > 0 && va >= range.va && va <= last &&
           ps_mapped_pages_next(&s->pages, va, last, &s->pages_left, &page)) {
        uint64_t n = page.last - page.va + 1;

        if (page.writable && ps_physmem_frame(mem, page.phys) != UINT64_MAX) {
            n = n < *bytes_left ? n : *bytes_left;
            add_range(s->out, page.va, n);
            *bytes_left -= n;
        }
        va = page.last + 1;
    }
}

static void take_no_header(struct search *s, uint64_t hint)
{
    const enum ps_paging_mode mode = s->paging->format.mode;
    uint64_t bytes_left = PS_KERNEL_NO_HEADER_BYTES;
    const struct ps_va_range *region;
    size_t n = regions_of(mode, &region);

    if (hint != 0)
        take_writable(s, near_range(mode, hint), &bytes_left);
    for (size_t i = 0; s->out->n_ranges == 0 && i < n; i++)
        take_writable(s, region[i], &bytes_left);
    s->out->method = s->out->n_ranges > 0 ? PS_KERNEL_NO_HEADER : PS_KERNEL_NOT_FOUND;
}

int ps_kernel_image_find(struct ps_paging *paging, uint64_t hint, struct ps_kernel_image *out)
{
    const enum ps_paging_mode mode = paging->format.mode;
    struct search s = {.paging = paging,
                       .memory = {.read = read_paging, .arg = paging},
                       .headers_left = MAX_HEADERS,
                       .out = out};
    const struct ps_va_range *region;
    size_t n = regions_of(mode, &region);

    *out = (struct ps_kernel_image){0};
    ps_mapped_pages_init(&s.pages, paging);
    if (hint < ps_paging_kernel_base(mode))
        hint = 0;
    if (hint != 0)
        search_twice(&s, near_range(mode, hint), PS_KERNEL_NEAR_STUB);
    for (size_t i = 0; s.best < SCORE_BEYOND_DOUBT && i < n; i++)
        search_twice(&s, region[i], PS_KERNEL_REGION);
    if (out->has_header)
        take_sections(out);
    else
        take_no_header(&s, hint);
    out->n_candidates = s.n_candidates;
    return out->has_header;
}

size_t ps_kernel_data_ranges(const struct ps_kernel_image *image, struct ps_va_range *out,
                             size_t cap)
{
    const size_t n = image->n_ranges < cap ? image->n_ranges : cap;

    if (n > 0)
        memcpy(out, image->range, n * sizeof *out);
    return image->n_ranges;
}
