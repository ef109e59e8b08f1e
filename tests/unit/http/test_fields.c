#include "http/fields.h"

#include "http/check.h"

static const struct {
    enum field_id id;
    const char *name;
} known[] = {
#define X(id, name) {FIELD_##id, name},
    FIELD_TABLE(X)
#undef X
};

static void test_each_name_has_its_number_in_any_case(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        char upper[64];
        char lower[64];
        size_t n = slice_of(known[i].name).n;
        for (size_t j = 0; j < n; j++) {
            char c = known[i].name[j];
            lower[j] = ascii_lower(c);
            upper[j] = (char)(c >= 'a' && c <= 'z' ? c - 32 : c);
        }
        check_number(known[i].name, "number", field_id_of(slice_of(known[i].name)), known[i].id);
        check_number(known[i].name, "number, upper case", field_id_of(slice_make(upper, n)),
                     known[i].id);
        check_number(known[i].name, "number, lower case", field_id_of(slice_make(lower, n)),
                     known[i].id);
        check_slice(known[i].name, "name", field_name(known[i].id), known[i].name);
    }
    check_number("the table", "count", ARRAY_LEN(known), FIELD_COUNT - 1);
}

/* Also where only a bit of the letter's case differs, as in '-' and CR, '@' and '`'. */
static void test_each_changed_byte_makes_another_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        char name[64];
        size_t n = slice_of(known[i].name).n;
        for (size_t j = 0; j < n; j++) {
            memcpy(name, known[i].name, n);
            name[j] = '_';
            check_number(known[i].name, "with '_'", field_id_of(slice_make(name, n)), FIELD_OTHER);
            name[j] = (char)(known[i].name[j] ^ 0x40);
            check_number(known[i].name, "with another bit", field_id_of(slice_make(name, n)),
                         FIELD_OTHER);
            if (known[i].name[j] == '-') {
                name[j] = '\r';
                check_number(known[i].name, "with CR", field_id_of(slice_make(name, n)),
                             FIELD_OTHER);
            }
        }
        check_number(known[i].name, "cut", field_id_of(slice_make(known[i].name, n - 1)),
                     FIELD_OTHER);
    }
    check_number("empty", "number", field_id_of(SLICE("")), FIELD_OTHER);
    check_number("long", "number", field_id_of(SLICE("X-An-Application's-Own-Very-Long-Name")),
                 FIELD_OTHER);
}

static struct arena arena;

