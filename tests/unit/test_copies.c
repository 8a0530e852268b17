/* Pages seen so far, against a plain list; and what becomes of the findings of copies. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "host/digest.h"
#include "host/hash_factor.h"
#include "host/run/copies/copies.h"
#include "scan/copies/copy.h"
#include "scan/copies/seen_pages.h"
#include "scan/hash.h"

#define FRAME UINT64_C(4096)

/* Content of a page by its frame: few values, so that copies are many. */
static uint32_t content_of(uint64_t phys)
{
    uint64_t x = phys / FRAME * UINT64_C(0x9e3779b97f4a7c15);

    return (uint32_t)(x >> 40) % 5000;
}

static uint64_t n_asked;

static int same(void *arg, uint64_t phys, uint64_t other)
{
    (void)arg;
    n_asked++;
    cr_assert_gt(phys, other);
    return content_of(phys) == content_of(other);
}

/* All contents of one remainder have one fingerprint. */
static void check_against_list(unsigned n_prints)
{
    struct ps_seen_pages s = {.bits = 0};
    static uint64_t first_of[5000];
    static unsigned n_of[5000];
    unsigned n_copies = 0;

    memset(first_of, 0xff, sizeof first_of);
    memset(n_of, 0, sizeof n_of);
    for (uint64_t frame = 0; frame < 20000; frame++) {
        const uint32_t content = content_of(frame * FRAME);
        const uint32_t print = content % n_prints * 0x9e3779b1u;
        uint64_t first = 0;
        const int is_copy = ps_seen_pages_look(&s, print, frame * FRAME, same, NULL, &first);

        if (first_of[content] != UINT64_MAX) {
            cr_assert_eq(is_copy, 1, "frame %lu", (unsigned long)frame);
            cr_assert_eq(first, first_of[content]);
            n_copies++;
        } else {
            cr_assert_eq(is_copy, 0, "frame %lu", (unsigned long)frame);
            if (n_of[content % n_prints]++ < PS_SEEN_MAX_EQUAL)
                first_of[content] = frame * FRAME;
        }
    }
    cr_assert_gt(n_copies, 1000);
    ps_seen_pages_free(&s);
}

Test(seen_pages, agree_with_a_list)
{
    check_against_list(5000); /* a fingerprint for each content */
    check_against_list(1000); /* five contents for each */
    check_against_list(300);  /* more than are remembered */
}

Test(seen_pages, ask_a_bounded_number_of_times)
{
    struct ps_seen_pages s = {.bits = 0};
    uint64_t first;

    n_asked = 0;
    for (uint64_t frame = 0; frame < 5000; frame++)
        ps_seen_pages_look(&s, 7, frame * FRAME, same, NULL, &first);
    cr_assert_leq(n_asked, 5000 * PS_SEEN_MAX_EQUAL);
    cr_assert_eq(s.n, PS_SEEN_MAX_EQUAL);
    cr_assert_gt(s.n_forgotten, 0);
    ps_seen_pages_free(&s);
}

static int equal_always(void *arg, uint64_t phys, uint64_t other)
{
    (void)arg;
    (void)phys;
    (void)other;
    return 1;
}

Test(seen_pages, full_is_full)
{
    const size_t most = ((size_t)1 << PS_SEEN_MAX_BITS) / 4 * 3;
    struct ps_seen_pages s = {.bits = 0};
    uint64_t first = 0;

    for (uint64_t frame = 0; frame < most + 1000; frame++)
        cr_assert_eq(ps_seen_pages_add(&s, (uint32_t)frame * 0x9e3779b1u, frame * FRAME), 0);
    cr_assert_eq(s.bits, PS_SEEN_MAX_BITS);
    cr_assert_eq(s.n, most);
    cr_assert_eq(s.n_forgotten, 1000);
    /* What was there before is still found. */
    cr_assert_eq(ps_seen_pages_look(&s, 3 * 0x9e3779b1u, FRAME << 30, equal_always, NULL, &first),
                 1);
    cr_assert_eq(first, 3 * FRAME);
    /* Frames that the table has no number for. */
    ps_seen_pages_free(&s);
    cr_assert_eq(ps_seen_pages_add(&s, 1, UINT64_C(0xffffffff) * FRAME), 0);
    cr_assert_eq(s.n, 0);
    cr_assert_eq(s.n_forgotten, 1);
    ps_seen_pages_free(&s);
}

