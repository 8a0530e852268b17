/* The benchmark: how fast everything is beside how fast it could be at all.
 *
 * A row and its ceiling are measured in turn within each repetition, and the ratio is the median of
 * the repetitions' ratios, so that what else runs on the machine hits both alike. Answers are
 * checked before a number is written. */
#ifndef PS_HOST_BENCH_BENCH_H
#define PS_HOST_BENCH_BENCH_H

#include <sched.h>
#include <stdint.h>

#include "host/bench/data/file_read.h"
#include "host/bench/data/memory_read.h"
#include "host/bench/data/tag_set.h"
#include "host/bench/report/report.h"
#include "host/options.h"
#include "host/topology.h"
#include "scan/err.h"
#include "scan/tags/tagdb.h"

#define PS_BENCH_MAX_SETS 4u

/* Tags to scan for. */
struct ps_bench_set {
    struct ps_ruleset rules;
};

/* What was planted in an image with page tables. */
struct ps_bench_truth {
    uint64_t headers; /* in use or with the look of it, in pages that are mapped */
    uint64_t big;     /* big allocations */
};

/* What the rows share. */
struct ps_bench {
    const struct ps_options *opt;
    struct ps_topology *topology;
    struct ps_bench_report *report;
    unsigned repeats;
    cpu_set_t affinity; /* of the process, before it was bound for rows of one thread */

    struct ps_bench_tags *tags;
    struct ps_tagdb *database;                  /* built-in lists, and --tag-file */
    struct ps_rule *database_rules;             /* with the commonest made-up tags */
    struct ps_bench_set set[PS_BENCH_MAX_SETS]; /* made-up tags, ascending; the database last */
    unsigned n_sets;

    uint8_t *mem; /* read by the rows in memory */
    size_t mem_bytes;
    const struct ps_memory_reader *reader; /* the fastest */

    /* The fastest way to read the image, with one thread and with all. */
    const struct ps_file_reader *file_reader[2];

    const char *image; /* file of the rows that read one */
    const char *image_name; /* for rows */
    uint64_t image_bytes;
    char made_image[128]; /* temporary files: "" if not made */
    char made_tags[128];
    char made_virtual[128];
    struct ps_bench_truth virtual_truth; /* of made_virtual */
};

/* Measure what opt asks for. PS_EINTERNAL when an answer is wrong. */
int ps_bench_run(const struct ps_options *opt, struct ps_err *err);

/* Bind the calling thread to one core, or give it back all that the process had. */
void ps_bench_bind(const struct ps_bench *b);
void ps_bench_unbind(const struct ps_bench *b);

#endif
