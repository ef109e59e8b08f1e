#include "http/uri.h"

#include "http/check.h"

static struct arena arena;

/* Paths and queries after normalisation; path NULL: refused. */
static const struct {
    const char *name;
    struct slice target;
    const char *path;
    const char *query;
} rows[] = {
    {"root", SLICE_INIT("/"), "/", NULL},
    {"plain", SLICE_INIT("/a/b.html"), "/a/b.html", NULL},
    {"query", SLICE_INIT("/a?b=c&d"), "/a", "b=c&d"},
    {"empty query", SLICE_INIT("/a?"), "/a", ""},
    {"second question mark", SLICE_INIT("/a?b?c"), "/a", "b?c"},
    {"all sub-delims (RFC 3986 3.3)", SLICE_INIT("/!$&'()*+,;=:@-._~"), "/!$&'()*+,;=:@-._~", NULL},
    /* RFC 3986 6.2.2.1 and 6.2.2.2: case and unreserved bytes */
    {"tilde decoded", SLICE_INIT("/%7Euser"), "/~user", NULL},
    {"letters decoded", SLICE_INIT("/%41%7a%30%2D%5f"), "/Az0-_", NULL},
    {"query decoded the same way", SLICE_INIT("/?%7e=%41"), "/", "~=A"},
    {"hex digits upper case", SLICE_INIT("/%e2%82%ac?%c3%a9"), "/%E2%82%AC", "%C3%A9"},
    {"slash stays encoded", SLICE_INIT("/a%2Fb"), "/a%2Fb", NULL},
    {"slash stays encoded, lower case", SLICE_INIT("/a%2fb"), "/a%2Fb", NULL},
    {"question mark stays encoded", SLICE_INIT("/a%3Fx=1"), "/a%3Fx=1", NULL},
    {"percent stays encoded", SLICE_INIT("/%252e%252e/"), "/%252e%252e/", NULL},
    {"number sign stays encoded", SLICE_INIT("/a%23b"), "/a%23b", NULL},
    {"space stays encoded", SLICE_INIT("/a%20b"), "/a%20b", NULL},
    {"plus is not a space", SLICE_INIT("/a+b?c+d"), "/a+b", "c+d"},
    {"semicolon stays encoded", SLICE_INIT("/a%3Bb;c"), "/a%3Bb;c", NULL},
    /* bytes that RFC 3986 does not allow */
    {"raw specials encoded", SLICE_INIT("/\"<>\\^`{|}"), "/%22%3C%3E%5C%5E%60%7B%7C%7D", NULL},
    {"raw specials encoded in a query", SLICE_INIT("/?\"|"), "/", "%22%7C"},
    {"brackets stay", SLICE_INIT("/a[1]?id[]=1"), "/a[1]", "id[]=1"},
    {"8-bit encoded", SLICE_INIT("/\xc3\xa9"), "/%C3%A9", NULL},
    /* RFC 3986 5.2.4: dot segments */
    {"dot", SLICE_INIT("/./a/./b/."), "/a/b/", NULL},
    {"dots", SLICE_INIT("/a/../b"), "/b", NULL},
    {"dots at the end", SLICE_INIT("/a/b/.."), "/a/", NULL},
    {"to the root", SLICE_INIT("/a/.."), "/", NULL},
    {"to the root and down", SLICE_INIT("/a/../../a"), NULL, NULL},
    {"RFC 3986 5.2.4 example", SLICE_INIT("/a/b/c/./../../g"), "/a/g", NULL},
    {"encoded dots", SLICE_INIT("/a/%2e%2E/b"), "/b", NULL},
    {"half encoded dots", SLICE_INIT("/a/.%2e/b/%2e"), "/b/", NULL},
    {"above the root", SLICE_INIT("/.."), NULL, NULL},
    {"above the root, encoded", SLICE_INIT("/%2e%2e/"), NULL, NULL},
    {"above the root, further in", SLICE_INIT("/a/../../b"), NULL, NULL},
    {"dots in a name", SLICE_INIT("/a..b/..c/d../...?/../"), "/a..b/..c/d../...", "/../"},
    {"hidden file", SLICE_INIT("/.well-known/x"), "/.well-known/x", NULL},
    {"encoded slash is no separator", SLICE_INIT("/a%2F../b"), "/a%2F../b", NULL},
    {"encoded backslash dots", SLICE_INIT("/a/..\\b"), "/a/..%5Cb", NULL},
    {"dots with a parameter are a name", SLICE_INIT("/a/..;/b"), "/a/..;/b", NULL},
    {"empty segment popped", SLICE_INIT("/a//../b"), "/a/b", NULL},
    {"double slash stays", SLICE_INIT("//a//b//"), "//a//b//", NULL},
    {"double slash, then dots", SLICE_INIT("//.."), "/", NULL},
    /* refused */
    {"empty", SLICE_INIT(""), NULL, NULL},
    {"no leading slash", SLICE_INIT("a/b"), NULL, NULL},
    {"asterisk", SLICE_INIT("*"), NULL, NULL},
    {"only a query", SLICE_INIT("?a"), NULL, NULL},
    {"NUL", SLICE_INIT("/a\0b"), NULL, NULL},
    {"encoded NUL", SLICE_INIT("/a%00b"), NULL, NULL},
    {"encoded LF", SLICE_INIT("/a%0ab"), NULL, NULL},
    {"encoded CR", SLICE_INIT("/a%0D"), NULL, NULL},
    {"encoded DEL", SLICE_INIT("/%7F"), NULL, NULL},
    {"encoded NUL in a query", SLICE_INIT("/?a%00"), NULL, NULL},
    {"encoded CRLF in a query is form data", SLICE_INIT("/?a=1%0d%0a2"), "/", "a=1%0D%0A2"},
    {"raw LF", SLICE_INIT("/a\nb"), NULL, NULL},
    {"raw TAB in a query", SLICE_INIT("/a?\t"), NULL, NULL},
    {"raw DEL", SLICE_INIT("/\x7f"), NULL, NULL},
    {"space", SLICE_INIT("/a b"), NULL, NULL},
    {"fragment", SLICE_INIT("/a#b"), NULL, NULL},
    {"fragment in a query", SLICE_INIT("/a?b#c"), NULL, NULL},
    {"percent at the end", SLICE_INIT("/a%"), NULL, NULL},
    {"one digit", SLICE_INIT("/a%2"), NULL, NULL},
    {"no hex", SLICE_INIT("/a%2g"), NULL, NULL},
    {"no hex at first", SLICE_INIT("/%g2"), NULL, NULL},
    {"bad percent in a query", SLICE_INIT("/?a=100%"), NULL, NULL},
    {"cut by the question mark", SLICE_INIT("/%4?1"), NULL, NULL},
};

