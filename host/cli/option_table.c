#include "host/cli/option_table.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "host/output/output.h"
#include "kernels/kernel.h"

#define SCAN      PS_VERB_BIT(PS_VERB_SCAN)
#define TAGS      PS_VERB_BIT(PS_VERB_TAGS)
#define DEVICES   PS_VERB_BIT(PS_VERB_DEVICES)
#define BENCH     PS_VERB_BIT(PS_VERB_BENCH)
#define MKIMAGE   PS_VERB_BIT(PS_VERB_MKIMAGE)
#define INFO      PS_VERB_BIT(PS_VERB_INFO)
#define VTOP      PS_VERB_BIT(PS_VERB_VTOP)
#define PTOV      PS_VERB_BIT(PS_VERB_PTOV)
#define POOL      PS_VERB_BIT(PS_VERB_POOL)
#define USED      PS_VERB_BIT(PS_VERB_USED)
#define VIRTUAL   (INFO | VTOP | PTOV | POOL | USED)
#define BIGPOOLS  PS_VERB_BIT(PS_VERB_BIGPOOLS)
#define FIND      PS_VERB_BIT(PS_VERB_FIND)
#define PLAN      PS_VERB_BIT(PS_VERB_PLAN)
#define KEYSPACE  PS_VERB_BIT(PS_VERB_KEYSPACE)
#define FARM      PS_VERB_BIT(PS_VERB_FARM)
#define DIFF      PS_VERB_BIT(PS_VERB_DIFF)
#define MERGE     PS_VERB_BIT(PS_VERB_MERGE)
#define SCANS     (SCAN | FIND)
#define SHAPES    (SCANS | PLAN) /* a plan says what its tasks look for */
#define ANY       UINT32_MAX

#define AT(field) offsetof(struct ps_options, field)

#define KIB       (UINT64_C(1) << 10)
#define GIB       (UINT64_C(1) << 30)
#define PAGE      4096

static const char *nth(const char *const *names, size_t n, size_t i)
{
    return i < n ? names[i] : NULL;
}

#define NTH(names, i) nth(names, sizeof(names) / sizeof *(names), i)

static const char *arch_choice(size_t i)
{
    static const char *const names[] = {"auto", "x86", "x64"};

    return NTH(names, i);
}

static const char *backend_choice(size_t i)
{
    static const char *const names[] = {"auto", "cpu", "opencl", "null"};

    return NTH(names, i);
}

static const char *kernel_choice(size_t i)
{
    return i < ps_n_kernels ? ps_kernels[i].name : NULL;
}

static const char *io_choice(size_t i)
{
    static const char *const names[] = {"auto", "mmap", "read"};

    return NTH(names, i);
}

static const char *format_choice(size_t i)
{
    return ps_output_formats[i];
}

static const char *when_choice(size_t i)
{
    static const char *const names[] = {"auto", "always", "never"};

    return NTH(names, i);
}

static const char *sort_choice(size_t i)
{
    static const char *const names[] = {"nonpaged", "paged", "diff", "tag", "bytes", "allocs"};

    return NTH(names, i);
}

static const struct {
    const char *name;
    enum ps_confidence_level least;
} confidence_levels[] = {
    {"all", PS_CONFIDENCE_ALL},       {"plausible", PS_CONFIDENCE_PLAUSIBLE},
    {"likely", PS_CONFIDENCE_LIKELY}, {"sure", PS_CONFIDENCE_SURE},
    {"proved", PS_CONFIDENCE_PROVED},
};

static const char *confidence_choice(size_t i)
{
    return i < sizeof confidence_levels / sizeof *confidence_levels ? confidence_levels[i].name
                                                                    : NULL;
}

static uint32_t confidence_level(size_t i)
{
    return confidence_levels[i].least;
}

const char *ps_generate_choice(size_t i)
{
    static const char *const names[] = {"man", "complete-bash", "complete-zsh"};

    return NTH(names, i);
}

