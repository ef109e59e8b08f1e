/* Servers given by name: looked up without blocking, again by TTL, and with the last good address
 * where the lookup fails. */
#include "mc_helpers.h"

#include "base/assert.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define NAME_AT 12 /* the question's name starts behind the DNS header */

/* Answers every question for an IPv4 address with `answer`, in this thread, while the loop turns.
 */
struct dns {
    struct fd_watch watch;
    int fd;
    char servers[32];
    uint8_t answer[4];
    bool refuse; /* NXDOMAIN */
    bool silent;
    int asked;
};

/* RFC 1035 section 4.1: the question comes back with one A record of TTL 1 behind it, or with none.
 */
static size_t answer_to(const struct dns *dns, uint8_t *message, size_t n)
{
    size_t end = NAME_AT;
    while (end < n && message[end] != 0)
        end += message[end] + 1u;
    end += 1 + 4;
    ASSERT(end <= n);
    bool is_a = message[end - 3] == 1;
    bool answered = is_a && !dns->refuse;
    const uint8_t record[] = {
        0xc0,           NAME_AT,       0, 1, 0, 1, 0, 0, 0, 1, 0, 4, dns->answer[0], dns->answer[1],
        dns->answer[2], dns->answer[3]};
    message[2] = 0x81;
    message[3] = dns->refuse ? 0x83 : 0x80;
    message[7] = answered;
    message[11] = 0; /* no additional records, as EDNS would be */
    if (!answered)
        return end;
    memcpy(message + end, record, sizeof(record));
    return end + sizeof(record);
}

static void dns_on_query(struct fd_watch *w, bool readable UNUSED, bool writable UNUSED)
{
    struct dns *dns = w->owner;
    uint8_t message[1024];
    struct sockaddr_in from;
    socklen_t from_len = sizeof(from);
    ssize_t n = recvfrom(dns->fd, message, 512, 0, (struct sockaddr *)&from, &from_len);
    if (n <= 0)
        return;
    dns->asked++;
    if (dns->silent)
        return;
    size_t out = answer_to(dns, message, (size_t)n);
    (void)sendto(dns->fd, message, out, 0, (struct sockaddr *)&from, from_len);
}

static void dns_start(struct dns *dns, struct loop *loop)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    dns->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(dns->fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(getsockname(dns->fd, (struct sockaddr *)&at, &len), 0);
    (void)snprintf(dns->servers, sizeof(dns->servers), "127.0.0.1:%u", ntohs(at.sin_port));
    fd_watch_start(loop, &dns->watch, dns->fd, true, false, dns_on_query, dns);
}

struct fixture {
    struct memcached memcached;
    struct rig rig;
    struct dns dns;
    struct resolver *resolver;
};

static void fixture_open(struct fixture *f)
{
    char name[64];
    memcached_start(&f->memcached);
    rig_init(&f->rig);
    (void)snprintf(name, sizeof(name), "cache.test:%u", f->memcached.port);
    rig_add(&f->rig, name);
    dns_start(&f->dns, f->rig.loop);
    f->resolver = resolver_new(f->rig.loop, f->dns.servers, 500);
    assert_non_null(f->resolver);
    f->rig.conf.breaker_probe_ms = 50;
    f->rig.pool = mc_pool_new(f->rig.loop, f->resolver, &f->rig.log, &f->rig.conf);
    assert_non_null(f->rig.pool);
}

static void fixture_close(struct fixture *f)
{
    mc_pool_free(&f->rig.pool);
    resolver_free(&f->resolver);
    fd_watch_stop(&f->dns.watch);
    (void)close(f->dns.fd);
    rig_fini(&f->rig);
    memcached_kill(&f->memcached);
}

static void test_name_is_looked_up(void **state UNUSED)
{
    struct fixture f = {.dns.answer = {127, 0, 0, 1}};
    struct probe p;
    fixture_open(&f);
    assert_int_equal(rig_get(&f.rig, "a", &p), MC_MISS);
    fixture_close(&f);
}

static void test_unknown_name_is_asked_for_again(void **state UNUSED)
{
    struct fixture f = {.dns = {.answer = {127, 0, 0, 1}, .refuse = true}};
    struct probe p;
    fixture_open(&f);
    assert_int_equal(rig_get(&f.rig, "a", &p), MC_FAILED);
    assert_int_equal(rig_logged(&f.rig, "is down"), 1);
    assert_int_equal(rig_count(&f.rig, MC_CONNECTS), 0);
    f.dns.refuse = false;
    rig_until_state(&f.rig, 0, MC_SERVER_UP);
    assert_int_equal(rig_get(&f.rig, "a", &p), MC_MISS);
    fixture_close(&f);
}

/* A lookup waits for its own timeout and not for the resolver's; those that follow don't wait at
 * all. */
static void test_slow_name_lookup_costs_one_timeout(void **state UNUSED)
{
    struct fixture f = {.dns = {.answer = {127, 0, 0, 1}, .silent = true}};
    struct probe p, second;
    fixture_open(&f);
    f.rig.conf.read_timeout_ms = 60;
    probe_start(&f.rig, &second, "b");
    assert_int_equal(rig_get(&f.rig, "a", &p), MC_FAILED);
    assert_int_equal(second.result, MC_FAILED);
    assert_int_equal(rig_count(&f.rig, MC_TIMEOUTS), 2);
    probe_start(&f.rig, &p, "a");
    assert_int_equal(p.result, MC_FAILED);
    f.rig.conf.read_timeout_ms = CALM_MS;
    f.dns.silent = false;
    rig_until_state(&f.rig, 0, MC_SERVER_UP);
    assert_int_equal(rig_get(&f.rig, "a", &p), MC_MISS);
    fixture_close(&f);
}

/* After its TTL the name is asked for again, while the connection works. */
static void test_renewal_keeps_the_connection(void **state UNUSED)
{
    struct fixture f = {.dns.answer = {127, 0, 0, 1}};
    struct probe p;
    fixture_open(&f);
    rig_until_state(&f.rig, 0, MC_SERVER_UP);
    int asked = f.dns.asked;
    rig_turns(&f.rig, 1500);
    assert_true(f.dns.asked > asked);
    assert_int_equal(rig_count(&f.rig, MC_CONNECTS), 1);
    f.dns.refuse = true; /* and the last good address serves on */
    rig_turns(&f.rig, 1500);
    assert_int_equal(rig_get(&f.rig, "a", &p), MC_MISS);
    assert_int_equal(rig_count(&f.rig, MC_CONNECTS), 1);
    fixture_close(&f);
}

static void test_connection_follows_the_name(void **state UNUSED)
{
    struct fixture f = {.dns.answer = {127, 0, 0, 1}};
    struct probe p;
    fixture_open(&f);
    rig_until_state(&f.rig, 0, MC_SERVER_UP);
    rig_set(&f.rig, "a", "hello", 60);
    f.dns.answer[3] = 9; /* nobody is there */
    rig_until_state(&f.rig, 0, MC_SERVER_DOWN);
    assert_int_equal(rig_count(&f.rig, MC_CONNECT_FAILS), 1);
    f.dns.answer[3] = 1;
    rig_until_state(&f.rig, 0, MC_SERVER_UP);
    assert_int_equal(rig_get(&f.rig, "a", &p), MC_HIT);
    probe_expect(&p, "hello");
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_name_is_looked_up),
        cmocka_unit_test(test_unknown_name_is_asked_for_again),
        cmocka_unit_test(test_slow_name_lookup_costs_one_timeout),
        cmocka_unit_test(test_renewal_keeps_the_connection),
        cmocka_unit_test(test_connection_follows_the_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