static struct fields some_fields(void)
{
    struct fields f = {0};
    fields_add(&f, &arena, SLICE("Host"), SLICE("a"));
    fields_add(&f, &arena, SLICE("X-One"), SLICE("1"));
    fields_add(&f, &arena, SLICE("cache-control"), SLICE("no-cache"));
    fields_add(&f, &arena, SLICE("x-one"), SLICE(""));
    fields_add(&f, &arena, SLICE("X-Two"), SLICE("2"));
    fields_add_id(&f, &arena, FIELD_CACHE_CONTROL, SLICE("max-age=1"));
    fields_add(&f, &arena, SLICE("X-ONE"), SLICE("3, 4"));
    return f;
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

static void test_find(void **state)
{
    (void)state;
    struct fields f = some_fields();
    assert_true(fields_has(&f, FIELD_HOST));
    assert_false(fields_has(&f, FIELD_AGE));
    assert_true(fields_find(&f, FIELD_CACHE_CONTROL) == &f.v[2]);
    assert_null(fields_find(&f, FIELD_AGE));
    check_slice("get", "value", fields_get(&f, FIELD_CACHE_CONTROL), "no-cache");
    check_slice("get", "absent", fields_get(&f, FIELD_AGE), NULL);
    check_number("count", "two", (int64_t)fields_count(&f, FIELD_CACHE_CONTROL), 2);
    check_number("count", "none", (int64_t)fields_count(&f, FIELD_AGE), 0);
    check_slice("added by number", "name", f.v[5].name, "Cache-Control");
    const struct field *first = fields_next(&f, FIELD_OTHER, SLICE("x-One"), NULL);
    assert_true(first == &f.v[1]);
    const struct field *second = fields_next(&f, FIELD_OTHER, SLICE("x-One"), first);
    assert_true(second == &f.v[3]);
    assert_true(fields_next(&f, FIELD_OTHER, SLICE("x-One"), second) == &f.v[6]);
    assert_null(fields_next(&f, FIELD_OTHER, SLICE("x-One"), &f.v[6]));
    assert_true(fields_next(&f, FIELD_CACHE_CONTROL, slice_none(), &f.v[2]) == &f.v[5]);
}

/* RFC 9110 section 5.3. */
static void test_joined(void **state)
{
    (void)state;
    struct fields f = some_fields();
    check_slice("three lines, one empty", "value", fields_joined(&f, SLICE("X-one"), &arena),
                "1, , 3, 4");
    check_slice("a known name", "value", fields_joined(&f, SLICE("cache-Control"), &arena),
                "no-cache, max-age=1");
    struct slice one = fields_joined(&f, SLICE("X-Two"), &arena);
    assert_true(one.p == f.v[4].value.p);
    check_slice("none", "value", fields_joined(&f, SLICE("X-Three"), &arena), NULL);
    check_slice("none known", "value", fields_joined(&f, SLICE("Age"), &arena), NULL);
}

static void test_remove(void **state)
{
    (void)state;
    struct fields f = some_fields();
    fields_remove(&f, FIELD_CACHE_CONTROL);
    check_number("known", "left", (int64_t)f.n, 5);
    assert_false(fields_has(&f, FIELD_CACHE_CONTROL));
    fields_remove_name(&f, SLICE("x-oNE"));
    check_number("other", "left", (int64_t)f.n, 2);
    assert_true(fields_has(&f, FIELD_OTHER)); /* X-Two is still there */
    fields_remove_name(&f, SLICE("X-Two"));
    assert_false(fields_has(&f, FIELD_OTHER));
    fields_remove_name(&f, SLICE("hOST"));
    check_number("all", "left", (int64_t)f.n, 0);
    fields_remove(&f, FIELD_HOST);
    fields_add_id(&f, &arena, FIELD_HOST, SLICE("b"));
    check_slice("added again", "value", fields_get(&f, FIELD_HOST), "b");
}

static void test_grows(void **state)
{
    (void)state;
    struct fields f = {0};
    for (unsigned i = 0; i < 1000; i++) {
        fields_add(&f, &arena, SLICE("N"), arena_printf(&arena, "%u", i));
    }
    check_number("1000", "count", (int64_t)f.n, 1000);
    check_slice("first", "value", f.v[0].value, "0");
    check_slice("last", "value", f.v[999].value, "999");
    struct field *before = f.v;
    fields_reserve(&f, &arena, 3000);
    assert_true(f.cap >= 4000);
    assert_true(f.v != before);
    check_slice("moved", "value", f.v[500].value, "500");
}

/* RFC 9110 sections 5.6.1 and 5.6.4. */
static const struct {
    const char *name;
    const char *value;
    const char *members; /* joined by '|' */
} list_rows[] = {
    {"empty", "", ""},
    {"one", "a", "a"},
    {"white space", " a\t,\t b ", "a|b"},
    {"empty members", ",, a,,b , ,", "a|b"},
    {"only commas", " , ,, ", ""},
    {"quoted comma", "a=\"x, y\", b", "a=\"x, y\"|b"},
    {"escaped quote", "a=\"x\\\", y\", b", "a=\"x\\\", y\"|b"},
    {"escaped backslash", "a=\"x\\\\\", b", "a=\"x\\\\\"|b"},
    {"open quote takes the rest", "a, b=\"c, d", "a|b=\"c, d"},
    {"backslash at the end", "a=\"\\", "a=\"\\"},
    {"inner space stays", "a b, c  d", "a b|c  d"},
};

static void test_lists(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(list_rows); i++) {
        struct slice value = copy_of(slice_of(list_rows[i].value));
        struct slice rest = value;
        struct slice member;
        struct slice all = SLICE("");
        while (list_member_next(&rest, &member)) {
            all = arena_concat(&arena, all.n > 0 ? arena_concat(&arena, all, SLICE("|")) : all,
                               member);
        }
        check_slice(list_rows[i].name, "members", all, list_rows[i].members);
        copy_free(value);
    }
}

