#include "http/method.h"

#include "http/check.h"
#include "http/message.h"

static const struct {
    const char *token;
    enum http_method method;
    bool safe;
    bool idempotent;
} rows[] = {
    {"GET", METHOD_GET, true, true},
    {"HEAD", METHOD_HEAD, true, true},
    {"POST", METHOD_POST, false, false},
    {"PUT", METHOD_PUT, false, true},
    {"DELETE", METHOD_DELETE, false, true},
    {"OPTIONS", METHOD_OPTIONS, true, true},
    {"PATCH", METHOD_PATCH, false, false},
    {"TRACE", METHOD_TRACE, true, true},
    {"CONNECT", METHOD_CONNECT, false, false},
    {"LOCK", METHOD_LOCK, false, false},
    {"UNLOCK", METHOD_UNLOCK, false, false},
    {"PROPFIND", METHOD_PROPFIND, true, true},
    {"PROPPATCH", METHOD_PROPPATCH, false, false},
    {"MKCOL", METHOD_MKCOL, false, false},
    {"COPY", METHOD_COPY, false, false},
    {"MOVE", METHOD_MOVE, false, false},
    {"PURGE", METHOD_PURGE, false, false},
    {"get", METHOD_OTHER, false, false}, /* RFC 9110 section 9.1 */
    {"Get", METHOD_OTHER, false, false},
    {"GETX", METHOD_OTHER, false, false},
    {"GE", METHOD_OTHER, false, false},
    {"FOOBAR", METHOD_OTHER, false, false},
    {"M-SEARCH", METHOD_OTHER, false, false},
    {"", METHOD_OTHER, false, false},
};

static void test_methods(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        enum http_method m = http_method_of(slice_of(rows[i].token));
        check_number(rows[i].token, "method", m, rows[i].method);
        check_number(rows[i].token, "safe", http_method_is_safe(m), rows[i].safe);
        check_number(rows[i].token, "idempotent", http_method_is_idempotent(m), rows[i].idempotent);
    }
}

static void test_reason_phrases(void **state)
{
    (void)state;
    check_slice("200", "reason", status_reason(200), "OK");
    check_slice("100", "reason", status_reason(100), "Continue");
    check_slice("413", "reason", status_reason(413), "Content Too Large");
    check_slice("511", "reason", status_reason(511), "Network Authentication Required");
    check_slice("unregistered", "reason", status_reason(599), "");
    check_slice("no status", "reason", status_reason(0), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_methods),
                                       cmocka_unit_test(test_reason_phrases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
