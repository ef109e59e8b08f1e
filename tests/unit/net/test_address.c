#include "net_helpers.h"

#include <arpa/inet.h>
#include <string.h>

struct parse_row {
    const char *name;
    const char *text;
    bool ok;
    const char *host;
    int port; /* -1: none given */
    bool literal;
    const char *path;
};

static const struct parse_row parse_rows[] = {
    {"a bare port", "8080", true, "", 8080, false, NULL},
    {"port 0 is given", "0", true, "", 0, false, NULL},
    {"any host and a port", "*:8080", true, "*", 8080, false, NULL},
    {"any host", "*", true, "*", -1, false, NULL},
    {"a name", "origin.example", true, "origin.example", -1, false, NULL},
    {"a name and a port", "origin-1:81", true, "origin-1", 81, false, NULL},
    {"a name with a dot at its end", "a.example.:80", true, "a.example.", 80, false, NULL},
    {"a name with an underscore", "my_app:80", true, "my_app", 80, false, NULL},
    {"a name that starts with digits", "3com.example", true, "3com.example", -1, false, NULL},
    {"IPv4", "10.0.0.1", true, "10.0.0.1", -1, true, NULL},
    {"IPv4 and a port", "10.0.0.1:80", true, "10.0.0.1", 80, true, NULL},
    {"IPv6", "[::1]", true, "::1", -1, true, NULL},
    {"IPv6 and a port", "[2001:db8::1]:65535", true, "2001:db8::1", 65535, true, NULL},
    {"a unix path", "unix:/run/a.sock", true, "", -1, false, "/run/a.sock"},
    {"a unix path with a colon", "unix:/run/a:1", true, "", -1, false, "/run/a:1"},
    {"nothing", "", false, NULL, 0, false, NULL},
    {"unix without a path", "unix:", false, NULL, 0, false, NULL},
    {"a port above 65535", "65536", false, NULL, 0, false, NULL},
    {"a port with a sign", "a:+80", false, NULL, 0, false, NULL},
    {"no port behind the colon", "a:", false, NULL, 0, false, NULL},
    {"no host before the colon", ":80", false, NULL, 0, false, NULL},
    {"two ports", "a:80:81", false, NULL, 0, false, NULL},
    {"IPv6 without brackets", "::1", false, NULL, 0, false, NULL},
    {"a bracket that stays open", "[::1", false, NULL, 0, false, NULL},
    {"a name in brackets", "[localhost]:80", false, NULL, 0, false, NULL},
    {"IPv4 in brackets", "[10.0.0.1]:80", false, NULL, 0, false, NULL},
    {"text behind the bracket", "[::1]80", false, NULL, 0, false, NULL},
    {"empty brackets", "[]:80", false, NULL, 0, false, NULL},
    {"an octet above 255", "10.0.0.256", false, NULL, 0, false, NULL},
    {"three octets", "10.0.1:80", false, NULL, 0, false, NULL},
    {"a number as a host", "10:80", false, NULL, 0, false, NULL},
    {"a slash", "a/b", false, NULL, 0, false, NULL},
    {"a blank", "a b", false, NULL, 0, false, NULL},
    {"a dot at the start", ".example", false, NULL, 0, false, NULL},
    {"user information", "u@a:80", false, NULL, 0, false, NULL},
};

static void test_endpoints_are_parsed(void **state UNUSED)
{
    for (size_t i = 0; i < ARRAY_LEN(parse_rows); i++) {
        const struct parse_row *row = &parse_rows[i];
        struct endpoint e;
        print_message("  %s\n", row->name);
        assert_int_equal(endpoint_parse(slice_of(row->text), &e), row->ok);
        if (!row->ok)
            continue;
        assert_true(slice_eq(e.host, slice_of(row->host)));
        assert_int_equal(e.has_port, row->port >= 0);
        assert_int_equal(e.port, row->port >= 0 ? row->port : 0);
        assert_int_equal(e.is_literal, row->literal);
        assert_int_equal(e.is_unix, row->path != NULL);
        assert_true(slice_eq(e.path, slice_of(row->path)));
    }
}

