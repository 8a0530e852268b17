#include "tests/support/open_container.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 4096u
/* Runs may name the same bytes many times over: this much is read and no more. */
#define READ_LIMIT ((uint64_t)1 << 20)

int ps_open_container(struct ps_open_container *o, const struct ps_reader *reader,
                      struct ps_memory_bytes *m, const char *path)
{
    static const struct ps_image_spec spec = {.n_threads = 1};
    struct ps_bytes *bytes = &m->bytes;
    int rc;

    *o = (struct ps_open_container){
        .c = {.path = path, .spec = &spec, .bytes = bytes, .data = bytes, .head = o->head}};
    o->c.n_head = bytes->n_bytes < PS_HEAD_BYTES ? (size_t)bytes->n_bytes : PS_HEAD_BYTES;
    rc = bytes->ops->read(bytes, 0, o->head, o->c.n_head, &o->err);
    if (rc < 0 || !reader->probe(&o->c))
        return rc;
    snprintf(o->c.name, sizeof o->c.name, "%s", reader->name);
    rc = reader->open(&o->c, &o->err);
    if (rc >= 0)
        rc = ps_runs_extents(&o->c.runs, o->c.data, &o->layout, &o->err);
    return rc < 0 ? rc : 1;
}

void ps_open_container_close(struct ps_open_container *o)
{
    if (o->c.data && o->c.data != o->c.bytes)
        o->c.data->ops->close(o->c.data);
    ps_runs_free(&o->c.runs);
    ps_layout_free(&o->layout);
}

static void die(const char *what, uint64_t at)
{
    fprintf(stderr, "%s: 0x%llx\n", what, (unsigned long long)at);
    abort();
}

static void check_said(const struct ps_container *c)
{
    if (!memchr(c->name, 0, sizeof c->name) || !c->name[0])
        die("no name", 0);
    if (c->notes.n > PS_NOTES_MAX)
        die("notes", c->notes.n);
    for (unsigned i = 0; i < c->notes.n; i++)
        if (!memchr(c->notes.note[i].text, 0, PS_NOTE_BYTES) || !c->notes.note[i].text[0])
            die("an empty or endless note", i);
    if (c->facts.n_cr3 > PS_FACTS_CR3)
        die("page table roots", c->facts.n_cr3);
    for (unsigned i = 0; i < c->facts.n_cr3; i++)
        if (!c->facts.cr3[i] || c->facts.cr3[i] % PAGE)
            die("page table root", c->facts.cr3[i]);
}

static void check_extents(const struct ps_layout *l, uint64_t n_bytes)
{
    uint64_t end = 0;

    for (size_t i = 0; i < l->n; i++) {
        const struct ps_extent *e = &l->extent[i];

        if (e->phys < end || e->phys % PAGE || !e->n_bytes || e->phys >= PS_PHYS_END ||
            e->n_bytes > PS_PHYS_END - e->phys)
            die("extent out of order", e->phys);
        if (e->n_bytes % PAGE && i + 1 < l->n)
            die("torn extent in the middle", e->phys);
        end = e->phys + e->n_bytes;
        if (e->kind == PS_EXTENT_STORED &&
            (e->file_off > n_bytes || e->n_bytes > n_bytes - e->file_off))
            die("extent outside of the file", e->phys);
    }
    for (size_t i = 0; i < l->n_pieces; i++)
        if (l->piece[i].file_off > n_bytes || l->piece[i].n_bytes > n_bytes - l->piece[i].file_off)
            die("piece outside of the file", l->piece[i].phys);
}

/* Bytes that are unpacked may turn out to be damaged, which is an error and not a crash. */
static void read_extents(const struct ps_layout *l, struct ps_bytes *data)
{
    uint64_t left = READ_LIMIT;

    for (size_t i = 0; i < l->n; i++) {
        const struct ps_extent *e = &l->extent[i];

        for (uint64_t at = 0; at < e->n_bytes && left >= PAGE; at += PAGE, left -= PAGE) {
            const size_t n = e->n_bytes - at < PAGE ? (size_t)(e->n_bytes - at) : PAGE;
            uint8_t page[PAGE];
            struct ps_err err;

            if (e->kind != PS_EXTENT_STORED)
                break;
            if (data->ops->read(data, e->file_off + at, page, n, &err) < 0)
                break;
        }
    }
}

int ps_fuzz_container(const struct ps_reader *reader, const uint8_t *data, size_t n_bytes)
{
    struct ps_memory_bytes m;
    struct ps_open_container o;
    int rc;

    if (!n_bytes)
        return 0;
    ps_memory_bytes_init(&m, data, n_bytes);
    rc = ps_open_container(&o, reader, &m, "/nonexistent/fuzz");
    if (rc < 0 && !o.err.msg[0])
        die("failed without a message", (uint64_t)-rc);
    if (rc > 0) {
        check_said(&o.c);
        check_extents(&o.layout, o.c.data->n_bytes);
        read_extents(&o.layout, o.c.data);
    }
    ps_open_container_close(&o);
    if (m.n_closed > 1)
        die("closed too often", m.n_closed);
    return rc;
}
