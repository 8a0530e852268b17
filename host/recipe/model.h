/* A parsed recipe, and what the files of host/recipe/ share. Nobody else includes this. */
#ifndef PS_HOST_RECIPE_MODEL_H
#define PS_HOST_RECIPE_MODEL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "host/recipe/recipe.h"

/* Bounds on what a recipe may ask for; memory and time stay small for hostile ones. */
#define PS_RCP_MAX_STMTS   65536u
#define PS_RCP_MAX_BLOCKS  65536u
#define PS_RCP_MAX_LISTS   256u
#define PS_RCP_MAX_ENTRIES 1024u  /* of one tag list */
#define PS_RCP_MAX_LINE    65536u /* bytes, parameters put in */
#define PS_RCP_MAX_WORDS   8192u  /* of one line */
#define PS_RCP_MAX_SETS    64u

/* What a statement puts into its pages (first part) or at its address (second part). */
enum ps_rcp_kind {
    PS_RCP_HOLE,
    PS_RCP_ZERO,
    PS_RCP_ONES,
    PS_RCP_RANDOM,
    PS_RCP_TEXT,
    PS_RCP_CODE,
    PS_RCP_POINTERS,
    PS_RCP_CLASSIC,
    PS_RCP_LFH,
    PS_RCP_VS,
    PS_RCP_N_MIXABLE, /* kinds a mix can draw stand above */
    PS_RCP_KUSER = PS_RCP_N_MIXABLE,
    PS_RCP_COPY,
    PS_RCP_TORN,
    PS_RCP_MIX,
    PS_RCP_FIRST_POINT,
    PS_RCP_HEADER = PS_RCP_FIRST_POINT,
    PS_RCP_CHUNK,
    PS_RCP_BYTES,
    PS_RCP_BLOCK, /* a line of a classic or vs page */
    PS_RCP_N_KINDS,
};

/* The key=value words. */
enum ps_rcp_key {
    PS_RCP_TAG,
    PS_RCP_SIZE,
    PS_RCP_PREV,
    PS_RCP_INDEX,
    PS_RCP_TYPE,
    PS_RCP_BILLED,
    PS_RCP_WORD0,
    PS_RCP_IS,
    PS_RCP_BODY,
    PS_RCP_FREE,
    PS_RCP_PROTECTED,
    PS_RCP_TAGS,
    PS_RCP_DECOYS,
    PS_RCP_STRIDE,
    PS_RCP_FIRST,
    PS_RCP_FREED,
    PS_RCP_UNUSED,
    PS_RCP_QUOTA,
    PS_RCP_VA,
    PS_RCP_FROM,
    PS_RCP_SECOND,
    PS_RCP_CUT,
    PS_RCP_BUILD,
    PS_RCP_MAJOR,
    PS_RCP_MINOR,
    PS_RCP_CPUS,
    PS_RCP_ROOT,
    PS_RCP_STYLE,
    PS_RCP_RUN,
    PS_RCP_SEED,
    PS_RCP_LEFTOVERS,
    PS_RCP_TORN_PAGES,
    PS_RCP_SMASHED,
    PS_RCP_SESSION,
    PS_RCP_VERIFIER,
    PS_RCP_ALIGNED,
    PS_RCP_LOOKASIDE,
    PS_RCP_KEPT,
    PS_RCP_N_KEYS,
};

enum ps_rcp_body {
    PS_RCP_BODY_OBJECT,
    PS_RCP_BODY_ZERO,
    PS_RCP_BODY_RANDOM,
    PS_RCP_BODY_NONE,
    PS_RCP_BODY_PROCESS, /* of a block line; so is the next one */
    PS_RCP_BODY_EXITED,
};
enum ps_rcp_style {
    PS_RCP_ENGLISH,
    PS_RCP_UTF16,
    PS_RCP_SOURCE,
    PS_RCP_POOLTAG,
    PS_RCP_ANY_STYLE,
};

/* Which Windows the statement's bytes are for. */
struct ps_rcp_era {
    uint32_t build;
    uint32_t is_x64;
};

