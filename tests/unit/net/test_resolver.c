#include "net/resolver.h"

#include "dns_server.h"
#include "net_helpers.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PORT       81
#define QUICK_MS   100
#define TEXT_BYTES 1024

static const struct dns_row rows[] = {
    {"both.test", DNS_AAAA, DNS_NOERROR, DNS_ANSWERS, {{NULL, DNS_AAAA, "2001:db8::1", 300}}},
    {"both.test",
     DNS_A,
     DNS_NOERROR,
     DNS_ANSWERS,
     {{NULL, DNS_A, "10.0.0.1", 200}, {NULL, DNS_A, "10.0.0.2", 100}}},
    {"four.test", DNS_A, DNS_NOERROR, DNS_ANSWERS, {{NULL, DNS_A, "10.0.0.4", 7}}},
    {"six.test", DNS_AAAA, DNS_NOERROR, DNS_ANSWERS, {{NULL, DNS_AAAA, "2001:db8::6", 8}}},
    {"six.test", DNS_A, DNS_NXDOMAIN, DNS_ANSWERS, {{NULL, 0, NULL, 0}}},
    {"alias.test",
     DNS_A,
     DNS_NOERROR,
     DNS_ANSWERS,
     {{NULL, DNS_CNAME, "x.test", 9},
      {"x.test", DNS_CNAME, "y.test", 5},
      {"y.test", DNS_A, "10.0.0.5", 60}}},
    {"twice.test",
     DNS_A,
     DNS_NOERROR,
     DNS_ANSWERS,
     {{NULL, DNS_A, "10.0.0.7", 60}, {NULL, DNS_A, "10.0.0.7", 60}}},
    {"zero.test", DNS_A, DNS_NOERROR, DNS_ANSWERS, {{NULL, DNS_A, "10.0.0.8", 0}}},
    {"huge.test", DNS_A, DNS_NOERROR, DNS_ANSWERS, {{NULL, DNS_A, "10.0.0.9", 0x80000001}}},
    {"none.test", DNS_A, DNS_NXDOMAIN, DNS_ANSWERS, {{NULL, 0, NULL, 0}}},
    {"none.test", DNS_AAAA, DNS_NXDOMAIN, DNS_ANSWERS, {{NULL, 0, NULL, 0}}},
    {"broken.test", DNS_A, DNS_SERVFAIL, DNS_ANSWERS, {{NULL, 0, NULL, 0}}},
    {"broken.test", DNS_AAAA, DNS_SERVFAIL, DNS_ANSWERS, {{NULL, 0, NULL, 0}}},
    {"refused.test", DNS_A, DNS_REFUSED, DNS_ANSWERS, {{NULL, 0, NULL, 0}}},
    {"refused.test", DNS_AAAA, DNS_REFUSED, DNS_ANSWERS, {{NULL, 0, NULL, 0}}},
    {"silent.test", DNS_A, DNS_NOERROR, DNS_DROPS, {{NULL, 0, NULL, 0}}},
    {"silent.test", DNS_AAAA, DNS_NOERROR, DNS_DROPS, {{NULL, 0, NULL, 0}}},
    {"half.test", DNS_A, DNS_NOERROR, DNS_ANSWERS, {{NULL, DNS_A, "10.0.0.10", 60}}},
    {"half.test", DNS_AAAA, DNS_NOERROR, DNS_DROPS, {{NULL, 0, NULL, 0}}},
    {"nonsense.test", DNS_A, DNS_NOERROR, DNS_TALKS_NONSENSE, {{NULL, DNS_A, "10.0.0.11", 60}}},
    {"nonsense.test", DNS_AAAA, DNS_NOERROR, DNS_TALKS_NONSENSE, {{NULL, 0, NULL, 0}}},
    {"long.test", DNS_A, DNS_NOERROR, DNS_TRUNCATES, {{NULL, DNS_A, "10.0.0.12", 60}}},
};

struct asker {
    struct loop *loop;
    struct dns_server server;
    struct resolver *resolver;
    struct resolver_query *query;
    bool asking;
    bool cancels_itself;
    bool frees_resolver;
    int calls;
    enum resolver_result result;
    size_t count;
    int64_t ttl_ms;
    char text[TEXT_BYTES];
};

static void print_all(const struct address *a, size_t count, char *out)
{
    size_t n = 0;
    out[0] = 0;
    for (size_t i = 0; i < count; i++) {
        char buf[ADDRESS_TEXT_MAX];
        struct slice s = address_print(&a[i], buf);
        assert_true(n + s.n + 2 < TEXT_BYTES);
        n += (size_t)snprintf(out + n, TEXT_BYTES - n, "%s%.*s", i > 0 ? " " : "", SLICE_ARG(s));
    }
}

