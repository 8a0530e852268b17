/* Tags in machine code. The instructions were written by hand from Intel's manual, volume 2, and
 * compared with what GNU as makes of the text beside them. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "scan/hash.h"
#include "scan/windows/modules/operands.h"
#include "tests/support/rng.h"

#define EVIL     0x6c697645u /* "Evil" */
#define EVIL_TOP 0xec697645u
#define MAX_SEEN 16u
#define N_TAGS   512u
#define FACTOR   UINT64_C(0xd1342543de82ef95) /* any odd one */

static struct {
    uint32_t index;
    int exact;
} seen[MAX_SEEN];
static size_t n_seen;

static void on_found(void *arg, uint32_t index, int exact)
{
    (void)arg;
    cr_assert_lt(n_seen, MAX_SEEN);
    seen[n_seen].index = index;
    seen[n_seen++].exact = exact;
}

static void find(const uint32_t *tag, size_t n_tags, const void *code, size_t n, size_t first)
{
    struct ps_operand_set set;
    struct ps_operand_search search = {.set = &set, .found = on_found};

    n_seen = 0;
    cr_assert_eq(ps_operand_set_make(&set, tag, n_tags, FACTOR), 0);
    ps_operands_find(&search, code, n, first);
    ps_operand_set_free(&set);
}

/* 'before' the operand Evil; exact or not. */
struct row {
    const char *text;
    size_t n;
    uint8_t before[8];
    int exact;
};

/* clang-format off */
static const struct row row[] = {
    {"mov eax, Evil", 1, {0xb8}, 1},
    {"mov edi, Evil", 1, {0xbf}, 1},
    {"mov r8d, Evil", 2, {0x41, 0xb8}, 1},
    {"push Evil", 1, {0x68}, 1},
    {"cmp eax, Evil", 1, {0x3d}, 1},
    {"cmp ecx, Evil", 2, {0x81, 0xf9}, 1},
    {"cmp r9d, Evil", 3, {0x41, 0x81, 0xf9}, 1},
    {"cmp dword [rcx], Evil", 2, {0x81, 0x39}, 1},
    {"cmp dword [rcx+8], Evil", 3, {0x81, 0x79, 0x08}, 1},
    {"cmp dword [rsp+8], Evil", 4, {0x81, 0x7c, 0x24, 0x08}, 1},
    {"cmp dword [rcx+0x1000], Evil", 6, {0x81, 0xb9, 0x00, 0x10, 0, 0}, 1},
    {"cmp dword [rip+0x1000], Evil", 6, {0x81, 0x3d, 0x00, 0x10, 0, 0}, 1},
    {"mov dword [rax], Evil", 2, {0xc7, 0x00}, 1},
    {"mov dword [rbp-4], Evil", 3, {0xc7, 0x45, 0xfc}, 1},
    {"mov dword [rsp], Evil", 3, {0xc7, 0x04, 0x24}, 1},
    {"mov dword [rsp+0x20], Evil", 4, {0xc7, 0x44, 0x24, 0x20}, 1},
    {"mov dword [r10+rcx*4], Evil", 4, {0x41, 0xc7, 0x04, 0x8a}, 1},
    {"mov dword [rcx*4+0x100], Evil", 7, {0xc7, 0x04, 0x8d, 0, 1, 0, 0}, 1},
    {"mov dword [rsp+0x100], Evil", 7, {0xc7, 0x84, 0x24, 0, 1, 0, 0}, 1},
    {"mov dword [rax+0x100], Evil", 6, {0xc7, 0x80, 0, 1, 0, 0}, 1},
    {"mov dword [rip+0x100], Evil", 6, {0xc7, 0x05, 0, 1, 0, 0}, 1},
    {"mov rcx, Evil", 3, {0x48, 0xc7, 0xc1}, 1},
    {"nothing in front", 0, {0}, 0},
    {"nop", 1, {0x90}, 0},
    {"add eax, Evil", 1, {0x05}, 0},
    {"call Evil", 1, {0xe8}, 0},
    {"lea rax, [rip+Evil]", 3, {0x48, 0x8d, 0x05}, 0},
    {"mov eax, [rip+Evil]", 2, {0x8b, 0x05}, 0},
    {"c7 /1", 2, {0xc7, 0x08}, 0},
    {"add ecx, Evil", 2, {0x81, 0xc1}, 0},
    {"and dword [rax], Evil", 2, {0x81, 0x20}, 0},
    {"c7 with a displacement that is not there", 2, {0xc7, 0x45}, 0},
    {"c7 with one byte more", 3, {0xc7, 0x00, 0x90}, 0},
    {"only the ModRM byte", 1, {0x00}, 0},
    {"text", 4, {'D', 'e', 'v', ' '}, 0},
};
/* clang-format on */

#define N_ROWS (sizeof row / sizeof *row)

