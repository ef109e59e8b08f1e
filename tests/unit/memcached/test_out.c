/* The output queue: text and values in order, whatever part the kernel takes. */
#include "memcached/out.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void text(struct mc_out *out, const char *s)
{
    char *at = mc_out_reserve(out, strlen(s));
    assert_non_null(at);
    memcpy(at, s, strlen(s));
    mc_out_commit(out, strlen(s));
}

static void value(struct mc_out *out, const char *s)
{
    struct blob *b = blob_new(strlen(s));
    memcpy(b->data, s, strlen(s));
    b->len = strlen(s);
    mc_out_value(out, b);
    blob_unref(&b); /* the queue's reference keeps it */
}

/* Writes at most `step` bytes of what the vector shows until nothing is left. */
static void drain(struct mc_out *out, size_t step, int iov_max, char *to)
{
    while (mc_out_bytes(out) > 0) {
        struct iovec iov[8];
        int n = mc_out_iov(out, iov, iov_max);
        assert_in_range(n, 1, iov_max);
        size_t left = step;
        for (int i = 0; i < n && left > 0; i++) {
            size_t part = iov[i].iov_len < left ? iov[i].iov_len : left;
            memcpy(to, iov[i].iov_base, part);
            to += part;
            left -= part;
        }
        mc_out_sent(out, step - left);
    }
    *to = '\0';
}

static void fill(struct mc_out *out)
{
    text(out, "one ");
    value(out, "TWO");
    text(out, " three ");
    value(out, "FOUR");
    value(out, "FIVE");
    text(out, " six");
}

static void test_order_survives_every_split(void **state UNUSED)
{
    for (int iov_max = 3; iov_max <= 8; iov_max++) {
        for (size_t step = 1; step < 30; step++) {
            struct mc_out out;
            char got[64];
            mc_out_init(&out);
            fill(&out);
            assert_int_equal(mc_out_bytes(&out), 26);
            drain(&out, step, iov_max, got);
            assert_string_equal(got, "one TWO three FOURFIVE six");
            fill(&out); /* and again, from where it is now */
            drain(&out, step, iov_max, got);
            assert_string_equal(got, "one TWO three FOURFIVE six");
            mc_out_fini(&out);
        }
    }
}

static void test_many_values_wrap_the_ring(void **state UNUSED)
{
    struct mc_out out;
    char got[8];
    mc_out_init(&out);
    for (int round = 0; round < 50; round++) {
        value(&out, "ab");
        drain(&out, 2, 4, got);
        assert_string_equal(got, "ab");
    }
    for (int i = 0; i < 100; i++)
        value(&out, "cd");
    assert_int_equal(mc_out_bytes(&out), 200);
    struct iovec iov[8];
    assert_in_range(mc_out_iov(&out, iov, 8), 1, 8);
    mc_out_fini(&out); /* gives back what is still queued */
}

static void test_values_are_not_copied(void **state UNUSED)
{
    struct mc_out out;
    struct iovec iov[4];
    mc_out_init(&out);
    struct blob *b = blob_new(8);
    b->len = 8;
    mc_out_value(&out, b);
    assert_int_equal(mc_out_iov(&out, iov, 4), 1);
    assert_ptr_equal(iov[0].iov_base, b->data);
    mc_out_clear(&out);
    assert_int_equal(mc_out_bytes(&out), 0);
    assert_int_equal(b->refs, 1);
    blob_unref(&b);
    mc_out_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_survives_every_split),
        cmocka_unit_test(test_many_values_wrap_the_ring),
        cmocka_unit_test(test_values_are_not_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