static void test_list_has(void **state)
{
    (void)state;
    struct fields f = {0};
    assert_false(fields_list_has(&f, FIELD_CONNECTION, SLICE("close")));
    fields_add(&f, &arena, SLICE("Connection"), SLICE("foo, bar"));
    fields_add(&f, &arena, SLICE("Connection"), SLICE("CLOSE"));
    assert_true(fields_list_has(&f, FIELD_CONNECTION, SLICE("close")));
    assert_true(fields_list_has(&f, FIELD_CONNECTION, SLICE("Bar")));
    assert_false(fields_list_has(&f, FIELD_CONNECTION, SLICE("clos")));
    assert_false(fields_list_has(&f, FIELD_VARY, SLICE("close")));
}

/* RFC 9110 section 7.6.1. */
static void test_hop_by_hop(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool ends_here;
    } rows[] = {
        {"Connection", true},
        {"Keep-Alive", true},
        {"TE", true},
        {"transfer-encoding", true},
        {"Upgrade", true},
        {"Proxy-Connection", true},
        {"Proxy-Authenticate", true},
        {"Proxy-Authorization", true},
        {"Proxy-Authentication-Info", true},
        {"HTTP2-Settings", true},
        {"A", true},
        {"b", true},
        {"C", false},
        {"Trailer", false},
        {"Host", false},
        {"Content-Length", false},
        {"Cookie", false},
        {"Cache-Control", false},
    };
    struct fields f = {0};
    fields_add(&f, &arena, SLICE("Connection"), SLICE("a, Host, cookie"));
    fields_add(&f, &arena, SLICE("Connection"), SLICE("B, content-length, cache-control"));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        fields_add(&f, &arena, slice_of(rows[i].name), SLICE("x"));
        check_number(rows[i].name, "hop by hop", field_is_hop_by_hop(&f.v[f.n - 1], &f),
                     rows[i].ends_here);
    }
}

static void test_token_bytes(void **state)
{
    (void)state;
    static const char allowed[] =
        "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (unsigned c = 0; c < 256; c++) {
        char byte = (char)c;
        bool want = c != 0 && memchr(allowed, byte, sizeof(allowed) - 1) != NULL;
        check_number("byte", "is tchar", byte_is_tchar(byte), want);
        check_number("byte", "is token", slice_is_token(slice_make(&byte, 1)), want);
    }
    assert_false(slice_is_token(SLICE("")));
    assert_false(slice_is_token(SLICE("a b")));
    assert_true(slice_is_token(SLICE("X-Foo")));
}

/* RFC 9110 section 5.5: each byte at each place of a longer value. */
static void test_value_bytes(void **state)
{
    (void)state;
    assert_true(field_value_is_clean(SLICE("")));
    for (unsigned c = 0; c < 256; c++) {
        bool want = c == '\t' || (c >= 0x20 && c != 0x7f);
        for (size_t at = 0; at < 19; at++) {
            char value[19];
            memset(value, 0xa0, sizeof(value));
            value[at] = (char)c;
            check_number("byte", "clean", field_value_is_clean(slice_make(value, sizeof(value))),
                         want);
        }
    }
    assert_false(field_value_is_clean(SLICE("\t\t\t\t\t\t\t\x01")));
    assert_true(field_value_is_clean(SLICE("\t\t\t\t\t\t\t\t\t")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_name_has_its_number_in_any_case),
        cmocka_unit_test(test_each_changed_byte_makes_another_name),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_joined),
        cmocka_unit_test(test_remove),
        cmocka_unit_test(test_grows),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_list_has),
        cmocka_unit_test(test_hop_by_hop),
        cmocka_unit_test(test_token_bytes),
        cmocka_unit_test(test_value_bytes),
    };
    return cmocka_run_group_tests(tests, arena_up, arena_down);
}
