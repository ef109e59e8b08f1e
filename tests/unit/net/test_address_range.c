/* Ranges of client addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/address_range.h"

static const struct {
    const char *range;
    const char *address;
    bool has;
} rows[] = {
    {"10.0.0.1", "10.0.0.1:5", true},
    {"10.0.0.1", "10.0.0.2:5", false},
    {"10.0.0.0/8", "10.255.0.1:5", true},
    {"10.0.0.0/8", "11.0.0.1:5", false},
    {"10.0.0.0/9", "10.127.0.1:5", true},
    {"10.0.0.0/9", "10.128.0.1:5", false},
    {"0.0.0.0/0", "192.0.2.1:5", true},
    {"0.0.0.0/0", "[::1]:5", false},
    {"::/0", "[2001:db8::1]:5", true},
    {"::/0", "192.0.2.1:5", false},
    {"::1", "[::1]:5", true},
    {"2001:db8::/32", "[2001:db8:1::1]:5", true},
    {"2001:db8::/32", "[2001:db9::1]:5", false},
    {"127.0.0.1", "[::ffff:127.0.0.1]:5", true},
    {"unix:", "unix:/run/x.sock", true},
    {"unix:", "127.0.0.1:5", false},
    {"127.0.0.1", "unix:/run/x.sock", false},
};

static void a_range_has_its_addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct address_range range;
        struct endpoint e;
        struct address a;
        assert_true(address_range_parse(slice_of(rows[i].range), &range));
        assert_true(endpoint_parse(slice_of(rows[i].address), &e));
        assert_true(address_from_endpoint(&e, &a));
        if (address_range_has(&range, &a) != rows[i].has)
            fail_msg("%s in %s", rows[i].address, rows[i].range);
    }
}

static void what_is_no_range_is_refused(void **state)
{
    static const char *const bad[] = {"",        "a",         "10.0.0",     "10.0.0.0/33",
                                      "::/129",  "10.0.0.0/", "10.0.0.0/a", "/8",
                                      "unix:/x", "[::1]",     "10.0.0.1:5", "10.0.0.0/-1"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct address_range range;
        if (address_range_parse(slice_of(bad[i]), &range))
            fail_msg("%s", bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_has_its_addresses),
        cmocka_unit_test(what_is_no_range_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