static void asker_on_answer(void *owner, enum resolver_result result,
                            const struct address *addresses, size_t count, int64_t ttl_ms)
{
    struct asker *a = owner;
    assert_false(a->asking);
    a->calls++;
    a->result = result;
    a->count = count;
    a->ttl_ms = ttl_ms;
    if (count <= 8)
        print_all(addresses, count, a->text);
    if (a->cancels_itself)
        resolver_cancel(&a->query);
    a->query = NULL;
    if (a->frees_resolver)
        resolver_free(&a->resolver);
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
    assert_null(a->resolver);
    dns_server_close(&a->server);
    loop_free(&a->loop);
    free(a);
    return 0;
}

static void use_resolver(struct asker *a, const char *servers, int64_t timeout_ms)
{
    resolver_free(&a->resolver);
    a->resolver = resolver_new(a->loop, servers, timeout_ms);
    assert_non_null(a->resolver);
}

static void start(struct asker *a, struct slice host)
{
    a->calls = 0;
    a->asking = true;
    a->query = resolver_query(a->resolver, host, PORT, asker_on_answer, a);
    a->asking = false;
    assert_non_null(a->query);
}

static void ask(struct asker *a, struct slice host)
{
    start(a, host);
    test_turn_until(a->loop, &a->calls);
    loop_turn(a->loop, 0);
    assert_int_equal(a->calls, 1);
}

struct expected {
    const char *name;
    const char *host;
    enum resolver_result result;
    const char *addresses;
    int64_t ttl_ms;
};

static const struct expected answers[] = {
    {"A and AAAA, IPv4 first, the smallest TTL", "both.test", RESOLVER_OK,
     "10.0.0.1:81 10.0.0.2:81 [2001:db8::1]:81", 100000},
    {"any case, a dot at the end", "BOTH.test.", RESOLVER_OK,
     "10.0.0.1:81 10.0.0.2:81 [2001:db8::1]:81", 100000},
    {"A only", "four.test", RESOLVER_OK, "10.0.0.4:81", 7000},
    {"AAAA only", "six.test", RESOLVER_OK, "[2001:db8::6]:81", 8000},
    {"the TTL of an alias counts", "alias.test", RESOLVER_OK, "10.0.0.5:81", 5000},
    {"an address that comes twice", "twice.test", RESOLVER_OK, "10.0.0.7:81", 60000},
    {"TTL 0", "zero.test", RESOLVER_OK, "10.0.0.8:81", 1000},
    {"a TTL with the highest bit is 0 (RFC 2181 section 8)", "huge.test", RESOLVER_OK,
     "10.0.0.9:81", 1000},
    {"no such name", "none.test", RESOLVER_NOT_FOUND, "", 1000},
    {"a name without addresses", "other.test", RESOLVER_NOT_FOUND, "", 1000},
    {"SERVFAIL", "broken.test", RESOLVER_FAILED, "", 1000},
    {"REFUSED", "refused.test", RESOLVER_FAILED, "", 1000},
    {"truncated, then by TCP", "long.test", RESOLVER_OK, "10.0.0.12:81", 60000},
    {"an IPv4 literal", "192.0.2.1", RESOLVER_OK, "192.0.2.1:81", 60000},
    {"an IPv6 literal", "2001:db8::2", RESOLVER_OK, "[2001:db8::2]:81", 60000},
    {"an empty name", "", RESOLVER_NOT_FOUND, "", 1000},
    {"no name at all", "*", RESOLVER_NOT_FOUND, "", 1000},
};

static void test_answers(void **state)
{
    struct asker *a = *state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        const struct expected *e = &answers[i];
        print_message("  %s\n", e->name);
        ask(a, slice_of(e->host));
        assert_int_equal(a->result, e->result);
        assert_string_equal(a->text, e->addresses);
        assert_int_equal(a->ttl_ms, e->ttl_ms);
    }
    assert_true(a->server.asked_tcp >= 1);
}

static void test_literals_ask_nobody(void **state)
{
    struct asker *a = *state;
    ask(a, SLICE("192.0.2.1"));
    ask(a, SLICE("::1"));
    assert_int_equal(a->server.asked, 0);
}

static void test_the_hosts_file_is_read_first_and_kept_a_minute(void **state)
{
    struct asker *a = *state;
    ask(a, SLICE("localhost"));
    assert_int_equal(a->result, RESOLVER_OK);
    assert_non_null(strstr(a->text, "127.0.0.1:81"));
    assert_int_equal(a->ttl_ms, 60000);
    assert_int_equal(a->server.asked, 0);
}

static void test_names_that_no_name_server_could_know(void **state)
{
    struct asker *a = *state;
    char text[300];
    memset(text, 'a', sizeof(text));
    ask(a, slice_make(text, sizeof(text)));
    assert_int_equal(a->result, RESOLVER_NOT_FOUND);
    ask(a, slice_make(text, 100)); /* a label has at most 63 bytes */
    assert_int_equal(a->result, RESOLVER_NOT_FOUND);
    ask(a, slice_make("a\0b", 3));
    assert_int_equal(a->result, RESOLVER_NOT_FOUND);
    assert_int_equal(a->server.asked, 0);
}

