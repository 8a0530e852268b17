#include "host/farm/shard/fields.h"
#include "host/farm/shard/findings.h"

#include <stdlib.h>
#include <string.h>

#include "host/log.h"
#include "kernels/pool_header.h"
#include "scan/bigpool/carve/page.h"
#include "scan/tags/tagdb.h"

#define HEX_DIGITS (PS_DIGEST_HEX_BYTES - 1)

/* Encoded: a kept page has its address before it. */
#define KEPT_BYTES (8u + PS_PAGE_BYTES)

static void *fit(void *items, size_t n, size_t most, size_t item_bytes)
{
    return realloc(items, (n < most ? n + 1 : most) * item_bytes);
}

int ps_shard_room_fit(struct ps_shard_room *room, size_t n_bytes, struct ps_err *err)
{
    const size_t n = n_bytes > 2 * room->n_bytes ? n_bytes : 2 * room->n_bytes;
    void *finding, *print, *kept;

    if (n_bytes <= room->n_bytes)
        return 0;
    finding =
        fit(room->finding, n / PS_FINDING_MIN_BYTES, PS_SHARD_MAX_FINDINGS, sizeof *room->finding);
    room->finding = finding ? finding : room->finding;
    print = fit(room->print, n / PS_PRINT_MIN_BYTES, PS_SHARD_MAX_PRINTS, sizeof *room->print);
    room->print = print ? print : room->print;
    kept = fit(room->kept_phys, n / KEPT_BYTES, PS_SHARD_MAX_KEPT, sizeof *room->kept_phys);
    room->kept_phys = kept ? kept : room->kept_phys;
    if (!finding || !print || !kept)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for a shard");
    room->n_bytes = n;
    return 0;
}

void ps_shard_room_free(struct ps_shard_room *room)
{
    free(room->finding);
    free(room->print);
    free(room->kept_phys);
}

/* A number that must not exceed 'most'. */
static uint64_t get_upto(struct ps_wire_in *w, unsigned n_bytes, uint64_t most)
{
    const uint64_t value = ps_wire_get(w, n_bytes);

    if (value > most)
        w->bad = 1;
    return w->bad ? 0 : value;
}

static void expect_end(struct ps_wire_in *w)
{
    if (w->left)
        w->bad = 1;
}

static void get_hex(struct ps_wire_in *w, char hex[PS_DIGEST_HEX_BYTES])
{
    ps_wire_get_text(w, hex, PS_DIGEST_HEX_BYTES);
    if (strspn(hex, "0123456789abcdef") != HEX_DIGITS)
        w->bad = 1;
}

static const struct ps_era *era_named(const char *name)
{
    for (size_t i = 0; i < ps_n_eras; i++)
        if (strcmp(ps_eras[i].name, name) == 0)
            return &ps_eras[i];
    return NULL;
}

void ps_shard_decode_head(struct ps_wire_in *w, struct ps_shard_head *head)
{
    char era[32];

    if (ps_wire_get(w, 4) != PS_SHARD_FORMAT)
        w->bad = 1;
    ps_wire_get_text(w, head->version, sizeof head->version);
    get_hex(w, head->plan_id);
    get_hex(w, head->tags_id);
    head->task = (uint32_t)ps_wire_get(w, 4);
    ps_wire_get_text(w, era, sizeof era);
    head->era = era_named(era);
    get_hex(w, head->image_id);
    ps_wire_get_text(w, head->image, sizeof head->image);
    if (!head->era)
        w->bad = 1;
    expect_end(w);
}

void ps_shard_decode_note(struct ps_wire_in *w, struct ps_shard_note *note)
{
    note->level = (uint32_t)get_upto(w, 4, PS_LOG_DEBUG);
    ps_wire_get_text(w, note->text, sizeof note->text);
    expect_end(w);
}

static int is_printable(const char *s)
{
    for (; *s; s++)
        if (*s < 0x20 || *s > 0x7e)
            return 0;
    return 1;
}

size_t ps_shard_get_count(struct ps_wire_in *w, size_t most, size_t item_bytes)
{
    const size_t n = (size_t)get_upto(w, 4, most);

    if (n <= w->left / item_bytes)
        return n;
    w->bad = 1;
    return 0;
}

static void get_processes(struct ps_wire_in *w, struct ps_processes *p)
{
    p->n = (size_t)get_upto(w, 4, PS_MAX_PROCESSES);
    p->pid_at = (uint32_t)ps_wire_get(w, 4);
    p->links_at = (uint32_t)ps_wire_get(w, 4);
    p->name_at = (uint32_t)ps_wire_get(w, 4);
    for (size_t i = 0; i < p->n; i++) {
        p->process[i].va = ps_wire_get(w, 8);
        p->process[i].pid = ps_wire_get(w, 8);
        ps_wire_get_text(w, p->process[i].name, sizeof p->process[i].name);
        if (!is_printable(p->process[i].name))
            w->bad = 1;
    }
}

void ps_shard_decode_side(struct ps_wire_in *w, struct ps_shard_room *room,
                          struct ps_image_side *side)
{
    *side = (struct ps_image_side){.about = {.processes = &room->processes}};
    side->n_big = (size_t)get_upto(w, 8, SIZE_MAX);
    side->n_big_below = ps_wire_get(w, 8);
    side->n_big_elsewhere = ps_wire_get(w, 8);
    side->bytes_hole = ps_wire_get(w, 8);
    side->bytes_torn = ps_wire_get(w, 8);
    side->bytes_missing = ps_wire_get(w, 8);
    side->has_loss = (int)get_upto(w, 4, 1);
    side->carve_arches = (unsigned)get_upto(w, 4, PS_BIGPOOL_X86 | PS_BIGPOOL_X64);
    side->carve_build = (uint32_t)ps_wire_get(w, 4);
    get_processes(w, &room->processes);
    if (side->carve_arches && side->n_big)
        w->bad = 1;
    expect_end(w);
}

