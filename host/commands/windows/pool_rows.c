#include "host/commands/windows/pool_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    OWNER,
    KIND,
    ADDRESS,
    OFFSET,
    FILE_OFFSET,
    INSIDE,
    NUMBER_OF_BYTES,
    PREVIOUS_BYTES,
    STATUS,
    ALLOCATOR,
    POOL_TYPE,
    POOL_TYPE_RAW,
    TAG,
    TAG_RAW,
    PROTECTED,
    CONFIDENCE,
    BLOCK_SIZE,
    PREVIOUS_SIZE,
    POOL_INDEX,
    MAPPED,
    POOL,
    PROCESS,
    PROCESS_NAME,
    COMPONENT,
    DESCRIPTION,
    EVIDENCE,
    N_FIELDS
};

static const struct ps_column columns[N_FIELDS] = {
    [OWNER] = {"Owner", "*", PS_COLUMN_MARK, 0},
    [KIND] = {"Kind", "KIND", PS_COLUMN_TEXT, 0},
    [ADDRESS] = {"Address", "ADDRESS", PS_COLUMN_TEXT, 0},
    [OFFSET] = {"Offset", "OFFSET", PS_COLUMN_TEXT, 0},
    [FILE_OFFSET] = {"FileOffset", NULL, PS_COLUMN_TEXT, 0},
    [INSIDE] = {"OffsetInBlock", "INSIDE", PS_COLUMN_HEX, 0},
    [NUMBER_OF_BYTES] = {"NumberOfBytes", "SIZE", PS_COLUMN_HEX, 0},
    [PREVIOUS_BYTES] = {"PreviousBytes", "PREVIOUS", PS_COLUMN_HEX, 0},
    [STATUS] = {"Status", "STATUS", PS_COLUMN_TEXT, 0},
    [ALLOCATOR] = {"Allocator", "ALLOCATOR", PS_COLUMN_TEXT, 0},
    [POOL_TYPE] = {"PoolType", "POOLTYPE", PS_COLUMN_TEXT, 0},
    [POOL_TYPE_RAW] = {"PoolTypeRaw", NULL, PS_COLUMN_LITERAL, 0},
    [TAG] = {"Tag", "TAG", PS_COLUMN_TEXT, 0},
    [TAG_RAW] = {"TagRaw", NULL, PS_COLUMN_TEXT, 0},
    [PROTECTED] = {"Protected", NULL, PS_COLUMN_LITERAL, 0},
    [CONFIDENCE] = {"Confidence", "CONFIDENCE", PS_COLUMN_LITERAL, 0},
    [BLOCK_SIZE] = {"BlockSize", NULL, PS_COLUMN_LITERAL, 0},
    [PREVIOUS_SIZE] = {"PreviousSize", NULL, PS_COLUMN_LITERAL, 0},
    [POOL_INDEX] = {"PoolIndex", NULL, PS_COLUMN_LITERAL, 0},
    [MAPPED] = {"Mapped", NULL, PS_COLUMN_LITERAL, 0},
    [POOL] = {"Pool", NULL, PS_COLUMN_TEXT, 0},
    [PROCESS] = {"Process", NULL, PS_COLUMN_TEXT, 0},
    [PROCESS_NAME] = {"ProcessName", NULL, PS_COLUMN_TEXT, 0},
    [COMPONENT] = {"Component", "COMPONENT", PS_COLUMN_TEXT, 0},
    [DESCRIPTION] = {"Description", "DESCRIPTION", PS_COLUMN_TEXT, 1},
    [EVIDENCE] = {"Evidence", NULL, PS_COLUMN_LIST, 0},
};

size_t ps_pool_rows_columns(void)
{
    return N_FIELDS;
}

