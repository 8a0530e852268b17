#include "host/farm/plan/options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/cli/option_words.h"

/* Of a larger file, which can only be a page file, as much of the beginning and of the end. */
#define FILE_BYTES  (UINT64_C(32) << 20)
#define PIECE_BYTES ((size_t)1 << 20)

static struct ps_digest *new_digest(struct ps_err *err)
{
    struct ps_digest *digest = ps_digest_new();

    if (!digest)
        ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    return digest;
}

/* With its length, so that two texts are never taken for one. */
static void add_text(struct ps_digest *digest, const char *text)
{
    const size_t n = strlen(text);

    ps_digest_update_u64(digest, n);
    ps_digest_update(digest, text, n);
}

int ps_farm_tags_id(const struct ps_tagdb *tags, char hex[PS_DIGEST_HEX_BYTES], struct ps_err *err)
{
    struct ps_digest *digest = new_digest(err);
    const size_t n = ps_tagdb_count(tags);

    if (!digest)
        return -PS_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        const struct ps_tag_info tag = ps_tagdb_at(tags, (uint32_t)i);

        ps_digest_update_u64(digest, (uint64_t)tag.pattern.value << 32 | tag.pattern.mask);
        add_text(digest, tag.component);
        add_text(digest, tag.kind);
        add_text(digest, tag.pool);
        add_text(digest, tag.seen);
        add_text(digest, tag.description);
    }
    ps_digest_hex(digest, hex);
    ps_digest_free(digest);
    return 0;
}

static int add_bytes(struct ps_digest *digest, int fd, uint64_t at, uint64_t end, uint8_t *piece,
                     struct ps_err *err)
{
    while (at < end) {
        const size_t want = end - at < PIECE_BYTES ? (size_t)(end - at) : PIECE_BYTES;
        const ssize_t got = pread(fd, piece, want, (off_t)at);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return ps_fail(err, PS_EIO, at, "reading failed at byte %llu (%s)",
                           (unsigned long long)at, got < 0 ? strerror(errno) : "it became shorter");
        ps_digest_update(digest, piece, (size_t)got);
        at += (uint64_t)got;
    }
    return 0;
}

static int add_content(struct ps_digest *digest, int fd, struct ps_err *err)
{
    uint8_t *piece = malloc(PIECE_BYTES);
    struct stat st;
    uint64_t n, first, last;
    int rc;

    if (!piece)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        free(piece);
        return ps_fail(err, PS_EFORMAT, PS_AT_NONE, "a plan can only name regular files");
    }
    n = (uint64_t)st.st_size;
    first = n < FILE_BYTES ? n : FILE_BYTES;
    last = n - first < FILE_BYTES ? first : n - FILE_BYTES;
    ps_digest_update_u64(digest, n);
    rc = add_bytes(digest, fd, 0, first, piece, err);
    if (rc == 0)
        rc = add_bytes(digest, fd, last, n, piece, err);
    free(piece);
    return rc;
}

static int add_file(struct ps_digest *digest, const char *path, struct ps_err *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct ps_err why;
    int rc;

    if (fd < 0)
        return ps_fail(err, PS_ENOENT, PS_AT_NONE, "%.120s: cannot open this file (%s)", path,
                       strerror(errno));
    rc = add_content(digest, fd, &why);
    close(fd);
    if (rc < 0)
        return ps_fail(err, (enum ps_code)why.code, why.at, "%.100s: %.140s", path, why.msg);
    return 0;
}

/* Words are names and values in turns; a value may look like a name. */
static int digest_words(struct ps_digest *digest, const char *const *word, size_t n_words,
                        struct ps_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < n_words && rc == 0; i++) {
        const struct ps_option *o = ps_option_named(word[i] + 2);
        const char *file;

        add_text(digest, word[i]);
        if (!o || !o->metavar)
            continue;
        i++;
        add_text(digest, word[i]);
        file = ps_option_file_part(o, word[i]);
        if (file)
            rc = add_file(digest, file, err);
    }
    return rc;
}

static int options_id(const struct ps_farm_plan *plan, char hex[PS_DIGEST_HEX_BYTES],
                      struct ps_err *err)
{
    struct ps_digest *digest = new_digest(err);
    int rc;

    if (!digest)
        return -PS_ENOMEM;
    rc = digest_words(digest, plan->word, plan->n_words, err);
    if (rc == 0)
        ps_digest_hex(digest, hex);
    ps_digest_free(digest);
    return rc;
}

static int take_word(void *arg, const char *word, struct ps_err *err)
{
    return ps_farm_plan_word(arg, word, err);
}

int ps_farm_plan_set_options(struct ps_farm_plan *plan, const struct ps_options *opt,
                             const struct ps_tagdb *tags, struct ps_err *err)
{
    int rc = ps_farm_plan_text(plan, PS_VERSION, &plan->version, err);

    if (rc == 0)
        rc = ps_options_words(opt, take_word, plan, err);
    if (rc == 0)
        rc = options_id(plan, plan->options_id, err);
    if (rc == 0)
        rc = ps_farm_tags_id(tags, plan->tags_id, err);
    plan->task_bytes = opt->task_bytes;
    return rc;
}

int ps_farm_plan_use_options(const struct ps_farm_plan *plan, struct ps_options *opt,
                             struct ps_err *err)
{
    char now[PS_DIGEST_HEX_BYTES];
    int rc;

    if (strcmp(plan->version, PS_VERSION) != 0)
        return ps_fail(err, PS_EFORMAT, PS_AT_NONE,
                       "the plan is of poolscan %.40s, and this is " PS_VERSION
                       ": use one version for all of it",
                       plan->version);
    rc = ps_options_apply(opt, plan->word, plan->n_words, err);
    if (rc == 0)
        rc = options_id(plan, now, err);
    if (rc < 0 || strcmp(now, plan->options_id) == 0)
        return rc;
    return ps_fail(err, PS_EFORMAT, PS_AT_NONE,
                   "a file that the options of the plan name is not what it was: make the plan "
                   "anew");
}

int ps_farm_plan_check_tags(const struct ps_farm_plan *plan, const struct ps_tagdb *tags,
                            struct ps_err *err)
{
    char now[PS_DIGEST_HEX_BYTES];
    int rc = ps_farm_tags_id(tags, now, err);

    if (rc < 0 || strcmp(now, plan->tags_id) == 0)
        return rc;
    return ps_fail(err, PS_EFORMAT, PS_AT_NONE,
                   "the plan was made with other tags than this program has: use one build for all "
                   "of it");
}
