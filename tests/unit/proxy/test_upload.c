/* Request content between the client and the exchanges: what is held, what is let go, what can be
 * sent again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/upload.h"

static void assert_unsent(const struct upload *u, const char *expected)
{
    struct slice s = upload_unsent(u);
    if (!slice_eq(s, slice_of(expected)))
        fail_msg("\"%.*s\" instead of \"%s\"", SLICE_ARG(s), expected);
}

static void content_that_fits_can_be_sent_again(void **state)
{
    (void)state;
    struct upload u;
    upload_init(&u, FRAMING_LENGTH, 8, 8);
    upload_add(&u, SLICE("1234"));
    upload_sent(&u, 3);
    assert_unsent(&u, "4");
    upload_add(&u, SLICE("5678"));
    upload_sent(&u, 5);
    assert_unsent(&u, "");
    assert_false(u.streaming);
    assert_true(upload_has_room(&u));
    assert_true(upload_rewind(&u));
    assert_unsent(&u, "12345678");
    assert_int_equal(u.received, 8);
    upload_fini(&u);
}

static void content_that_does_not_fit_streams(void **state)
{
    (void)state;
    struct upload u;
    upload_init(&u, FRAMING_CHUNKED, 0, 8);
    upload_add(&u, SLICE("12345678"));
    assert_false(upload_has_room(&u));
    upload_sent(&u, 2);
    assert_true(upload_has_room(&u));
    assert_true(upload_rewind(&u)); /* nothing was let go yet */
    upload_sent(&u, 2);
    upload_add(&u, SLICE("9"));
    assert_true(u.streaming);
    assert_unsent(&u, "3456789");
    assert_int_equal(buf_len(&u.held), 7);
    assert_false(upload_rewind(&u));
    upload_sent(&u, 7);
    assert_int_equal(buf_len(&u.held), 0);
    upload_fini(&u);
}

static void more_than_fits_waits_for_the_exchange(void **state)
{
    (void)state;
    struct upload u;
    upload_init(&u, FRAMING_LENGTH, 100, 4);
    upload_add(&u, SLICE("0123456789"));
    assert_false(upload_has_room(&u));
    assert_true(upload_rewind(&u)); /* a first try that sent nothing costs nothing */
    assert_unsent(&u, "0123456789");
    upload_sent(&u, 6);
    assert_false(upload_has_room(&u));
    assert_true(u.streaming);
    upload_sent(&u, 1);
    assert_true(upload_has_room(&u));
    assert_unsent(&u, "789");
    assert_false(upload_rewind(&u));
    upload_fini(&u);
}

static void content_that_nobody_wants_is_dropped(void **state)
{
    (void)state;
    struct upload u;
    upload_init(&u, FRAMING_LENGTH, 100, 4);
    upload_add(&u, SLICE("0123456789"));
    u.discard = true;
    assert_true(upload_has_room(&u));
    upload_add(&u, SLICE("abc"));
    assert_true(upload_has_room(&u));
    assert_int_equal(buf_len(&u.held), 0);
    assert_int_equal(u.received, 13);
    upload_fini(&u);
}

static void no_content_is_complete_at_once(void **state)
{
    (void)state;
    static const struct {
        enum framing framing;
        uint64_t length;
        bool complete;
    } rows[] = {
        {FRAMING_NONE, 0, true},
        {FRAMING_LENGTH, 0, true},
        {FRAMING_LENGTH, 1, false},
        {FRAMING_CHUNKED, 0, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct upload u;
        upload_init(&u, rows[i].framing, rows[i].length, 0);
        assert_int_equal(u.complete, rows[i].complete);
        assert_true(upload_has_room(&u));
        assert_unsent(&u, "");
        upload_fini(&u);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_that_fits_can_be_sent_again),
        cmocka_unit_test(content_that_does_not_fit_streams),
        cmocka_unit_test(more_than_fits_waits_for_the_exchange),
        cmocka_unit_test(content_that_nobody_wants_is_dropped),
        cmocka_unit_test(no_content_is_complete_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
