#include "host/recipe/quota/quota.h"

#define RVA_HEAD     0x6a40u /* PsActiveProcessHead, in .data */
#define TYPE_PROCESS 3u

/* clang-format off */
static const struct ps_rcp_eprocess x64_builds[] = {
    {0, 0x0d8, 0x0e0, 0x268},
    {6000, 0x0e0, 0x0e8, 0x238},
    {7600, 0x180, 0x188, 0x2e0},
    {9200, 0x2e0, 0x2e8, 0x438},
    {10240, 0x2e8, 0x2f0, 0x448},
    {10586, 0x2e8, 0x2f0, 0x450},
    {15063, 0x2e0, 0x2e8, 0x450},
    {18362, 0x2e8, 0x2f0, 0x450},
    {19041, 0x440, 0x448, 0x5a8},
    {26100, 0x1d0, 0x1d8, 0x338},
};

static const struct ps_rcp_eprocess x86_builds[] = {
    {0, 0x84, 0x88, 0x174},
    {3790, 0x94, 0x98, 0x164},
    {6000, 0x9c, 0xa0, 0x14c},
    {7600, 0xb4, 0xb8, 0x16c},
    {9200, 0xb4, 0xb8, 0x170},
    {10586, 0xb4, 0xb8, 0x174},
    {15063, 0xb4, 0xb8, 0x17c},
    {19041, 0xe4, 0xe8, 0x1ac},
};
/* clang-format on */

const struct ps_rcp_eprocess *ps_rcp_eprocess_of(const struct ps_rcp_era *era)
{
    const struct ps_rcp_eprocess *row = era->is_x64 ? x64_builds : x86_builds;
    size_t n = era->is_x64 ? sizeof x64_builds / sizeof *x64_builds
                           : sizeof x86_builds / sizeof *x86_builds;

    while (n > 1 && row[n - 1].first_build > era->build)
        n--;
    return &row[n - 1];
}

uint32_t ps_rcp_eprocess_at(const struct ps_rcp_era *era)
{
    if (era->is_x64)
        return era->build % 2 ? 0x70 : 0x80;
    return ps_rcp_is_nt5(era) ? 0x20 : 0x38;
}

const char *ps_rcp_owner_name(size_t i)
{
    static const char *const names[] = {
        "System",       "smss.exe",   "csrss.exe",    "wininit.exe", "services.exe", "lsass.exe",
        "winlogon.exe", "dwm.exe",    "explorer.exe", "svchost.exe", "spoolsv.exe",  "a",
        "MsMpEng.exe",  "chrome.exe", "Teams 1.exe",  "conhost.exe",
    };

    return names[i < 16 ? i : 9 + i % 7];
}

uint64_t ps_rcp_process_head(const struct ps_rcp_quota *q)
{
    return q->sys->kernel.va + RVA_HEAD;
}

/* The list entry of the next live process, or of the one before, of the head behind the last. */
static uint64_t neighbour(const struct ps_rcp_quota *q, size_t i, int step)
{
    const uint32_t links = ps_rcp_eprocess_of(&q->sys->era)->links;

    for (size_t k = i + (size_t)step; k < q->n_owners; k += (size_t)step)
        if (!q->owner[k].has_exited)
            return q->owner[k].va + links;
    return ps_rcp_process_head(q);
}

static void put_word(const struct ps_rcp_page *pg, uint32_t at, uint64_t v)
{
    if (pg->stmt->era.is_x64)
        ps_rcp_put64(pg->b + at, v);
    else
        ps_rcp_put32(pg->b + at, (uint32_t)v);
}

void ps_rcp_put_eprocess(const struct ps_rcp_quota *q, size_t i, struct ps_rcp_page *pg,
                         uint32_t offset)
{
    const struct ps_rcp_era *era = &pg->stmt->era;
    const struct ps_rcp_eprocess *layout = ps_rcp_eprocess_of(era);
    const struct ps_rcp_owner *o = &q->owner[i];
    const uint32_t word = era->is_x64 ? 8 : 4;
    const uint32_t at = offset + ps_rcp_eprocess_at(era);
    char name[16] = {0};

    ps_rcp_put32(pg->b + at, TYPE_PROCESS | (era->is_x64 ? 0xb6u : 0x1bu) << 16);
    ps_rcp_put32(pg->b + at + 4, (uint32_t)o->has_exited);
    put_word(pg, at + 8, o->va + 8);
    put_word(pg, at + 8 + word, o->va + 8);
    put_word(pg, at + 8 + 2 * word, o->va + 8 + 2 * word);
    put_word(pg, at + 8 + 3 * word, o->va + 8 + 2 * word);
    put_word(pg, at + 8 + 4 * word,
             i == 0
                 ? q->sys->cr3 << 12 | q->sys->top_offset
                 : (uint64_t)ps_rcp_below(&pg->rng, (uint32_t)q->sys->recipe->image_pages) << 12);
    put_word(pg, at + layout->pid, o->pid);
    put_word(pg, at + layout->links, neighbour(q, i, 1));
    put_word(pg, at + layout->links + word, neighbour(q, i, -1));
    memcpy(name, ps_rcp_owner_name(i), strlen(ps_rcp_owner_name(i)));
    memcpy(pg->b + at + layout->name, name, sizeof name);
}
