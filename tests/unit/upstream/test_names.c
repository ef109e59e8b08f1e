/* Server lines with a name: several addresses, looked up again by TTL, kept when that fails. */
#include "dns_script.h"
#include "upstream_helpers.h"

#include "upstream/health.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RESOLVE_MS 500 /* of one lookup */

struct fixture {
    struct rig r;
    struct dns_script dns;
    struct resolver *resolver;
    uint16_t port; /* of the listening origin */
};

static void set_name(struct fixture *f, size_t index, const char *text)
{
    struct peer_conf *c = &f->r.servers[index];
    snprintf(f->r.texts[index], sizeof(f->r.texts[index]), "%s", text);
    c->text = slice_of(f->r.texts[index]);
    assert_true(endpoint_parse(c->text, &c->endpoint));
}

/* One line, `app.test` with the listening origin's port. */
static void set_up(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    rig_init(&f->r, 1);
    f->port = f->r.servers[0].endpoint.port;
    char text[64];
    snprintf(text, sizeof(text), "app.test:%u", f->port);
    set_name(f, 0, text);
    dns_script_open(&f->dns);
    f->resolver = resolver_new(f->r.loop, f->dns.address, RESOLVE_MS);
    assert_non_null(f->resolver);
}

static struct upstream *make(struct fixture *f)
{
    return upstream_new(&f->r.conf, f->r.health, f->r.loop, f->resolver, &f->r.log);
}

static void tear_down(struct fixture *f)
{
    upstream_free(&f->r.upstream);
    rig_turn(&f->r, 0);
    resolver_free(&f->resolver);
    dns_script_close(&f->dns);
    rig_fini(&f->r);
}

static void turn_until_peers(struct fixture *f, size_t count)
{
    mono_ms deadline = clock_mono_ms() + PATIENCE_MS;
    while (upstream_peer_count(f->r.upstream) != count) {
        assert_true(clock_mono_ms() < deadline);
        rig_turn(&f->r, 10);
    }
}

static void turn_for(struct fixture *f, int64_t ms)
{
    mono_ms deadline = clock_mono_ms() + ms;
    while (clock_mono_ms() < deadline) {
        rig_turn(&f->r, 10);
    }
}

/* The peers of one request in their order, as "1 2" for 127.0.0.1 and 127.0.0.2. */
static void expect_peers(struct fixture *f, const char *expected)
{
    char got[256] = "";
    struct pick_state s = {0};
    struct peer *p = upstream_pick(f->r.upstream, &s, loop_now(f->r.loop));
    while (p != NULL) {
        struct slice port;
        struct slice host = slice_cut(peer_name(p), ':', &port);
        char want[8];
        snprintf(want, sizeof(want), "%u", f->port);
        assert_true(slice_eq(port, slice_of(want)));
        size_t n = strlen(got);
        snprintf(got + n, sizeof(got) - n, "%s%.*s", n > 0 ? " " : "",
                 SLICE_ARG(slice_skip(host, 8)));
        peer_release(&p);
        p = upstream_pick(f->r.upstream, &s, loop_now(f->r.loop));
    }
    assert_string_equal(got, expected);
}

static void test_each_address_is_a_peer(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    dns_script_set(&f.dns, 1, 2, 3, 60);
    f.r.upstream = make(&f);
    assert_int_equal(upstream_peer_count(f.r.upstream), 0);
    struct pick_state s = {0};
    assert_null(upstream_pick(f.r.upstream, &s, loop_now(f.r.loop)));
    turn_until_peers(&f, 3);
    expect_peers(&f, "1 2 3");
    assert_int_equal(f.dns.asked, 1);
    tear_down(&f);
}