/* clang-format 14 crashes on rows of different length. */
/* clang-format off */
const struct ps_option ps_option_table[] = {
    {.name = "file", .letter = 'f', .kind = PS_OPT_APPEND, .offset = AT(args),
     .verbs = SCAN | BENCH | PLAN | KEYSPACE, .metavar = "FILE", .hi = 65536,
     .help = "one more image, as if FILE stood among the operands"},

    {.name = "tags", .kind = PS_OPT_LIST, .common = 1, .offset = AT(tags),
     .verbs = BIGPOOLS | SCAN | PLAN | USED | DIFF, .metavar = "A,B,...", .hi = 65536,
     .shapes = 1,
     .help = "only these pool tags; '?' is any one character, a final '*' all the rest, '\\xNN' "
             "a byte, '\\,' a comma"},
    {.name = "tag-file", .kind = PS_OPT_APPEND, .offset = AT(tag_files),
     .verbs = BIGPOOLS | POOL | SHAPES | TAGS | BENCH | USED | DIFF, .metavar = "FILE", .hi = 64,
     .shapes = 1, .file = PS_FILE_NAME,
     .help = "more tags, from a .tags file or a pooltag.txt of the Windows debuggers; repeatable"},
    {.name = "no-builtin-tags", .kind = PS_OPT_FLAG, .offset = AT(no_builtin_tags),
     .verbs = BIGPOOLS | POOL | SHAPES | TAGS | BENCH | USED | DIFF,
     .shapes = 1,
     .help = "leave the built-in tag database out"},
    {.name = "all-headers", .kind = PS_OPT_FLAG, .common = 1, .offset = AT(all_headers),
     .verbs = SCAN | PLAN,
     .shapes = 1,
     .help = "every structurally valid header, known tag or not"},
    {.name = "show-free", .kind = PS_OPT_FLAG, .offset = AT(show_free), .verbs = BIGPOOLS | SHAPES,
     .shapes = 1,
     .help = "report free blocks too"},
    {.name = "include-copies", .kind = PS_OPT_FLAG, .offset = AT(include_copies), .verbs = SHAPES,
     .shapes = 1,
     .help = "report the headers in pages that are copies of earlier pages too"},
    {.name = "min-confidence", .kind = PS_OPT_LEVEL, .offset = AT(min_confidence),
     .verbs = SHAPES | TAGS, .metavar = "N", .hi = 100, .choice = confidence_choice,
     .level = confidence_level,
     .shapes = 1,
     .help = "leave out findings whose Confidence is below N, without this option below plausible"},
    {.name = "range", .kind = PS_OPT_RANGE, .verbs = SHAPES | KEYSPACE, .metavar = "START-END",
     .multiple = PAGE,
     .shapes = 1,
     .help = "only physical addresses from START up to, not including, END; both multiples of 4k"},
    {.name = "skip", .letter = 's', .kind = PS_OPT_SIZE, .offset = AT(skip), .verbs = SCAN,
     .metavar = "BYTES", .hi = UINT64_C(1) << 52, .multiple = PAGE,
     .help = "leave out the first BYTES of the memory that each image has, as keyspace counts it"},
    {.name = "limit", .letter = 'l', .kind = PS_OPT_SIZE, .offset = AT(limit), .verbs = SCAN,
     .metavar = "BYTES", .lo = PAGE, .hi = UINT64_C(1) << 52, .multiple = PAGE,
     .help = "no more than BYTES of it"},
    {.name = "fail-if-different", .kind = PS_OPT_FLAG, .offset = AT(fail_if_different),
     .verbs = DIFF, .help = "that a tag differs is an error"},
    {.name = "fail-if-none", .kind = PS_OPT_FLAG, .offset = AT(fail_if_none),
     .verbs = POOL | SCANS | MERGE,
     .help = "no findings at all is an error"},

    {.name = "arch", .kind = PS_OPT_CHOICE, .offset = AT(arch),
     .verbs = BIGPOOLS | SHAPES | BENCH | VIRTUAL | TAGS, .metavar = "ARCH", .choice = arch_choice,
     .shapes = 1,
     .help = "architecture of the imaged Windows; auto finds it in the image"},
    {.name = "build", .kind = PS_OPT_NUMBER, .offset = AT(build),
     .verbs = BIGPOOLS | SHAPES | VIRTUAL | TAGS, .metavar = "N",
     .hi = 999999,
     .shapes = 1,
     .help = "build number of the imaged Windows, such as 19041; 0 finds it in the image"},
    {.name = "physical-only", .kind = PS_OPT_FLAG, .offset = AT(physical_only),
     .verbs = SHAPES | BIGPOOLS,
     .shapes = 1,
     .help = "use no page tables: scan and find give physical addresses and no big allocations, "
             "bigpools carves"},
    {.name = "dtb", .kind = PS_OPT_STRING, .offset = AT(dtb),
     .verbs = SHAPES | BIGPOOLS | VIRTUAL | TAGS,
     .metavar = "ADDRESS",
     .shapes = 1,
     .help = "value of CR3, in hexadecimal; without it the page tables are searched for"},
    {.name = "pci-hole", .kind = PS_OPT_HOLE,
     .verbs = SHAPES | KEYSPACE | BIGPOOLS | VIRTUAL | TAGS,
     .metavar = "HOLE", .multiple = PAGE,
     .shapes = 1,
     .help = "the hole below 4 GiB that a raw image lacks: START-END, none, or auto, which asks "
             "its page tables"},
    {.name = "pagefile", .kind = PS_OPT_APPEND, .offset = AT(pagefiles),
     .verbs = SHAPES | BIGPOOLS | VIRTUAL | TAGS,
     .metavar = "FILE", .hi = 16,
     .shapes = 1, .file = PS_FILE_NUMBERED,
     .help = "a page file of the imaged Windows, for pages that are not in memory; N=FILE says its "
             "number, else they count from 0; repeatable"},
    {.name = "symbols", .kind = PS_OPT_STRING, .offset = AT(symbols),
     .verbs = SHAPES | BIGPOOLS | INFO | USED | POOL | TAGS, .metavar = "FILE",
     .shapes = 1, .file = PS_FILE_NAME,
     .help = "Volatility 3 symbol file (ISF, .json or .json.xz) of the imaged Windows kernel"},
    {.name = "offline", .kind = PS_OPT_IGNORED, .verbs = SHAPES,
     .help = "the only mode there is: nothing is ever downloaded"},

    {.name = "gpu", .kind = PS_OPT_FLAG, .common = 1, .offset = AT(gpu),
     .verbs = SCANS | BENCH | FARM,
     .help = "scan on OpenCL GPUs only: none there is an error"},
    {.name = "any-device", .kind = PS_OPT_FLAG, .offset = AT(any_device),
     .verbs = SCANS | BENCH | FARM,
     .help = "with --gpu: take any OpenCL device, a CPU one such as PoCL too"},
    {.name = "backend", .kind = PS_OPT_CHOICE, .offset = AT(backend),
     .verbs = SCANS | BENCH, .metavar = "NAME", .choice = backend_choice,
     .help = "what runs the scan; null finds nothing and shows the cost of everything else"},
    {.name = "device", .letter = 'd', .kind = PS_OPT_NUMBERS, .common = 1, .offset = AT(devices),
     .verbs = SCANS | BENCH, .metavar = "N,...", .hi = 64,
     .help = "OpenCL devices by the numbers that 'poolscan devices' prints"},
    {.name = "kernel", .kind = PS_OPT_CHOICE, .offset = AT(kernel),
     .verbs = SCANS | BENCH | USED | DIFF, .metavar = "NAME", .choice = kernel_choice,
     .help = "CPU kernel; without it the best one that this CPU can run"},
    {.name = "threads", .letter = 't', .kind = PS_OPT_NUMBER, .common = 1, .offset = AT(threads),
     .verbs = SCANS | BENCH | PLAN | KEYSPACE | USED | TAGS | DIFF, .metavar = "N", .hi = 1024,
     .help = "worker threads; 0 is one for each core"},
    {.name = "temp-dir", .kind = PS_OPT_STRING, .offset = AT(temp_dir),
     .verbs = SCANS | PLAN | KEYSPACE | BIGPOOLS | VIRTUAL | TAGS | DIFF | MERGE, .metavar = "DIR",
     .help = "where images are unpacked that can only be unpacked as a whole, or are slow to enter "
             "elsewhere than at their beginning, and indexes of a database are sorted; without it "
             "$TMPDIR, else /var/tmp; none: no temporary files"},
    {.name = "unpack-memory", .kind = PS_OPT_SIZE, .offset = AT(unpack_memory),
     .verbs = SCANS | PLAN | KEYSPACE | BIGPOOLS | VIRTUAL | TAGS | DIFF, .metavar = "SIZE",
     .hi = INT64_MAX, .multiple = 1,
     .help = "memory that unpacked images may take; one that is larger is unpacked where it is "
             "read, or to a temporary file; without it a quarter of what is free, less with fewer "
             "threads"},
    {.name = "chunk", .kind = PS_OPT_SIZE, .offset = AT(chunk_bytes), .verbs = SCANS | BENCH,
     .metavar = "SIZE", .lo = PAGE, .hi = GIB, .multiple = PAGE,
     .help = "bytes scanned at a time, a multiple of 4k; without it from the cache sizes"},
    {.name = "io", .kind = PS_OPT_CHOICE, .offset = AT(io),
     .verbs = SCANS | BENCH | USED | DIFF, .metavar = "HOW", .choice = io_choice,
     .help = "how images are read"},

    {.name = "format", .kind = PS_OPT_CHOICE, .common = 1, .offset = AT(format),
     .verbs = BIGPOOLS | SCANS | TAGS | DEVICES | BENCH | VIRTUAL | KEYSPACE | FARM | DIFF |
              MERGE,
     .metavar = "NAME",
     .choice = format_choice,
     .help = "form of results; auto: table on a terminal, else jsonl"},
    {.name = "renderer", .letter = 'r', .kind = PS_OPT_CHOICE, .offset = AT(format),
     .verbs = BIGPOOLS | SCANS | TAGS | DEVICES | BENCH | VIRTUAL | KEYSPACE | FARM | DIFF |
              MERGE,
     .metavar = "NAME",
     .choice = format_choice,
     .help = "the same as --format; sqlite needs -o; default, kv, drakvuf-csv and drakvuf-json are "
             "the records of DRAKVUF's poolmon, of scan, find and merge only"},
    {.name = "output", .letter = 'o', .kind = PS_OPT_STRING, .common = 1, .offset = AT(output),
     .verbs = BIGPOOLS | SCANS | TAGS | DEVICES | BENCH | VIRTUAL | PLAN | KEYSPACE | FARM |
              DIFF | MERGE,
     .metavar = "FILE",
     .help = "results to FILE, which appears whole or not at all; '-' is standard output"},
    {.name = "progress", .kind = PS_OPT_WHEN, .offset = AT(progress), .verbs = SCANS,
     .metavar = "WHEN", .choice = when_choice,
     .help = "progress on standard error; auto shows it on a terminal"},
    {.name = "status-json", .kind = PS_OPT_FLAG, .offset = AT(status_json), .verbs = SCANS | MERGE,
     .help = "progress as one JSON object per line on standard error"},
    {.name = "color", .kind = PS_OPT_WHEN, .offset = AT(color), .verbs = SCANS | BENCH | MERGE,
     .metavar = "WHEN", .choice = when_choice,
     .help = "colors in tables; auto uses them on a terminal unless NO_COLOR is set"},

    {.name = "component", .kind = PS_OPT_STRING, .offset = AT(component), .verbs = TAGS,
     .metavar = "NAME", .help = "only tags of this component, such as nt or tcpip.sys"},
    {.name = "kind", .kind = PS_OPT_STRING, .offset = AT(kind), .verbs = TAGS, .metavar = "NAME",
     .help = "only tags of this kind, such as process or file"},

    {.name = "unknown", .kind = PS_OPT_STRING, .offset = AT(unknown), .verbs = TAGS,
     .metavar = "FILE",
     .help = "the tags that nobody knows in FILE, a result of scan, find, bigpools or used with "
             "--format jsonl ('-' is standard input); IMAGE: and the drivers that have them"},

    {.name = "exact", .kind = PS_OPT_FLAG, .offset = AT(exact), .verbs = TAGS,
     .help = "with --unknown: a tag that only an entry with wildcards explains is unknown too"},

    {.name = "sort", .kind = PS_OPT_CHOICE, .offset = AT(sort), .verbs = USED | DIFF,
     .metavar = "BY", .choice = sort_choice,
     .help = "order of the rows: most nonpaged or paged bytes, most allocations alive, or by tag; "
             "of diff: by change of bytes or allocs, or by tag"},
    {.name = "raw", .kind = PS_OPT_FLAG, .common = 0, .offset = AT(raw), .verbs = BIGPOOLS,
     .help = "where each entry stands too, and its fields as stored"},

    {.name = "repeats", .kind = PS_OPT_NUMBER, .offset = AT(repeats), .verbs = BENCH,
     .metavar = "N", .lo = 1, .hi = 1000, .help = "time each row N times (10)"},
    {.name = "size", .kind = PS_OPT_SIZE, .offset = AT(bench_bytes), .verbs = BENCH,
     .metavar = "SIZE", .lo = 64 * KIB, .hi = 64 * GIB, .multiple = PAGE,
     .help = "bytes of the image that is made when none is given (1G)"},
    {.name = "rows", .kind = PS_OPT_LIST, .offset = AT(bench_rows), .verbs = BENCH,
     .metavar = "A,B,...", .hi = 16,
     .help = "only these of memory, kernels, lookup, files, runs, peak, virtual, transfer"},

    {.name = "truth", .kind = PS_OPT_STRING, .offset = AT(truth), .verbs = MKIMAGE,
     .metavar = "FILE", .help = "list in FILE what the recipe plants, one JSON object for each"},
    {.name = "pagefile-out", .kind = PS_OPT_STRING, .offset = AT(page_file_out), .verbs = MKIMAGE,
     .metavar = "FILE", .help = "write to FILE what the recipe puts into a page file"},

    {.name = "task-bytes", .kind = PS_OPT_SIZE, .offset = AT(task_bytes), .verbs = PLAN | KEYSPACE,
     .metavar = "SIZE", .lo = PAGE, .hi = UINT64_C(1) << 52, .multiple = PAGE,
     .help = "memory that a task has, about; holes count for nothing (64G)"},
    {.name = "plan", .kind = PS_OPT_STRING, .offset = AT(plan), .verbs = SCAN | MERGE,
     .metavar = "PLAN",
     .help = "scan: tasks of PLAN instead of images; merge: the plan that the shards are of"},
    {.name = "task", .kind = PS_OPT_STRING, .offset = AT(task), .verbs = SCAN, .metavar = "K",
     .help = "which task of --plan, counted from 0; K-L: from K to L, in one process; all; auto "
             "asks the environment that an array job has"},
    {.name = "tasks-each", .kind = PS_OPT_NUMBER, .offset = AT(tasks_each), .verbs = SCAN | FARM,
     .metavar = "N", .lo = 1, .hi = UINT64_C(1) << 24,
     .help = "tasks that each process does: K of --task, and what auto asks, count groups of N "
             "tasks (1)"},
    {.name = "out-dir", .kind = PS_OPT_STRING, .offset = AT(out_dir), .verbs = SCAN | FARM,
     .metavar = "DIR", .help = "where shards are, the results of tasks"},
    {.name = "partial", .kind = PS_OPT_FLAG, .offset = AT(partial), .verbs = MERGE,
     .help = "merge the images whose shards are all there, and say which are not"},
    {.name = "wait", .kind = PS_OPT_NUMBER, .offset = AT(wait), .verbs = MERGE,
     .metavar = "SECONDS", .hi = 365 * 24 * 3600,
     .help = "begin while tasks still run, and wait for their shards; give up when none has come "
             "for SECONDS (0: do not wait)"},
    {.name = "session", .kind = PS_OPT_STRING, .offset = AT(session), .verbs = SCAN,
     .metavar = "NAME",
     .help = "keep what is found in the folder NAME, so that the scan can go on after any end"},
    {.name = "restore", .kind = PS_OPT_STRING, .offset = AT(restore), .verbs = SCAN,
     .metavar = "NAME", .help = "go on with the scan of --session NAME where it ended"},

    {.name = "list-devices", .letter = 'I', .kind = PS_OPT_VERB, .verbs = ANY,
     .lo = PS_VERB_DEVICES, .help = "the same as the verb devices"},
    {.name = "benchmark", .letter = 'b', .kind = PS_OPT_VERB, .verbs = ANY, .lo = PS_VERB_BENCH,
     .help = "the same as the verb bench"},
    {.name = "quiet", .letter = 'q', .kind = PS_OPT_FLAG, .common = 1, .offset = AT(quiet),
     .verbs = ANY, .help = "say nothing but errors"},
    {.name = "verbose", .letter = 'v', .kind = PS_OPT_COUNT, .common = 1, .offset = AT(verbose),
     .verbs = ANY, .help = "say more; twice for still more"},
    {.name = "help", .letter = 'h', .kind = PS_OPT_VERB, .common = 1, .verbs = ANY,
     .lo = PS_VERB_HELP, .help = "this text; after a verb, all options of that verb"},
    {.name = "version", .letter = 'V', .kind = PS_OPT_VERB, .common = 1, .verbs = ANY,
     .lo = PS_VERB_VERSION, .help = "the version; with -v also features, kernels and libraries"},
    {.name = "generate", .kind = PS_OPT_CHOICE, .offset = AT(generate), .verbs = ANY,
     .metavar = "WHAT", .choice = ps_generate_choice,
     .help = "print the manual page or a shell completion"},
};

