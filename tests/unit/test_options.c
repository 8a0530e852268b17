/* The command line: words in, struct ps_options or one exact sentence out. */
#include "host/options.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/tmpdir.h"

#define MAX_WORDS 32

/* A command line split at spaces; '' is an empty word. */
struct line {
    char name[16];
    char text[512];
    char *argv[MAX_WORDS + 1];
    int argc;
};

static void split(struct line *l, const char *text)
{
    char *save = NULL;

    snprintf(l->text, sizeof l->text, "%s", text);
    snprintf(l->name, sizeof l->name, "poolscan");
    l->argc = 0;
    l->argv[l->argc++] = l->name;
    for (char *w = strtok_r(l->text, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        cr_assert_lt(l->argc, MAX_WORDS);
        if (strcmp(w, "''") == 0)
            *w = '\0';
        l->argv[l->argc++] = w;
    }
    l->argv[l->argc] = NULL;
}

/* What is not as after an empty command line, field by field. */
struct text {
    char s[1024];
    size_t n;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *fmt, ...)
{
    va_list ap;
    int k;

    va_start(ap, fmt);
    k = vsnprintf(t->s + t->n, sizeof t->s - t->n, fmt, ap);
    va_end(ap);
    cr_assert(k >= 0 && (size_t)k < sizeof t->s - t->n);
    t->n += (size_t)k;
}

static void add_list(struct text *t, const char *name, const struct ps_strings *list)
{
    for (size_t i = 0; i < list->n; i++)
        add(t, "%s%s", i ? "|" : name, list->item[i]);
}

static void add_int(struct text *t, const char *name, uint64_t v, uint64_t usual)
{
    if (v != usual)
        add(t, " %s=%" PRIu64, name, v);
}

static void add_string(struct text *t, const char *name, const char *s, const char *usual)
{
    if (s && (!usual || strcmp(s, usual) != 0))
        add(t, " %s=%s", name, s);
    cr_assert(s || !usual, "%s is NULL", name);
}

static const char *const verb_names[] = {"scan",     "tags", "devices", "bench",    "mkimage",
                                         "bigpools", "find", "info",    "vtop",     "ptov",
                                         "pool",     "used", "plan",    "keyspace", "diff",
                                         "farm",     "merge", "help",   "version",  "generate"};

static void describe(struct text *t, const struct ps_options *o)
{
    t->n = 0;
    add(t, "%s", verb_names[o->verb]);
    if (o->verb == PS_VERB_HELP)
        add(t, " of %s", verb_names[o->help_verb]);
    add_list(t, " args=", &o->args);
    add_list(t, " tags=", &o->tags);
    add_list(t, " tag_files=", &o->tag_files);
    add_int(t, "no_builtin_tags", (uint64_t)o->no_builtin_tags, 0);
    add_int(t, "all_headers", (uint64_t)o->all_headers, 0);
    add_int(t, "show_free", (uint64_t)o->show_free, 0);
    add_int(t, "min_confidence", o->min_confidence, 10);
    add_int(t, "has_min_confidence", (uint64_t)o->has_min_confidence, 0);
    if (o->has_range)
        add(t, " range=%#" PRIx64 "..%#" PRIx64, o->range_start, o->range_end);
    add_string(t, "arch", o->arch, "auto");
    add_int(t, "build", o->build, 0);
    add_int(t, "physical_only", (uint64_t)o->physical_only, 0);
    add_int(t, "pci_hole", o->pci_hole, PS_PCI_HOLE_AUTO);
    if (o->pci_hole == PS_PCI_HOLE_GIVEN)
        add(t, " hole=%#" PRIx64 "..%#" PRIx64, o->hole_start, o->hole_end);
    add_string(t, "dtb", o->dtb, NULL);
    add_string(t, "symbols", o->symbols, NULL);
    add_string(t, "backend", o->backend, "auto");
    add_string(t, "kernel", o->kernel, NULL);
    add_int(t, "gpu", (uint64_t)o->gpu, 0);
    add_int(t, "any_device", (uint64_t)o->any_device, 0);
    add_list(t, " devices=", &o->devices);
    add_int(t, "threads", o->threads, 0);
    add_int(t, "chunk", o->chunk_bytes, 0);
    add_string(t, "io", o->io, "auto");
    add_string(t, "format", o->format, "auto");
    add_string(t, "output", o->output, NULL);
    add_int(t, "progress", o->progress, PS_WHEN_AUTO);
    add_int(t, "status_json", (uint64_t)o->status_json, 0);
    add_int(t, "color", o->color, PS_WHEN_AUTO);
    add_int(t, "quiet", (uint64_t)o->quiet, 0);
    add_int(t, "verbose", (uint64_t)o->verbose, 0);
    add_int(t, "fail_if_none", (uint64_t)o->fail_if_none, 0);
    add_string(t, "component", o->component, NULL);
    add_string(t, "kind", o->kind, NULL);
    add_int(t, "repeats", o->repeats, 10);
    add_int(t, "bench_bytes", o->bench_bytes, UINT64_C(1) << 30);
    add_list(t, " rows=", &o->bench_rows);
    add_string(t, "sort", o->sort, "nonpaged");
    add_string(t, "truth", o->truth, NULL);
    add_string(t, "generate", o->generate, NULL);
}

/* Left alone: clang-format would align the columns far beyond the margin. */
/* clang-format off */
static const struct {
    const char *line;
    const char *want;
} good[] = {
    {"a.raw", "scan args=a.raw"},
    {"scan a.raw b.raw", "scan args=a.raw|b.raw"},
    {"--gpu a.raw", "scan args=a.raw gpu=1"},
    {"a.raw --gpu b.raw -q", "scan args=a.raw|b.raw gpu=1 quiet=1"},
    {"--quiet scan a.raw", "scan args=a.raw quiet=1"},
    {"-f a.raw", "scan args=a.raw"},
    {"-f a.raw scan b.raw", "scan args=a.raw|b.raw"},
    {"--file=a.raw -f b.raw", "scan args=a.raw|b.raw"},
    {"scan scan", "scan args=scan"},
    {"-- scan", "scan args=scan"},
    {"scan -- --gpu -x", "scan args=--gpu|-x"},
    {"-- info", "scan args=info"},
    {"scan info", "scan args=info"},
    {"./info", "scan args=./info"},
    {"nothing-like-a-verb", "scan args=nothing-like-a-verb"},
    {"scam.raw", "scan args=scam.raw"},
    {"-", "scan args=-"},

    {"--tags Proc,Thr? a", "scan args=a tags=Proc|Thr?"},
    {"--tags Proc --tags A,B a", "scan args=a tags=Proc|A|B"},
    {"--tags a\\,b,c\\\\,d\\x2c a", "scan args=a tags=a\\,b|c\\\\|d\\x2c"},
    {"--tags x\\ a", "scan args=a tags=x\\"},
    {"--tag-file p --tag-file q --no-builtin-tags a",
     "scan args=a tag_files=p|q no_builtin_tags=1"},
    {"--pci-hole none a", "scan args=a pci_hole=1"},
    {"--pci-hole 3G-4G --pci-hole auto a", "scan args=a"},
    {"info --pci-hole=3G-0x100000000 a", "info args=a pci_hole=2 hole=0xc0000000..0x100000000"},
    {"--dtb 1aa000 --physical-only a", "scan args=a physical_only=1 dtb=1aa000"},
    {"--all-headers --show-free a", "scan args=a all_headers=1 show_free=1"},
    {"--all-headers --no-builtin-tags a", "scan args=a no_builtin_tags=1 all_headers=1"},
    {"--min-confidence 100 a", "scan args=a min_confidence=100 has_min_confidence=1"},
    {"--min-confidence 0x10 a", "scan args=a min_confidence=16 has_min_confidence=1"},
    {"--min-confidence all a", "scan args=a min_confidence=0 has_min_confidence=1"},
    {"--min-confidence 0 a", "scan args=a min_confidence=0 has_min_confidence=1"},
    {"--min-confidence plausible a", "scan args=a has_min_confidence=1"},
    {"find --min-confidence=likely a T",
     "find args=a|T min_confidence=40 has_min_confidence=1"},
    {"--min-confidence sure a", "scan args=a min_confidence=70 has_min_confidence=1"},
    {"--min-confidence 5 --min-confidence proved a",
     "scan args=a min_confidence=80 has_min_confidence=1"},
    {"--range 0x1000-0x200000 a", "scan args=a range=0x1000..0x200000"},
    {"--range 0-4G a", "scan args=a range=0..0x100000000"},
    {"--range=4096-8k a", "scan args=a range=0x1000..0x2000"},
    {"--range 0-0xfffffffffffff000 a", "scan args=a range=0..0xfffffffffffff000"},
    {"--fail-if-none a", "scan args=a fail_if_none=1"},
    {"--arch x86 --build 2600 --offline a", "scan args=a arch=x86 build=2600"},

    {"--gpu --any-device -d 1,2 a", "scan args=a gpu=1 any_device=1 devices=1|2"},
    {"-d1 -d 3 a", "scan args=a devices=1|3"},
    {"--gpu --backend opencl a", "scan args=a backend=opencl gpu=1"},
    {"--gpu --backend auto a", "scan args=a gpu=1"},
    {"--backend cpu --kernel scalar -t 8 a", "scan args=a backend=cpu kernel=scalar threads=8"},
    {"--backend null a", "scan args=a backend=null"},
    {"-t0 a", "scan args=a"},
    {"--threads 1 --threads 2 a", "scan args=a threads=2"},
    {"--chunk 4k a", "scan args=a chunk=4096"},
    {"--chunk 64M a", "scan args=a chunk=67108864"},
    {"--chunk 0x10000 --io read a", "scan args=a chunk=65536 io=read"},

    {"--format jsonl -o out a", "scan args=a format=jsonl output=out"},
    {"-r csv a", "scan args=a format=csv"},
    {"--renderer json -o - a", "scan args=a format=json output=-"},
    {"--form none a", "scan args=a format=none"},
    {"--progress always --color never a", "scan args=a progress=1 color=2"},
    {"--status-json a", "scan args=a status_json=1"},
    {"-vv a -v", "scan args=a verbose=3"},
    {"-qr json a", "scan args=a format=json quiet=1"},

    {"tags", "tags"},
    {"tags Thr* --component nt --kind process", "tags args=Thr* component=nt kind=process"},
    {"-v tags", "tags verbose=1"},
    {"devices", "devices"},
    {"-I", "devices"},
    {"--list-devices devices", "devices"},
    {"bench", "bench"},
    {"-b --repeats 3 --size 1G --rows runs,peak", "bench repeats=3 rows=runs|peak"},
    {"--gpu --benchmark a", "bench args=a gpu=1"},
    {"mkimage r o", "mkimage args=r|o"},
    {"mkimage sample - a=1 b=2 --truth t", "mkimage args=sample|-|a=1|b=2 truth=t"},

    {"info a --build 19041", "info args=a build=19041"},
    {"pool a phys:1000 --build 9600", "pool args=a|phys:1000 build=9600"},
    {"used a", "used args=a"},
    {"used a --sort tag --tags A,B -t 2", "used args=a tags=A|B threads=2 sort=tag"},
    {"info a --symbols nt.json.xz", "info args=a symbols=nt.json.xz"},
    {"vtop a 0 --dtb 1aa000 --arch x64", "vtop args=a|0 arch=x64 dtb=1aa000"},
    {"ptov a 0", "ptov args=a|0"},

    {"--help", "help of help"},
    {"-h", "help of help"},
    {"help", "help of help"},
    {"help scan", "help of scan args=scan"},
    {"scan --help", "help of scan"},
    {"--help mkimage", "help of mkimage"},
    {"-b --help", "help of bench"},
    {"--version --help", "help of help"},
    {"--version", "version"},
    {"-V -v", "version verbose=1"},
    {"scan -V", "version"},
    {"--generate man", "generate generate=man"},
};
/* clang-format on */

Test(options, are_what_was_written)
{
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct ps_options opt;
        struct ps_err err = {0};
        struct text got;
        struct line l;

        split(&l, good[i].line);
        cr_assert_eq(ps_options_parse(&opt, l.argc, l.argv, &err), 0, "'%s': %s", good[i].line,
                     err.msg);
        describe(&got, &opt);
        cr_assert_str_eq(got.s, good[i].want, "'%s' gives '%s'", good[i].line, got.s);
        ps_options_free(&opt);
    }
}

