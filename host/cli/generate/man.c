#include <ctype.h>
#include <stdio.h>

#include "host/cli/generate/generate.h"
#include "host/cli/option_table.h"

/* Text for a roff line: backslashes and dashes as themselves, no line begun by a request. */
static void man_text(const char *text, FILE *out)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", out);
    for (; *text; text++) {
        if (*text == '\\')
            fputs("\\e", out);
        else if (*text == '-')
            fputs("\\-", out);
        else if (*text == '\'')
            fputs("\\(aq", out);
        else
            fputc(*text, out);
    }
}

static void man_line(const char *text, FILE *out)
{
    man_text(text, out);
    fputc('\n', out);
}

static void man_verb(const struct ps_verb_info *v, FILE *out)
{
    fprintf(out, ".TP\n.B %s\n", v->name);
    if (*v->operands) {
        fputs(".I ", out);
        man_line(v->operands, out);
    }
    fputs(".br\n", out);
    man_line(v->detail, out);
}

static void man_option_verbs(const struct ps_option *o, FILE *out)
{
    const char *before = "(";

    if (o->verbs == UINT32_MAX)
        return;
    for (size_t i = 0; i < ps_n_verbs; i++) {
        if (!(o->verbs & PS_VERB_BIT(ps_verb_table[i].verb)))
            continue;
        fprintf(out, "%s%s", before, ps_verb_table[i].name);
        before = ", ";
    }
    fputs(")\n", out);
}

static void man_option(const struct ps_option *o, FILE *out)
{
    char names[PS_OPTION_ACCEPTS_BYTES];

    fputs(".TP\n", out);
    if (o->letter)
        fprintf(out, "\\fB\\-%c\\fR, ", o->letter);
    fputs("\\fB", out);
    man_text("--", out);
    man_text(o->name, out);
    fputs("\\fR", out);
    if (o->metavar) {
        fputs(" \\fI", out);
        man_text(o->metavar, out);
        fputs("\\fR", out);
    }
    fprintf(out, "\n%c", toupper((unsigned char)o->help[0]));
    man_text(o->help + 1, out);
    fputs(".\n", out);
    if (o->choice) {
        fputs("One of ", out);
        man_text(ps_option_accepts(o, names, sizeof names), out);
        fputs(".\n", out);
    }
    man_option_verbs(o, out);
}

static void man_pairs(const char *const (*rows)[2], size_t n, FILE *out)
{
    for (size_t i = 0; i < n; i++) {
        fputs(".TP\n.B ", out);
        man_line(rows[i][0], out);
        man_line(rows[i][1], out);
    }
}

static void man_results(FILE *out)
{
    fputs(".SH OUTPUT\n"
          "Results go to standard output or to the file of\n.BR \\-\\-output ,\n"
          "and nothing else does; messages, progress and the summary line go to standard error.\n"
          "Findings are ordered by image, then by physical address, those without one last by\n"
          "virtual address, and the same for any number of threads, chunk size, kernel, backend\n"
          "and device.\n"
          "The forms jsonl, json and csv carry one record for each finding, with the fields\n"
          "Source, Offset, FileOffset, Allocation, Tag, TagRaw, PoolType, PoolTypeRaw,\n"
          "NumberOfBytes, Status, Allocator, Confidence, Evidence, BlockSize, PreviousSize,\n"
          "PoolIndex, Protected, Mapped, InBigPool, Pool, Process, ProcessName, Component,\n"
          "Kind, Description, Image and ImageId; the form table is a summary for each tag.\n",
          out);
}

static void man_exit_status(FILE *out)
{
    /* clang-format off */
    static const char *const rows[][2] = {
        {"0",
         "Done, with findings or without."},
        {"1",
         "No findings at all, and --fail-if-none was given."},
        {"64",
         "Wrong use: an option, an operand, the syntax of a tag or of a recipe."},
        {"65",
         "A damaged input file, one that is not what it claims to be, or a format not read."},
        {"66",
         "No such input file, or one that belongs to it is missing."},
        {"69",
         "The OpenCL loader, a device or its compiler is not available."},
        {"70",
         "An error of poolscan itself, a failed self-test of a device, or no memory."},
        {"73",
         "The output, or a temporary file, cannot be created."},
        {"74",
         "Reading or writing failed."},
        {"75",
         "Told to stop (SIGTERM), or a session is in use: run it again."},
        {"130",
         "Interrupted (SIGINT)."},
    };
    /* clang-format on */

    fputs(".SH EXIT STATUS\nThe values of sysexits.h.\n"
          "When some of several images fail, the others are scanned and reported all the same.\n",
          out);
    man_pairs(rows, sizeof rows / sizeof *rows, out);
}

