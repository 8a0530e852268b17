/* Recipes: readable text -> a physical memory image, and the list of what was planted in it.
 *
 * A witness for tests: nothing here comes from kernels/ or from the pool code of scan/, so what a
 * scan finds can be compared with what a recipe planted. The language is in docs/RECIPES.md. The
 * same recipe, parameters and seed give the same bytes on any machine. */
#ifndef PS_HOST_RECIPE_RECIPE_H
#define PS_HOST_RECIPE_RECIPE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "scan/err.h"

#define PS_RECIPE_PAGE      4096u
#define PS_RECIPE_MAX_BYTES (64ull << 30) /* largest image */
#define PS_RECIPE_MAX_TEXT  (8ull << 20)  /* longest recipe */
/* Most headers one page can hold: one per 8 bytes. */
#define PS_RECIPE_PAGE_MAX_HEADERS 512u

/* What a planted header is. */
enum ps_planted_state {
    PS_PLANTED_ALLOCATED,
    PS_PLANTED_FREE,  /* PoolType says free */
    PS_PLANTED_STALE, /* freed, but the header still says in use (segment heap) */
    PS_PLANTED_DECOY, /* tag bytes that are no header: code, text, wrong place or sizes */
};

enum ps_planted_allocator {
    PS_PLANTED_BY_NONE, /* a header statement or a decoy */
    PS_PLANTED_BY_CLASSIC,
    PS_PLANTED_BY_LFH,
    PS_PLANTED_BY_VS,
};

/* One header that stands in a finished page, whole. */
struct ps_planted {
    uint32_t offset;   /* in the page, of the header (of a decoy: its tag - 4) */
    uint32_t tag;      /* as in memory */
    uint32_t word0;    /* the other four header bytes; 0 for a decoy in code or text */
    uint32_t n_bytes;  /* block size, header included; 0 for a decoy in code or text */
    uint32_t units;    /* BlockSize */
    uint32_t prev;     /* PreviousSize */
    uint32_t type;     /* PoolType as stored */
    uint32_t line;     /* of the statement that planted it */
    uint8_t state;     /* enum ps_planted_state */
    uint8_t allocator; /* enum ps_planted_allocator */
    uint8_t is_copy;   /* came with a copied page */
    uint8_t is_torn;   /* came with a torn page */
    uint64_t process;  /* EPROCESS that a quota block is charged to, or 0 */
};

struct ps_planted_page {
    size_t n;
    struct ps_planted header[PS_RECIPE_PAGE_MAX_HEADERS]; /* ascending offset */
};

/* A parameter given by the caller; it wins over the recipe's own "set NAME VALUE". */
struct ps_recipe_param {
    const char *name;
    const char *value;
};

struct ps_recipe;

/* Read a recipe. On failure PS_EARG and err->at is the line number (from 1), *out is untouched.
 * Immutable afterwards: every function below may be called from any thread. */
int ps_recipe_parse(struct ps_recipe **out, const char *text, size_t n_bytes,
                    const struct ps_recipe_param *params, size_t n_params, struct ps_err *err);
void ps_recipe_free(struct ps_recipe *recipe); /* accepts NULL */

/* Bytes of the image; the last page may be partial. */
uint64_t ps_recipe_size(const struct ps_recipe *recipe);

/* Pages of the recipe: those of the image, and behind them those that only the page file holds. */
uint64_t ps_recipe_pages(const struct ps_recipe *recipe);

/* Build one page into 'page' (PS_RECIPE_PAGE bytes): 1 written, 0 a hole (page is zeroed).
 * 'planted' may be NULL. PS_EARG with err->at = line for a copy of a copy. */
int ps_recipe_page(const struct ps_recipe *recipe, uint64_t page_number, uint8_t *page,
                   struct ps_planted_page *planted, struct ps_err *err);

/* The first page from 'page_number' on that may be other than a hole, or ps_recipe_pages. */
uint64_t ps_recipe_next_page(const struct ps_recipe *recipe, uint64_t page_number);

/* Write the image to an open file, from its position 0; holes are not written, the length is set at
 * the end. A file that cannot seek (a pipe) gets zeros for holes. */
int ps_recipe_write_fd(const struct ps_recipe *recipe, int fd, struct ps_err *err);
/* The same to 'path', through a temporary name beside it that is synced and renamed: 'path' is
 * either the whole new image or untouched; a FIFO or device is written directly. PS_ECREATE,
 * PS_EIO. */
int ps_recipe_write(const struct ps_recipe *recipe, const char *path, struct ps_err *err);

/* The pages that only the page file holds, in the same way. PS_EARG when there are none. */
int ps_recipe_write_page_file(const struct ps_recipe *recipe, const char *path, struct ps_err *err);

/* One JSON line for each planted header, ascending (docs/RECIPES.md, "The truth"). */
int ps_recipe_truth(const struct ps_recipe *recipe, FILE *out, struct ps_err *err);

/* The embedded sample. */
extern const char ps_recipe_sample[];
extern const size_t ps_recipe_sample_bytes;

#endif