void ps_shard_decode_findings(struct ps_wire_in *w, struct ps_shard_room *room, int is_big,
                              struct ps_shard_record *out)
{
    out->n = ps_shard_get_findings(w, room, is_big ? PS_SOURCE_BIGPOOL : PS_SOURCE_HEADER);
    out->finding = room->finding;
    for (size_t i = 0; i < out->n && !is_big; i++)
        if (out->finding[i].phys != PS_NOWHERE)
            w->bad = 1;
    expect_end(w);
}

static void get_counters(struct ps_wire_in *w, struct ps_shard_record *out)
{
    struct ps_chunk_result *r = &out->chunk;

    *r = (struct ps_chunk_result){.n_bytes = 0};
    out->more = (int)get_upto(w, 4, 1);
    r->end = ps_wire_get(w, 8);
    r->n_bytes = ps_wire_get(w, 8);
    r->bytes_unreadable = ps_wire_get(w, 8);
    r->unreadable.code = (int)get_upto(w, 4, PS_ENONE);
    r->unreadable.at = ps_wire_get(w, 8);
    ps_wire_get_text(w, r->unreadable.msg, sizeof r->unreadable.msg);
    if (r->end % PS_PAGE_BYTES || r->bytes_unreadable > r->n_bytes ||
        (r->bytes_unreadable != 0) != (r->unreadable.code != 0))
        w->bad = 1;
}

static int get_print(struct ps_wire_in *w, uint64_t last, struct ps_page_print *p)
{
    const unsigned rules = (unsigned)ps_wire_get(w, 1);
    const uint64_t distance = ps_wire_get(w, 1u << (rules & 3));
    const unsigned n_count = rules & PS_PRINT_WIDE ? 2 : 1;

    p->phys = last + (distance << 12 | distance >> 52);
    p->n_findings = (uint16_t)ps_wire_get(w, n_count);
    p->n_below = (uint16_t)ps_wire_get(w, n_count);
    p->may_be_copy = (rules & PS_PRINT_COPY) != 0;
    p->fingerprint = (uint32_t)ps_wire_get(w, 4);
    p->key = ps_wire_get(w, 8);
    return rules <= (3u | PS_PRINT_COPY | PS_PRINT_WIDE) && p->phys % PS_PAGE_BYTES == 0;
}

static size_t get_prints(struct ps_wire_in *w, struct ps_page_print *p)
{
    const size_t n = ps_shard_get_count(w, PS_SHARD_MAX_PRINTS, PS_PRINT_MIN_BYTES);
    struct ps_wire_in in = *w; /* of which the compiler knows that nothing else changes it */

    for (size_t i = 0; i < n && !in.bad; i++)
        if (!get_print(&in, i ? p[i - 1].phys : 0, &p[i]) || (i && p[i].phys <= p[i - 1].phys))
            in.bad = 1;
    *w = in;
    return w->bad ? 0 : n;
}

/* Each finding, and they ascend, belongs to a print, and all lie before the end: who sifts counts
 * on it. */
static int is_consistent(const struct ps_chunk_result *r)
{
    size_t at = 0;

    for (size_t i = 0; i < r->n_prints; i++) {
        const struct ps_page_print *p = &r->print[i];

        if (p->n_findings > r->n_findings - at || p->phys >= r->end)
            return 0;
        at += p->n_findings;
        if (p->n_findings && (r->finding[at - p->n_findings].phys < p->phys ||
                              r->finding[at - 1].phys - p->phys >= PS_PAGE_BYTES))
            return 0;
    }
    return at == r->n_findings;
}

static void get_kept(struct ps_wire_in *w, struct ps_shard_room *room, struct ps_chunk_result *r)
{
    const size_t n = ps_shard_get_count(w, PS_SHARD_MAX_KEPT, KEPT_BYTES);

    for (size_t i = 0; i < n && !w->bad; i++) {
        const uint64_t phys = ps_wire_get(w, 8);

        if (phys % PS_PAGE_BYTES || phys >= r->end || (i && phys <= room->kept_phys[i - 1]))
            w->bad = 1;
        room->kept_phys[i] = phys;
    }
    r->kept = ps_wire_get_bytes(w, n * PS_PAGE_BYTES);
    r->kept_phys = room->kept_phys;
    r->n_kept = w->bad ? 0 : n;
}

void ps_shard_decode_chunk(struct ps_wire_in *w, struct ps_shard_room *room,
                           struct ps_shard_record *out)
{
    struct ps_chunk_result *r = &out->chunk;

    get_counters(w, out);
    r->n_prints = get_prints(w, room->print);
    r->print = room->print;
    r->n_findings = ps_shard_get_findings(w, room, PS_SOURCE_HEADER);
    r->finding = room->finding;
    get_kept(w, room, r);
    if (!w->bad && !is_consistent(r))
        w->bad = 1;
    expect_end(w);
}

void ps_shard_decode_rest(struct ps_wire_in *w, struct ps_image_rest *rest)
{
    rest->pages_paged_out = ps_wire_get(w, 8);
    rest->pages_missing = ps_wire_get(w, 8);
    rest->n_below = ps_wire_get(w, 8);
    expect_end(w);
}