static void test_silence_and_nonsense_end_with_the_deadline(void **state)
{
    struct asker *a = *state;
    static const char *const hosts[] = {"silent.test", "nonsense.test"};
    use_resolver(a, a->server.address, QUICK_MS);
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        mono_ms begin = clock_mono_ms();
        a->server.asked = 0;
        ask(a, slice_of(hosts[i]));
        assert_int_equal(a->result, RESOLVER_TIMEOUT);
        assert_int_equal(a->count, 0);
        assert_true(clock_mono_ms() - begin >= QUICK_MS / 2);
        assert_true(a->server.asked > 2); /* it was asked again */
    }
    ask(a, SLICE("four.test")); /* and is still of use */
    assert_int_equal(a->result, RESOLVER_OK);
}

static void test_one_family_without_an_answer_does_not_hide_the_other(void **state)
{
    struct asker *a = *state;
    use_resolver(a, a->server.address, 1000);
    ask(a, SLICE("half.test"));
    assert_int_equal(a->result, RESOLVER_OK);
    assert_string_equal(a->text, "10.0.0.10:81");
}

static void test_nobody_at_the_port_is_a_failure(void **state)
{
    struct asker *a = *state;
    struct dns_server gone;
    dns_server_open(&gone, NULL, rows, ARRAY_LEN(rows));
    dns_server_close(&gone);
    use_resolver(a, gone.address, PATIENCE_MS);
    ask(a, SLICE("four.test"));
    assert_int_equal(a->result, RESOLVER_FAILED);
}

static void test_the_second_server_is_asked_when_the_first_is_gone(void **state)
{
    struct asker *a = *state;
    struct dns_server gone;
    char both[80];
    dns_server_open(&gone, NULL, rows, ARRAY_LEN(rows));
    dns_server_close(&gone);
    (void)snprintf(both, sizeof(both), "%s,%s", gone.address, a->server.address);
    use_resolver(a, both, PATIENCE_MS);
    ask(a, SLICE("four.test"));
    assert_int_equal(a->result, RESOLVER_OK);
}

static void test_at_most_so_many_addresses(void **state)
{
    struct asker *a = *state;
    struct dns_row many = {.name = "many.test", .type = DNS_A};
    char text[DNS_RECORDS_MAX][32];
    for (int i = 0; i < DNS_RECORDS_MAX; i++) {
        (void)snprintf(text[i], sizeof(text[i]), "10.1.0.%d", i);
        many.records[i] = (struct dns_record){NULL, DNS_A, text[i], 60};
    }
    many.manner = DNS_TRUNCATES; /* by TCP: it is more than a datagram holds */
    a->server.rows = &many;
    a->server.row_count = 1;
    ask(a, SLICE("many.test"));
    assert_int_equal(a->result, RESOLVER_OK);
    assert_int_equal(a->count, RESOLVER_ADDRESSES_MAX);
}

static void test_a_cancelled_query_does_not_call(void **state)
{
    struct asker *a = *state;
    start(a, SLICE("four.test"));
    resolver_cancel(&a->query);
    assert_null(a->query);
    resolver_cancel(&a->query);
    start(a, SLICE("192.0.2.1")); /* its answer is there and waits for the end of the turn */
    resolver_cancel(&a->query);
    int calls_before = a->calls;
    ask(a, SLICE("both.test")); /* comes after both */
    assert_int_equal(calls_before, 0);
    assert_int_equal(a->calls, 1);
}

static void test_a_callback_may_cancel_its_own_query(void **state)
{
    struct asker *a = *state;
    a->cancels_itself = true;
    ask(a, SLICE("four.test"));
    ask(a, SLICE("192.0.2.1"));
    use_resolver(a, a->server.address, QUICK_MS);
    ask(a, SLICE("silent.test"));
}

static void test_a_callback_may_free_the_resolver(void **state)
{
    struct asker *a = *state;
    struct asker other = {.loop = a->loop};
    a->frees_resolver = true;
    start(a, SLICE("192.0.2.1"));
    (void)resolver_query(a->resolver, SLICE("192.0.2.2"), PORT, asker_on_answer, &other);
    (void)resolver_query(a->resolver, SLICE("four.test"), PORT, asker_on_answer, &other);
    test_turn_until(a->loop, &a->calls);
    loop_turn(a->loop, 0);
    assert_null(a->resolver);
    assert_int_equal(other.calls, 0);
}

