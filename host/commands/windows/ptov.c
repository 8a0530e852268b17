/* poolscan ptov: all addresses at which the Windows kernel half shows a physical one. */
#include <stdlib.h>

#include "host/commands/cells.h"
#include "host/commands/commands.h"
#include "host/log.h"
#include "host/virtual/address.h"
#include "host/virtual/address_space.h"
#include "host/virtual/pfn.h"
#include "scan/windows/paging/inverse_map.h"

enum { VIRTUAL, PHYSICAL, STATE, ACCESS, LARGE, N_FIELDS };

static const struct ps_column columns[N_FIELDS] = {
    [VIRTUAL] = {"Virtual", "VIRTUAL", PS_COLUMN_TEXT, 0},
    [PHYSICAL] = {"Physical", "PHYSICAL", PS_COLUMN_TEXT, 0},
    [STATE] = {"State", "STATE", PS_COLUMN_TEXT, 0},
    [ACCESS] = {"Access", "ACCESS", PS_COLUMN_TEXT, 0},
    [LARGE] = {"LargePage", "LARGE", PS_COLUMN_LITERAL, 0},
};

static void add_mapping(struct ps_cells *c, uint64_t phys, const struct ps_mapping *m)
{
    const int transition = (m->flags & PS_MAPPING_TRANSITION) != 0;

    ps_cells_row(c);
    ps_cells_set_address(c, VIRTUAL, m->va + phys % PS_FRAME_BYTES);
    ps_cells_set_address(c, PHYSICAL, phys);
    ps_cells_set(c, STATE, "%s", transition ? "transition" : "valid");
    if (!transition)
        ps_cells_set(c, ACCESS, "%c%c", m->flags & PS_MAPPING_WRITABLE ? 'w' : 'r',
                     m->flags & PS_MAPPING_NO_EXECUTE ? '-' : 'x');
    ps_cells_set(c, LARGE, "%s", m->flags & PS_MAPPING_LARGE ? "true" : "false");
}

/* Where nothing maps the page, the PFN database may know who has it. */
static int warn_if_none(struct ps_address_space *as, const struct ps_inverse_map *map,
                        uint64_t phys, const struct ps_options *opt, struct ps_err *err)
{
    static const char *const uses[] = {
        [PS_PAGE_USE_UNKNOWN] = "",
        [PS_PAGE_USE_FREE] = "; by the PFN database it is free",
        [PS_PAGE_USE_PROCESS] = "; by the PFN database it is of a process",
        [PS_PAGE_USE_FILE] = "; by the PFN database it is of a file or a shared section",
        [PS_PAGE_USE_KERNEL] = "; by the PFN database it is the Windows kernel's",
    };
    struct ps_pfn_source pfn;
    enum ps_page_use use = PS_PAGE_USE_UNKNOWN;
    int rc;

    if (!ps_image_has(as->image, phys)) {
        ps_log(PS_LOG_WARN, "physical address 0x%llx is not in the image",
               (unsigned long long)phys);
        return 0;
    }
    rc = ps_address_space_pfn(as, opt, map, &pfn, err);
    if (pfn.db)
        use = ps_pfn_database_use(pfn.db, phys);
    if (rc >= 0)
        ps_log(PS_LOG_WARN, "no kernel address maps the page of physical address 0x%llx%s",
               (unsigned long long)phys, uses[use]);
    ps_pfn_source_close(&pfn);
    return rc;
}

static int show_mappings(struct ps_address_space *as, const struct ps_inverse_map *map,
                         uint64_t phys, const struct ps_options *opt, struct ps_err *err)
{
    struct ps_cells cells = {.n_columns = N_FIELDS};
    const size_t n = ps_inverse_map_find(map, phys, NULL, 0);
    struct ps_mapping *m = calloc(n ? n : 1, sizeof *m);
    int rc;

    if (!m)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for %zu addresses", n);
    ps_inverse_map_find(map, phys, m, n);
    for (size_t i = 0; i < n; i++)
        add_mapping(&cells, phys, &m[i]);
    if (ps_inverse_map_full(map))
        ps_log(PS_LOG_WARN, "the page tables map each page too often: the list is not complete");
    rc = n == 0 ? warn_if_none(as, map, phys, opt, err) : 0;
    if (rc == 0)
        rc = ps_cells_write(&cells, columns, opt, err);
    ps_cells_free(&cells);
    free(m);
    return rc;
}

int ps_cmd_ptov(const struct ps_options *opt, struct ps_err *err)
{
    struct ps_address_space as = {0};
    struct ps_inverse_map *map = NULL;
    uint64_t phys;
    int rc = ps_address_parse(opt->args.item[1], "PA", &phys, err);

    if (rc < 0)
        return rc;
    rc = ps_address_space_open(&as, opt, opt->args.item[0], err);
    if (rc == 0)
        rc = ps_address_space_need_tables(&as, err);
    if (rc == 0)
        rc = ps_address_space_map(&as, &map, err);
    if (rc == 0)
        rc = show_mappings(&as, map, phys, opt, err);
    ps_inverse_map_free(map);
    ps_address_space_close(&as);
    return rc;
}
