/* The listing of a page. Input: era, fill byte, then ten bytes per header (place, eight bytes), as
 * many as there are; from 4098 bytes on the page itself follows the first two. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scan/plan_compile.h"
#include "tests/support/page_rows.h"

#define PAGE 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

/* Made once for each era: only the page changes. */
struct setting {
    struct ps_ruleset rules;
    struct ps_plan *plan;
};

static const struct setting *setting_of(size_t era)
{
    static const char tags[] = "Proc  nt!ps  process  a process\nIo??  nt!io  io  of I/O\n";
    static struct setting settings[16];
    static struct ps_tagdb *db;
    struct setting *s = &settings[era];
    struct ps_ruleset_spec wanted = {.any_tag = 1};
    struct ps_err err;

    if (s->plan)
        return s;
    if (!db && (ps_tagdb_new(&db, &err) < 0 ||
                ps_tagdb_add_tags(db, "tags", tags, sizeof tags - 1, &err) < 0))
        abort();
    wanted.db = db;
    if (ps_ruleset_build(&s->rules, &wanted, &err) < 0 ||
        ps_plan_compile(&s->plan, &ps_eras[era], &s->rules, 1, &err) < 0)
        abort();
    return s;
}

static void make_page(uint8_t *page, const uint8_t *data, size_t n_bytes)
{
    memset(page, data[0], PAGE);
    data++;
    n_bytes--;
    if (n_bytes >= PAGE) {
        memcpy(page, data, PAGE);
        return;
    }
    for (; n_bytes >= 10; data += 10, n_bytes -= 10)
        memcpy(page + (data[0] + 256u * data[1]) % (PAGE / 8) * 8, data + 2, 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    static struct ps_page_list list;
    const struct setting *s;
    uint8_t page[PAGE];
    const char *wrong;
    size_t era;

    if (n_bytes < 2)
        return 0;
    era = data[0] % ps_n_eras;
    s = setting_of(era);
    make_page(page, data + 1, n_bytes - 1);
    ps_pool_page_list(
        &(struct ps_page_list_spec){.era = &ps_eras[era], .rules = &s->rules, .plan = s->plan},
        page, &list);
    wrong = page_rows_wrong(&list, &ps_eras[era], page);
    if (wrong) {
        fprintf(stderr, "%s: %s\n", ps_eras[era].name, wrong);
        abort();
    }
    return 0;
}