_Static_assert(sizeof ps_option_table / sizeof *ps_option_table <= PS_MAX_OPTIONS, "room for each");
const size_t ps_n_options = sizeof ps_option_table / sizeof *ps_option_table;

const struct ps_verb_info ps_verb_table[] = {
    {"scan", PS_VERB_SCAN, "IMAGE...", 1, 65536, "find pool allocations in images (the default)",
     "One pass over the physical memory of each IMAGE: every POOL_HEADER with a known pool tag, "
     "with the evidence for it and its virtual address, and the allocations of the big-pool "
     "table between them. An image is a raw file, the first part (.001) of a split one, "
     "a crash dump, or an image of LiME, an ELF core, VMware, hibernation, zdmp or E01, in gzip, "
     "zstd, lz4 or xz or not; its content says which."},
    {"bigpools", PS_VERB_BIGPOOLS, "IMAGE", 1, 1, "list the big-pool table",
     "Every allocation larger than a page, from the table that Windows keeps of them; it is found "
     "in IMAGE without symbols, and without page tables if there are none."},
    {"find", PS_VERB_FIND, "IMAGE TAG", 2, 2, "every allocation of a pool tag",
     "Every allocation of TAG, small and big, one a row, in the manner of !poolfind. '?' is any "
     "one character, a final '*' all the rest, '\\xNN' a byte."},
    {"used", PS_VERB_USED, "IMAGE", 1, 1, "pool usage by tag",
     "What Windows counts for each pool tag (allocs, frees and bytes, in the manner of !poolused), "
     "beside what is found of it in IMAGE: blocks with a header, and big allocations."},
    {"diff", PS_VERB_DIFF, "A B", 2, 2, "what changed of each pool tag",
     "Allocations and bytes of each pool tag that differs between A and B, in the manner of "
     "PoolMon's changes, largest change of bytes first. A and B are images, or results of scan, "
     "find or used (JSON Lines, JSON or SQLite). It compares what Windows counts where both sides "
     "have that, and else what is found."},
    {"plan", PS_VERB_PLAN, "IMAGE...", 1, 65536, "cut images into tasks for many machines",
     "A file of tasks for 'poolscan scan --plan': each IMAGE whole, or in ranges of about "
     "--task-bytes of memory and one more task for its virtual side. The options that shape "
     "results are kept in it. The same images and options give the same bytes."},
    {"keyspace", PS_VERB_KEYSPACE, "IMAGE...", 1, 65536, "how much memory images hold",
     "For each IMAGE the bytes of memory that are present, where its addresses end, and how many "
     "tasks a plan would have."},
    {"merge", PS_VERB_MERGE, "DIR", 1, 1, "one result out of the shards of a plan",
     "What one scan of all images of --plan would have written, out of the shards that its tasks "
     "left in DIR: the same bytes, however the images were cut and wherever the tasks ran. A shard "
     "that is missing, damaged or of another plan is named, and nothing is written."},
    {"farm", PS_VERB_FARM, "PLAN", 1, 1, "print how to run a plan on Slurm or GNU parallel",
     "The command lines that run all tasks of PLAN and merge what they find, ready to be pasted. "
     "Nothing is started."},
    {"tags", PS_VERB_TAGS, "[PATTERN]", 0, 1, "list the tag database",
     "The tags that are known: owner, kind, usual pool, releases and meaning; with PATTERN those "
     "that match it. With --unknown the tags of a result that are not, most frequent first, and "
     "the drivers loaded in IMAGE (without it, in the image that the result names) that have them "
     "as operands of their code."},
    {"devices", PS_VERB_DEVICES, "", 0, 0, "list OpenCL devices and CPU kernels",
     "OpenCL platforms and devices with the numbers that -d takes, the CPU kernels, and what "
     "would be used."},
    {"bench", PS_VERB_BENCH, "[IMAGE]", 0, 1, "measure scan rates beside their ceilings",
     "GB/s of each kernel and backend beside the memory-read and file-read rates of the same "
     "run. Every answer is checked before its rate is printed."},
    {"mkimage", PS_VERB_MKIMAGE, "RECIPE OUT [NAME=VALUE...]", 2, 66,
     "build a small image from a recipe",
     "Write to OUT the image that the text file RECIPE describes page by page ('sample': the one "
     "built in, '-': standard input). NAME=VALUE sets a parameter of the recipe."},
    {"info", PS_VERB_INFO, "IMAGE", 1, 1, "what an image is and which Windows it holds",
     "Container, size, extents and holes, Windows version and build, page tables, the Windows "
     "kernel with its PDB, PFN database, tracker and big-pool table, segment heaps with their keys "
     "and quota cookie, each with the way it was found."},
    {"vtop", PS_VERB_VTOP, "IMAGE VA", 2, 2, "a virtual address to a physical one",
     "Each page-table entry on the way from the virtual address VA (hexadecimal, a ` may stand "
     "between digits) to its physical one, in the manner of !vtop and !pte."},
    {"ptov", PS_VERB_PTOV, "IMAGE PA", 2, 2, "a physical address to all virtual ones",
     "Every address at which the kernel half of the page tables shows the physical address PA "
     "(hexadecimal)."},
    {"pool", PS_VERB_POOL, "IMAGE ADDRESS", 2, 2, "the pool page that holds an address",
     "The blocks of the pool page that holds ADDRESS, virtual or phys:ADDRESS (hexadecimal), free "
     "ones and gaps too, with a star at the one that owns it, in the manner of !pool; where page "
     "tables lead to the segment heap, its chunks; or the big allocation that it lies in."},
    {"help", PS_VERB_HELP, "[VERB]", 0, 1, "this text, or all options of a verb",
     "The same as --help."},
};
/* clang-format on */