/* clang-format off */
static const struct {
    const char *line;
    const char *want;
} bad[] = {
    {"", "no image given; 'poolscan --help' tells how to use it"},
    {"-q", "the verb scan needs IMAGE..."},
    {"scan", "the verb scan needs IMAGE..."},
    {"mkimage r", "the verb mkimage needs RECIPE OUT [NAME=VALUE...]"},
    {"bench a b", "the verb bench: b is one operand too many"},
    {"--truth t a", "option --truth is not one of the verb scan"},
    {"devices x", "the verb devices takes no operands: x is one too many"},
    {"tags A B", "the verb tags: B is one operand too many"},
    {"a ''", "an operand is empty; expected a file name"},

    {"--formt x", "unknown option --formt; did you mean --format?"},
    {"--treads=2", "unknown option --treads; did you mean --threads?"},
    {"--nonsense a", "unknown option --nonsense; 'poolscan --help' lists what there is"},
    {"-x a", "unknown option -x; 'poolscan --help' lists what there is"},
    {"-qx a", "unknown option -x; 'poolscan --help' lists what there is"},
    {"--re 3", "option --re is ambiguous: write its whole name"},
    {"--gpu=1 a", "option --gpu takes no value"},
    {"a --threads", "option --threads needs a value: N"},
    {"a -o", "option --output needs a value: FILE"},
    {"a --arch", "option --arch needs a value: auto, x86, x64"},
    {"bench --dtb 0x1aa000 a", "option --dtb is not one of the verb bench"},
    {"used --format kv a", "--format kv is for findings, of scan, find and merge only"},
    {"vtop --symbols x a 0", "option --symbols is not one of the verb vtop"},

    {"pool a", "the verb pool needs IMAGE ADDRESS"},
    {"vtop a", "the verb vtop needs IMAGE VA"},
    {"--gpu merge", "option --gpu is not one of the verb merge"},
    {"scna", "scna is neither a verb nor a file; did you mean scan?"},
    {"device", "device is neither a verb nor a file; did you mean devices?"},
    {"-I bench", "--list-devices and bench name two verbs: give one"},
    {"-b -I", "--benchmark and --list-devices name two verbs: give one"},
    {"help bogus", "help bogus: there is no such verb"},
    {"--generate html", "--generate html: expected one of man, complete-bash, complete-zsh"},

    {"--format xml a", "--format xml: expected one of auto, table, jsonl, json, csv, sqlite, none, "
                       "default, kv, drakvuf-csv, drakvuf-json"},
    {"--format sqlite a", "--format sqlite makes a file: name it with -o FILE"},
    {"used --format sqlite -o - a", "--format sqlite makes a file: name it with -o FILE"},
    {"--backend cuda a", "--backend cuda: expected one of auto, cpu, opencl, null"},
    {"--color yes a", "--color yes: expected one of auto, always, never"},
    {"-t x a", "--threads x: expected a number from 0 to 1024"},
    {"-t -1 a", "--threads -1: expected a number from 0 to 1024"},
    {"-t 1025 a", "--threads 1025: expected a number from 0 to 1024"},
    {"-t 8x a", "--threads 8x: expected a number from 0 to 1024"},
    {"-t 99999999999999999999 a",
     "--threads 99999999999999999999: expected a number from 0 to 1024"},
    {"--min-confidence 101 a", "--min-confidence 101: expected one of 0 to 100, all=0, "
                               "plausible=10, likely=40, sure=70, proved=80"},
    {"--min-confidence 0x a", "--min-confidence 0x: expected one of 0 to 100, all=0, plausible=10, "
                              "likely=40, sure=70, proved=80"},
    {"--min-confidence Sure a", "--min-confidence Sure: expected one of 0 to 100, all=0, "
                                "plausible=10, likely=40, sure=70, proved=80"},
    {"a --min-confidence", "option --min-confidence needs a value: 0 to 100, all=0, plausible=10, "
                           "likely=40, sure=70, proved=80"},
    {"--chunk 5000 a", "--chunk 5000: expected bytes such as 64k, 4M or 0x10000, a multiple of "
                       "4096 from 4096 to 1073741824"},
    {"--chunk 16777216T a", "--chunk 16777216T: expected bytes such as 64k, 4M or 0x10000, a "
                            "multiple of 4096 from 4096 to 1073741824"},
    {"--range 4096 a", "--range 4096: expected START-END, such as 0x1000-0x200000 or 0-4G"},
    {"--range 0x1000- a", "--range 0x1000-: expected START-END, such as 0x1000-0x200000 or 0-4G"},
    {"--range 0-99999999999G a",
     "--range 0-99999999999G: expected START-END, such as 0x1000-0x200000 or 0-4G"},
    {"--pci-hole 3G a", "--pci-hole 3G: expected auto, none or START-END, such as 3G-4G"},
    {"--pci-hole 4G-3G a", "--pci-hole 4G-3G: END, which is not included, must be above START"},
    {"--pci-hole 1-4G a", "--pci-hole 1-4G: START and END must be multiples of 4096 (0x1000)"},
    {"tags --pci-hole none", "the verb tags takes --pci-hole with --unknown only"},
    {"tags --min-confidence 5 Proc", "the verb tags takes --min-confidence with --unknown only"},
    {"tags --exact", "the verb tags takes --exact with --unknown only"},
    {"tags --unknown r --kind x", "--unknown and --kind exclude each other: give one"},
    {"tags --unknown r a b", "the verb tags: b is one operand too many"},
    {"scan --unknown r a", "option --unknown is not one of the verb scan"},
    {"--range 1-4096 a", "--range 1-4096: START and END must be multiples of 4096 (0x1000)"},
    {"--range 8k-8k a", "--range 8k-8k: END, which is not included, must be above START"},
    {"--tags A,,B a", "--tags: an item between commas is empty; expected A,B,..."},
    {"--tags '' a", "--tags: an item between commas is empty; expected A,B,..."},
    {"--tag-file '' a", "--tag-file: FILE is empty"},
    {"-o '' a", "--output: FILE is empty"},
    {"-d 0 a", "--device 0: expected device numbers from 1, as 'poolscan devices' prints them"},
    {"-d 0x1 a", "--device 0x1: expected device numbers from 1, as 'poolscan devices' prints "
                 "them"},
    {"-d 1,gpu a", "--device gpu: expected device numbers from 1, as 'poolscan devices' prints "
                   "them"},

    {"--gpu --backend cpu a", "--gpu and --backend cpu exclude each other: give one"},
    {"--gpu --backend null a", "--gpu and --backend null exclude each other: give one"},
    {"--gpu --kernel scalar a", "--gpu and --kernel exclude each other: give one"},
    {"-d 1 --kernel scalar a", "--device and --kernel exclude each other: give one"},
    {"-d 1 --backend cpu a", "--device and --backend cpu exclude each other: give one"},
    {"--backend opencl --kernel scalar a",
     "--kernel names a CPU kernel and --backend opencl runs none"},
    {"--any-device a", "--any-device loosens --gpu and means nothing without it"},
    {"--all-headers --tags A a", "--all-headers and --tags exclude each other: give one"},
    {"-q -v a", "--quiet and --verbose exclude each other: give one"},
    {"--no-builtin-tags a",
     "--no-builtin-tags leaves no tag to look for: give --tag-file, --tags or --all-headers"},
    {"tags --no-builtin-tags", "--no-builtin-tags leaves no tag to look for: give --tag-file"},
    {"tags --gpu", "option --gpu is not one of the verb tags"},
    {"mkimage --format csv r o", "option --format is not one of the verb mkimage"},
    {"--component nt a", "option --component is not one of the verb scan"},
};
/* clang-format on */