static void set_tag(struct ps_cells *c, uint32_t tag, const struct ps_tagdb *tags, uint32_t entry)
{
    char text[PS_TAG_TEXT_BYTES];
    struct ps_tag_info info;

    ps_cells_set(c, TAG, "%s", ps_tag_print(tag, text));
    ps_cells_set(c, TAG_RAW, "0x%08" PRIx32, tag);
    if (entry == PS_TAG_UNKNOWN)
        return;
    info = ps_tagdb_at(tags, entry);
    if (*info.component)
        ps_cells_set(c, COMPONENT, "%.400s", info.component);
    if (*info.description)
        ps_cells_set(c, DESCRIPTION, "%.400s", info.description);
}

static void set_evidence(struct ps_cells *c, uint32_t evidence)
{
    char text[32 * PS_N_EVIDENCE];
    size_t n = 0;

    text[0] = '\0';
    for (unsigned i = 0; i < PS_N_EVIDENCE; i++)
        if (evidence >> i & 1u)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", n ? "|" : "",
                                  ps_evidence_name(i));
    ps_cells_set(c, EVIDENCE, "%s", text);
}

static void set_process(struct ps_cells *c, uint64_t va, const struct ps_processes *processes)
{
    const struct ps_process *process = va ? ps_processes_find(processes, va) : NULL;

    if (va)
        ps_cells_set_address(c, PROCESS, va);
    if (process && *process->name)
        ps_cells_set(c, PROCESS_NAME, "%s", process->name);
}

static void set_header(struct ps_cells *c, const struct ps_page_row *row, const struct ps_era *era)
{
    char type[PS_POOL_TYPE_TEXT_BYTES];
    const struct ps_finding *f = &row->finding;
    const char *pool = ps_pool_kind_name((enum ps_pool_kind)f->pool);
    const int is_protected = era->protected_tags && (f->tag & PS_TAG_PROTECTED) != 0;

    ps_cells_set(c, PREVIOUS_BYTES, "%" PRIu32, row->previous_bytes);
    ps_cells_set(c, ALLOCATOR, "%s", ps_allocator_name((enum ps_allocator)f->allocator));
    if (ps_era_type_state(era, row->pool_type) != PS_TYPE_ILLEGAL)
        ps_cells_set(c, POOL_TYPE, "%s", ps_era_type_print(era, row->pool_type, type));
    ps_cells_set(c, POOL_TYPE_RAW, "%" PRIu32, row->pool_type);
    ps_cells_set(c, PROTECTED, "%s", is_protected ? "true" : "false");
    ps_cells_set(c, CONFIDENCE, "%u", f->confidence);
    ps_cells_set(c, BLOCK_SIZE, "%" PRIu32, row->block_size);
    ps_cells_set(c, PREVIOUS_SIZE, "%" PRIu32, row->previous_size);
    ps_cells_set(c, POOL_INDEX, "%" PRIu32, row->pool_index);
    if (f->mapped != PS_MAPPED_UNKNOWN)
        ps_cells_set(c, MAPPED, "%s", f->mapped == PS_MAPPED_YES ? "true" : "false");
    if (pool)
        ps_cells_set(c, POOL, "%s", pool);
    set_evidence(c, f->evidence);
}

static void set_place(struct ps_cells *c, const struct ps_pool_page *page, uint32_t at)
{
    if (page->has_va)
        ps_cells_set_address(c, ADDRESS, page->va + at);
    if (page->has_phys)
        ps_cells_set_address(c, OFFSET, page->phys + at);
    if (page->has_file_off)
        ps_cells_set_address(c, FILE_OFFSET, page->file_off + at);
}

