/* Pages to scan: what fills them, and which headers were planted in them. */
#ifndef PS_HOST_BENCH_DATA_PAGES_H
#define PS_HOST_BENCH_DATA_PAGES_H

#include <stddef.h>
#include <stdint.h>

#include "host/bench/data/tag_set.h"
#include "scan/err.h"
#include "scan/pool/era.h"

/* What a buffer is filled with. */
struct ps_page_mix {
    const char *name;
    enum ps_arch arch;
    uint32_t build;     /* of the Windows in it */
    int any_build;      /* the plan does not know it and admits headers of every build */
    const char *fill;   /* a page statement of the recipe language */
    int common;         /* its pools hold the 15 commonest tags only: all tag sets find the same */
    uint32_t per_mille; /* of 1000 slots so many begin a header, over that fill ... */
    int dense;          /* ... or every second slot */
};

extern const struct ps_page_mix ps_page_mixes[];
extern const size_t ps_n_page_mixes;

/* Those that are like the image of a machine: at work, and idle. */
#define PS_PAGE_MIX_IMAGE 0u
#define PS_PAGE_MIX_IDLE  3u

/* Filled with headers by a recipe, for x64 and for x86: the most memory that a scan can take. */
extern const struct ps_page_mix ps_page_mix_dense[2];

/* A header that was planted whole and in use. */
struct ps_planted_header {
    uint64_t off; /* from the first page */
    uint32_t tag;
    uint32_t word0;
};

struct ps_pages {
    uint8_t *mem; /* the caller's, n_bytes of it; the contents repeat after unique_bytes */
    size_t n_bytes;
    size_t unique_bytes;
    struct ps_planted_header *planted; /* of the unique part, ascending */
    size_t n_planted, cap_planted;
};

/* At most so much of a buffer is unlike the rest: enough that no cache or branch predictor
 * remembers it. */
#define PS_PAGES_UNIQUE_BYTES ((size_t)32 << 20)

/* Fill p->mem (n_bytes a multiple of the unique part or not larger than it). */
int ps_pages_fill(struct ps_pages *p, const struct ps_page_mix *mix,
                  const struct ps_bench_tags *tags, struct ps_err *err);
void ps_pages_free(struct ps_pages *p); /* not the memory */

/* A recipe for an image of n_bytes filled like 'mix' and with a KUSER_SHARED_DATA page, into
 * malloc'ed *text. */
int ps_pages_recipe(char **text, const struct ps_page_mix *mix, const struct ps_bench_tags *tags,
                    uint64_t n_bytes, int with_kuser, struct ps_err *err);

#endif
