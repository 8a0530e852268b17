/* The receiver that records: what a scan gives goes into a shard. */
#ifndef PS_HOST_FARM_RECORDER_H
#define PS_HOST_FARM_RECORDER_H

#include "host/farm/shard/shard.h"
#include "host/run/collector.h"
#include "host/run/receiver.h"

/* What is said about an image while it is opened: notes of its shard. */
struct ps_farm_notes {
    struct ps_shard_note *note;
    size_t n;
    int failed; /* memory ran out */
    int silent;
};

/* Begin to take what is logged at PS_LOG_INFO and above, and end it. 'silent': it is not said now,
 * because it will be when the shard is merged. One at a time, and only while
 * no other thread logs. */
void ps_farm_notes_begin(struct ps_farm_notes *notes, int silent);
void ps_farm_notes_end(void);
void ps_farm_notes_free(struct ps_farm_notes *notes);

/* The fields before 'losses' are the caller's. */
struct ps_recorder {
    struct ps_shard_writer *writer;
    struct ps_shard_head *head; /* its era is filled in */
    const struct ps_farm_notes *notes;
    int with_side;
    int has_begun; /* HEAD to SIDE are in the shard already, which is gone on with */
    int sync;      /* about once a second what is recorded is made to survive a power loss */
    const struct ps_scan_progress *progress; /* NULL: nobody; findings are those of the task */
    struct ps_losses losses;                 /* begin with those of what is recorded already */
    uint64_t n_bytes, n_findings;            /* likewise */
    double synced;
};

/* Ends the taking of notes when it begins. Errors are those of the writer. */
struct ps_receiver ps_recorder_receiver(struct ps_recorder *r);

#endif