/* A chunk header is no memory that somebody could own. */
static void set_state(struct ps_cells *c, const struct ps_page_row *row)
{
    enum ps_status status = PS_STATUS_UNKNOWN;

    if (row->kind == PS_PAGE_BLOCK && !row->is_freed)
        status = (enum ps_status)row->finding.status;
    else if (row->kind != PS_PAGE_GAP)
        status = PS_STATUS_FREE;
    if (row->kind != PS_PAGE_CHUNK_HEADER)
        ps_cells_set(c, STATUS, "%s", ps_status_name(status));
    if (row->kind == PS_PAGE_FREE_CHUNK || row->kind == PS_PAGE_CHUNK_HEADER)
        ps_cells_set(c, ALLOCATOR, "%s", ps_allocator_name(PS_ALLOCATOR_VS));
    else if (row->kind == PS_PAGE_FREE_BLOCK)
        ps_cells_set(c, ALLOCATOR, "%s", ps_allocator_name(PS_ALLOCATOR_LFH));
}

void ps_pool_rows_add_page(struct ps_cells *c, const struct ps_pool_page *page,
                           const struct ps_era *era, const struct ps_page_list *list,
                           const struct ps_tagdb *tags, const struct ps_processes *processes)
{
    static const char *const kinds[] = {
        [PS_PAGE_GAP] = "gap",
        [PS_PAGE_BLOCK] = "block",
        [PS_PAGE_FREE_CHUNK] = "chunk",
        [PS_PAGE_CHUNK_HEADER] = "chunk-header",
        [PS_PAGE_FREE_BLOCK] = "free-block",
    };
    const uint32_t owner = ps_pool_page_row_at(list, (uint32_t)page->at);

    for (uint32_t i = 0; i < list->n; i++) {
        const struct ps_page_row *row = &list->row[i];

        ps_cells_row(c);
        ps_cells_set(c, OWNER, "%s", i == owner ? "true" : "false");
        ps_cells_set(c, KIND, "%s", kinds[row->kind]);
        set_place(c, page, row->at);
        if (i == owner)
            ps_cells_set(c, INSIDE, "%" PRIu64, page->at - row->at);
        ps_cells_set(c, NUMBER_OF_BYTES, "%" PRIu32, row->n_bytes);
        set_state(c, row);
        if (row->kind == PS_PAGE_BLOCK) {
            set_header(c, row, era);
            set_process(c, row->finding.process, processes);
            set_tag(c, row->finding.tag, tags, row->finding.info);
        } else if (row->tag != 0) {
            set_tag(c, row->tag, tags, PS_TAG_UNKNOWN);
        }
    }
}

void ps_pool_rows_add_big(struct ps_cells *c, const struct ps_pool_page *first,
                          const struct ps_bigpool_table *table, const struct ps_bigpool_row *row,
                          const struct ps_tagdb *tags, uint64_t process,
                          const struct ps_processes *processes)
{
    const struct ps_bigpool_entry *e = &row->entry;
    char type[PS_BIGPOOL_TYPE_TEXT_BYTES];

    ps_cells_row(c);
    ps_cells_set(c, OWNER, "true");
    ps_cells_set(c, KIND, "big");
    set_place(c, first, 0);
    ps_cells_set(c, INSIDE, "%" PRIu64, first->at);
    ps_cells_set(c, NUMBER_OF_BYTES, "%" PRIu64, e->n_bytes);
    ps_cells_set(c, STATUS, "%s", ps_status_name(PS_STATUS_ALLOCATED));
    ps_cells_set(c, ALLOCATOR, "%s", ps_allocator_name(PS_ALLOCATOR_BIG));
    if (table->layout->word != PS_BIGPOOL_PAGES) {
        ps_cells_set(c, POOL_TYPE, "%s", ps_bigpool_type_print(table->names, e->type, type));
        ps_cells_set(c, POOL_TYPE_RAW, "%" PRIu32, e->type);
    }
    set_tag(c, e->tag, tags, ps_tagdb_find(tags, e->tag));
    set_process(c, process, processes);
}

int ps_pool_rows_write(const struct ps_cells *c, int has_va, const struct ps_options *opt,
                       struct ps_err *err)
{
    struct ps_column shown[N_FIELDS];

    memcpy(shown, columns, sizeof shown);
    shown[has_va ? OFFSET : ADDRESS].title = NULL;
    return ps_cells_write(c, shown, opt, err);
}
