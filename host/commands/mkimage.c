/* poolscan mkimage RECIPE OUT [NAME=VALUE ...] */
#include "host/commands/commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/log.h"
#include "host/output/sink/sink.h"
#include "host/recipe/recipe.h"

#define MAX_PARAMS 64u

/* At most PS_RECIPE_MAX_TEXT + 1 bytes, so that the parser can say that it is too long. */
static int read_stream(FILE *in, const char *name, char **text, size_t *n, struct ps_err *err)
{
    size_t cap = PS_RECIPE_MAX_TEXT + 1;

    *text = malloc(cap);
    if (!*text)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "not enough memory for the recipe");
    *n = fread(*text, 1, cap, in);
    if (ferror(in))
        return ps_fail(err, PS_EIO, PS_AT_NONE, "cannot read %.150s: %s", name, strerror(errno));
    return 0;
}

static int read_recipe(const char *name, char **text, size_t *n, struct ps_err *err)
{
    FILE *in = stdin;
    int rc;

    if (strcmp(name, "-") != 0 && !(in = fopen(name, "rb")))
        return ps_fail(err, PS_ENOENT, PS_AT_NONE, "cannot open the recipe %.150s: %s", name,
                       strerror(errno));
    rc = read_stream(in, name, text, n, err);
    if (in != stdin)
        fclose(in);
    return rc;
}

/* NAME=VALUE words behind the two file names. */
struct params {
    struct ps_recipe_param param[MAX_PARAMS];
    char *name[MAX_PARAMS]; /* what param[].name points at; to be freed */
    size_t n;
};

static int read_params(const struct ps_options *opt, struct params *p, struct ps_err *err)
{
    for (size_t i = 2; i < opt->args.n; i++) {
        const char *word = opt->args.item[i];
        const char *eq = strchr(word, '=');

        if (!eq || eq == word || p->n == MAX_PARAMS)
            return ps_fail(
                err, PS_EARG, PS_AT_NONE,
                "after RECIPE and OUT come parameters NAME=VALUE (at most %u), not %.80s",
                MAX_PARAMS, word);
        p->name[p->n] = strndup(word, (size_t)(eq - word));
        p->param[p->n].name = p->name[p->n];
        p->param[p->n].value = eq + 1;
        if (!p->name[p->n++])
            return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "not enough memory for the parameters");
    }
    return 0;
}

/* Put the recipe's name and line in front of what the parser said. */
static int name_line(const char *name, int rc, struct ps_err *err)
{
    char said[sizeof err->msg];

    if (rc != -PS_EARG || err->at == PS_AT_NONE)
        return rc;
    memcpy(said, err->msg, sizeof said);
    return ps_fail(err, PS_EARG, err->at, "%.60s:%llu: %s", name, (unsigned long long)err->at,
                   said);
}

static int parse(struct ps_recipe **out, const struct ps_options *opt, const struct params *p,
                 struct ps_err *err)
{
    const char *name = opt->args.item[0];
    char *text = NULL;
    size_t n = 0;
    int rc;

    if (strcmp(name, "sample") == 0)
        return ps_recipe_parse(out, ps_recipe_sample, ps_recipe_sample_bytes, p->param, p->n, err);
    rc = read_recipe(name, &text, &n, err);
    if (rc == 0)
        rc = name_line(name, ps_recipe_parse(out, text, n, p->param, p->n, err), err);
    free(text);
    return rc;
}

static ssize_t to_sink(void *sink, const char *text, size_t n)
{
    struct ps_err err;

    return ps_sink_write(sink, text, n, &err) < 0 ? -1 : (ssize_t)n;
}

/* The list of planted headers into 'path', whole or not at all. */
static int write_truth(const struct ps_recipe *recipe, const char *path, struct ps_err *err)
{
    cookie_io_functions_t io = {.write = to_sink};
    struct ps_sink *sink = NULL;
    FILE *out;
    int closed, rc = ps_sink_open(&sink, path, err);

    if (rc < 0)
        return rc;
    out = fopencookie(sink, "w", io);
    if (!out) {
        rc = ps_fail(err, PS_ENOMEM, PS_AT_NONE, "not enough memory to list the headers");
    } else {
        rc = ps_recipe_truth(recipe, out, err);
        fclose(out);
    }
    closed = ps_sink_close(sink, rc >= 0, err);
    return rc < 0 ? rc : closed;
}

static int write_image(const struct ps_recipe *recipe, const char *path, struct ps_err *err)
{
    if (strcmp(path, "-") == 0)
        return ps_recipe_write_fd(recipe, STDOUT_FILENO, err);
    return ps_recipe_write(recipe, path, err);
}

int ps_cmd_mkimage(const struct ps_options *opt, struct ps_err *err)
{
    struct params params = {.n = 0};
    struct ps_recipe *recipe = NULL;
    int rc;

    if (opt->args.n < 2)
        return ps_fail(err, PS_EARG, PS_AT_NONE,
                       "mkimage needs a recipe (a file, - or sample) and the image to write");
    rc = read_params(opt, &params, err);
    if (rc == 0)
        rc = parse(&recipe, opt, &params, err);
    if (rc == 0)
        rc = name_line(opt->args.item[0], write_image(recipe, opt->args.item[1], err), err);
    if (rc == 0 && opt->page_file_out)
        rc = ps_recipe_write_page_file(recipe, opt->page_file_out, err);
    if (rc == 0 && opt->truth)
        rc = write_truth(recipe, opt->truth, err);
    if (rc == 0)
        ps_log(PS_LOG_INFO, "%s: %llu bytes", opt->args.item[1],
               (unsigned long long)ps_recipe_size(recipe));
    ps_recipe_free(recipe);
    for (size_t i = 0; i < params.n; i++)
        free(params.name[i]);
    return rc;
}
