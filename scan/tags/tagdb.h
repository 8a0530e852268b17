/* The tag database: who owns a pool tag and what it is for.
 *
 * Filled from any number of texts and from the lists that are compiled into the program, in order
 * of precedence: of two entries with the same pattern the one that was added first stays (so
 * --tag-file goes in before the built-in lists). Among the entries that match a tag the most
 * specific wins, whatever list it is from (ps_tag_mask_rank: an exact one before any with open
 * bytes, then more fixed bytes, then the longer literal prefix). Immutable once filled; may then be
 * read from any thread. After PS_ENOMEM the database knows nothing. */
#ifndef PS_SCAN_TAGS_TAGDB_H
#define PS_SCAN_TAGS_TAGDB_H

#include <stddef.h>
#include <stdint.h>

#include "scan/err.h"
#include "scan/tags/tag.h"

#define PS_TAG_UNKNOWN 0xffffffffu

struct ps_tag_info {
    struct ps_tag_pattern pattern; /* as written; lists leave the protected bit out */
    const char *component;         /* "nt!ps", "tcpip.sys"; "" when not known */
    const char *kind;              /* "process", "file-system" ...; "" when not known */
    const char *pool;              /* usual pool: "np", "pg", "both"; "" when not known */
    const char *seen;              /* Windows releases: "vista-", "2000-7" ...; "" when not known */
    const char *description;       /* a few words; "" when not known */
    const char *source; /* name of the list it came from; "kernel/objects.tags" below tags/ */
    uint32_t line;      /* in that list, from 1 */
};

struct ps_tagdb;

int ps_tagdb_new(struct ps_tagdb **out, struct ps_err *err);
void ps_tagdb_free(struct ps_tagdb *db); /* accepts NULL */

/* The factor of scan/hash.h, before the first list; without it lists may be made that take long. */
void ps_tagdb_set_factor(struct ps_tagdb *db, uint64_t factor);
uint64_t ps_tagdb_factor(const struct ps_tagdb *db); /* 0: none was set */

/* Add a list in the project's own format (tags/README.md) or in the form of Microsoft's
 * pooltag.txt (docs/TAGS.md). 'text' and 'name' are copied; 'name' is for messages. A line of the
 * own format that cannot be understood is an error (PS_EFORMAT, err->at = line) and nothing is
 * added; in a pooltag.txt it is skipped and counted in *n_skipped (may be NULL), and a text without
 * a single entry is the error. Duplicates of a pattern: the first one stays. Component, kind and
 * description are printable ASCII in any case: another byte is an error in the own format and
 * becomes '?' in a pooltag.txt. Entries already there may get another index. */
int ps_tagdb_add_tags(struct ps_tagdb *db, const char *name, const char *text, size_t n,
                      struct ps_err *err);
int ps_tagdb_add_pooltag(struct ps_tagdb *db, const char *name, const char *text, size_t n,
                         size_t *n_skipped, struct ps_err *err);
/* One of the two, by what the text looks like. */
int ps_tagdb_add_any(struct ps_tagdb *db, const char *name, const char *text, size_t n,
                     size_t *n_skipped, struct ps_err *err);

/* The lists compiled into the program (scan/tags/builtin/). They are constant data: with no other
 * list in the database this allocates nothing and takes no time. */
int ps_tagdb_add_builtin(struct ps_tagdb *db, struct ps_err *err);

size_t ps_tagdb_count(const struct ps_tagdb *db);
/* Entry i, less than the count; entries stand in order of pattern text. Its texts belong to the
 * database. */
struct ps_tag_info ps_tagdb_at(const struct ps_tagdb *db, uint32_t i);
/* Index of the entry that explains 'tag' (raw, as in memory: exact first, then with the
 * protected bit cleared), or PS_TAG_UNKNOWN. */
uint32_t ps_tagdb_find(const struct ps_tagdb *db, uint32_t tag);
/* The same for all tags of a pattern: the most specific entry that matches every one of them. */
uint32_t ps_tagdb_cover(const struct ps_tagdb *db, struct ps_tag_pattern p);

#endif