const size_t ps_n_verbs = sizeof ps_verb_table / sizeof *ps_verb_table;

const char *const ps_later_verbs[] = {NULL};

const struct ps_option *ps_option_named(const char *name)
{
    for (size_t i = 0; i < ps_n_options; i++)
        if (strcmp(ps_option_table[i].name, name) == 0)
            return &ps_option_table[i];
    return NULL;
}

const struct ps_verb_info *ps_verb_named(const char *name)
{
    for (size_t i = 0; i < ps_n_verbs; i++)
        if (strcmp(ps_verb_table[i].name, name) == 0)
            return &ps_verb_table[i];
    return NULL;
}

const struct ps_verb_info *ps_verb_row(enum ps_verb verb)
{
    for (size_t i = 0; i < ps_n_verbs; i++)
        if (ps_verb_table[i].verb == verb)
            return &ps_verb_table[i];
    return NULL;
}

/* Append to text[n], of which *used bytes are taken, as much as there is room for. */
__attribute__((format(printf, 4, 5))) static void add_text(char *text, size_t n, size_t *used,
                                                           const char *fmt, ...)
{
    va_list ap;
    int k;

    va_start(ap, fmt);
    k = vsnprintf(text + *used, n - *used, fmt, ap);
    va_end(ap);
    if (k > 0)
        *used += (size_t)k < n - *used ? (size_t)k : n - *used - 1;
}

char *ps_option_choices(const struct ps_option *o, const char *between, char *text, size_t n)
{
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; o->choice(i); i++)
        add_text(text, n, &used, "%s%s", i ? between : "", o->choice(i));
    return text;
}

char *ps_option_accepts(const struct ps_option *o, char *text, size_t n)
{
    size_t used = 0;

    if (o->kind != PS_OPT_LEVEL)
        return ps_option_choices(o, ", ", text, n);
    add_text(text, n, &used, "%llu to %llu", (unsigned long long)o->lo, (unsigned long long)o->hi);
    for (size_t i = 0; o->choice(i); i++)
        add_text(text, n, &used, ", %s=%u", o->choice(i), (unsigned)o->level(i));
    return text;
}
