/* Placement, against what libmemcached and nginx really chose. */
#include "memcached/ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define SERVERS 3
#define KEYS    20

struct row {
    const char *name;
    enum mc_distribution distribution;
    const char *servers[SERVERS];
    uint32_t weights[SERVERS];
    unsigned expected[KEYS]; /* of key0 … key19 */
};

static const struct row rows[] = {
    {"libmemcached 1.1.4, KETAMA_WEIGHTED, one on the default port",
     MC_KETAMA,
     {"127.0.0.1:11211", "127.0.0.1:11217"},
     {1, 1},
     {1, 0, 1, 0, 0, 1, 0, 1, 0, 0, 1, 0, 1, 0, 1, 1, 0, 0, 1, 1}},
    {"libmemcached 1.1.4, KETAMA_WEIGHTED",
     MC_KETAMA,
     {"127.0.0.1:22121", "127.0.0.1:22122", "127.0.0.1:22123"},
     {1, 1, 2},
     {0, 1, 1, 0, 1, 2, 2, 2, 2, 1, 0, 2, 0, 1, 2, 1, 1, 1, 2, 2}},
    {"nginx 1.22.1, hash consistent",
     MC_NGINX,
     {"127.0.0.1:22131", "127.0.0.1:22132", "127.0.0.1:22133"},
     {1, 1, 2},
     {1, 2, 2, 2, 2, 1, 1, 0, 1, 1, 1, 2, 1, 2, 0, 2, 2, 1, 0, 2}},
    {"nginx 1.22.1, hash",
     MC_MODULO,
     {"127.0.0.1:22131", "127.0.0.1:22132", "127.0.0.1:22133"},
     {1, 1, 2},
     {2, 0, 1, 2, 2, 1, 0, 2, 0, 2, 0, 2, 2, 1, 1, 2, 2, 0, 2, 0}},
};

static void fill(struct mc_server_conf *server, const char *text, uint32_t weight)
{
    *server = (struct mc_server_conf){.text = slice_of(text), .weight = weight};
    assert_true(endpoint_parse(server->text, &server->endpoint));
}

static struct mc_ring *ring_of(enum mc_distribution distribution,
                               const struct mc_server_conf *servers, size_t n)
{
    struct mc_conf conf = mc_conf_default();
    conf.distribution = distribution;
    conf.servers = servers;
    conf.servers_n = n;
    struct mc_ring *ring = mc_ring_new(&conf);
    assert_non_null(ring);
    return ring;
}

static size_t pick(struct mc_ring *ring, const char *prefix, size_t i)
{
    struct mc_key key = {0};
    key.n = (uint8_t)snprintf(key.text, sizeof(key.text), "%s%zu", prefix, i);
    return mc_ring_pick(ring, &key, 0);
}

static void test_vectors(void **state UNUSED)
{
    for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
        const struct row *row = &rows[r];
        struct mc_server_conf servers[SERVERS];
        print_message("%s\n", row->name);
        size_t n = 0;
        for (; n < SERVERS && row->servers[n] != NULL; n++)
            fill(&servers[n], row->servers[n], row->weights[n]);
        struct mc_ring *ring = ring_of(row->distribution, servers, n);
        for (size_t i = 0; i < KEYS; i++)
            assert_int_equal(pick(ring, "key", i), row->expected[i]);
        mc_ring_free(&ring);
        assert_null(ring);
    }
}

/* The default port stands in no point's name, written or not. */
static void test_default_port_is_not_in_the_name(void **state UNUSED)
{
    struct mc_server_conf with[2], without[2];
    fill(&with[0], "cache-1:11211", 1);
    fill(&with[1], "cache-2:11211", 1);
    fill(&without[0], "cache-1", 1);
    fill(&without[1], "cache-2", 1);
    struct mc_ring *a = ring_of(MC_KETAMA, with, 2);
    struct mc_ring *b = ring_of(MC_KETAMA, without, 2);
    size_t on_first = 0;
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(pick(a, "k", i), pick(b, "k", i));
        on_first += pick(a, "k", i) == 0;
    }
    assert_in_range(on_first, 350, 650);
    mc_ring_free(&a);
    mc_ring_free(&b);
}

static void test_a_server_less_moves_only_its_keys(void **state UNUSED)
{
    static const enum mc_distribution consistent[] = {MC_KETAMA, MC_NGINX};
    struct mc_server_conf servers[4];
    fill(&servers[0], "a:1", 1);
    fill(&servers[1], "b:1", 1);
    fill(&servers[2], "unix:/run/c.sock", 1);
    fill(&servers[3], "d:1", 1);
    for (size_t d = 0; d < ARRAY_LEN(consistent); d++) {
        struct mc_ring *four = ring_of(consistent[d], servers, 4);
        struct mc_ring *three = ring_of(consistent[d], servers, 3);
        for (size_t i = 0; i < 2000; i++)
            if (pick(four, "k", i) != 3)
                assert_int_equal(pick(three, "k", i), pick(four, "k", i));
        mc_ring_free(&four);
        mc_ring_free(&three);
    }
}

static size_t pick_second(struct mc_ring *ring, size_t i)
{
    struct mc_key key;
    key.n = (size_t)snprintf(key.text, sizeof(key.text), "k%zu", i);
    return mc_ring_pick(ring, &key, 1);
}

