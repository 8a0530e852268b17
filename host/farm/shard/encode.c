#include "host/farm/shard/fields.h"

#include "kernels/pool_header.h"

uint64_t ps_shard_add_sum(uint64_t sums, uint64_t sum)
{
    uint8_t both[16];

    ps_wire_store(both, sums, 8);
    ps_wire_store(both + 8, sum, 8);
    return ps_digest_bytes(both, sizeof both);
}

void ps_shard_encode_head(struct ps_wire_out *w, const struct ps_shard_head *head)
{
    ps_wire_put(w, PS_SHARD_FORMAT, 4);
    ps_wire_put_text(w, head->version);
    ps_wire_put_text(w, head->plan_id);
    ps_wire_put_text(w, head->tags_id);
    ps_wire_put(w, head->task, 4);
    ps_wire_put_text(w, head->era->name);
    ps_wire_put_text(w, head->image_id);
    ps_wire_put_text(w, head->image);
}

void ps_shard_encode_note(struct ps_wire_out *w, const struct ps_shard_note *note)
{
    ps_wire_put(w, note->level, 4);
    ps_wire_put_text(w, note->text);
}

static void put_processes(struct ps_wire_out *w, const struct ps_processes *p)
{
    ps_wire_put(w, p ? p->n : 0, 4);
    ps_wire_put(w, p ? p->pid_at : 0, 4);
    ps_wire_put(w, p ? p->links_at : 0, 4);
    ps_wire_put(w, p ? p->name_at : 0, 4);
    for (size_t i = 0; p && i < p->n; i++) {
        ps_wire_put(w, p->process[i].va, 8);
        ps_wire_put(w, p->process[i].pid, 8);
        ps_wire_put_text(w, p->process[i].name);
    }
}

void ps_shard_encode_side(struct ps_wire_out *w, const struct ps_image_side *side)
{
    ps_wire_put(w, side->n_big, 8);
    ps_wire_put(w, side->n_big_below, 8);
    ps_wire_put(w, side->n_big_elsewhere, 8);
    ps_wire_put(w, side->bytes_hole, 8);
    ps_wire_put(w, side->bytes_torn, 8);
    ps_wire_put(w, side->bytes_missing, 8);
    ps_wire_put(w, side->has_loss != 0, 4);
    ps_wire_put(w, side->carve_arches, 4);
    ps_wire_put(w, side->carve_build, 4);
    put_processes(w, side->about.processes);
}

/* A byte of rules: log2 of the bytes of the distance, whether it may be a copy, whether counts have
 * two bytes; distance from the page before, rotated right by 12 bits; counts, fingerprint, key. */
static uint8_t *put_print(uint8_t *to, uint64_t last, const struct ps_page_print *p)
{
    const uint64_t far = p->phys - last;
    const uint64_t distance = far >> 12 | far << 52;
    const unsigned width =
        (unsigned)(distance > 0xff) + (distance > 0xffff) + (distance > UINT32_MAX);
    const int is_wide = (p->n_findings | p->n_below) > 0xff;

    *to++ =
        (uint8_t)(width | (p->may_be_copy ? PS_PRINT_COPY : 0u) | (is_wide ? PS_PRINT_WIDE : 0u));
    ps_wire_store(to, distance, 1u << width);
    to += 1u << width;
    ps_wire_store(to, p->n_findings, is_wide ? 2 : 1);
    to += is_wide ? 2 : 1;
    ps_wire_store(to, p->n_below, is_wide ? 2 : 1);
    to += is_wide ? 2 : 1;
    ps_wire_store(to, p->fingerprint, 4);
    ps_wire_store(to + 4, p->key, 8);
    return to + 12;
}

static void put_prints(struct ps_wire_out *w, const struct ps_page_print *p, size_t n)
{
    uint8_t *to;
    uint64_t last = 0;

    ps_wire_put(w, n, 4);
    to = ps_wire_room(w, n * PS_PRINT_MAX_BYTES);
    for (size_t i = 0; to && i < n; i++) {
        uint8_t *const next = put_print(to, last, &p[i]);

        w->n += (size_t)(next - to);
        last = p[i].phys;
        to = next;
    }
}

/* The counters of a chunk come with its last part, so that no part alone says it is done. */
static void put_counters(struct ps_wire_out *w, const struct ps_chunk_result *r, int more)
{
    ps_wire_put(w, more != 0, 4);
    ps_wire_put(w, r->end, 8);
    ps_wire_put(w, more ? 0 : r->n_bytes, 8);
    ps_wire_put(w, more ? 0 : r->bytes_unreadable, 8);
    ps_wire_put(w, more ? 0 : (uint64_t)r->unreadable.code, 4);
    ps_wire_put(w, more || !r->unreadable.code ? 0 : r->unreadable.at, 8);
    ps_wire_put_text(w, more || !r->unreadable.code ? "" : r->unreadable.msg);
}

void ps_shard_encode_chunk(struct ps_wire_out *w, const struct ps_chunk_result *r,
                           const struct ps_shard_part *part, int more)
{
    put_counters(w, r, more);
    put_prints(w, r->print + part->print, part->n_prints);
    ps_shard_encode_findings(w, PS_SOURCE_HEADER, r->finding + part->finding, part->n_findings);
    ps_wire_put(w, part->n_kept, 4);
    for (size_t i = 0; i < part->n_kept; i++)
        ps_wire_put(w, r->kept_phys[part->kept + i], 8);
    ps_wire_put_bytes(w, r->kept + part->kept * PS_PAGE_BYTES, part->n_kept * PS_PAGE_BYTES);
}

void ps_shard_encode_rest(struct ps_wire_out *w, const struct ps_image_rest *rest)
{
    ps_wire_put(w, rest->pages_paged_out, 8);
    ps_wire_put(w, rest->pages_missing, 8);
    ps_wire_put(w, rest->n_below, 8);
}
