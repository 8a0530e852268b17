#include "host/report/summary.h"

#include <inttypes.h>

#include "host/output/text.h"
#include "host/report/units.h"

static double rate_of(const struct ps_summary *s)
{
    return s->seconds > 0 ? (double)s->n_bytes / s->seconds : 0;
}

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

static void print_line(FILE *out, const struct ps_summary *s)
{
    char bytes[PS_UNIT_TEXT_BYTES];
    char rate[PS_UNIT_TEXT_BYTES];
    char holes[PS_UNIT_TEXT_BYTES];
    char unreadable[PS_UNIT_TEXT_BYTES];
    char torn[PS_UNIT_TEXT_BYTES];
    char missing[PS_UNIT_TEXT_BYTES];

    fprintf(out, "poolscan: %s%" PRIu64 " image%s, %s in %.3f s, %s",
            s->interrupted ? "interrupted: " : "", s->n_images, plural(s->n_images),
            ps_print_bytes(s->n_bytes, bytes), s->seconds, ps_print_rate(rate_of(s), rate));
    if (s->backend && *s->backend)
        fprintf(out, " (%s)", s->backend);
    fprintf(out,
            ": %" PRIu64 " finding%s (%" PRIu64 " big, %" PRIu64 " of them not located; %" PRIu64
            " with a virtual address, %" PRIu64 " unmapped, %" PRIu64 " inside big ones), %" PRIu64
            " below confidence %u, %" PRIu64 " in copied pages left out; paged-out pages %" PRIu64
            " read, %" PRIu64 " missing",
            s->n_findings, plural(s->n_findings), s->n_big, s->n_big_elsewhere, s->n_with_address,
            s->n_unmapped, s->n_in_big_pool, s->n_below, s->min_confidence, s->n_copies_left_out,
            s->n_paged_out, s->n_paged_out_missing);
    fprintf(out, "; holes %s, unreadable %s, torn %s, missing %s",
            ps_print_bytes(s->n_hole_bytes, holes),
            ps_print_bytes(s->n_unreadable_bytes, unreadable),
            ps_print_bytes(s->n_torn_bytes, torn), ps_print_bytes(s->n_missing_bytes, missing));
    if (s->digest && *s->digest)
        fprintf(out, "; digest %s", s->digest);
    fputc('\n', out);
}

static void print_string(FILE *out, const char *s)
{
    struct ps_text clean = {0};
    struct ps_text quoted = {0};

    ps_text_add_utf8(&clean, s ? s : "", PS_TEXT_EXACT);
    ps_text_add_json(&quoted, clean.s ? clean.s : "", clean.n);
    if (quoted.failed || clean.failed)
        fputs("\"\"", out);
    else
        fwrite(quoted.s, 1, quoted.n, out);
    ps_text_free(&clean);
    ps_text_free(&quoted);
}

static void print_json(FILE *out, const struct ps_summary *s)
{
    fprintf(out,
            "{\"kind\":\"summary\",\"interrupted\":%s,\"images\":%" PRIu64 ",\"bytes\":%" PRIu64
            ",\"seconds\":%.6f,\"bytes_per_s\":%.0f",
            s->interrupted ? "true" : "false", s->n_images, s->n_bytes, s->seconds, rate_of(s));
    fprintf(out,
            ",\"findings\":%" PRIu64 ",\"hole_bytes\":%" PRIu64 ",\"unreadable_bytes\":%" PRIu64
            ",\"torn_bytes\":%" PRIu64 ",\"missing_bytes\":%" PRIu64,
            s->n_findings, s->n_hole_bytes, s->n_unreadable_bytes, s->n_torn_bytes,
            s->n_missing_bytes);
    fprintf(out,
            ",\"with_address\":%" PRIu64 ",\"unmapped\":%" PRIu64 ",\"in_big_pool\":%" PRIu64
            ",\"copies_left_out\":%" PRIu64 ",\"below_confidence\":%" PRIu64
            ",\"min_confidence\":%u,\"big\":%" PRIu64 ",\"big_elsewhere\":%" PRIu64
            ",\"paged_out_pages\":%" PRIu64 ",\"paged_out_missing\":%" PRIu64 ",\"backend\":",
            s->n_with_address, s->n_unmapped, s->n_in_big_pool, s->n_copies_left_out, s->n_below,
            s->min_confidence, s->n_big, s->n_big_elsewhere, s->n_paged_out,
            s->n_paged_out_missing);
    print_string(out, s->backend);
    fputs(",\"digest\":", out);
    print_string(out, s->digest);
    fputs("}\n", out);
}

void ps_summary_print(FILE *out, const struct ps_summary *s, int json)
{
    if (json)
        print_json(out, s);
    else
        print_line(out, s);
    fflush(out);
}