static void check_row(size_t i, bool merge, const char *want)
{
    struct slice path = slice_none();
    struct slice query = slice_none();
    struct slice target = copy_of(rows[i].target);
    bool good = uri_normalise(target, merge, &arena, &path, &query);
    check_number(rows[i].name, "accepted", good, want != NULL);
    if (good) {
        check_slice(rows[i].name, "path", path, want);
        check_slice(rows[i].name, "query", query, rows[i].query);
        struct slice again_path;
        struct slice again_query;
        struct slice joined =
            query.p == NULL ? path
                            : arena_printf(&arena, "%.*s?%.*s", SLICE_ARG(path), SLICE_ARG(query));
        assert_true(uri_normalise(joined, merge, &arena, &again_path, &again_query));
        check_slice(rows[i].name, "path normalised twice", again_path, want);
        check_slice(rows[i].name, "query normalised twice", again_query, rows[i].query);
    }
    copy_free(target);
}

static void test_normalise(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        check_row(i, false, rows[i].path);
    }
}

static void test_merge_slashes(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        const char *path;
    } merged[] = {
        {"//a//b//", "/a/b/"}, {"///", "/"},           {"/a//../b", "/b"}, {"//..", NULL},
        {"/a/.//b", "/a/b"},   {"/a%2F/b", "/a%2F/b"}, {"/a/b", "/a/b"},   {"/a/..//", "/"},
    };
    for (size_t i = 0; i < ARRAY_LEN(merged); i++) {
        struct slice path = slice_none();
        struct slice query;
        bool good = uri_normalise(slice_of(merged[i].target), true, &arena, &path, &query);
        check_slice(merged[i].target, "path", good ? path : slice_none(), merged[i].path);
    }
}

static void test_normal_targets_are_not_copied(void **state)
{
    (void)state;
    struct slice target = SLICE("/assets/app.js?v=1");
    struct slice path;
    struct slice query;
    assert_true(uri_normalise(target, true, &arena, &path, &query));
    assert_true(path.p == target.p && query.p == target.p + 15);
}

