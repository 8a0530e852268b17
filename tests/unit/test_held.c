/* Findings that wait: all of them come back in order, from memory and from the file. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "host/image/spec.h"
#include "host/report/held.h"

struct taker {
    uint64_t n;
    uint64_t stop_at; /* of them; UINT64_MAX: nowhere */
};

static int take(void *arg, const struct ps_finding *f, size_t n, struct ps_err *err)
{
    struct taker *t = arg;

    for (size_t i = 0; i < n; i++, t->n++) {
        cr_assert_eq(f[i].phys, t->n * 16);
        cr_assert_eq(f[i].confidence, t->n % 100);
    }
    return t->n >= t->stop_at ? ps_fail(err, PS_EIO, t->n, "enough") : 0;
}

static int add(struct ps_held *h, uint64_t from, uint64_t n, struct ps_err *err)
{
    struct ps_finding f[3] = {{0}};
    int rc = 0;

    for (uint64_t at = from; at < from + n && rc == 0; at += 3) {
        const size_t some = from + n - at < 3 ? (size_t)(from + n - at) : 3;

        for (size_t i = 0; i < some; i++) {
            f[i].phys = (at + i) * 16;
            f[i].confidence = (uint8_t)((at + i) % 100);
        }
        rc = ps_held_add(h, f, some, err);
    }
    return rc;
}

Test(held, few)
{
    struct ps_held h = {.temp_dir = PS_NO_TEMP_DIR};
    struct taker t = {0, UINT64_MAX};
    struct ps_err err;

    cr_assert_eq(ps_held_give(&h, take, &t, &err), 0);
    cr_assert_eq(add(&h, 0, 10001, &err), 0);
    cr_assert_eq(ps_held_give(&h, take, &t, &err), 0);
    cr_assert_eq(t.n, 10001);
    ps_held_free(&h);
}

Test(held, many)
{
    const uint64_t n = 2 * PS_HELD_MOST + 4321;
    struct ps_held h = {.temp_dir = NULL};
    struct taker t = {0, UINT64_MAX};
    struct ps_err err = {0};

    cr_assert_eq(add(&h, 0, n, &err), 0, "%s", err.msg);
    cr_assert_leq(h.n, PS_HELD_MOST);
    cr_assert_eq(ps_held_give(&h, take, &t, &err), 0, "%s", err.msg);
    cr_assert_eq(t.n, n);
    t = (struct taker){0, 5000};
    cr_assert_eq(ps_held_give(&h, take, &t, &err), -PS_EIO);
    cr_assert_lt(t.n, n);
    ps_held_free(&h);
}

Test(held, no_place)
{
    struct ps_held h = {.temp_dir = PS_NO_TEMP_DIR};
    struct taker t = {0, UINT64_MAX};
    struct ps_err err = {0};

    cr_assert_eq(add(&h, 0, PS_HELD_MOST + 1, &err), -PS_ECREATE);
    cr_assert_eq(ps_held_give(&h, take, &t, &err), 0);
    ps_held_free(&h);
}