Test(fingerprint, tells_pages_apart)
{
    _Alignas(64) uint8_t page[4096] = {0};
    uint32_t zero = ps_digest_page(page);
    unsigned n_seen = 0;

    /* It looks at a word in each 256 bytes. */
    for (unsigned step = 0; step < 16; step++) {
        unsigned n = 0;

        for (unsigned i = 0; i < 256; i++) {
            page[step * 256 + i] = 0x5a;
            n += ps_digest_page(page) != zero;
            page[step * 256 + i] = 0;
        }
        cr_assert_eq(n, 8, "step %u", step);
        n_seen += n;
    }
    cr_assert_eq(n_seen, 128);
    cr_assert_eq(ps_digest_page(page), zero);
}

Test(copies, only_what_nothing_maps_for_writing)
{
    struct ps_finding f = {.evidence = PS_EV_TAG_KNOWN};

    cr_assert_eq(ps_copy_possible(&f), 1);
    f.evidence = PS_EV_UNMAPPED;
    cr_assert_eq(ps_copy_possible(&f), 1);
    f.evidence = PS_EV_READ_ONLY;
    cr_assert_eq(ps_copy_possible(&f), 1);
    f.evidence = PS_EV_MAPPED;
    cr_assert_eq(ps_copy_possible(&f), 0);
    f.evidence = PS_EV_MAPPED | PS_EV_FILE_PAGE;
    cr_assert_eq(ps_copy_possible(&f), 1);
}

/* Four pages: 0 and 2 are equal, 1 and 3 differ from 0 only where the fingerprint does not look. */
static struct ps_image *open_pages(char *path)
{
    static uint8_t bytes[4][4096];
    struct ps_image *image = NULL;
    struct ps_err err = {0};
    int fd = mkstemp(path);

    for (unsigned i = 0; i < 4; i++)
        memset(bytes[i], 'a', sizeof bytes[i]);
    bytes[1][4095] = 'b';
    bytes[3][4095] = 'c';
    cr_assert_eq(write(fd, bytes, sizeof bytes), (ssize_t)sizeof bytes);
    close(fd);
    cr_assert_eq(ps_image_open(&image, path, NULL, &err), 0, "%s", err.msg);
    return image;
}

static int is_packed;
static unsigned n_reads;

int __wrap_ps_image_is_packed(const struct ps_image *image);
int __real_ps_image_read(struct ps_image *image, uint64_t phys, void *buf, size_t n_bytes,
                         struct ps_err *err);
int __wrap_ps_image_read(struct ps_image *image, uint64_t phys, void *buf, size_t n_bytes,
                         struct ps_err *err);

int __wrap_ps_image_is_packed(const struct ps_image *image)
{
    (void)image;
    return is_packed;
}

int __wrap_ps_image_read(struct ps_image *image, uint64_t phys, void *buf, size_t n_bytes,
                         struct ps_err *err)
{
    n_reads++;
    return __real_ps_image_read(image, phys, buf, n_bytes, err);
}

static uint64_t key_of(const struct ps_copies *c, const struct ps_page_secret *secret,
                       uint64_t phys)
{
    uint8_t page[4096];
    struct ps_err err;

    cr_assert_eq(__real_ps_image_read(c->image, phys, page, sizeof page, &err), 0);
    return ps_digest_page_key(secret, page);
}

/* Two findings a page; the tags are numbered through. */
static size_t sift(struct ps_copies *c, struct ps_finding *f, int mapped_page)
{
    const struct ps_page_secret *secret = ps_copies_secret(c);
    struct ps_page_print print[4];
    struct ps_err err;
    size_t n = 8;

    n_reads = 0;

    for (uint32_t i = 0; i < 4; i++)
        print[i] = (struct ps_page_print){.phys = i * FRAME,
                                          .fingerprint = 9,
                                          .n_findings = 2,
                                          .n_below = (uint16_t)(1u << i),
                                          .may_be_copy = i != (uint32_t)mapped_page,
                                          .key = secret ? key_of(c, secret, i * FRAME) : 0};
    for (uint32_t i = 0; i < 8; i++)
        f[i] =
            (struct ps_finding){.tag = i,
                                .evidence = PS_EV_TAG_KNOWN | PS_EV_TYPE_IN_USE | PS_EV_CHAIN_BOTH,
                                .confidence = 70,
                                .status = i % 2 ? PS_STATUS_FREE : PS_STATUS_ALLOCATED};
    cr_assert_eq(ps_copies_sift(c, print, 4, f, &n, &err), 0);
    ps_copies_free(c);
    return n;
}