static const struct {
    const char *name;
    const char *uri;
    const char *scheme; /* NULL: refused */
    const char *authority;
    const char *rest;
} uri_rows[] = {
    {"host", "http://a", "http", "a", NULL},
    {"port and path", "https://a.b:8443/c?d", "https", "a.b:8443", "/c?d"},
    {"query only", "http://a?b", "http", "a", "?b"},
    {"slash", "http://a/", "http", "a", "/"},
    {"IPv6", "http://[::1]:80/x", "http", "[::1]:80", "/x"},
    {"unix", "http://unix:/run/a.sock", "http", "unix:/run/a.sock", NULL},
    {"unix with a path", "http://unix:/run/a.sock:/b?c", "http", "unix:/run/a.sock", "/b?c"},
    {"unix, empty rest", "http://unix:/run/a.sock:", "http", "unix:/run/a.sock", NULL},
    {"other scheme", "memcached://pool", "memcached", "pool", NULL},
    {"no scheme", "//a/b", NULL, NULL, NULL},
    {"upper case scheme", "HTTP://a", NULL, NULL, NULL},
    {"no slashes", "http:a", NULL, NULL, NULL},
    {"no host", "http:///a", NULL, NULL, NULL},
    {"no socket", "http://unix:", NULL, NULL, NULL},
    {"digit first", "1http://a", NULL, NULL, NULL},
    {"empty", "", NULL, NULL, NULL},
    {"word", "localhost", NULL, NULL, NULL},
};

static void test_uri_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(uri_rows); i++) {
        struct uri uri;
        struct slice text = copy_of(slice_of(uri_rows[i].uri));
        bool good = uri_parse(text, &uri);
        check_number(uri_rows[i].name, "accepted", good, uri_rows[i].scheme != NULL);
        if (good) {
            check_slice(uri_rows[i].name, "scheme", uri.scheme, uri_rows[i].scheme);
            check_slice(uri_rows[i].name, "authority", uri.authority, uri_rows[i].authority);
            check_slice(uri_rows[i].name, "rest", uri.rest, uri_rows[i].rest);
        }
        copy_free(text);
    }
}

/* RFC 9110 section 7.2, RFC 3986 section 3.2. */
static const struct {
    const char *name;
    struct slice authority;
    const char *host; /* NULL: refused */
    uint16_t port;
} authority_rows[] = {
    {"name", SLICE_INIT("example.com"), "example.com", 0},
    {"upper case", SLICE_INIT("EXAMPLE.Com:80"), "example.com", 80},
    {"trailing dot", SLICE_INIT("example.com."), "example.com", 0},
    {"trailing dot and port", SLICE_INIT("example.com.:8080"), "example.com", 8080},
    {"one label", SLICE_INIT("localhost"), "localhost", 0},
    {"underscore", SLICE_INIT("my_app"), "my_app", 0},
    {"IPv4", SLICE_INIT("127.0.0.1:65535"), "127.0.0.1", 65535},
    {"IPv6", SLICE_INIT("[::1]"), "[::1]", 0},
    {"IPv6, port, upper case", SLICE_INIT("[FE80::A]:443"), "[fe80::a]", 443},
    {"IPv6 with IPv4", SLICE_INIT("[::ffff:1.2.3.4]"), "[::ffff:1.2.3.4]", 0},
    {"empty port (RFC 3986 3.2.3)", SLICE_INIT("a:"), "a", 0},
    {"port with zeros in front", SLICE_INIT("a:0080"), "a", 80},
    {"empty", SLICE_INIT(""), NULL, 0},
    {"only a port", SLICE_INIT(":80"), NULL, 0},
    {"only a dot", SLICE_INIT("."), NULL, 0},
    {"empty label", SLICE_INIT("a..b"), NULL, 0},
    {"two trailing dots", SLICE_INIT("a.."), NULL, 0},
    {"leading dot", SLICE_INIT(".a"), NULL, 0},
    {"userinfo", SLICE_INIT("user@a"), NULL, 0},
    {"userinfo with password", SLICE_INIT("user:pass@a"), NULL, 0},
    {"path", SLICE_INIT("a/b"), NULL, 0},
    {"query", SLICE_INIT("a?b"), NULL, 0},
    {"fragment", SLICE_INIT("a#b"), NULL, 0},
    {"backslash", SLICE_INIT("a\\b"), NULL, 0},
    {"space", SLICE_INIT("a b"), NULL, 0},
    {"TAB", SLICE_INIT("a\tb"), NULL, 0},
    {"NUL", SLICE_INIT("a\0b"), NULL, 0},
    {"8-bit", SLICE_INIT("\xc3\xa9"), NULL, 0},
    {"two hosts joined", SLICE_INIT("a, b"), NULL, 0},
    {"percent", SLICE_INIT("ex%61mple.com"), NULL, 0},
    {"port 0", SLICE_INIT("a:0"), NULL, 0},
    {"port too large", SLICE_INIT("a:65536"), NULL, 0},
    {"port that wraps", SLICE_INIT("a:18446744073709551696"), NULL, 0},
    {"signed port", SLICE_INIT("a:+80"), NULL, 0},
    {"port with letters", SLICE_INIT("a:80x"), NULL, 0},
    {"two ports", SLICE_INIT("a:80:80"), NULL, 0},
    {"IPv6 without brackets", SLICE_INIT("::1"), NULL, 0},
    {"IPv6 open", SLICE_INIT("[::1"), NULL, 0},
    {"IPv6 empty", SLICE_INIT("[]"), NULL, 0},
    {"IPv6 zone", SLICE_INIT("[fe80::1%25eth0]"), NULL, 0},
    {"IPv6 bad", SLICE_INIT("[1::2::3]"), NULL, 0},
    {"IPv6 and junk", SLICE_INIT("[::1]x"), NULL, 0},
    {"name in brackets", SLICE_INIT("[a]"), NULL, 0},
    {"closing bracket", SLICE_INIT("a]"), NULL, 0},
};