static void test_looked_up_again_after_its_ttl(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    dns_script_set(&f.dns, 1, 2, 0, 1);
    f.r.upstream = make(&f);
    turn_until_peers(&f, 2);

    /* One peer is in use and one of its connections idle when it goes, another one stays. */
    struct call c;
    call_init(&c, &f.r);
    struct peer *first = rig_pick(&f.r);
    struct peer *second = rig_pick(&f.r);
    assert_true(slice_starts(peer_name(first), SLICE("127.0.0.1:")));
    call_start(&c, first, false);
    int fd = rig_accept(&f.r, 0);
    origin_expect(&f.r, fd, GET_HEAD);
    origin_say(fd, "HTTP/1.1 204 No Content\r\n\r\n");
    call_expect_done(&c, 204, "");
    call_end(&c);

    dns_script_set(&f.dns, 2, 3, 4, 60);
    turn_until_peers(&f, 3);
    expect_peers(&f, "2 3 4");
    assert_int_equal(f.dns.asked, 2);
    origin_expect_close(&f.r, fd); /* nobody will use it any more */
    close(fd);
    peer_failed(second, loop_now(f.r.loop)); /* the same peer as before */
    peer_release(&second);
    struct pick_state s = {0};
    for (int i = 0; i < 2; i++) {
        struct peer *p = upstream_pick(f.r.upstream, &s, loop_now(f.r.loop));
        assert_false(slice_starts(peer_name(p), SLICE("127.0.0.2:")));
        peer_release(&p);
    }
    assert_null(upstream_pick(f.r.upstream, &s, loop_now(f.r.loop)));
    tear_down(&f);
}

static void test_an_exchange_outlives_its_peer(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    dns_script_set(&f.dns, 1, 0, 0, 1);
    f.r.upstream = make(&f);
    turn_until_peers(&f, 1);
    struct call c;
    call_init(&c, &f.r);
    call_start(&c, rig_pick(&f.r), false);
    int fd = rig_accept(&f.r, 0);
    origin_expect(&f.r, fd, GET_HEAD);
    dns_script_set(&f.dns, 2, 3, 0, 60);
    turn_until_peers(&f, 2);
    origin_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    call_expect_done(&c, 200, "ok");
    assert_true(slice_starts(peer_name(exchange_peer(c.ex)), SLICE("127.0.0.1:")));
    origin_expect_close(&f.r, fd); /* not pooled for a peer that is gone */
    call_end(&c);
    close(fd);
    tear_down(&f);
}

static void test_not_more_often_than_once_a_second(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    dns_script_set(&f.dns, 1, 0, 0, 0);
    f.r.upstream = make(&f);
    turn_until_peers(&f, 1);
    turn_for(&f, 800);
    assert_int_equal(f.dns.asked, 1);
    turn_for(&f, 800);
    assert_int_equal(f.dns.asked, 2);
    tear_down(&f);
}

static void test_a_failed_lookup_keeps_the_last_addresses_and_backs_off(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    dns_script_set(&f.dns, 1, 2, 0, 1);
    f.r.upstream = make(&f);
    turn_until_peers(&f, 2);
    upstream_free(&f.r.upstream);
    f.r.upstream = make(&f); /* a reload: knows the addresses at once */
    assert_int_equal(upstream_peer_count(f.r.upstream), 2);
    f.dns.fails = true;
    turn_for(&f, 1500); /* asked after the TTL */
    int asked = f.dns.asked;
    assert_in_range(asked, 2, 20); /* the resolver itself may ask a few times */
    turn_for(&f, 1200);            /* and once more a second later */
    int asked_again = f.dns.asked;
    assert_in_range(asked_again, asked + 1, asked + 20);
    turn_for(&f, 1200); /* then it waits for two */
    assert_int_equal(f.dns.asked, asked_again);
    expect_peers(&f, "1 2");
    f.dns.fails = false;
    dns_script_set(&f.dns, 3, 0, 0, 60);
    turn_until_peers(&f, 1);
    expect_peers(&f, "3");
    tear_down(&f);
}

static void test_a_name_that_is_not_known_at_first(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    f.dns.fails = true;
    dns_script_set(&f.dns, 1, 0, 0, 60);
    f.r.upstream = make(&f);
    turn_for(&f, 300);
    assert_int_equal(upstream_peer_count(f.r.upstream), 0);
    f.dns.fails = false;
    turn_until_peers(&f, 1);
    expect_peers(&f, "1");
    tear_down(&f);
}

static void test_freed_while_a_lookup_is_under_way(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    f.dns.silent = true;
    f.r.upstream = make(&f);
    turn_for(&f, 50);
    upstream_free(&f.r.upstream);
    turn_for(&f, 2 * RESOLVE_MS);
    tear_down(&f);
}

