/* A shard: what one task of a plan found, recorded so that it can be merged later.
 *
 * A file of records, each
 *
 *     u32 kind, u32 0, u64 bytes of the payload, payload, u64 XXH3-64 of all that
 *
 * all little-endian, in this order (docs/FARM.md has the fields):
 *
 *     HEAD   what the shard is of
 *     NOTE*  what was said about the image
 *     SIDE   what belongs to the image as a whole, and BIG*, its big allocations; only a shard of
 *            its virtual side, or of the whole image, has them
 *     CHUNK* prints, findings and kept pages, ascending by physical address
 *     PAGED* findings without a physical address
 *     REST   what is known after the pass; where there is a SIDE
 *     FOOT   the number of records before it, and one sum over their sums
 *
 * A shard without a FOOT is not complete. It may be cut off anywhere: the records before the cut
 * are valid, and ps_shard_resume goes on behind them. */
#ifndef PS_HOST_FARM_SHARD_SHARD_H
#define PS_HOST_FARM_SHARD_SHARD_H

#include <stddef.h>
#include <stdint.h>

#include "host/digest.h"
#include "host/run/receiver.h"
#include "scan/err.h"
#include "scan/pool/era.h"

#define PS_SHARD_FORMAT 2u

/* No record is larger. What one chunk gives is cut into several records long before. */
#define PS_SHARD_MAX_PAYLOAD (UINT32_C(64) << 20)
/* Findings of one record at most, and so the window in which big allocations are read. */
#define PS_SHARD_MAX_FINDINGS  65536u

#define PS_SHARD_PATH_BYTES    4096u
#define PS_SHARD_NOTE_BYTES    1024u
#define PS_SHARD_VERSION_BYTES 64u

struct ps_shard_head {
    char version[PS_SHARD_VERSION_BYTES]; /* of the program */
    char plan_id[PS_DIGEST_HEX_BYTES];
    char tags_id[PS_DIGEST_HEX_BYTES];
    uint32_t task;
    const struct ps_era *era; /* by which the pages were judged */
    char image_id[PS_DIGEST_HEX_BYTES];
    char image[PS_SHARD_PATH_BYTES]; /* its path in the plan */
};

enum ps_shard_kind {
    PS_SHARD_HEAD = 1,
    PS_SHARD_NOTE,
    PS_SHARD_SIDE,
    PS_SHARD_BIG,
    PS_SHARD_CHUNK,
    PS_SHARD_PAGED,
    PS_SHARD_REST,
    PS_SHARD_FOOT,
};

struct ps_shard_note {
    uint32_t level; /* enum ps_log_level */
    char text[PS_SHARD_NOTE_BYTES];
};

/* Writing. What was put is with the operating system when a call returns, so that a process that is
 * killed loses nothing of it; ps_shard_sync makes it survive a power loss. One thread at a time.
 * After an error the only further call is ps_shard_writer_free. Errors: PS_EIO saying why,
 * PS_ENOMEM, PS_ECREATE of those that open. */
struct ps_shard_writer;

/* A new file; one that is there is never written to (PS_ECREATE). */
int ps_shard_create(struct ps_shard_writer **out, const char *path, struct ps_err *err);

/* How far a shard has come. */
struct ps_shard_state {
    int is_complete;
    int has_side;     /* SIDE and all that belongs to it; else CHUNKs may have been recorded all
                       * the same, if 'end' is not 0 */
    uint64_t end;     /* every page of the task below this address is recorded; 0: none is */
    uint64_t n_bytes; /* of the image, in the recorded chunks */
    struct ps_losses losses; /* of them; has_loss as SIDE says */
};

/* Go on with a shard that was cut off. *head is what it is of, to be compared with what is wanted.
 * Of the records before the cut those stay that end with a whole SIDE group or chunk; the rest is
 * cut off the file. If nothing stays but the HEAD, the caller starts over with a new file: *out is
 * NULL then, as it is when the shard is complete. PS_ENOENT; PS_EFORMAT when the file does not
 * begin with a HEAD. The file stays locked (flock) until it is closed: PS_ETEMP when another
 * process has it. */
int ps_shard_resume(struct ps_shard_writer **out, const char *path, size_t n_tags,
                    struct ps_shard_head *head, struct ps_shard_state *state, struct ps_err *err);

int ps_shard_put_head(struct ps_shard_writer *w, const struct ps_shard_head *head,
                      struct ps_err *err);
int ps_shard_put_note(struct ps_shard_writer *w, const struct ps_shard_note *note,
                      struct ps_err *err);
/* With its big allocations, which must all be in side->big. */
int ps_shard_put_side(struct ps_shard_writer *w, const struct ps_image_side *side,
                      struct ps_err *err);
int ps_shard_put_chunk(struct ps_shard_writer *w, const struct ps_chunk_result *r,
                       struct ps_err *err);
int ps_shard_put_paged(struct ps_shard_writer *w, const struct ps_finding *f, size_t n,
                       struct ps_err *err);
int ps_shard_put_rest(struct ps_shard_writer *w, const struct ps_image_rest *rest,
                      struct ps_err *err);
int ps_shard_sync(struct ps_shard_writer *w, struct ps_err *err);
/* FOOT, and sync. */
int ps_shard_finish(struct ps_shard_writer *w, struct ps_err *err);
/* Closes the file; accepts NULL. */
void ps_shard_writer_free(struct ps_shard_writer *w);

/* One record. All it points to is the reader's and valid until its next call. */
struct ps_shard_record {
    enum ps_shard_kind kind;
    struct ps_shard_note note;
    /* SIDE: about.path, id and era are those of the HEAD; 'big' is empty, n_big says how many the
     * BIGs hold. */
    struct ps_image_side side;
    const struct ps_finding *finding; /* BIG, PAGED */
    size_t n;
    struct ps_chunk_result chunk; /* a part of one, if 'more': counters come with the last part */
    int more;
    struct ps_image_rest rest;
};

/* Reading. Everything in the file is hostile. One thread at a time. */
struct ps_shard_reader;

/* Open and read the HEAD. 'n_tags' is the number of entries of the tag database, which findings
 * refer to. PS_ENOENT, PS_EIO; PS_EFORMAT when it is no shard or one of another format. Messages do
 * not name the file. */
int ps_shard_open(struct ps_shard_reader **out, const char *path, size_t n_tags,
                  struct ps_err *err);
/* The same of an open file from its beginning, which is closed in any case. */
int ps_shard_open_fd(struct ps_shard_reader **out, int fd, size_t n_tags, struct ps_err *err);
const struct ps_shard_head *ps_shard_reader_head(const struct ps_shard_reader *r);
/* The next record behind the HEAD, of a kind whose bit 1 << kind is in 'kinds': 1; or 0 at the end,
 * when the FOOT has proved all bytes before it. Records of other kinds are checked by their own sum
 * only. PS_EFORMAT with err->at = offset when a record is damaged, out of order, or the file ends
 * without a FOOT; PS_EIO, PS_ENOMEM. */
int ps_shard_next(struct ps_shard_reader *r, unsigned kinds, struct ps_shard_record *out,
                  struct ps_err *err);
#define PS_SHARD_ALL UINT32_MAX
void ps_shard_reader_free(struct ps_shard_reader *r); /* accepts NULL */

#endif
