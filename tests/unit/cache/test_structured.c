/* Dictionaries of structured fields. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cache/structured.h"

#include <stdio.h>

static const char *type_text(enum structured_type type)
{
    switch (type) {
    case STRUCTURED_INTEGER: return "integer";
    case STRUCTURED_DECIMAL: return "decimal";
    case STRUCTURED_STRING: return "string";
    case STRUCTURED_TOKEN: return "token";
    case STRUCTURED_BYTES: return "bytes";
    case STRUCTURED_BOOLEAN: return "boolean";
    case STRUCTURED_INNER_LIST: return "list";
    }
    return "?";
}

/* "key:type " for each member; "invalid" where one is. */
static const char *shape_of(const char *value, char *to, size_t cap)
{
    struct slice rest = slice_of(value);
    struct structured_member m;
    enum structured_result result = structured_next(&rest, &m);
    size_t n = 0;
    to[0] = '\0';
    for (; result == STRUCTURED_MEMBER; result = structured_next(&rest, &m)) {
        n += (size_t)snprintf(to + n, cap - n, "%.*s:%s ", SLICE_ARG(m.key), type_text(m.type));
    }
    return result == STRUCTURED_END ? to : "invalid";
}

static void dictionaries(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *value;
        const char *want;
    } rows[] = {
        {"8941 4.2: empty", "", ""},
        {"8941 4.2: spaces", "   ", ""},
        {"8941 4.2.2: no value", "a", "a:boolean "},
        {"8941 4.2.2: several", "a=1, b=?0,c=t ,\td=\"x\"",
         "a:integer b:boolean c:token d:string "},
        {"8941 4.2.2: spaces around all", "  a=1  ", "a:integer "},
        {"8941 4.2.2: a repeated key", "a=1, a=2", "a:integer a:integer "},
        {"8941 4.2.2: trailing comma", "a=1,", "invalid"},
        {"8941 4.2.2: leading comma", ", a=1", "invalid"},
        {"8941 4.2.2: empty member", "a=1,, b=2", "invalid"},
        {"8941 4.2.2: no comma", "a=1 b=2", "invalid"},
        {"8941 4.2.2: space before =", "max-age =100", "invalid"},
        {"8941 4.2.2: space behind =", "max-age= 100", "invalid"},
        {"8941 4.2.2: nothing behind =", "a=", "invalid"},
        {"9213: garbage behind a member", "max-age=10000, &&&&&", "invalid"},
        {"8941 4.2.3.3: keys are lower case", "MaX-aGe=3600", "invalid"},
        {"8941 4.2.3.3: key of all its letters", "*a_b-c.d*9", "*a_b-c.d*9:boolean "},
        {"8941 4.2.3.3: key begins with a digit", "9a", "invalid"},
        {"8941 4.2.3.3: upper case inside", "aB", "invalid"},

        {"8941 4.2.4: negative", "a=-1", "a:integer "},
        {"8941 4.2.4: 15 digits", "a=999999999999999", "a:integer "},
        {"8941 4.2.4: 16 digits", "a=9999999999999999", "invalid"},
        {"8941 4.2.4: 40 digits", "a=9999999999999999999999999999999999999999", "invalid"},
        {"8941 4.2.4: sign alone", "a=-", "invalid"},
        {"8941 4.2.4: plus", "a=+1", "invalid"},
        {"8941 4.2.4: letter behind", "a=1x", "invalid"},
        {"8941 4.2.4: decimal", "a=1.5", "a:decimal "},
        {"8941 4.2.4: three digits behind", "a=1.123", "a:decimal "},
        {"8941 4.2.4: four digits behind", "a=1.1234", "invalid"},
        {"8941 4.2.4: none behind", "a=1.", "invalid"},
        {"8941 4.2.4: none in front", "a=.5", "invalid"},
        {"8941 4.2.4: 13 digits in front", "a=1234567890123.1", "invalid"},

        {"8941 4.2.5: string", "a=\"b, c=1\"", "a:string "},
        {"8941 4.2.5: escapes", "a=\"\\\"\\\\\"", "a:string "},
        {"8941 4.2.5: other escape", "a=\"\\n\"", "invalid"},
        {"8941 4.2.5: escape at the end", "a=\"\\", "invalid"},
        {"8941 4.2.5: not ended", "a=\"b", "invalid"},
        {"8941 4.2.5: not ASCII", "a=\"\xc3\xa4\"", "invalid"},
        {"8941 4.2.5: tab", "a=\"\t\"", "invalid"},
        {"8941 4.2.6: token", "a=x/y:z*", "a:token "},
        {"8941 4.2.6: token in single quotes", "a='1'", "invalid"},
        {"8941 4.2.7: bytes", "a=:aGk=:", "a:bytes "},
        {"8941 4.2.7: bytes not ended", "a=:aGk=", "invalid"},
        {"8941 4.2.7: not base64", "a=:a b:", "invalid"},
        {"8941 4.2.8: booleans", "a=?1, b=?0", "a:boolean b:boolean "},
        {"8941 4.2.8: other boolean", "a=?2", "invalid"},
        {"8941 4.2.8: nothing behind ?", "a=?", "invalid"},

        {"8941 4.2.3.2: parameters", "a=1;b;c=2; d=\"x\", e;f", "a:integer e:boolean "},
        {"8941 4.2.3.2: space before ;", "a=1 ;b", "invalid"},
        {"8941 4.2.3.2: no key", "a=1;", "invalid"},
        {"8941 4.2.3.2: no value", "a=1;b=", "invalid"},
        {"8941 4.2.1.2: inner list", "a=(1 \"x\";q=1 ?1 );p", "a:list "},
        {"8941 4.2.1.2: empty", "a=()", "a:list "},
        {"8941 4.2.1.2: not ended", "a=(1", "invalid"},
        {"8941 4.2.1.2: commas", "a=(1,2)", "invalid"},
        {"8941 4.2.1.2: nested", "a=((1))", "invalid"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char got[200];
        if (strcmp(shape_of(rows[i].value, got, sizeof(got)), rows[i].want) != 0) {
            fail_msg("%s: %s", rows[i].name, shape_of(rows[i].value, got, sizeof(got)));
        }
    }
}

static void values(void **state)
{
    (void)state;
    struct slice rest = SLICE("a=-42, b=?0, c, d=\"x\\\"y\", e=tok, f=:aGk=:");
    struct structured_member m;
    assert_int_equal(structured_next(&rest, &m), STRUCTURED_MEMBER);
    assert_true(slice_eq(m.key, SLICE("a")));
    assert_int_equal(m.integer, -42);
    assert_int_equal(structured_next(&rest, &m), STRUCTURED_MEMBER);
    assert_false(m.boolean);
    assert_int_equal(structured_next(&rest, &m), STRUCTURED_MEMBER);
    assert_true(m.boolean);
    assert_int_equal(structured_next(&rest, &m), STRUCTURED_MEMBER);
    assert_true(slice_eq(m.text, SLICE("x\\\"y")));
    assert_int_equal(structured_next(&rest, &m), STRUCTURED_MEMBER);
    assert_true(slice_eq(m.text, SLICE("tok")));
    assert_int_equal(structured_next(&rest, &m), STRUCTURED_MEMBER);
    assert_true(slice_eq(m.text, SLICE("aGk=")));
    assert_int_equal(structured_next(&rest, &m), STRUCTURED_END);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dictionaries),
        cmocka_unit_test(values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
