#include "host/farm/shard/fields.h"

#include "kernels/pool_header.h"

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

static void put_finding(struct ps_wire_out *w, const struct ps_finding *f)
{
    ps_wire_put(w, f->phys, 8);
    ps_wire_put(w, f->file_off, 8);
    ps_wire_put(w, f->va, 8);
    ps_wire_put(w, f->in_big, 8);
    ps_wire_put(w, f->process, 8);
    ps_wire_put(w, f->n_bytes, 8);
    ps_wire_put(w, f->tag, 4);
    ps_wire_put(w, f->word0, 4);
    ps_wire_put(w, f->info, 4);
    ps_wire_put(w, f->evidence, 4);
    ps_wire_put(w, f->confidence, 1);
    ps_wire_put(w, f->status, 1);
    ps_wire_put(w, f->allocator, 1);
    ps_wire_put(w, f->source, 1);
    ps_wire_put(w, f->mapped, 1);
    ps_wire_put(w, f->pool, 1);
    ps_wire_put(w, f->big_type, 1);
}

void ps_shard_encode_findings(struct ps_wire_out *w, const struct ps_finding *f, size_t n)
{
    ps_wire_put(w, n, 4);
    for (size_t i = 0; i < n; i++)
        put_finding(w, &f[i]);
}

static void put_print(struct ps_wire_out *w, const struct ps_page_print *p)
{
    ps_wire_put(w, p->phys, 8);
    ps_wire_put(w, p->fingerprint, 4);
    ps_wire_put(w, p->n_findings, 2);
    ps_wire_put(w, p->n_below, 2);
    ps_wire_put(w, p->may_be_copy, 1);
    ps_wire_put(w, p->key, 8);
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
    ps_wire_put(w, part->n_prints, 4);
    for (size_t i = 0; i < part->n_prints; i++)
        put_print(w, &r->print[part->print + i]);
    ps_shard_encode_findings(w, r->finding + part->finding, part->n_findings);
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