struct ps_rcp_args {
    uint64_t set; /* bit per enum ps_rcp_key */
    uint64_t v[PS_RCP_N_KEYS];
};

struct ps_rcp_entry {
    uint32_t tag;
    uint32_t min_bytes, max_bytes; /* of the block, header included */
    uint32_t weight_end;           /* weights up to and including this entry */
    uint16_t type;                 /* PoolType as stored, or PS_RCP_NO_TYPE */
};
#define PS_RCP_NO_TYPE 0xffffu

struct ps_rcp_list {
    char name[32];
    struct ps_rcp_entry *entry;
    size_t n;
};

struct ps_rcp_block {
    struct ps_rcp_args args;
    uint32_t line;
};

struct ps_rcp_stmt {
    enum ps_rcp_kind kind;
    struct ps_rcp_era era;
    uint32_t line;
    uint64_t first_page, last_page;
    uint32_t offset; /* in the page; of a point statement */
    struct ps_rcp_args args;
    uint32_t first_block, n_blocks; /* classic and vs */
    uint32_t first_byte, n_bytes;   /* bytes statement; root of kuser */
    uint32_t weight[PS_RCP_N_MIXABLE], weights;
};

#define PS_RCP_NO_STMT 0xffffffffu

/* Pages first .. the next span's first - 1 get statement 'stmt'. */
struct ps_rcp_span {
    uint64_t first;
    uint32_t stmt; /* or PS_RCP_NO_STMT: a hole */
};

struct ps_rcp_system;

struct ps_recipe {
    uint64_t n_bytes;
    uint64_t n_pages;             /* those that only the page file holds included */
    uint64_t image_pages;         /* those of the image */
    struct ps_rcp_system *system; /* host/recipe/system/; NULL without page tables */
    uint64_t seed;
    uint64_t heap_key;
    uint64_t va_base[2]; /* x86, x64 */
    struct ps_rcp_stmt *stmt;
    size_t n_stmts, cap_stmts;
    struct ps_rcp_block *block;
    size_t n_blocks, cap_blocks;
    struct ps_rcp_list *list;
    size_t n_lists;
    uint8_t *bytes;
    size_t n_bytes_pool, cap_bytes;
    struct ps_rcp_span *span; /* ascending, from page 0 */
    size_t n_spans;
    uint32_t *point; /* statements at an address, by page, then in recipe order */
    size_t n_points;
};

/* A page being built. */
struct ps_rcp_page {
    const struct ps_recipe *recipe;
    const struct ps_rcp_stmt *stmt;
    uint64_t number;
    uint8_t *b;
    struct ps_planted_page *planted;
    uint64_t rng;
};

/* One header to plant. */
struct ps_rcp_header {
    uint32_t tag, prev, index, units, type;
    uint64_t billed;
    uint8_t state, allocator;
    uint8_t is_billed;  /* the recipe says 'billed' */
    uint8_t is_process; /* ... that the body is a process */
};

static inline uint32_t ps_rcp_unit(const struct ps_rcp_era *era)
{
    return era->is_x64 ? 16u : 8u;
}

static inline int ps_rcp_is_nt5(const struct ps_rcp_era *era)
{
    return era->build < 6000u;
}

static inline int ps_rcp_is_segment_heap(const struct ps_rcp_era *era)
{
    return era->build >= 18362u;
}

static inline int ps_rcp_has(const struct ps_rcp_args *args, enum ps_rcp_key key)
{
    return (int)(args->set >> key & 1u);
}

static inline uint64_t ps_rcp_get(const struct ps_rcp_args *args, enum ps_rcp_key key,
                                  uint64_t otherwise)
{
    return ps_rcp_has(args, key) ? args->v[key] : otherwise;
}

static inline void ps_rcp_put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static inline void ps_rcp_put32(uint8_t *p, uint32_t v)
{
    ps_rcp_put16(p, v);
    ps_rcp_put16(p + 2, v >> 16);
}

static inline void ps_rcp_put64(uint8_t *p, uint64_t v)
{
    ps_rcp_put32(p, (uint32_t)v);
    ps_rcp_put32(p + 4, (uint32_t)(v >> 32));
}

