/* make_container FORMAT IN.raw OUT [options]: the memory of a raw image in another container.
 *
 * Written from the layouts alone; nothing of host/image is included or linked. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/containers/fail.h"
#include "tests/containers/maker.h"

/* Holes of fewer pages are filled with zeros: nobody's memory has thousands of runs. */
#define GAP_PAGES 16u

static const struct format formats[] = {
    {"raw", "plain", write_raw},
    {"squeezed", "plain", write_squeezed},
    {"lime", "plain", write_lime},
    {"elf64", "plain qemu paging vbox", write_elf64},
    {"elf32", "plain qemu paging", write_elf32},
    {"dump64", "full bitmap kernel live rdmp-kernel rdmp-user rdmp-complete", write_dump64},
    {"dump32", "full", write_dump32},
    {"vmware", "vmss runs regionless embedded", write_vmware},
    {"hiber8", "huffman xpress raw mixed", write_hiber8},
    {"hiber7", "7-x64 7-x86 xp-x86 vista-sp2-x86 vista-sp2-x64 2003-x64", write_hiber7},
    {"zdmp", "lznt1", write_zdmp},
};

static const char usage[] =
    "Usage: make_container FORMAT IN.raw OUT [OPTION...]\n"
    "Write the memory of the raw image IN.raw as a container to OUT.\n\n"
    "  --variant NAME      of the format, see below\n"
    "  --number N          version or length that the variant has several of\n"
    "  --runs START-END,.. the memory there is; without it the pages that are not all zero\n"
    "  --gap PAGES         holes that are shorter belong to the run around them (16)\n"
    "  --split BYTES       cut the runs at multiples of BYTES\n"
    "  --xnum              ELF: PN_XNUM, whatever the number of program headers\n"
    "  --x86               the machine, otherwise x64\n"
    "  --dtb N --build N --kdbg N --processors N --modules N --processes N --pfns N\n"
    "  --bugcheck N --time N\n"
    "                      what the header says of the Windows inside\n\n"
    "Formats and their variants (zdmp packs IN.raw as it is, whatever that is):\n";

int is_variant(const struct maker *maker, const char *name)
{
    return strcmp(maker->variant, name) == 0;
}

static _Noreturn void print_usage(void)
{
    fputs(usage, stdout);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        printf("  %-10s %s\n", formats[i].name, formats[i].variants);
    exit(0);
}

static const struct format *find_format(const char *name)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    fail("no format '%s'; --help lists them", name);
}

static void check_variant(const struct format *format, struct maker *maker, char *usual)
{
    const size_t n = maker->variant ? strlen(maker->variant) : 0;
    const char *at = format->variants;

    if (!maker->variant) {
        snprintf(usual, 32, "%.*s", (int)strcspn(at, " "), at);
        maker->variant = usual;
        return;
    }
    for (; at; at = strchr(at, ' ')) {
        at += *at == ' ';
        if (strcspn(at, " ") == n && memcmp(at, maker->variant, n) == 0)
            return;
    }
    fail("%s has no variant '%s', but %s", format->name, maker->variant, format->variants);
}

static uint64_t number(const char *text)
{
    char *rest;
    const uint64_t value = strtoull(text, &rest, 0);

    if (rest == text || *rest)
        fail("no number: %s", text);
    return value;
}

struct arguments {
    const char *runs;
    uint64_t gap_pages;
    uint64_t split;
};

/* What the header says of the Windows inside. */
static void parse_fact(int c, const char *text, struct maker_facts *facts)
{
    switch (c) {
    case 'd': facts->dtb = number(text); break;
    case 'b': facts->build = (uint32_t)number(text); break;
    case 'k': facts->kdbg = number(text); break;
    case 'c': facts->n_processors = (uint32_t)number(text); break;
    case 'm': facts->loaded_modules = number(text); break;
    case 'p': facts->process_head = number(text); break;
    case 'f': facts->pfn_database = number(text); break;
    case 'u': facts->bugcheck = (uint32_t)number(text); break;
    case 't': facts->system_time = number(text); break;
    default: exit(1);
    }
}

static void parse(int argc, char **argv, struct maker *maker, struct arguments *a)
{
    static const struct option known[] = {
        {"variant", 1, NULL, 'v'},   {"number", 1, NULL, 'n'},     {"runs", 1, NULL, 'r'},
        {"gap", 1, NULL, 'g'},       {"split", 1, NULL, 's'},      {"xnum", 0, NULL, 'x'},
        {"x86", 0, NULL, '3'},       {"dtb", 1, NULL, 'd'},        {"build", 1, NULL, 'b'},
        {"kdbg", 1, NULL, 'k'},      {"processors", 1, NULL, 'c'}, {"modules", 1, NULL, 'm'},
        {"processes", 1, NULL, 'p'}, {"pfns", 1, NULL, 'f'},       {"bugcheck", 1, NULL, 'u'},
        {"time", 1, NULL, 't'},      {"help", 0, NULL, 'h'},       {NULL, 0, NULL, 0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (c) {
        case 'v': maker->variant = optarg; break;
        case 'n': maker->number = (uint32_t)number(optarg); break;
        case 'r': a->runs = optarg; break;
        case 'g': a->gap_pages = number(optarg); break;
        case 's': a->split = number(optarg); break;
        case 'x': maker->xnum = 1; break;
        case '3': maker->facts.is_x86 = 1; break;
        case 'h': print_usage();
        default: parse_fact(c, optarg, &maker->facts);
        }
    }
}

int main(int argc, char **argv)
{
    struct arguments a = {.gap_pages = GAP_PAGES};
    struct maker maker = {.number = NUMBER_NOT_GIVEN, .facts = {.n_processors = 1}};
    const struct format *format;
    char usual[32];

    parse(argc, argv, &maker, &a);
    if (argc - optind != 3)
        fail("FORMAT, IN.raw and OUT are needed; see --help");
    format = find_format(argv[optind]);
    check_variant(format, &maker, usual);
    ram_open(&maker.ram, argv[optind + 1]);
    maker.out = argv[optind + 2];
    if (a.runs)
        ram_parse_runs(&maker.ram, a.runs);
    else
        ram_find_runs(&maker.ram, a.gap_pages);
    if (a.split)
        ram_split(&maker.ram, a.split);
    format->write(&maker);
    ram_close(&maker.ram);
    return 0;
}