static void test_names_are_limited(void **state UNUSED)
{
    char name[255];
    struct endpoint e;
    memset(name, 'a', sizeof(name));
    assert_true(endpoint_parse(slice_make(name, 254), &e));
    assert_false(endpoint_parse(slice_make(name, 255), &e));
    assert_false(endpoint_parse(slice_make("a\0b", 3), &e));
    assert_false(endpoint_parse(slice_make("unix:/a\0b", 9), &e));
}

struct print_row {
    const char *text;
    const char *printed;
    const char *host;
    int family;
    int port;
};

static const struct print_row print_rows[] = {
    {"8080", "0.0.0.0:8080", "0.0.0.0", AF_INET, 8080},
    {"*:81", "0.0.0.0:81", "0.0.0.0", AF_INET, 81},
    {"10.1.2.3:80", "10.1.2.3:80", "10.1.2.3", AF_INET, 80},
    {"[::]:80", "[::]:80", "::", AF_INET6, 80},
    {"[2001:DB8:0:0::1]:1", "[2001:db8::1]:1", "2001:db8::1", AF_INET6, 1},
    {"[::1]", "[::1]:0", "::1", AF_INET6, 0},
    {"unix:/run/a.sock", "unix:/run/a.sock", "unix:", AF_UNIX, 0},
};

static void test_literals_become_addresses_and_text(void **state UNUSED)
{
    for (size_t i = 0; i < ARRAY_LEN(print_rows); i++) {
        const struct print_row *row = &print_rows[i];
        char buf[ADDRESS_TEXT_MAX];
        struct address a = test_address(row->text);
        print_message("  %s\n", row->text);
        assert_int_equal(a.u.sa.sa_family, row->family);
        assert_int_equal(address_port(&a), row->port);
        assert_true(slice_eq(address_print(&a, buf), slice_of(row->printed)));
        assert_true(slice_eq(address_print_host(&a, buf), slice_of(row->host)));
    }
}

static void test_names_and_long_paths_are_no_addresses(void **state UNUSED)
{
    struct endpoint e;
    struct address a;
    assert_true(endpoint_parse(SLICE("localhost:80"), &e));
    assert_false(address_from_endpoint(&e, &a));
    char text[5 + 108 + 1] = "unix:";
    memset(text + 5, 'x', 108);
    assert_true(endpoint_parse(slice_make(text, 5 + 108), &e));
    assert_false(address_from_endpoint(&e, &a));
    assert_true(endpoint_parse(slice_make(text, 5 + 107), &e));
    assert_true(address_from_endpoint(&e, &a));
    char buf[ADDRESS_TEXT_MAX];
    assert_int_equal(address_print(&a, buf).n, 5 + 107);
}

static void test_an_unnamed_unix_socket_prints(void **state UNUSED)
{
    struct address a;
    memset(&a, 0x41, sizeof(a));
    a.u.sa.sa_family = AF_UNIX;
    a.len = sizeof(sa_family_t);
    char buf[ADDRESS_TEXT_MAX];
    assert_true(slice_eq(address_print(&a, buf), SLICE("unix:")));
}

static void test_equality(void **state UNUSED)
{
    const char *const texts[] = {"10.0.0.1:80", "10.0.0.1:81", "10.0.0.2:80", "[::1]:80",
                                 "[::2]:80",    "[::1]:81",    "unix:/a",     "unix:/b"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        for (size_t k = 0; k < ARRAY_LEN(texts); k++) {
            struct address a = test_address(texts[i]);
            struct address b = test_address(texts[k]);
            assert_int_equal(address_eq(&a, &b), i == k);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_endpoints_are_parsed),
        cmocka_unit_test(test_names_are_limited),
        cmocka_unit_test(test_literals_become_addresses_and_text),
        cmocka_unit_test(test_names_and_long_paths_are_no_addresses),
        cmocka_unit_test(test_an_unnamed_unix_socket_prints),
        cmocka_unit_test(test_equality),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