static void man_environment(FILE *out)
{
    /* clang-format off */
    static const char *const rows[][2] = {
        {"NO_COLOR",
         "If set and not empty, no colors unless --color always is given."},
        {"TMPDIR",
         "Where images are unpacked without --temp-dir."},
        {"SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX, PBS_ARRAY_INDEX, SGE_TASK_ID, LSB_JOBINDEX, "
         "AWS_BATCH_JOB_ARRAY_INDEX, PARALLEL_SEQ, SLURM_PROCID",
         "What --task auto asks, for a task or a group of --tasks-each; the last one only where "
         "none of the others is set."},
        {"OCL_ICD_VENDORS",
         "Where the OpenCL loader looks for drivers; see libOpenCL(7)."},
        {"HWLOC_SYNTHETIC",
         "A made-up machine for hwloc, for tests."},
    };
    /* clang-format on */

    fputs(".SH ENVIRONMENT\n", out);
    man_pairs(rows, sizeof rows / sizeof *rows, out);
    fputs(".SH SIGNALS\n"
          "SIGINT ends the run in good order, a second one at once. SIGTERM ends it likewise with\n"
          "exit status 75, and at once if that takes more than four seconds. SIGUSR1 asks for one\n"
          "line of progress on standard error, in any phase of a run.\n",
          out);
}

static void man_examples(FILE *out)
{
    /* clang-format off */
    static const char *const rows[][2] = {
        {"poolscan memory.raw",
         "Scan one image; a summary for each tag on a terminal."},
        {"poolscan --tags 'Proc,Thr?' --format jsonl -o hits.jsonl memory.raw",
         "Every process and thread block, one JSON object for each, in a file."},
        {"poolscan --gpu --all-headers first.raw second.raw",
         "All pool headers of two images, found by an OpenCL GPU."},
        {"poolscan info memory.raw",
         "Its container, which Windows it is, its page tables and pool tables, and how each was "
         "found."},
        {"poolscan find memory.raw 'Pro?'",
         "Every allocation of these tags, small and big."},
        {"poolscan pool memory.raw 0xffffa58f118040a0",
         "The page of that address, block by block."},
        {"poolscan --session night -o all.jsonl /dumps/*.raw",
         "A long scan that poolscan --restore night goes on with, whatever ended it."},
        {"poolscan plan --task-bytes 64G -o plan.jsonl /dumps/*.raw",
         "Cut images into tasks for many machines."},
        {"poolscan scan --plan plan.jsonl --task all --out-dir hits",
         "Do all of them in this process; --task auto, or K, is one of an array."},
        {"poolscan farm plan.jsonl --out-dir hits -o all.jsonl",
         "What to type to run them on Slurm, or on this machine by GNU parallel."},
        {"poolscan tags 'Tcp*'",
         "What is known of the tags that begin with Tcp."},
        {"poolscan --generate complete-bash > ~/.local/share/bash-completion/completions/poolscan",
         "Completion for the bash shell."},
    };
    /* clang-format on */

    fputs(".SH EXAMPLES\n", out);
    man_pairs(rows, sizeof rows / sizeof *rows, out);
}

void ps_generate_man(FILE *out)
{
    fputs(".TH POOLSCAN 1 \"\" \"poolscan " PS_VERSION "\" \"User Commands\"\n"
          ".SH NAME\npoolscan \\- find Windows kernel pool headers in memory images\n"
          ".SH SYNOPSIS\n",
          out);
    for (size_t i = 0; i < ps_n_verbs; i++) {
        const struct ps_verb_info *v = &ps_verb_table[i];

        fprintf(out, "%s.B poolscan%s%s\n[\\fIOPTION\\fR...]\\&\n", i ? ".br\n" : "", i ? " " : "",
                i ? v->name : "");
        if (*v->operands) {
            fputs(".I ", out);
            man_line(v->operands, out);
        }
    }
    fputs(".SH DESCRIPTION\n"
          "Reads images of the physical memory of Windows once, at the speed of the file, and\n"
          "reports every pool header with the evidence for it.\n"
          "The first operand may be a verb; without one, scan is meant. An image that is named\n"
          "like a verb is written ./scan, or after \\-\\-, which ends the options.\n"
          ".SS Verbs\n",
          out);
    for (size_t i = 0; i < ps_n_verbs; i++)
        man_verb(&ps_verb_table[i], out);
    fputs(".SH OPTIONS\n"
          "Options and operands may be mixed. Sizes and addresses are decimal or, after 0x,\n"
          "hexadecimal; k, M, G or T after them multiply by powers of 1024. The verbs that take\n"
          "an option stand in parentheses; an option without them goes with all.\n",
          out);
    for (size_t i = 0; i < ps_n_options; i++)
        man_option(&ps_option_table[i], out);
    man_results(out);
    man_exit_status(out);
    man_environment(out);
    man_examples(out);
    fputs(".SH SEE ALSO\n.BR clinfo (1),\n.BR strings (1)\n", out);
}