static void test_first_lookup(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    dns_script_set(&f.dns, 1, 2, 0, 60);
    upstream_first_lookup(&f.r.conf, f.r.health, f.dns.address, 2000, &f.r.log);
    assert_int_equal(f.dns.asked, 1);
    f.r.upstream = make(&f);
    expect_peers(&f, "1 2");
    turn_for(&f, 100);
    upstream_first_lookup(&f.r.conf, f.r.health, f.dns.address, 2000, &f.r.log); /* a reload */
    assert_int_equal(f.dns.asked, 1); /* known and fresh: nobody is asked */
    tear_down(&f);
}

static void test_first_lookup_takes_no_longer_than_it_may(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    f.r.conf.servers_n = 3;
    set_name(&f, 1, "b.test:80");
    set_name(&f, 2, "c.test:80");
    f.dns.silent = true;
    mono_ms begin = clock_mono_ms();
    upstream_first_lookup(&f.r.conf, f.r.health, f.dns.address, 300, &f.r.log);
    assert_in_range(clock_mono_ms() - begin, 200, 1000);
    f.r.upstream = make(&f);
    assert_int_equal(upstream_peer_count(f.r.upstream), 0);
    tear_down(&f);
}

static void test_peers_stand_in_the_order_of_their_lines(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    char text[64];
    f.r.conf.servers_n = 3;
    for (size_t i = 1; i < 3; i++) {
        f.r.servers[i] = f.r.servers[0];
    }
    snprintf(text, sizeof(text), "127.0.0.9:%u", f.port);
    set_name(&f, 1, text);
    snprintf(text, sizeof(text), "backup.test:%u", f.port);
    set_name(&f, 2, text);
    f.r.servers[2].backup = true;
    dns_script_set(&f.dns, 1, 2, 0, 60);
    f.r.upstream = make(&f);
    assert_int_equal(upstream_peer_count(f.r.upstream), 1);
    turn_until_peers(&f, 5);
    expect_peers(&f, "1 2 9 1 2");
    tear_down(&f);
}

static void test_port_80_where_none_is_given(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    set_name(&f, 0, "app.test");
    f.port = 80;
    dns_script_set(&f.dns, 1, 0, 0, 60);
    f.r.upstream = make(&f);
    turn_until_peers(&f, 1);
    struct peer *p = rig_pick(&f.r);
    assert_true(slice_eq(peer_name(p), SLICE("127.0.0.1:80")));
    peer_release(&p);
    tear_down(&f);
}

static void test_number_of_peers_is_bounded(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    f.r.conf.servers_n = 5;
    struct address many[RESOLVER_ADDRESSES_MAX];
    for (size_t line = 0; line < 5; line++) {
        char name[64];
        snprintf(name, sizeof(name), "n%zu.test:8080", line);
        set_name(&f, line, name);
        for (size_t i = 0; i < ARRAY_LEN(many); i++) {
            many[i] = (struct address){.len = sizeof(many[i].u.in4), .u.in4.sin_family = AF_INET};
            many[i].u.in4.sin_addr.s_addr = htonl((uint32_t)(0x7f000100 + line * 256 + i));
            address_set_port(&many[i], 8080);
        }
        health_remember(f.r.health, f.r.servers[line].endpoint.host, 8080, many, ARRAY_LEN(many),
                        clock_mono_ms() + 60000);
    }
    f.r.upstream = make(&f);
    assert_int_equal(upstream_peer_count(f.r.upstream), 256);
    struct pick_state s = {0};
    size_t picked = 0;
    for (struct peer *p = upstream_pick(f.r.upstream, &s, 1000000); p != NULL;
         p = upstream_pick(f.r.upstream, &s, 1000000)) {
        peer_release(&p);
        picked++;
    }
    assert_int_equal(picked, 256); /* each once */
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_address_is_a_peer),
        cmocka_unit_test(test_looked_up_again_after_its_ttl),
        cmocka_unit_test(test_an_exchange_outlives_its_peer),
        cmocka_unit_test(test_not_more_often_than_once_a_second),
        cmocka_unit_test(test_a_failed_lookup_keeps_the_last_addresses_and_backs_off),
        cmocka_unit_test(test_a_name_that_is_not_known_at_first),
        cmocka_unit_test(test_freed_while_a_lookup_is_under_way),
        cmocka_unit_test(test_first_lookup),
        cmocka_unit_test(test_first_lookup_takes_no_longer_than_it_may),
        cmocka_unit_test(test_peers_stand_in_the_order_of_their_lines),
        cmocka_unit_test(test_port_80_where_none_is_given),
        cmocka_unit_test(test_number_of_peers_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
