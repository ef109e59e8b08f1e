#include "admin/fixture.h"
#include "proxy/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct ask {
    struct fixture *f;
    struct worker *worker;
    struct listen_conf listen;
    struct request *request;
    struct admin_reply reply;
};

static void ask_init(struct ask *a)
{
    memset(a, 0, sizeof *a);
    a->f = fixture_new();
    a->worker = calloc(1, sizeof *a->worker);
    a->request = calloc(1, sizeof *a->request);
    a->listen.address.u.sa.sa_family = AF_INET;
    a->request->worker = a->worker;
    a->request->listen = &a->listen;
    arena_init(&a->request->arena, NULL);
}

static void ask_fini(struct ask *a)
{
    arena_fini(&a->request->arena);
    free(a->request);
    free(a->worker);
    fixture_free(a->f);
}

static void ask_for(struct ask *a, enum http_method method, struct slice host, struct slice path)
{
    a->request->head.method = method;
    a->request->head.host = host;
    a->request->head.path = path;
    a->reply = (struct admin_reply){0};
    admin_handle(&a->f->admin, a->request, &a->reply);
}

static bool starts(const struct ask *a, const char *text)
{
    return slice_starts(a->reply.content, slice_of(text));
}

static void test_pages(void **state UNUSED)
{
    struct ask a;
    ask_init(&a);
    ask_for(&a, METHOD_GET, SLICE("127.0.0.1"), SLICE("/status"));
    assert_int_equal(a.reply.status, 200);
    assert_true(slice_eq(a.reply.type, SLICE("application/json")));
    assert_true(starts(&a, "{"));
    ask_for(&a, METHOD_HEAD, SLICE("127.0.0.1"), SLICE("/metrics"));
    assert_int_equal(a.reply.status, 200);
    assert_true(slice_eq(a.reply.type, SLICE("text/plain; version=0.0.4")));
    assert_true(starts(&a, "# HELP "));
    ask_for(&a, METHOD_GET, SLICE("127.0.0.1"), SLICE("/healthz"));
    assert_int_equal(a.reply.status, 200);
    assert_true(slice_eq(a.reply.content, SLICE("ok\n")));
    ask_fini(&a);
}

static void test_health_tells_of_the_end(void **state UNUSED)
{
    struct ask a;
    ask_init(&a);
    a.worker->draining = true;
    ask_for(&a, METHOD_GET, SLICE("127.0.0.1"), SLICE("/healthz"));
    assert_int_equal(a.reply.status, 503);
    assert_true(starts(&a, "draining"));
    ask_for(&a, METHOD_GET, SLICE("127.0.0.1"), SLICE("/status"));
    assert_int_equal(a.reply.status, 200);
    ask_fini(&a);
}

static void test_unknown_page_lists_the_pages(void **state UNUSED)
{
    struct ask a;
    ask_init(&a);
    ask_for(&a, METHOD_GET, SLICE("127.0.0.1"), SLICE("/status/"));
    assert_int_equal(a.reply.status, 404);
    assert_true(slice_find_slice(a.reply.content, SLICE("/metrics")) < a.reply.content.n);
    ask_fini(&a);
}

static void test_nothing_but_get_and_head(void **state UNUSED)
{
    struct ask a;
    ask_init(&a);
    const enum http_method methods[] = {METHOD_POST, METHOD_PUT, METHOD_DELETE, METHOD_OPTIONS};
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        ask_for(&a, methods[i], SLICE("127.0.0.1"), SLICE("/status"));
        assert_int_equal(a.reply.status, 405);
    }
    ask_fini(&a);
}

static void test_hosts(void **state UNUSED)
{
    static const struct {
        struct slice host;
        uint16_t status;
    } rows[] = {
        {SLICE_INIT("127.0.0.1"), 200},
        {SLICE_INIT("10.1.2.3"), 200},
        {SLICE_INIT("[::1]"), 200},
        {SLICE_INIT("localhost"), 200},
        {SLICE_INIT("evil.example"), 403},
        {SLICE_INIT("localhost.evil.example"), 403},
        {SLICE_INIT("127.0.0.1.evil.example"), 403},
        {SLICE_INIT("8080"), 403},
        {SLICE_INIT(""), 403},
        {SLICE_INIT("unix:/x"), 403},
    };
    struct ask a;
    ask_init(&a);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ask_for(&a, METHOD_GET, rows[i].host, SLICE("/healthz"));
        if (a.reply.status != rows[i].status)
            fail_msg("%.*s: %d", SLICE_ARG(rows[i].host), a.reply.status);
    }
    a.listen.address.u.sa.sa_family = AF_UNIX;
    ask_for(&a, METHOD_GET, SLICE("evil.example"), SLICE("/healthz"));
    assert_int_equal(a.reply.status, 200);
    ask_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_health_tells_of_the_end),
        cmocka_unit_test(test_unknown_page_lists_the_pages),
        cmocka_unit_test(test_nothing_but_get_and_head),
        cmocka_unit_test(test_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