static inline uint32_t ps_rcp_get32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* splitmix64: the state is a counter, so any page can be built by itself. */
static inline uint64_t ps_rcp_mix64(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

static inline uint64_t ps_rcp_next(uint64_t *rng)
{
    *rng += 0x9e3779b97f4a7c15ull;
    return ps_rcp_mix64(*rng);
}

/* 0 .. n - 1, n at least 1. */
static inline uint32_t ps_rcp_below(uint64_t *rng, uint32_t n)
{
    return (uint32_t)((ps_rcp_next(rng) >> 32) * n >> 32);
}

static inline int ps_rcp_chance(uint64_t *rng, uint32_t percent)
{
    return ps_rcp_below(rng, 100u) < percent;
}

/* words.c: the text of one line. A word is raw: quotes and escapes still in it. */
struct ps_rcp_word {
    const char *s;
    size_t n;
};

/* For "%.*s" in messages. */
#define PS_RCP_SHOW(w) (int)((w).n < 40 ? (w).n : 40), (w).s

/* Split at blanks outside quotes, up to a '#' that starts a word. Number of words, or -1: a quote
 * is not closed, -2: more than cap. */
int ps_rcp_split(const char *line, size_t n, struct ps_rcp_word *word, size_t cap);
/* Position of the first of 'chars' that is not quoted or escaped; w.n when there is none. */
size_t ps_rcp_find(struct ps_rcp_word w, const char *chars);
struct ps_rcp_word ps_rcp_part(struct ps_rcp_word w, size_t from, size_t to);
int ps_rcp_is(struct ps_rcp_word w, const char *text);
/* Remove quotes and escapes into out[cap]: number of bytes, or -1. */
long ps_rcp_unescape(struct ps_rcp_word w, uint8_t *out, size_t cap);
/* Decimal or 0x, optional suffix K M G: 0, or -1. */
int ps_rcp_number(struct ps_rcp_word w, uint64_t *out);
/* One to four bytes, padded with spaces: 0, or -1. */
int ps_rcp_tag(struct ps_rcp_word w, uint32_t *out);

/* Length of the parameter name at s[0..n), 0 when there is none. */
size_t ps_rcp_name(const char *s, size_t n);

/* What the parsing files share. */
struct ps_rcp_parser {
    struct ps_recipe *recipe;
    struct ps_rcp_era era;
    uint32_t line;
    struct ps_err *err;
    const struct ps_recipe_param *params;
    size_t n_params;
    struct {
        char *name, *value;
    } set[PS_RCP_MAX_SETS];
    size_t n_sets;
    struct ps_rcp_word *word; /* PS_RCP_MAX_WORDS, of this line */
    size_t n_words;
    char *text; /* PS_RCP_MAX_LINE: this line with its parameters put in */
    int placed; /* a page or at statement was seen: size and seed stand */
};

/* places.c: the statements page, at and block. */
int ps_rcp_do_pages(struct ps_rcp_parser *p);
int ps_rcp_do_at(struct ps_rcp_parser *p);
int ps_rcp_do_block(struct ps_rcp_parser *p);

/* args.c: "key=value" words into args. */
/* Fill 'stmt' (kind and era set) from n words. Also weights of a mix and the bytes of a root. */
int ps_rcp_args_parse(struct ps_rcp_parser *p, struct ps_rcp_stmt *stmt,
                      const struct ps_rcp_word *word, size_t n);
int ps_rcp_bad(struct ps_rcp_parser *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Append bytes to the recipe's store; *first is where they begin. */
int ps_rcp_store(struct ps_rcp_parser *p, const uint8_t *bytes, size_t n, uint32_t *first);
extern const char *const ps_rcp_kind_names[PS_RCP_N_KINDS];

/* header.c */
/* PoolType by name ("NonPaged|Quota", "Free") or number: 0, or -1. */
int ps_rcp_type(const struct ps_rcp_era *era, struct ps_rcp_word w, uint32_t *out);
/* The byte for an allocated block: flags 1 paged, 8 quota, 0x20 session ... (request bits). */
uint32_t ps_rcp_type_in_use(const struct ps_rcp_era *era, uint32_t request);
int ps_rcp_type_is_in_use(const struct ps_rcp_era *era, uint32_t type);
int ps_rcp_type_is_paged(const struct ps_rcp_era *era, uint32_t type);
uint32_t ps_rcp_word0(const struct ps_rcp_era *era, const struct ps_rcp_header *h);
uint32_t ps_rcp_max_units(const struct ps_rcp_era *era);
/* Write the header (what of it fits into the page) and note it as planted. */
void ps_rcp_plant(struct ps_rcp_page *pg, uint32_t offset, const struct ps_rcp_header *h,
                  uint32_t line);
/* Note tag bytes at 'tag_offset' that are no header. */
void ps_rcp_plant_decoy(struct ps_rcp_page *pg, uint32_t tag_offset, uint32_t tag);
/* Forget headers that bytes first .. first + n - 1 overwrite. */
void ps_rcp_uproot(struct ps_planted_page *planted, uint32_t first, uint32_t n);

/* fill.c, text.c */
void ps_rcp_fill_random(struct ps_rcp_page *pg, uint32_t first, uint32_t n);
void ps_rcp_fill_body(struct ps_rcp_page *pg, enum ps_rcp_body body, uint32_t first, uint32_t n);
void ps_rcp_fill_pointers(struct ps_rcp_page *pg);
void ps_rcp_fill_code(struct ps_rcp_page *pg);
void ps_rcp_fill_text(struct ps_rcp_page *pg);
void ps_rcp_fill_kuser(struct ps_rcp_page *pg);
uint64_t ps_rcp_kernel_pointer(struct ps_rcp_page *pg);
/* Major and minor version of a build, as major << 8 | minor. */
uint32_t ps_rcp_version_of(uint32_t build);

/* classic/: whole pages of the classic pool. */
void ps_rcp_classic_page(struct ps_rcp_page *pg);

/* pool.c: what drawn blocks are like, and whole pages of the segment heap. */
int ps_rcp_entry_paged(const struct ps_rcp_era *era, const struct ps_rcp_entry *e);
struct ps_rcp_header ps_rcp_drawn_header(struct ps_rcp_page *pg, const struct ps_rcp_entry *e,
                                         int paged);
/* What an explicit "block" line asks for. */
struct ps_rcp_header ps_rcp_block_header(struct ps_rcp_page *pg, const struct ps_rcp_block *b);
enum ps_rcp_body ps_rcp_body_of(const struct ps_rcp_page *pg);
/* 'n' pointers to the neighbours in a list of free blocks, as far as they fit into the page. */
void ps_rcp_put_links(struct ps_rcp_page *pg, uint32_t at, uint32_t n);
void ps_rcp_lfh_page(struct ps_rcp_page *pg);
void ps_rcp_vs_page(struct ps_rcp_page *pg);
/* Do the block lines of a classic or vs page fit into it? 0, or -1 with the reason. */
int ps_rcp_blocks_fit(const struct ps_recipe *recipe, const struct ps_rcp_stmt *stmt,
                      const char **why);
/* Write a VS chunk header at 'offset' of the page; sizes in units. */
void ps_rcp_chunk_header(struct ps_rcp_page *pg, uint32_t offset, uint32_t units, uint32_t prev,
                         int in_use);
/* A random entry of a list that is not empty; paged is 0, 1 or -1 (either). */
const struct ps_rcp_entry *ps_rcp_draw(struct ps_rcp_page *pg, const struct ps_rcp_list *list,
                                       int paged);
/* The list a statement names, or NULL. */
const struct ps_rcp_list *ps_rcp_list_of(const struct ps_rcp_page *pg, enum ps_rcp_key key);

/* write.c: a tag inside a JSON text. */
void ps_rcp_print_tag(FILE *out, uint32_t tag);

/* page.c: after parsing, which statement each page gets. 0 or -PS_ENOMEM. */
int ps_rcp_index(struct ps_recipe *recipe, struct ps_err *err);

#endif