/* The neighbour is the server that the key goes to when its first one is taken out of the list. */
static void test_second_server_is_the_next_first_one(void **state UNUSED)
{
    static const enum mc_distribution consistent[] = {MC_KETAMA, MC_NGINX};
    static const char *const names[] = {"a:1", "b:1", "unix:/run/c.sock", "d:1"};
    for (size_t d = 0; d < ARRAY_LEN(consistent); d++) {
        struct mc_server_conf servers[4];
        for (size_t s = 0; s < 4; s++)
            fill(&servers[s], names[s], 1);
        struct mc_ring *four = ring_of(consistent[d], servers, 4);
        fill(&servers[1], "d:1", 1); /* in the place of b */
        struct mc_ring *three = ring_of(consistent[d], servers, 3);
        for (size_t i = 0; i < 2000; i++) {
            size_t second = pick_second(four, i);
            assert_int_not_equal(second, pick(four, "k", i));
            if (pick(four, "k", i) == 1)
                assert_int_equal(pick(three, "k", i), second == 3 ? 1 : second);
        }
        mc_ring_free(&four);
        mc_ring_free(&three);
    }
}

static void test_second_server_is_always_another(void **state UNUSED)
{
    static const enum mc_distribution all[] = {MC_KETAMA, MC_NGINX, MC_MODULO};
    for (size_t d = 0; d < ARRAY_LEN(all); d++) {
        struct mc_server_conf servers[3];
        fill(&servers[0], "a:1", 256); /* by ketama's count of points the others have none */
        fill(&servers[1], "b:1", 1);
        fill(&servers[2], "c:1", 1);
        struct mc_ring *ring = ring_of(all[d], servers, 3);
        for (size_t i = 0; i < 500; i++)
            assert_int_not_equal(pick_second(ring, i), pick(ring, "k", i));
        mc_ring_free(&ring);
        ring = ring_of(all[d], servers, 1);
        assert_int_equal(pick_second(ring, 1), 0);
        mc_ring_free(&ring);
    }
}

static void test_the_others_follow_each_once(void **state UNUSED)
{
    static const enum mc_distribution all[] = {MC_KETAMA, MC_NGINX, MC_MODULO};
    struct mc_server_conf servers[3];
    fill(&servers[0], "127.0.0.1:22131", 1);
    fill(&servers[1], "127.0.0.1:22132", 1);
    fill(&servers[2], "127.0.0.1:22133", 2);
    for (size_t d = 0; d < ARRAY_LEN(all); d++) {
        struct mc_ring *ring = ring_of(all[d], servers, 3);
        for (size_t i = 0; i < KEYS; i++) {
            struct mc_key key = {.n = 2, .text = {'k', (char)('a' + i)}};
            size_t sum = 0;
            for (size_t nth = 0; nth < 3; nth++)
                sum += (size_t)1 << 4 * mc_ring_pick(ring, &key, nth);
            assert_int_equal(sum, 0x111);
        }
        mc_ring_free(&ring);
    }
}

/* The lightest has no point on libmemcached's ring: it comes last. */
static void test_a_server_without_a_share_is_the_last(void **state UNUSED)
{
    struct mc_server_conf servers[2];
    fill(&servers[0], "127.0.0.1:22131", 1);
    fill(&servers[1], "127.0.0.1:22132", MC_WEIGHT_MAX);
    struct mc_ring *ring = ring_of(MC_KETAMA, servers, 2);
    struct mc_key key = {.n = 1, .text = {'k'}};
    assert_int_equal(mc_ring_pick(ring, &key, 0), 1);
    assert_int_equal(mc_ring_pick(ring, &key, 1), 0);
    mc_ring_free(&ring);
}

/* nginx hashes what its memcached module escapes afterwards; libmemcached what is sent. */
static void test_nginx_places_by_what_was_escaped(void **state UNUSED)
{
    static const struct {
        enum mc_distribution distribution;
        bool same;
    } places[] = {{MC_KETAMA, false}, {MC_NGINX, true}, {MC_MODULO, true}};
    struct mc_server_conf servers[3];
    fill(&servers[0], "127.0.0.1:22131", 1);
    fill(&servers[1], "127.0.0.1:22132", 1);
    fill(&servers[2], "127.0.0.1:22133", 2);
    for (size_t p = 0; p < ARRAY_LEN(places); p++) {
        struct mc_ring *ring = ring_of(places[p].distribution, servers, 3);
        size_t same = 0;
        for (size_t i = 0; i < KEYS; i++) {
            struct mc_key plain = {.n = 3, .text = {'%', ' ', (char)('a' + i)}};
            struct mc_key key;
            assert_true(mc_key_escape(mc_key_slice(&plain), &key));
            same += mc_ring_pick(ring, &key, 0) == mc_ring_pick(ring, &plain, 0);
        }
        assert_int_equal(same == KEYS, places[p].same);
        mc_ring_free(&ring);
    }
}

static void test_one_server_has_all(void **state UNUSED)
{
    struct mc_server_conf server;
    fill(&server, "a:1", 5);
    for (int d = MC_KETAMA; d <= MC_MODULO; d++) {
        struct mc_ring *ring = ring_of((enum mc_distribution)d, &server, 1);
        assert_int_equal(pick(ring, "k", 1), 0);
        mc_ring_free(&ring);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_default_port_is_not_in_the_name),
        cmocka_unit_test(test_a_server_less_moves_only_its_keys),
        cmocka_unit_test(test_second_server_is_the_next_first_one),
        cmocka_unit_test(test_second_server_is_always_another),
        cmocka_unit_test(test_one_server_has_all),
        cmocka_unit_test(test_the_others_follow_each_once),
        cmocka_unit_test(test_a_server_without_a_share_is_the_last),
        cmocka_unit_test(test_nginx_places_by_what_was_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
