/* SRV records: what is read of an answer, and what is said where there is none. */
#include "net/resolver.h"

#include "base/assert.h"
#include "dns_server.h"
#include "net/resolver_dns.h"
#include "net_helpers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUICK_MS 100

static const struct dns_row rows[] = {
    {"two.test",
     DNS_SRV,
     DNS_NOERROR,
     DNS_ANSWERS,
     {{NULL, DNS_SRV, "10 60 11211 a.test", 300}, {NULL, DNS_SRV, "20 40 11212 B.test", 200}}},
    {"zeros.test", DNS_SRV, DNS_NOERROR, DNS_ANSWERS, {{NULL, DNS_SRV, "0 0 1 a.test", 0}}},
    {"most.test",
     DNS_SRV,
     DNS_NOERROR,
     DNS_ANSWERS,
     {{NULL, DNS_SRV, "65535 65535 65535 a.test", 0x80000001}}},
    {"alias.test",
     DNS_SRV,
     DNS_NOERROR,
     DNS_ANSWERS,
     {{NULL, DNS_CNAME, "x.test", 5}, {"x.test", DNS_SRV, "1 1 80 a.test", 60}}},
    {"port.test",
     DNS_SRV,
     DNS_NOERROR,
     DNS_ANSWERS,
     {{NULL, DNS_SRV, "1 1 0 a.test", 60}, {NULL, DNS_SRV, "1 1 80 b.test", 60}}},
    {"odd.test",
     DNS_SRV,
     DNS_NOERROR,
     DNS_ANSWERS,
     {{NULL, DNS_SRV, "1 1 80 a/b", 60}, {NULL, DNS_SRV, "1 1 80 b_c-1.test", 60}}},
    {"dot.test", DNS_SRV, DNS_NOERROR, DNS_ANSWERS, {{NULL, DNS_SRV, "0 0 0 .", 60}}},
    {"other.test", DNS_SRV, DNS_NOERROR, DNS_ANSWERS, {{NULL, DNS_A, "10.0.0.1", 60}}},
    {"none.test", DNS_SRV, DNS_NXDOMAIN, DNS_ANSWERS, {{NULL, 0, NULL, 0}}},
    {"broken.test", DNS_SRV, DNS_SERVFAIL, DNS_ANSWERS, {{NULL, 0, NULL, 0}}},
    {"nonsense.test", DNS_SRV, DNS_NOERROR, DNS_TALKS_NONSENSE, {{NULL, 0, NULL, 0}}},
    {"silent.test", DNS_SRV, DNS_NOERROR, DNS_DROPS, {{NULL, 0, NULL, 0}}},
    {"long.test", DNS_SRV, DNS_NOERROR, DNS_TRUNCATES, {{NULL, DNS_SRV, "1 2 3 a.test", 60}}},
};

struct asker {
    struct loop *loop;
    struct dns_server server;
    struct resolver *resolver;
    struct resolver_query *query;
    int calls;
    enum resolver_result result;
    int64_t ttl_ms;
    char text[512]; /* "priority weight port target", joined by ", " */
};

static void asker_on_answer(void *owner, enum resolver_result result,
                            const struct resolver_service *services, size_t count, int64_t ttl_ms)
{
    struct asker *a = owner;
    size_t n = 0;
    a->query = NULL;
    a->calls++;
    a->result = result;
    a->ttl_ms = ttl_ms;
    a->text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        const struct resolver_service *s = &services[i];
        n += (size_t)snprintf(a->text + n, sizeof(a->text) - n, "%s%u %u %u %s", i > 0 ? ", " : "",
                              s->priority, s->weight, s->port, s->target);
    }
}

static int asker_open(void **state)
{
    struct asker *a = calloc(1, sizeof(*a));
    a->loop = loop_new();
    dns_server_open(&a->server, a->loop, rows, ARRAY_LEN(rows));
    a->resolver = resolver_new(a->loop, a->server.address, PATIENCE_MS);
    assert_non_null(a->resolver);
    *state = a;
    return 0;
}

static int asker_close(void **state)
{
    struct asker *a = *state;
    resolver_free(&a->resolver);
    dns_server_close(&a->server);
    loop_free(&a->loop);
    free(a);
    return 0;
}

static void ask(struct asker *a, const char *name)
{
    a->calls = 0;
    a->query = resolver_query_service(a->resolver, slice_of(name), asker_on_answer, a);
    assert_int_equal(a->calls, 0);
    test_turn_until(a->loop, &a->calls);
    assert_int_equal(a->calls, 1);
}