Test(options, wrong_use_is_one_sentence)
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct ps_options opt;
        struct ps_err err = {0};
        struct line l;

        split(&l, bad[i].line);
        cr_assert_eq(ps_options_parse(&opt, l.argc, l.argv, &err), -PS_EARG, "'%s' is accepted",
                     bad[i].line);
        cr_assert_eq(err.code, PS_EARG);
        cr_assert_str_eq(err.msg, bad[i].want, "'%s': %s", bad[i].line, err.msg);
    }
}

Test(options, a_word_like_a_verb_is_an_image_when_there_is_such_a_file)
{
    struct ps_options opt;
    struct ps_err err = {0};
    struct ps_tmpdir dir;
    struct line l;

    ps_tmpdir_make(&dir);
    ps_tmpdir_write(&dir, "scna", "x", 1);
    cr_assert_eq(chdir(dir.path), 0);
    split(&l, "scna");
    cr_assert_eq(ps_options_parse(&opt, l.argc, l.argv, &err), 0, "%s", err.msg);
    cr_assert_eq(opt.verb, PS_VERB_SCAN);
    cr_assert_str_eq(opt.args.item[0], "scna");
    ps_options_free(&opt);
    cr_assert_eq(chdir("/"), 0);
    ps_tmpdir_remove(&dir);
}