static void check_copies(void)
{
    char path[] = "/tmp/ps-copies-XXXXXX";
    struct ps_image *image = open_pages(path);
    static const uint32_t without[] = {0, 1, 2, 3, 6, 7};
    static struct ps_copies c;
    struct ps_finding f[8];

    c = (struct ps_copies){.image = image};
    cr_assert_eq(sift(&c, f, -1), 6);
    for (unsigned i = 0; i < 6; i++)
        cr_assert_eq(f[i].tag, without[i]);
    cr_assert_eq(c.n_left_out, 2);
    cr_assert_eq(c.n_below, 0xb); /* those of the copy are copies */

    c = (struct ps_copies){.image = image, .include = 1};
    cr_assert_eq(sift(&c, f, -1), 8);
    for (unsigned i = 0; i < 8; i++) {
        const int is_copy = i == 4 || i == 5;

        cr_assert_eq(f[i].tag, i);
        cr_assert_eq(!!(f[i].evidence & PS_EV_COPY), is_copy);
        cr_assert_eq(f[i].confidence, is_copy ? 0 : 70);
    }
    cr_assert_eq(f[4].status, PS_STATUS_STALE);
    cr_assert_eq(f[5].status, PS_STATUS_FREE);
    cr_assert_eq(c.n_left_out, 0);
    cr_assert_eq(c.n_below, 0xf);

    /* Windows has the second one mapped: no copy, and nothing else is one. */
    c = (struct ps_copies){.image = image};
    cr_assert_eq(sift(&c, f, 2), 8);

    /* Marked, they are below what is asked for. */
    c = (struct ps_copies){.image = image, .include = 1, .min_confidence = 50};
    cr_assert_eq(sift(&c, f, -1), 6);
    cr_assert_eq(f[4].tag, 6);
    cr_assert_eq(c.n_left_out, 0);
    cr_assert_eq(c.n_below, 0xf + 2);
    cr_assert_eq(n_reads == 0, is_packed);
    ps_image_close(image);
    unlink(path);
}

Test(copies, are_left_out_or_marked)
{
    check_copies();
}

/* The same, and no page is read again. */
Test(copies, of_a_packed_image_are_told_by_their_keys)
{
    is_packed = 1;
    check_copies();
}

Test(copies, keys_of_pages)
{
    struct ps_page_keys keys = {.bits = 0};
    const uint64_t n = 100000;
    uint64_t key = 0;

    cr_assert_not(ps_page_keys_get(&keys, 0, &key));
    for (uint64_t i = 0; i < n; i++)
        ps_page_keys_put(&keys, i * 7 * FRAME, i * UINT64_C(0x9e3779b97f4a7c15));
    ps_page_keys_put(&keys, UINT64_MAX, 1);
    cr_assert_eq(keys.n, n);
    for (uint64_t i = 0; i < 7 * n; i++) {
        cr_assert_eq(ps_page_keys_get(&keys, i * FRAME + 5, &key), i % 7 == 0);
        cr_assert(i % 7 != 0 || key == i / 7 * UINT64_C(0x9e3779b97f4a7c15));
    }
    cr_assert_not(ps_page_keys_get(&keys, UINT64_MAX, &key));
    ps_page_keys_free(&keys);
}

/* Frames whose numbers and one times 0x9e3779b1, of which 0x0e8b2f51 is the inverse, are small: a
 * container may list any. Steps are counted from where each came to stand. */
Test(copies, chosen_frames_do_not_collide)
{
    struct ps_page_keys keys = {.bits = 0};
    uint64_t n_steps = 0;
    size_t mask;

    ps_hash_factor_fix(UINT64_C(0xd1342543de82ef95));
    for (uint32_t i = 1; i <= 20000; i++) {
        const uint32_t frame_1 = UINT32_C(0x0e8b2f51) * i;

        cr_assert_eq(frame_1 * UINT32_C(0x9e3779b1), i);
        ps_page_keys_put(&keys, (uint64_t)(frame_1 - 1) * FRAME, i);
    }
    cr_assert_eq(keys.n, 20000);
    mask = ((size_t)1 << keys.bits) - 1;
    for (size_t at = 0; at <= mask; at++)
        if (keys.place[at].frame_1 != 0) {
            const size_t home = ps_hash_home(keys.place[at].frame_1, keys.factor, keys.bits);

            n_steps += ((at - home) & mask) + 1;
        }
    cr_assert_leq(n_steps, 4 * keys.n);
    ps_page_keys_free(&keys);
}

Test(copies, secrets_differ)
{
    static uint8_t page[4096];
    struct ps_page_secret a, b;

    cr_assert_eq(ps_page_secret_draw(&a), 0);
    cr_assert_eq(ps_page_secret_draw(&b), 0);
    cr_assert_neq(ps_digest_page_key(&a, page), ps_digest_page_key(&b, page));
}
