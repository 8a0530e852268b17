/* The payloads of the records of a shard, field by field. */
#ifndef PS_HOST_FARM_SHARD_FIELDS_H
#define PS_HOST_FARM_SHARD_FIELDS_H

#include "host/farm/shard/shard.h"
#include "host/farm/shard/wire.h"

#define PS_SHARD_FRAME_BYTES 16u /* of a record, before its payload */
#define PS_SHARD_SUM_BYTES   8u  /* behind it */
#define PS_SHARD_MAX_PRINTS  65536u
#define PS_SHARD_MAX_KEPT    4096u

/* Of the print of a page, encoded. */
#define PS_PRINT_MIN_BYTES 16u
#define PS_PRINT_MAX_BYTES 25u
#define PS_PRINT_COPY      4u
#define PS_PRINT_WIDE      8u

/* What stays of a shard that was cut off; no bytes: nothing but its HEAD, if that. */
struct ps_shard_prefix {
    uint64_t bytes;
    uint64_t n_records;
    uint64_t sums; /* of these */
};

/* What the FOOT says of the sums of all records before it; begin with 0. */
uint64_t ps_shard_add_sum(uint64_t sums, uint64_t sum);

/* As ps_shard_resume says; 'fd' stays open. */
int ps_shard_find_prefix(int fd, size_t n_tags, struct ps_shard_head *head,
                         struct ps_shard_state *state, struct ps_shard_prefix *prefix,
                         struct ps_err *err);

/* Pages of a chunk that go into one record. */
struct ps_shard_part {
    size_t print, n_prints;
    size_t finding, n_findings;
    size_t kept, n_kept;
};

void ps_shard_encode_head(struct ps_wire_out *w, const struct ps_shard_head *head);
void ps_shard_encode_note(struct ps_wire_out *w, const struct ps_shard_note *note);
void ps_shard_encode_side(struct ps_wire_out *w, const struct ps_image_side *side);
/* All from that source. */
void ps_shard_encode_findings(struct ps_wire_out *w, enum ps_source_kind source,
                              const struct ps_finding *f, size_t n);
void ps_shard_encode_chunk(struct ps_wire_out *w, const struct ps_chunk_result *r,
                           const struct ps_shard_part *part, int more);
void ps_shard_encode_rest(struct ps_wire_out *w, const struct ps_image_rest *rest);

/* Room for what a payload decodes to; begin with all zero but n_tags. */
struct ps_shard_room {
    size_t n_bytes; /* of the payloads that there is room for */
    struct ps_finding *finding;
    struct ps_page_print *print;
    uint64_t *kept_phys;
    struct ps_processes processes;
    size_t n_tags;
};

/* Room for all that a payload of n_bytes can hold; PS_ENOMEM. */
int ps_shard_room_fit(struct ps_shard_room *room, size_t n_bytes, struct ps_err *err);
void ps_shard_room_free(struct ps_shard_room *room);

/* A count of items of at least so many bytes that follow; w->bad, and 0, when it is above 'most' or
 * they cannot all be there. */
size_t ps_shard_get_count(struct ps_wire_in *w, size_t most, size_t item_bytes);

/* These set w->bad when a field is none that the writer can have written, or something is left
 * over. What comes out points into the room and, the kept pages, into the payload. */
void ps_shard_decode_head(struct ps_wire_in *w, struct ps_shard_head *head);
void ps_shard_decode_note(struct ps_wire_in *w, struct ps_shard_note *note);
void ps_shard_decode_side(struct ps_wire_in *w, struct ps_shard_room *room,
                          struct ps_image_side *side);
/* As many findings as a count says, all from that source, into the room: how many. */
size_t ps_shard_get_findings(struct ps_wire_in *w, struct ps_shard_room *room,
                             enum ps_source_kind source);
/* Findings of big allocations ('is_big') or headers, in their order. */
void ps_shard_decode_findings(struct ps_wire_in *w, struct ps_shard_room *room, int is_big,
                              struct ps_shard_record *out);
void ps_shard_decode_chunk(struct ps_wire_in *w, struct ps_shard_room *room,
                           struct ps_shard_record *out);
void ps_shard_decode_rest(struct ps_wire_in *w, struct ps_image_rest *rest);

#endif
