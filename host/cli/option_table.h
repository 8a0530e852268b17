/* The verbs and options as data: the one place that names them. Parsing (options.c), --help
 * (help.c), the man page (man.c) and the completions (complete.c) all read these rows. */
#ifndef PS_HOST_CLI_OPTION_TABLE_H
#define PS_HOST_CLI_OPTION_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "host/options.h"

/* What an option takes, and so what stands at its offset in struct ps_options. */
enum ps_option_kind {
    PS_OPT_FLAG,    /* nothing; int becomes 1 */
    PS_OPT_COUNT,   /* nothing; int grows by 1 */
    PS_OPT_VERB,    /* nothing; selects the verb 'lo' */
    PS_OPT_IGNORED, /* nothing; accepted for the sake of scripts */
    PS_OPT_STRING,  /* any text; const char * */
    PS_OPT_CHOICE,  /* a name of 'choice'; const char * */
    PS_OPT_WHEN,    /* auto, always, never; enum ps_when */
    PS_OPT_NUMBER,  /* lo .. hi; uint32_t */
    PS_OPT_LEVEL,   /* the same, or a name of 'choice' that stands for 'level' of it */
    PS_OPT_SIZE,    /* lo .. hi bytes, a multiple of 'multiple'; uint64_t */
    PS_OPT_RANGE,   /* START-END in multiples of 'multiple'; range_start, range_end, has_range */
    PS_OPT_HOLE,    /* auto, none or such a range; pci_hole, hole_start, hole_end */
    PS_OPT_APPEND,  /* any text, appended to a struct ps_strings of at most 'hi' items */
    PS_OPT_LIST,    /* text split at unescaped commas, appended likewise */
    PS_OPT_NUMBERS, /* the same, each item a number of 1 or more */
};

/* Does the value of an option name a file? */
enum ps_option_file {
    PS_FILE_NOT,
    PS_FILE_NAME,
    PS_FILE_NUMBERED, /* behind N=, if that is there */
};

struct ps_option {
    const char *name; /* without the two dashes */
    char letter;      /* short name, 0: none */
    enum ps_option_kind kind;
    int common; /* stands in the --help of all verbs */
    int shapes; /* other results with another value: a plan keeps it for all of its tasks */
    enum ps_option_file file; /* of options that shape results */
    size_t offset;
    uint32_t verbs;                  /* PS_VERB_BIT of each verb that accepts it */
    const char *metavar;             /* NULL when it takes no value */
    const char *help;                /* one sentence, no period */
    const char *(*choice)(size_t i); /* the i-th accepted name, NULL after the last */
    uint32_t (*level)(size_t i);     /* what it stands for, of PS_OPT_LEVEL */
    uint64_t lo;
    uint64_t hi;
    uint64_t multiple;
};

struct ps_verb_info {
    const char *name;
    enum ps_verb verb;
    const char *operands; /* as in a synopsis */
    unsigned min_args;
    unsigned max_args;
    const char *help;   /* half a line */
    const char *detail; /* a paragraph */
};

#define PS_VERB_BIT(verb) (UINT32_C(1) << (verb))

/* What an empty command line stands for. */
extern const struct ps_options ps_option_defaults;

extern const struct ps_option ps_option_table[];
extern const size_t ps_n_options;

/* So many rows at most. */
#define PS_MAX_OPTIONS 128

/* The verbs that may be typed; the first one is the default. */
extern const struct ps_verb_info ps_verb_table[];
extern const size_t ps_n_verbs;

/* Verbs of the full command line that this version does not have, NULL-terminated: never taken for
 * the name of an image, or for a slip of the finger. */
extern const char *const ps_later_verbs[];

/* Rows by name; NULL: no such row. */
const struct ps_option *ps_option_named(const char *name);
const struct ps_verb_info *ps_verb_named(const char *name);
const struct ps_verb_info *ps_verb_row(enum ps_verb verb);

/* Names of --generate. */
const char *ps_generate_choice(size_t i);

/* Put the accepted names of 'o' into text[n], joined by 'between'. Returns text. */
char *ps_option_choices(const struct ps_option *o, const char *between, char *text, size_t n);

/* Put into text[n] what 'o', which has names, accepts: the names, or for PS_OPT_LEVEL the range and
 * each name with what it stands for. Returns text. */
char *ps_option_accepts(const struct ps_option *o, char *text, size_t n);

#define PS_OPTION_ACCEPTS_BYTES 128

#endif
