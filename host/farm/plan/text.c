/* The text of a plan: written here alone, for its id is the digest of this text. */
#include "host/farm/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "host/output/sink/sink.h"
#include "host/output/text.h"

struct line {
    struct ps_text json; /* the line */
    struct ps_text utf8; /* a value on its way into it */
};

static void add(struct line *l, const char *text)
{
    ps_text_add(&l->json, text, strlen(text));
}

/* As ps_text_add_utf8 makes it: whatever the bytes, read.c gets them back. */
static void add_string(struct line *l, const char *s)
{
    l->utf8.n = 0;
    ps_text_add_utf8(&l->utf8, s, PS_TEXT_EXACT);
    if (l->utf8.failed)
        l->json.failed = 1;
    else
        ps_text_add_json(&l->json, l->utf8.s ? l->utf8.s : "", l->utf8.n);
}

static void add_decimal(struct line *l, uint64_t v)
{
    char text[20];

    ps_text_add(&l->json, text, (size_t)(ps_put_u64(text, v) - text));
}

static void add_address(struct line *l, uint64_t v)
{
    char text[24];

    snprintf(text, sizeof text, "\"0x%" PRIx64 "\"", v);
    add(l, text);
}

static void put_header(struct line *l, const struct ps_farm_plan *plan, const char *id)
{
    add(l, "{\"poolscan_plan\":1,\"id\":\"");
    add(l, id);
    add(l, "\",\"version\":");
    add_string(l, plan->version);
    add(l, ",\"options\":[");
    for (size_t i = 0; i < plan->n_words; i++) {
        add(l, i ? "," : "");
        add_string(l, plan->word[i]);
    }
    add(l, "],\"options_id\":\"");
    add(l, plan->options_id);
    add(l, "\",\"tags_id\":\"");
    add(l, plan->tags_id);
    add(l, "\",\"task_bytes\":");
    add_decimal(l, plan->task_bytes);
    add(l, ",\"images\":");
    add_decimal(l, plan->n_images);
    add(l, ",\"tasks\":");
    add_decimal(l, plan->n_tasks);
    add(l, "}\n");
}

static void put_task(struct line *l, const struct ps_farm_task *task)
{
    add(l, "{\"task\":");
    add_decimal(l, task->number);
    add(l, ",\"image\":");
    add_string(l, task->image);
    add(l, ",\"size\":");
    add_decimal(l, task->image_bytes);
    add(l, ",\"identity\":\"");
    add(l, task->identity);
    add(l, "\",\"part\":\"");
    add(l, ps_farm_part_name(task->part));
    add(l, "\",\"start\":");
    add_address(l, task->start);
    add(l, ",\"end\":");
    add_address(l, task->end);
    add(l, "}\n");
}

typedef int take_fn(void *arg, const void *text, size_t n, struct ps_err *err);

static int hand_over(struct line *l, take_fn *take, void *arg, struct ps_err *err)
{
    int rc;

    if (l->json.failed)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for a plan");
    rc = take(arg, l->json.s, l->json.n, err);
    l->json.n = 0;
    return rc;
}

/* All lines, one by one. */
static int put_lines(const struct ps_farm_plan *plan, const char *id, take_fn *take, void *arg,
                     struct ps_err *err)
{
    struct line l = {0};
    int rc;

    put_header(&l, plan, id);
    rc = hand_over(&l, take, arg, err);
    for (size_t i = 0; i < plan->n_tasks && rc == 0; i++) {
        put_task(&l, &plan->task[i]);
        rc = hand_over(&l, take, arg, err);
    }
    ps_text_free(&l.json);
    ps_text_free(&l.utf8);
    return rc;
}

static int take_digest(void *arg, const void *text, size_t n, struct ps_err *err)
{
    (void)err;
    ps_digest_update(arg, text, n);
    return 0;
}

static int take_sink(void *arg, const void *text, size_t n, struct ps_err *err)
{
    return ps_sink_write(arg, text, n, err);
}

int ps_farm_plan_seal(struct ps_farm_plan *plan, struct ps_err *err)
{
    struct ps_digest *digest;
    int rc;

    if (plan->n_tasks == 0)
        return ps_fail(err, PS_EFORMAT, PS_AT_NONE, "a plan without a task");
    if (plan->task[plan->n_tasks - 1].part == PS_FARM_RANGE)
        return ps_fail(err, PS_EFORMAT, PS_AT_NONE,
                       "the last image has ranges and no virtual side");
    digest = ps_digest_new();
    if (!digest)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for a plan");
    rc = put_lines(plan, "", take_digest, digest, err);
    if (rc == 0)
        ps_digest_hex(digest, plan->id);
    ps_digest_free(digest);
    return rc;
}

int ps_farm_plan_write(const struct ps_farm_plan *plan, const char *path, struct ps_err *err)
{
    struct ps_sink *sink = NULL;
    struct ps_err close_err;
    int rc = ps_sink_open(&sink, path, err);
    int close_rc;

    if (rc < 0)
        return rc;
    rc = put_lines(plan, plan->id, take_sink, sink, err);
    close_rc = ps_sink_close(sink, rc == 0, &close_err);
    if (rc == 0 && close_rc < 0) {
        *err = close_err;
        rc = close_rc;
    }
    return rc;
}
