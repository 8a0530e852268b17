#include "host/farm/session/settings.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "host/absolute.h"
#include "host/output/sink/sink.h"

#define MAX_TEXT 65536u

static int no_memory(struct ps_err *err)
{
    return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for a session");
}

int ps_session_settings_make(struct ps_session_settings *out, const struct ps_options *opt,
                             struct ps_err *err)
{
    const int to_file = opt->output && strcmp(opt->output, "-") != 0;

    *out = (struct ps_session_settings){.format = strdup(opt->format),
                                        .fail_if_none = opt->fail_if_none,
                                        .name = calloc(opt->args.n, sizeof *out->name),
                                        .failure = calloc(opt->args.n, sizeof *out->failure)};
    if (!out->format || !out->name || !out->failure)
        return no_memory(err);
    return to_file ? ps_absolute_path(&out->output, opt->output, err) : 0;
}

int ps_session_settings_add(struct ps_session_settings *s, const char *name, struct ps_err *err)
{
    s->name[s->n_names] = strdup(name);
    return s->name[s->n_names++] ? 0 : no_memory(err);
}

int ps_session_settings_add_failure(struct ps_session_settings *s, int code, const char *text,
                                    struct ps_err *err)
{
    struct ps_session_failure *f = &s->failure[s->n_failures++];

    f->before = (uint32_t)s->n_names;
    f->code = code;
    f->text = strdup(text);
    return f->text ? 0 : no_memory(err);
}

void ps_session_settings_free(struct ps_session_settings *s)
{
    for (size_t i = 0; i < s->n_names; i++)
        free(s->name[i]);
    for (size_t i = 0; i < s->n_failures; i++)
        free(s->failure[i].text);
    free(s->failure);
    free(s->name);
    free(s->format);
    free(s->output);
}

/* Names of files may be any bytes, which JSON's texts may not: what is no UTF-8 is written as a
 * list of its bytes. */
static json_t *text_json(const char *text)
{
    json_t *plain = json_string(text);
    json_t *codes;

    if (plain)
        return plain;
    codes = json_array();
    for (; codes && *text; text++)
        if (json_array_append_new(codes, json_integer((unsigned char)*text)) < 0)
            break;
    return codes;
}

static char *json_text(const json_t *v)
{
    const size_t n = json_array_size(v);
    char *text;

    if (json_is_string(v))
        return strdup(json_string_value(v));
    if (n == 0 || n > MAX_TEXT)
        return NULL;
    text = calloc(n + 1, 1);
    for (size_t i = 0; text && i < n; i++)
        text[i] = (char)json_integer_value(json_array_get(v, i));
    return text;
}

static json_t *failures_json(const struct ps_session_settings *s)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->n_failures; i++)
        json_array_append_new(list, json_pack("{s:i,s:i,s:o}", "before", (int)s->failure[i].before,
                                              "code", s->failure[i].code, "text",
                                              text_json(s->failure[i].text)));
    return list;
}

static json_t *make_json(const struct ps_session_settings *s, const char *plan_id)
{
    json_t *names = json_array();
    json_t *o;

    for (size_t i = 0; i < s->n_names; i++)
        json_array_append_new(names, text_json(s->name[i]));
    o = json_pack("{s:i,s:s,s:s,s:o?,s:b,s:o,s:o}", "poolscan_session", 1, "plan", plan_id,
                  "format", s->format, "output", s->output ? text_json(s->output) : json_null(),
                  "fail_if_none", s->fail_if_none, "images", names, "failures", failures_json(s));
    return o;
}

int ps_session_settings_write(const struct ps_session_settings *s, const char *plan_id,
                              const char *path, struct ps_err *err)
{
    json_t *o = make_json(s, plan_id);
    char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    struct ps_sink *sink = NULL;
    struct ps_err close_err;
    int rc = text ? ps_sink_open(&sink, path, err) : no_memory(err);
    int close_rc;

    if (rc == 0)
        rc = ps_sink_write(sink, text, strlen(text), err);
    if (rc == 0)
        rc = ps_sink_write(sink, "\n", 1, err);
    close_rc = ps_sink_close(sink, rc == 0, &close_err);
    if (rc == 0 && close_rc < 0) {
        *err = close_err;
        rc = close_rc;
    }
    free(text);
    json_decref(o);
    return rc;
}

static int take_failures(struct ps_session_settings *out, const json_t *list)
{
    const size_t n = json_array_size(list);

    out->failure = calloc(n + 1, sizeof *out->failure);
    while (out->failure && out->n_failures < n) {
        const json_t *o = json_array_get(list, out->n_failures);
        const json_int_t before = json_integer_value(json_object_get(o, "before"));
        const json_int_t code = json_integer_value(json_object_get(o, "code"));
        struct ps_session_failure *f = &out->failure[out->n_failures++];

        f->text = json_text(json_object_get(o, "text"));
        if (!f->text || before < 0 || before > UINT32_MAX || code <= 0 || code > INT32_MAX)
            return 0;
        f->before = (uint32_t)before;
        f->code = (int)code;
    }
    return out->failure != NULL;
}

static int take(struct ps_session_settings *out, const json_t *o, size_t n_images)
{
    const json_t *images = json_object_get(o, "images");
    const json_t *output = json_object_get(o, "output");
    const size_t n = json_array_size(images);

    if (n != n_images || !json_is_boolean(json_object_get(o, "fail_if_none")))
        return 0;
    out->fail_if_none = json_is_true(json_object_get(o, "fail_if_none"));
    out->format = json_text(json_object_get(o, "format"));
    out->output = json_is_null(output) ? NULL : json_text(output);
    out->name = calloc(n, sizeof *out->name);
    if (!out->format || !out->name || (!out->output && !json_is_null(output)))
        return 0;
    for (; out->n_names < n; out->n_names++) {
        out->name[out->n_names] = json_text(json_array_get(images, out->n_names));
        if (!out->name[out->n_names])
            return 0;
    }
    return take_failures(out, json_object_get(o, "failures"));
}

int ps_session_settings_read(struct ps_session_settings *out, const struct ps_farm_plan *plan,
                             const char *path, struct ps_err *err)
{
    json_error_t why;
    json_t *o = json_load_file(path, 0, &why);
    const char *id = json_string_value(json_object_get(o, "plan"));
    int is_good = id && strcmp(id, plan->id) == 0 &&
                  json_integer_value(json_object_get(o, "poolscan_session")) == 1;

    *out = (struct ps_session_settings){.format = NULL};
    is_good = is_good && take(out, o, plan->n_images);
    json_decref(o);
    if (is_good)
        return 0;
    return ps_fail(err, PS_EFORMAT, PS_AT_NONE,
                   "%.120s: damaged, or not of the plan beside it; remove the session and begin it "
                   "again",
                   path);
}
