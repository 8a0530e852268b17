/* The command line as a value. One table (host/cli/option_table.c) drives parsing, --help, the
 * manual page and the completions. */
#ifndef PS_HOST_OPTIONS_H
#define PS_HOST_OPTIONS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "scan/err.h"
#include "scan/pool/era.h"

enum ps_verb {
    PS_VERB_SCAN, /* the default */
    PS_VERB_TAGS,
    PS_VERB_DEVICES,
    PS_VERB_BENCH,
    PS_VERB_MKIMAGE,
    PS_VERB_BIGPOOLS,
    PS_VERB_FIND,
    PS_VERB_INFO,
    PS_VERB_VTOP,
    PS_VERB_PTOV,
    PS_VERB_POOL,
    PS_VERB_USED,
    PS_VERB_PLAN,
    PS_VERB_KEYSPACE,
    PS_VERB_DIFF,
    PS_VERB_FARM,
    PS_VERB_MERGE,
    PS_VERB_HELP,     /* --help, of all or of help_verb */
    PS_VERB_VERSION,  /* --version */
    PS_VERB_GENERATE, /* --generate man|complete-bash|complete-zsh */
};

enum ps_when { PS_WHEN_AUTO, PS_WHEN_ALWAYS, PS_WHEN_NEVER };

/* --pci-hole: what a raw image without its hole below 4 GiB needs. */
enum ps_pci_hole { PS_PCI_HOLE_AUTO, PS_PCI_HOLE_NONE, PS_PCI_HOLE_GIVEN };

/* The values of --min-confidence that have a name; docs/ACCURACY.md says what each leaves. */
enum ps_confidence_level {
    PS_CONFIDENCE_ALL = 0,
    PS_CONFIDENCE_PLAUSIBLE = 10, /* the default */
    PS_CONFIDENCE_LIKELY = 40,
    PS_CONFIDENCE_SURE = 70,
    PS_CONFIDENCE_PROVED = 80,
};

/* --unpack-memory that was not given. */
#define PS_UNPACK_MEMORY_AUTO UINT64_MAX

/* A list of strings; they point into argv. */
struct ps_strings {
    const char **item;
    size_t n;
};

struct ps_options {
    enum ps_verb verb;
    enum ps_verb help_verb;
    struct ps_strings args; /* images, a tag pattern, recipe and output ... */

    /* What to look for. */
    struct ps_strings tags;      /* --tags A,B split at commas (not at "\,"), may be repeated */
    struct ps_strings tag_files; /* --tag-file, may be repeated */
    int no_builtin_tags;
    int all_headers;
    int show_free;
    int include_copies;
    uint32_t min_confidence;         /* 0 .. 100 */
    int has_min_confidence;          /* it was asked for, rather than being the default */
    uint64_t range_start, range_end; /* physical, end exclusive, multiples of 4096 */
    int has_range;
    uint64_t skip, limit; /* bytes of present memory, multiples of 4096; limit 0: all of them */

    /* Which Windows. */
    const char *arch;            /* "auto", "x86", "x64" */
    uint32_t build;              /* 0: find out */
    int physical_only;           /* no page tables, no big-pool table */
    enum ps_pci_hole pci_hole;
    uint64_t hole_start, hole_end; /* PS_PCI_HOLE_GIVEN: end exclusive, multiples of 4096 */
    const char *dtb;             /* hexadecimal, as typed; NULL: find it */
    struct ps_strings pagefiles; /* --pagefile: FILE or N=FILE */
    const char *symbols;         /* NULL: no symbol file */

    /* What runs it. */
    const char *backend; /* "auto", "cpu", "opencl", "null" */
    const char *kernel;  /* NULL: the best */
    int gpu;
    int any_device;
    struct ps_strings devices; /* -d 1,2 */
    const char *temp_dir;      /* --temp-dir */
    uint64_t unpack_memory;    /* --unpack-memory; PS_UNPACK_MEMORY_AUTO: as the machine has */
    uint32_t threads;          /* 0: from the topology */
    uint64_t chunk_bytes;      /* 0: from cache sizes and memory bound */
    const char *io;            /* "auto", "mmap", "read" */

    /* Output. */
    const char *format;
    const char *output; /* NULL: standard output */
    enum ps_when progress;
    int status_json;
    enum ps_when color;
    int quiet;
    int verbose;
    int fail_if_none;
    int fail_if_different; /* diff */

    /* tags verb */
    const char *unknown; /* --unknown; NULL: list the database */
    int exact;           /* ... entries with wildcards explain nothing */
    const char *component;
    const char *kind;

    /* bench verb */
    uint32_t repeats;
    uint64_t bench_bytes;
    struct ps_strings bench_rows; /* --rows; none: all */

    /* bigpools verb */
    int raw;

    /* used verb */
    const char *sort; /* "nonpaged", "paged", "diff", "tag"; of diff "bytes", "allocs", "tag" */

    /* mkimage verb */
    const char *truth;         /* NULL: do not list what was planted */
    const char *page_file_out; /* NULL: do not write the recipe's page file */

    /* Farm */
    uint64_t task_bytes; /* --task-bytes */
    const char *plan;    /* --plan; NULL: none */
    const char *task;    /* --task: host/farm/plan/task_number.h reads it */
    uint32_t tasks_each; /* --tasks-each; at least 1 */
    const char *out_dir; /* --out-dir */
    char *applied;       /* texts of ps_options_apply */
    int partial;         /* --partial */
    uint32_t wait;       /* --wait: seconds; 0: not at all */
    const char *session; /* --session; NULL: none */
    const char *restore; /* --restore; NULL: none */

    const char *generate;
};

/* Parse argv. PS_EARG with one clear sentence; *out is untouched then. Free with ps_options_free.
 * argv outlives *out and is written to: the commas of a list become zeros. Uses getopt's globals:
 * one thread at a time. */
int ps_options_parse(struct ps_options *out, int argc, char **argv, struct ps_err *err);
void ps_options_free(struct ps_options *opt);
/* A copy with lists of its own, which point to the same texts; its owner may change it. PS_ENOMEM.
 * Free it as the other, and before it. */
int ps_options_copy(struct ps_options *out, const struct ps_options *opt, struct ps_err *err);

/* --help of all verbs (verb PS_VERB_HELP) or of one, and the --generate texts, to 'out'. */
int ps_options_help(enum ps_verb verb, FILE *out);
int ps_options_generate(const char *what, FILE *out, struct ps_err *err);

#endif
