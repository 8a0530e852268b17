/* Findings -> text. One writer per format, chosen from a const table. */
#ifndef PS_HOST_OUTPUT_OUTPUT_H
#define PS_HOST_OUTPUT_OUTPUT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "scan/err.h"
#include "scan/finding.h"
#include "scan/pool/era.h"
#include "scan/quota/processes.h"
#include "scan/tags/tagdb.h"

/* What all findings of one image share. Outlives the calls between begin and end image. */
struct ps_output_image {
    const char *path; /* as given */
    const char *id;   /* 32 hex digits */
    const struct ps_era *era;
    const struct ps_processes *processes; /* whose names are known; NULL: none */
};

struct ps_output;

/* How to write. 'format' is a name of ps_output_formats ("auto": table on a terminal, jsonl
 * elsewhere). path NULL or "-": standard output. A file is written to a temporary name beside
 * 'path', fsynced and renamed by ps_output_close(keep = 1); closed without keep it is removed, so
 * a reader never sees half a result. */
struct ps_output_spec {
    const char *format;
    const char *path;
    const struct ps_tagdb *tags;
    int color;            /* table only */
    const char *temp_dir; /* --temp-dir, of which sqlite alone has need; NULL: as SQLite chooses */
};

int ps_output_open(struct ps_output **out, const struct ps_output_spec *spec, struct ps_err *err);
/* One thread at a time. Findings of an image come in the order of docs/OUTPUT.md. PS_EIO when
 * writing fails (a full disk, a closed pipe: the message tells which). */
int ps_output_begin_image(struct ps_output *o, const struct ps_output_image *image,
                          struct ps_err *err);
int ps_output_findings(struct ps_output *o, const struct ps_finding *f, size_t n,
                       struct ps_err *err);
int ps_output_end_image(struct ps_output *o, struct ps_err *err);
/* Finishes the text (closing brackets, the table), flushes, syncs, renames. Frees 'o' in any
 * case; accepts NULL. */
int ps_output_close(struct ps_output *o, int keep, struct ps_err *err);

/* Should a table to 'path' have colours? 'when' as --color says: 0 auto (a terminal, and no
 * NO_COLOR in the environment), 1 always, 2 never (enum ps_when). */
int ps_output_wants_color(int when, const char *path);

/* Is 'format', or what "auto" comes to for 'path', the table? */
int ps_output_is_table(const char *format, const char *path);

/* Is 'format' one that findings have and lists of other things do not? */
int ps_output_is_of_findings(const char *format);

/* Names for --help and completion, NULL-terminated, "auto" first. */
extern const char *const ps_output_formats[];

#endif
