#include "host/virtual/pfn.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "host/log.h"
#include "host/virtual/windows_kernel.h"
#include "scan/windows/pfn/locate.h"

/* A page has one place, by its number. */
#define N_PAGES 32u
#define NO_PAGE UINT64_MAX

struct ps_pfn_pages {
    pthread_mutex_t lock;
    struct ps_image *image;
    struct {
        uint64_t phys; /* NO_PAGE: none */
        int is_good;   /* it could be read */
        uint8_t bytes[PS_FRAME_BYTES];
    } page[N_PAGES];
};

/* A part of one page. That a page is not to be had is remembered as well. */
static size_t read_part(void *arg, uint64_t phys, void *buf, size_t n_bytes)
{
    struct ps_pfn_pages *pages = arg;
    const uint64_t first = phys & ~(uint64_t)(PS_FRAME_BYTES - 1);
    const size_t at = (size_t)(first / PS_FRAME_BYTES % N_PAGES);
    struct ps_err ignored;
    int is_good;

    pthread_mutex_lock(&pages->lock);
    if (pages->page[at].phys != first) {
        pages->page[at].phys = first;
        pages->page[at].is_good = ps_image_read(pages->image, first, pages->page[at].bytes,
                                                PS_FRAME_BYTES, &ignored) == 0;
    }
    is_good = pages->page[at].is_good;
    if (is_good)
        memcpy(buf, pages->page[at].bytes + (phys - first), n_bytes);
    pthread_mutex_unlock(&pages->lock);
    return is_good ? n_bytes : 0;
}

static struct ps_pfn_pages *pages_new(struct ps_image *image)
{
    struct ps_pfn_pages *pages = calloc(1, sizeof *pages);

    if (!pages)
        return NULL;
    pthread_mutex_init(&pages->lock, NULL);
    pages->image = image;
    for (size_t i = 0; i < N_PAGES; i++)
        pages->page[i].phys = NO_PAGE;
    return pages;
}

void ps_pfn_source_close(struct ps_pfn_source *source)
{
    ps_pfn_database_free(source->db);
    if (source->pages)
        pthread_mutex_destroy(&source->pages->lock);
    free(source->pages);
    *source = (struct ps_pfn_source){.db = NULL};
}

int ps_address_space_pfn_find(struct ps_address_space *as, const struct ps_options *opt,
                              const struct ps_inverse_map *map, struct ps_pfn_place *place,
                              struct ps_err *err)
{
    struct ps_va_range range[PS_KERNEL_MAX_RANGES];
    struct ps_pfn_spec spec = {.data = range, .mem = &as->memory.mem, .map = map};
    int rc;

    *place = (struct ps_pfn_place){.method = PS_PFN_NOT_FOUND};
    if (!as->has_dtb)
        return 0;
    rc = ps_address_space_kernel(as, opt, err);
    if (rc < 0)
        return rc;
    spec.n_data = ps_address_space_kernel_data(as, range);
    spec.arch = ps_address_space_arch(as);
    spec.build = as->build;
    ps_address_space_symbol(as, PS_SYMBOL_MmPfnDatabase, &spec.symbol);
    return ps_pfn_find(as->paging, &spec, place, err);
}

static int open_source(struct ps_address_space *as, const struct ps_options *opt,
                       const struct ps_inverse_map *map, struct ps_pfn_source *out,
                       struct ps_err *err)
{
    struct ps_pfn_place place;
    const int rc = ps_address_space_pfn_find(as, opt, map, &place, err);

    if (rc <= 0)
        return rc;
    ps_log(PS_LOG_DEBUG,
           "PFN database at 0x%" PRIx64 " by %s, %s, %" PRIu32 " of %" PRIu32 " frames agree",
           place.va, ps_pfn_method_name(place.method), place.layout->name, place.n_agree,
           place.n_samples);
    out->pages = pages_new(as->image);
    if (!out->pages)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the PFN database");
    return ps_pfn_database_open(&out->db, &place, as->paging, &as->memory.mem, read_part,
                                out->pages, err);
}

int ps_address_space_pfn(struct ps_address_space *as, const struct ps_options *opt,
                         const struct ps_inverse_map *map, struct ps_pfn_source *out,
                         struct ps_err *err)
{
    *out = (struct ps_pfn_source){.db = NULL};
    return open_source(as, opt, map, out, err);
}

static int find_late(void *arg, struct ps_err *err)
{
    struct ps_pfn_source *source = arg;

    return open_source(source->space, source->opt, source->map, source, err);
}

void ps_address_space_pfn_late(struct ps_address_space *as, const struct ps_options *opt,
                               const struct ps_inverse_map *map, pthread_mutex_t *lock,
                               struct ps_pfn_source *out)
{
    *out = (struct ps_pfn_source){
        .late = {.lock = lock, .find = find_late, .arg = out}, .space = as, .opt = opt, .map = map};
}

const struct ps_pfn_database *ps_pfn_source_ask(void *arg)
{
    struct ps_pfn_source *source = arg;

    ps_late_ask(&source->late);
    return source->db;
}
