#include "host/farm/recorder.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "host/log.h"

/* More is not said about an image. */
#define MAX_NOTES    64u
#define SYNC_SECONDS 1.0

static int take_note(void *arg, enum ps_log_level level, const char *text)
{
    struct ps_farm_notes *notes = arg;
    struct ps_shard_note *larger;

    if (level > PS_LOG_INFO || notes->n == MAX_NOTES)
        return 0;
    larger = realloc(notes->note, (notes->n + 1) * sizeof *larger);
    notes->failed |= !larger;
    if (!larger)
        return 0;
    notes->note = larger;
    larger[notes->n].level = (uint32_t)level;
    snprintf(larger[notes->n].text, sizeof larger[notes->n].text, "%s", text);
    notes->n++;
    return notes->silent;
}

void ps_farm_notes_begin(struct ps_farm_notes *notes, int silent)
{
    *notes = (struct ps_farm_notes){.silent = silent};
    ps_log_keep(take_note, notes);
}

void ps_farm_notes_end(void)
{
    ps_log_keep(NULL, NULL);
}

void ps_farm_notes_free(struct ps_farm_notes *notes)
{
    free(notes->note);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int begin(void *arg, const struct ps_image_side *side, struct ps_err *err)
{
    struct ps_recorder *r = arg;
    int rc = 0;

    ps_farm_notes_end();
    r->synced = now();
    r->losses.has_loss = side->has_loss;
    if (r->has_begun && r->head->era == side->about.era)
        return 0;
    if (r->has_begun)
        return ps_fail(err, PS_EFORMAT, PS_AT_NONE,
                       "what is recorded of it is of another generation of Windows");
    if (r->notes->failed)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for a shard");
    r->head->era = side->about.era;
    rc = ps_shard_put_head(r->writer, r->head, err);
    for (size_t i = 0; i < r->notes->n && rc == 0 && r->with_side; i++)
        rc = ps_shard_put_note(r->writer, &r->notes->note[i], err);
    if (rc == 0 && r->with_side)
        rc = ps_shard_put_side(r->writer, side, err);
    return rc;
}

static int chunk(void *arg, struct ps_chunk_result *c, struct ps_err *err)
{
    struct ps_recorder *r = arg;
    int rc = ps_shard_put_chunk(r->writer, c, err);

    ps_losses_add(&r->losses, c);
    r->n_bytes += c->n_bytes;
    r->n_findings += c->n_findings;
    if (rc == 0 && r->sync && now() - r->synced >= SYNC_SECONDS) {
        rc = ps_shard_sync(r->writer, err);
        r->synced = now();
    }
    if (rc == 0 && r->progress)
        r->progress->call(r->progress->arg, r->n_bytes, r->n_findings);
    return rc;
}

static int paged_out(void *arg, const struct ps_finding *f, size_t n, struct ps_err *err)
{
    struct ps_recorder *r = arg;

    r->n_findings += n;
    return ps_shard_put_paged(r->writer, f, n, err);
}

static int end(void *arg, const struct ps_image_rest *rest, struct ps_err *err)
{
    struct ps_recorder *r = arg;

    return r->with_side ? ps_shard_put_rest(r->writer, rest, err) : 0;
}

struct ps_receiver ps_recorder_receiver(struct ps_recorder *r)
{
    return (struct ps_receiver){
        .begin = begin, .chunk = chunk, .paged_out = paged_out, .end = end, .arg = r};
}