Test(options, lists_have_an_end)
{
    enum { N_TAGS = 70000 };
    char *tags = malloc(2 * N_TAGS);
    char *argv[] = {(char[]){"poolscan"}, (char[]){"--tags"}, tags, (char[]){"a"}, NULL};
    struct ps_options opt;
    struct ps_err err = {0};

    cr_assert_not_null(tags);
    for (size_t i = 0; i < N_TAGS; i++)
        memcpy(tags + 2 * i, "A,", 2);
    tags[2 * N_TAGS - 1] = '\0';
    cr_assert_eq(ps_options_parse(&opt, 4, argv, &err), -PS_EARG);
    cr_assert_str_eq(err.msg, "--tags: more than 65536 of them");
    free(tags);
}

/* A long word may not be cut in the middle of what matters: the sentence still ends. */
Test(options, long_words_leave_room_for_the_sentence)
{
    char word[1000];
    char *argv[] = {(char[]){"poolscan"}, (char[]){"--threads"}, word, (char[]){"a"}, NULL};
    struct ps_options opt;
    struct ps_err err = {0};
    static const char end[] = ": expected a number from 0 to 1024";

    memset(word, '9', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    cr_assert_eq(ps_options_parse(&opt, 4, argv, &err), -PS_EARG);
    cr_assert_gt(strlen(err.msg), strlen(end));
    cr_assert_str_eq(err.msg + strlen(err.msg) - strlen(end), end);
    memcpy(word, "--", 2);
    argv[1] = word;
    argv[2] = (char[]){"a"};
    argv[3] = NULL;
    cr_assert_eq(ps_options_parse(&opt, 3, argv, &err), -PS_EARG);
    cr_assert_not_null(strstr(err.msg, "'poolscan --help' lists what there is"));
}

/* Wherever the environment asks getopt for, options and operands may be mixed. */
Test(options, posixly_correct_changes_nothing)
{
    struct ps_options opt;
    struct ps_err err = {0};
    struct line l;

    setenv("POSIXLY_CORRECT", "1", 1);
    split(&l, "a --gpu b");
    cr_assert_eq(ps_options_parse(&opt, l.argc, l.argv, &err), 0, "%s", err.msg);
    cr_assert_eq(opt.gpu, 1);
    cr_assert_eq(opt.args.n, 2);
    ps_options_free(&opt);
}