static void test_authority(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(authority_rows); i++) {
        struct slice host = slice_none();
        uint16_t port = 0;
        struct slice text = copy_of(authority_rows[i].authority);
        bool good = authority_parse(text, &arena, &host, &port);
        check_slice(authority_rows[i].name, "host", good ? host : slice_none(),
                    authority_rows[i].host);
        check_number(authority_rows[i].name, "port", good ? port : 0, authority_rows[i].port);
        copy_free(text);
    }
}

static void test_a_name_of_255_bytes_is_the_longest(void **state)
{
    (void)state;
    char name[256];
    struct slice host;
    uint16_t port;
    memset(name, 'a', sizeof(name));
    assert_true(authority_parse(slice_make(name, 255), &arena, &host, &port));
    assert_false(authority_parse(slice_make(name, 256), &arena, &host, &port));
}

static void test_decode(void **state)
{
    (void)state;
    check_slice("plain", "text", uri_decode(SLICE("a+b"), &arena), "a+b");
    check_slice("all kinds", "text", uri_decode(SLICE("%41%2f%2F%zz%4"), &arena), "A//%zz%4");
    check_slice("percent twice", "text", uri_decode(SLICE("%2541"), &arena), "%41");
    check_slice("at the end", "text", uri_decode(SLICE("%"), &arena), "%");
    assert_true(slice_eq(uri_decode(SLICE("%00"), &arena), SLICE("\0")));
}

static void test_encoded_reserved(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        bool expected;
    } paths[] = {
        {"/", false},       {"/a%20b", false},  {"/%C3%A4", false}, {"/%25", false},
        {"/%2541", false},  {"/%22%7B", false}, {"/%23", false},    {"/a%2Fb", true},
        {"/%20/%3F", true}, {"/%3B", true},     {"/%2B", true},     {"/%40", true},
        {"/ends%2F", true}, {"/a%2", false},    {"/a%", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        print_message("%s\n", paths[i].path);
        assert_int_equal(uri_has_encoded_reserved(slice_of(paths[i].path)), paths[i].expected);
    }
}

static int arena_up(void **state)
{
    (void)state;
    arena_init(&arena, NULL);
    return 0;
}

static int arena_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_normalise),
        cmocka_unit_test(test_merge_slashes),
        cmocka_unit_test(test_normal_targets_are_not_copied),
        cmocka_unit_test(test_uri_parse),
        cmocka_unit_test(test_authority),
        cmocka_unit_test(test_encoded_reserved),
        cmocka_unit_test(test_a_name_of_255_bytes_is_the_longest),
        cmocka_unit_test(test_decode),
    };
    return cmocka_run_group_tests(tests, arena_up, arena_down);
}