/* Whatever stands in front and behind; at the very beginning too. */
Test(operands, forms)
{
    static const uint32_t tag[] = {0x20707249, EVIL};

    for (size_t i = 0; i < N_ROWS; i++)
        for (size_t pad = 0; pad < 9; pad++) {
            uint8_t code[64];
            uint32_t value = pad % 2 ? EVIL : EVIL_TOP;

            memset(code, 0xcc, sizeof code);
            memcpy(code + pad, row[i].before, row[i].n);
            memcpy(code + pad + row[i].n, &value, 4);
            find(tag, 2, code, pad + row[i].n + 4, 0);
            cr_assert_eq(n_seen, 1, "%s: %zu", row[i].text, n_seen);
            cr_assert_eq(seen[0].index, 1);
            cr_assert_eq(seen[0].exact, row[i].exact, "%s", row[i].text);
            find(tag, 2, code, pad + row[i].n + 3, 0);
            cr_assert_eq(n_seen, 0, "%s: three bytes of it", row[i].text);
            find(tag, 2, code, sizeof code, pad + row[i].n + 1);
            cr_assert_eq(n_seen, 0, "%s: behind its begin", row[i].text);
        }
}

Test(operands, tags_that_are_protected_forms_of_each_other)
{
    static const uint32_t tag[] = {EVIL, EVIL_TOP, EVIL, 0};
    static const uint8_t code[] = {0xb8, 'E', 'v', 'i', 'l', 0xc3};
    unsigned which = 0;

    find(tag, 4, code, sizeof code, 0);
    cr_assert_eq(n_seen, 3);
    for (size_t i = 0; i < n_seen; i++)
        which |= 1u << seen[i].index;
    cr_assert_eq(which, 7);
    find(tag, 0, code, sizeof code, 0);
    cr_assert_eq(n_seen, 0);
}

/* Many tags in noise: each place is found, once, and nothing else is. */
static uint32_t n_hits[N_TAGS];

static void on_hit(void *arg, uint32_t index, int exact)
{
    (void)arg;
    (void)exact;
    n_hits[index]++;
}

Test(operands, noise)
{
    const uint64_t seed = rng_seed();
    struct rng r = rng_make(seed);
    static uint8_t code[1 << 18];
    static uint32_t tag[N_TAGS], want[N_TAGS];
    struct ps_operand_set set;
    const struct ps_operand_search search = {.set = &set, .found = on_hit};

    for (size_t i = 0; i < N_TAGS; i++)
        tag[i] = 0x01010101u * (uint32_t)(1 + i / 16) + (uint32_t)(i % 16) * 0x00010001u;
    for (size_t i = 0; i < sizeof code; i++)
        code[i] = (uint8_t)(1 + rng_below(&r, 80));
    for (size_t at = 0; at + 4 <= sizeof code; at++) {
        uint32_t v = code[at] | (uint32_t)code[at + 1] << 8 | (uint32_t)code[at + 2] << 16 |
                     (uint32_t)code[at + 3] << 24;

        if (rng_below(&r, 64) == 0) {
            v = tag[rng_below(&r, N_TAGS)];
            memcpy(code + at, &v, 4);
        }
    }
    for (size_t at = 0; at + 4 <= sizeof code; at++)
        for (size_t i = 0; i < N_TAGS; i++)
            if (memcmp(code + at, &tag[i], 3) == 0 &&
                (code[at + 3] & 0x7fu) == (tag[i] >> 24 & 0x7fu))
                want[i]++;
    cr_assert_eq(ps_operand_set_make(&set, tag, N_TAGS, FACTOR), 0);
    ps_operands_find(&search, code, sizeof code, 0);
    ps_operand_set_free(&set);
    for (size_t i = 0; i < N_TAGS; i++)
        cr_assert_eq(n_hits[i], want[i], "seed %#" PRIx64 ": tag %#x: %u, not %u", seed, tag[i],
                     n_hits[i], want[i]);
}

/* Tags whose products with 0x9e3779b1 have the bits from 4 to 20 all zero: 0x0e8b2f51 is its
 * inverse. Steps are counted from where each value came to stand. */
Test(operands, chosen_tags_do_not_collide)
{
    static uint32_t tag[8192];
    struct ps_operand_set set;
    uint64_t n_steps = 0, n_values = 0;
    size_t mask;

    for (uint32_t i = 0; i < 8192; i++)
        tag[i] = UINT32_C(0x0e8b2f51) * ((i & 15u) | i >> 4 << 21);
    cr_assert_eq(ps_operand_set_make(&set, tag, 8192, FACTOR), 0);
    mask = ((size_t)1 << set.bits) - 1;
    for (size_t at = 0; at <= mask; at++)
        if (set.slot[at].index != 0) {
            const size_t home = ps_hash_home(set.slot[at].value, FACTOR, set.bits);

            cr_assert_eq(tag[set.slot[at].index - 1] * UINT32_C(0x9e3779b1) >> 4 & 0x1ffffu, 0);
            n_steps += ((at - home) & mask) + 1;
            n_values++;
        }
    cr_assert_eq(n_values, 2 * 8192);
    cr_assert_leq(n_steps, 3 * n_values);
    ps_operand_set_free(&set);
}