static void test_answers(void **state)
{
    struct asker *a = *state;
    static const struct {
        const char *name;
        const char *host;
        enum resolver_result result;
        const char *services;
        int64_t ttl_ms;
    } answers[] = {
        {"two records, the smallest TTL", "two.test", RESOLVER_OK,
         "10 60 11211 a.test, 20 40 11212 B.test", 200000},
        {"TTL 0", "zeros.test", RESOLVER_OK, "0 0 1 a.test", 1000},
        {"largest numbers, and a TTL that is 0", "most.test", RESOLVER_OK,
         "65535 65535 65535 a.test", 1000},
        {"the TTL of an alias counts", "alias.test", RESOLVER_OK, "1 1 80 a.test", 5000},
        {"port 0 is none", "port.test", RESOLVER_OK, "1 1 80 b.test", 60000},
        {"a target that is no host name", "odd.test", RESOLVER_OK, "1 1 80 b_c-1.test", 60000},
        {"no such service (RFC 2782)", "dot.test", RESOLVER_NOT_FOUND, "", 60000},
        {"records of another type", "other.test", RESOLVER_NOT_FOUND, "", 60000},
        {"no such name", "none.test", RESOLVER_NOT_FOUND, "", 1000},
        {"no records", "empty.test", RESOLVER_NOT_FOUND, "", 1000},
        {"SERVFAIL", "broken.test", RESOLVER_FAILED, "", 1000},
        {"truncated, then by TCP", "long.test", RESOLVER_OK, "1 2 3 a.test", 60000},
        {"an empty name", "", RESOLVER_NOT_FOUND, "", 1000},
    };
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        print_message("  %s\n", answers[i].name);
        ask(a, answers[i].host);
        assert_int_equal(a->result, answers[i].result);
        assert_string_equal(a->text, answers[i].services);
        assert_int_equal(a->ttl_ms, answers[i].ttl_ms);
    }
}

static void test_no_answer(void **state)
{
    struct asker *a = *state;
    resolver_free(&a->resolver);
    a->resolver = resolver_new(a->loop, a->server.address, QUICK_MS);
    ask(a, "silent.test");
    assert_int_equal(a->result, RESOLVER_TIMEOUT);
    ask(a, "nonsense.test");
    assert_int_not_equal(a->result, RESOLVER_OK);
}

static void test_cancelled_queries_do_not_call_back(void **state)
{
    struct asker *a = *state;
    static const char *const names[] = {"two.test", "silent.test", ""};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        a->query = resolver_query_service(a->resolver, slice_of(names[i]), asker_on_answer, a);
        resolver_cancel(&a->query);
        assert_null(a->query);
    }
    ask(a, "two.test");
    loop_turn(a->loop, 0);
    assert_int_equal(a->calls, 1);
}

/* An answer of `count` records that are 24 bytes each. */
static size_t message_of(unsigned char *m, unsigned count)
{
    static const unsigned char head[] = {0, 1, 0x81, 0x80, 0, 0, 0, 0, 0, 0, 0, 0};
    static const unsigned char record[] = {0, 0, 33, 0,  1,   0, 0,   0, 60,  0,   13,  0,
                                           1, 0, 1,  43, 203, 1, 'a', 3, 'b', 'c', 'd', 0};
    memcpy(m, head, sizeof(head));
    m[6] = (unsigned char)(count >> 8);
    m[7] = (unsigned char)count;
    for (unsigned i = 0; i < count; i++)
        memcpy(m + sizeof(head) + i * sizeof(record), record, sizeof(record));
    return sizeof(head) + count * sizeof(record);
}

static enum resolver_result read_message(const unsigned char *m, size_t n, size_t *count)
{
    struct dns_answer answer;
    unsigned char *copy = malloc(n + 1); /* so that a read behind the end is seen */
    memcpy(copy, m, n);
    copy = realloc(copy, n > 0 ? n : 1);
    dns_answer_init_services(&answer, ARES_SUCCESS, copy, (int)n);
    enum resolver_result result = answer.result;
    *count = answer.count;
    dns_answer_fini(&answer);
    free(copy);
    return result;
}

static void test_records_are_bounded_and_a_cut_answer_is_none(void **state)
{
    (void)state;
    static unsigned char m[65536];
    size_t count = 0;
    size_t n = message_of(m, 2);
    assert_int_equal(read_message(m, n, &count), RESOLVER_OK);
    assert_int_equal(count, 2);
    for (size_t cut = 0; cut < n; cut++) {
        assert_int_equal(read_message(m, cut, &count), RESOLVER_FAILED);
        assert_int_equal(count, 0);
    }
    n = message_of(m, RESOLVER_SERVICES_MAX + 100);
    assert_int_equal(read_message(m, n, &count), RESOLVER_OK);
    assert_int_equal(count, RESOLVER_SERVICES_MAX);
}

#define WITH_ASKER(test) cmocka_unit_test_setup_teardown(test, asker_open, asker_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ASKER(test_answers),
        WITH_ASKER(test_no_answer),
        WITH_ASKER(test_cancelled_queries_do_not_call_back),
        cmocka_unit_test(test_records_are_bounded_and_a_cut_answer_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
