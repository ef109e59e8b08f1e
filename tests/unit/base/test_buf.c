/* The byte buffer: its bound, its growth, its way of moving bytes to the front. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"

static void starts_empty_without_memory(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    assert_int_equal(buf_len(&b), 0);
    assert_true(slice_empty(buf_slice(&b)));
    assert_true(buf_append(&b, slice_none()));
    assert_true(buf_reserve(&b, 0));
    assert_int_equal(b.cap, 0);
    buf_fini(&b);
}

static void appended_bytes_come_out_in_order(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    assert_true(buf_append(&b, SLICE("abc")));
    assert_true(buf_append(&b, SLICE("def")));
    buf_consume(&b, 2);
    assert_true(slice_eq(buf_slice(&b), SLICE("cdef")));
    buf_consume(&b, 4);
    assert_int_equal(buf_len(&b), 0);
    assert_int_equal(b.start, 0); /* an empty buffer begins at its front again */
    buf_fini(&b);
}

static const struct bound_row {
    const char *name;
    size_t max, held, more;
    bool ok;
} bound_rows[] = {
    {"exactly full", 10, 4, 6, true},
    {"one too many", 10, 4, 7, false},
    {"nothing into a full one", 10, 10, 0, true},
    {"one into a full one", 10, 10, 1, false},
    {"more than any size", 10, 4, SIZE_MAX, false},
    {"bound of zero", 0, 0, 1, false},
    {"bound above the first size", 5000, 4000, 1000, true},
    {"above that bound", 5000, 4000, 1001, false},
};

static void never_holds_more_than_max(void **state)
{
    (void)state;
    static const char zeros[5000];
    for (size_t i = 0; i < ARRAY_LEN(bound_rows); i++) {
        const struct bound_row *r = &bound_rows[i];
        struct buf b;
        print_message("  %s\n", r->name);
        buf_init(&b, r->max);
        assert_true(buf_append(&b, slice_make(zeros, r->held)));
        assert_int_equal(buf_reserve(&b, r->more), r->ok);
        if (r->more <= sizeof(zeros)) {
            assert_int_equal(buf_append(&b, slice_make(zeros, r->more)), r->ok);
        }
        assert_int_equal(buf_len(&b), r->held + (r->ok ? r->more : 0));
        assert_true(b.cap <= r->max);
        buf_fini(&b);
    }
}

static void consumed_room_counts_as_free(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    assert_true(buf_append(&b, SLICE("0123456789")));
    buf_consume(&b, 3);
    assert_true(buf_append(&b, SLICE("abc")));
    assert_true(slice_eq(buf_slice(&b), SLICE("3456789abc")));
    assert_false(buf_append(&b, SLICE("d")));
    assert_true(slice_eq(buf_slice(&b), SLICE("3456789abc")));
    buf_fini(&b);
}

/* A stream of any length passes through a buffer that stays as small as what is held at once. */
static void a_stream_does_not_make_it_grow(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1 << 20);
    unsigned char in = 0, out = 0;
    for (int round = 0; round < 10000; round++) {
        for (int i = 0; i < 37; i++, in++) {
            assert_true(buf_append(&b, slice_make((char *)&in, 1)));
        }
        while (buf_len(&b) > 100) {
            assert_int_equal((unsigned char)buf_slice(&b).p[0], out++);
            buf_consume(&b, 1);
        }
    }
    assert_int_equal(b.cap, 512);
    buf_fini(&b);
}

static void growth_is_geometric(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1 << 20);
    size_t growths = 0, cap = 0;
    for (size_t i = 0; i < 1 << 20; i++) {
        assert_true(buf_append(&b, SLICE("x")));
        growths += b.cap != cap;
        cap = b.cap;
    }
    assert_true(growths <= 12);
    assert_false(buf_append(&b, SLICE("x")));
    buf_fini(&b);
}

static void printf_of_any_length_up_to_max(void **state)
{
    (void)state;
    for (int n = 1; n < 2000; n += 13) {
        struct buf b;
        buf_init(&b, (size_t)n + 1);
        assert_true(buf_append(&b, SLICE("x")));
        assert_true(buf_printf(&b, "%*d", n, 7)); /* exactly full: no room is asked for a NUL */
        assert_int_equal(buf_len(&b), n + 1);
        assert_int_equal(buf_slice(&b).p[n], '7');
        assert_false(buf_printf(&b, "%*d", n, 7));
        assert_int_equal(buf_len(&b), n + 1);
        buf_fini(&b);
    }
}

static void clear_keeps_and_release_gives_back(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    assert_true(buf_append(&b, SLICE("abc")));
    char *data = b.data;
    buf_clear(&b);
    assert_int_equal(buf_len(&b), 0);
    assert_ptr_equal(b.data, data);
    buf_release(&b);
    assert_null(b.data);
    assert_int_equal(b.cap, 0);
    assert_true(buf_append(&b, SLICE("abc"))); /* and goes on */
    assert_true(slice_eq(buf_slice(&b), SLICE("abc")));
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_empty_without_memory),
        cmocka_unit_test(appended_bytes_come_out_in_order),
        cmocka_unit_test(never_holds_more_than_max),
        cmocka_unit_test(consumed_room_counts_as_free),
        cmocka_unit_test(a_stream_does_not_make_it_grow),
        cmocka_unit_test(growth_is_geometric),
        cmocka_unit_test(printf_of_any_length_up_to_max),
        cmocka_unit_test(clear_keeps_and_release_gives_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