static void test_freeing_ends_what_is_open(void **state)
{
    struct asker *a = *state;
    start(a, SLICE("silent.test"));
    loop_turn(a->loop, 0);
    start(a, SLICE("four.test"));
    start(a, SLICE("192.0.2.1"));
    start(a, SLICE("none.test"));
    resolver_cancel(&a->query);
    resolver_free(&a->resolver);
    loop_turn(a->loop, 0);
    assert_int_equal(a->calls, 0);
}

static void test_a_bad_list_of_servers_is_refused(void **state)
{
    struct asker *a = *state;
    static const char *const lists[] = {"name.example", "127.0.0.1:x", "1.2.3", "",
                                        "127.0.0.1,,::1"};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        assert_null(resolver_new(a->loop, lists[i], PATIENCE_MS));
    struct resolver *system = resolver_new(a->loop, NULL, PATIENCE_MS);
    assert_non_null(system);
    resolver_free(&system);
}

/* -- blocking -- */

static void *serve(void *arg)
{
    while (dns_server_answer(arg))
        continue;
    return NULL;
}

static void stop_serving(const struct dns_server *s, pthread_t thread)
{
    struct address at = test_address(s->address);
    assert_int_equal(sendto(s->udp, "", 0, 0, &at.u.sa, at.len), 0);
    pthread_join(thread, NULL);
}

static void look_up(const struct dns_server *s, const struct expected *e, int64_t timeout_ms)
{
    struct address found[8];
    char text[TEXT_BYTES];
    int64_t ttl_ms = -1;
    print_message("  %s\n", e->name);
    size_t n =
        resolver_lookup_now(slice_of(e->host), PORT, s->address, timeout_ms, found, 8, &ttl_ms);
    print_all(found, n, text);
    assert_string_equal(text, e->addresses);
    assert_int_equal(ttl_ms, n > 0 ? e->ttl_ms : -1);
}

static void test_blocking_answers(void **state UNUSED)
{
    struct dns_server s;
    pthread_t thread;
    struct address found;
    int64_t ttl_ms;
    dns_server_open(&s, NULL, rows, ARRAY_LEN(rows));
    assert_int_equal(pthread_create(&thread, NULL, serve, &s), 0);
    for (size_t i = 0; i < ARRAY_LEN(answers); i++)
        if (strcmp(answers[i].host, "long.test") != 0) /* this server has no TCP */
            look_up(&s, &answers[i], PATIENCE_MS);
    static const struct expected silent = {"silence", "silent.test", RESOLVER_TIMEOUT, "", 0};
    look_up(&s, &silent, QUICK_MS);
    assert_int_equal(
        resolver_lookup_now(SLICE("both.test"), 1, s.address, PATIENCE_MS, &found, 1, &ttl_ms), 1);
    assert_int_equal(address_port(&found), 1);
    assert_int_equal(
        resolver_lookup_now(SLICE("a.test"), 1, "nobody", PATIENCE_MS, &found, 1, &ttl_ms), 0);
    assert_int_equal(
        resolver_lookup_now(SLICE("localhost"), 1, s.address, PATIENCE_MS, &found, 1, &ttl_ms), 1);
    assert_int_equal(ttl_ms, 60000);
    stop_serving(&s, thread);
    dns_server_close(&s);
}

static void test_each_result_has_its_own_text(void **state UNUSED)
{
    for (enum resolver_result a = RESOLVER_OK; a <= RESOLVER_FAILED; a++) {
        assert_int_not_equal(strlen(resolver_result_text(a)), 0);
        for (enum resolver_result b = RESOLVER_OK; b < a; b++)
            assert_string_not_equal(resolver_result_text(a), resolver_result_text(b));
    }
}

#define WITH_ASKER(test) cmocka_unit_test_setup_teardown(test, asker_open, asker_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ASKER(test_answers),
        WITH_ASKER(test_literals_ask_nobody),
        WITH_ASKER(test_the_hosts_file_is_read_first_and_kept_a_minute),
        WITH_ASKER(test_names_that_no_name_server_could_know),
        WITH_ASKER(test_silence_and_nonsense_end_with_the_deadline),
        WITH_ASKER(test_one_family_without_an_answer_does_not_hide_the_other),
        WITH_ASKER(test_nobody_at_the_port_is_a_failure),
        WITH_ASKER(test_the_second_server_is_asked_when_the_first_is_gone),
        WITH_ASKER(test_at_most_so_many_addresses),
        WITH_ASKER(test_a_cancelled_query_does_not_call),
        WITH_ASKER(test_a_callback_may_cancel_its_own_query),
        WITH_ASKER(test_a_callback_may_free_the_resolver),
        WITH_ASKER(test_freeing_ends_what_is_open),
        WITH_ASKER(test_a_bad_list_of_servers_is_refused),
        cmocka_unit_test(test_blocking_answers),
        cmocka_unit_test(test_each_result_has_its_own_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
