/* A server that lies, cuts, hesitates or is no memcached at all: never a wrong value, never a wait
 * beyond the timeout, and the connection is closed. */
#include "mc_helpers.h"

#include "base/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Who answers so is asked for its settings, too. */
#define KNOWN "MN\r\nVERSION 1.6.18\r\n"

/* The other end of the wire, in the same thread: the loop turns while it waits. */
struct peer {
    struct rig rig;
    int listening;
    int fd; /* -1: not connected */
};

static void peer_init(struct peer *peer)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    char address[32];
    peer->fd = -1;
    peer->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(peer->listening, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(peer->listening, 16), 0);
    assert_int_equal(getsockname(peer->listening, (struct sockaddr *)&at, &len), 0);
    (void)snprintf(address, sizeof(address), "127.0.0.1:%u", ntohs(at.sin_port));
    rig_init(&peer->rig);
    rig_add(&peer->rig, address);
}

static void peer_hang_up(struct peer *peer)
{
    if (peer->fd >= 0)
        (void)close(peer->fd);
    peer->fd = -1;
}

static void peer_fini(struct peer *peer)
{
    peer_hang_up(peer);
    (void)close(peer->listening);
    rig_fini(&peer->rig);
}

static void peer_accept(struct peer *peer)
{
    mono_ms end = clock_mono_ms() + PATIENCE_MS;
    while (peer->fd < 0 && clock_mono_ms() < end) {
        loop_turn(peer->rig.loop, 1);
        peer->fd = accept4(peer->listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    }
    assert_true(peer->fd >= 0);
    int on = 1;
    assert_int_equal(setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
}

/* Waits until exactly this has come. */
static void peer_expect(struct peer *peer, const char *expected)
{
    char got[4096];
    size_t n = 0;
    mono_ms end = clock_mono_ms() + PATIENCE_MS;
    while (n < strlen(expected) && clock_mono_ms() < end) {
        loop_turn(peer->rig.loop, 1);
        ssize_t part = read(peer->fd, got + n, sizeof(got) - n);
        n += part > 0 ? (size_t)part : 0;
    }
    assert_int_equal(n, strlen(expected));
    assert_memory_equal(got, expected, n);
}

static void peer_send(struct peer *peer, struct slice bytes)
{
    assert_int_equal(write(peer->fd, bytes.p, bytes.n), bytes.n);
}

/* True once our side has closed. */
static bool peer_sees_end(struct peer *peer)
{
    char byte;
    ssize_t n = -1;
    mono_ms end = clock_mono_ms() + 500;
    while (n < 0 && clock_mono_ms() < end) {
        loop_turn(peer->rig.loop, 1);
        n = recv(peer->fd, &byte, 1, 0);
        if (n < 0 && errno == ECONNRESET)
            return true;
    }
    return n == 0;
}

static void peer_greet(struct peer *peer)
{
    peer_accept(peer);
    peer_expect(peer, "mn\r\nversion\r\n");
    peer_send(peer, SLICE("MN\r\nVERSION 1.6.18\r\n"));
    peer_expect(peer, "stats settings\r\n");
    peer_send(peer, SLICE("END\r\n"));
    rig_until_state(&peer->rig, 0, MC_SERVER_UP);
}

static void until_done(struct peer *peer, struct probe *p)
{
    mono_ms end = clock_mono_ms() + PATIENCE_MS;
    while (!probe_done(p) && clock_mono_ms() < end)
        loop_turn(peer->rig.loop, 10);
    assert_true(probe_done(p));
}

/* -- one lookup, one reply -- */

struct row {
    const char *name;
    struct slice reply;
    enum mc_result result;
    bool closed; /* by us */
};

/* The lookup is `mg a v O1`. */
static const struct row rows[] = {
    {"the truth", SLICE_INIT("VA 5 O1\r\nhello\r\n"), MC_HIT, false},
    {"a miss", SLICE_INIT("EN\r\n"), MC_MISS, false},
    {"a miss with its opaque", SLICE_INIT("EN O1\r\n"), MC_MISS, false},
    {"server error", SLICE_INIT("SERVER_ERROR out of memory\r\n"), MC_FAILED, false},
    {"wrong opaque", SLICE_INIT("VA 5 O2\r\nhello\r\n"), MC_FAILED, true},
    {"no opaque", SLICE_INIT("VA 5\r\nhello\r\n"), MC_FAILED, true},
    {"a miss with the opaque of another", SLICE_INIT("EN O9\r\n"), MC_FAILED, true},
    {"length too short", SLICE_INIT("VA 4 O1\r\nhello\r\n"), MC_FAILED, true},
    {"length too long", SLICE_INIT("VA 6 O1\r\nhello\r\n\r\n"), MC_FAILED, true},
    {"length above the limit", SLICE_INIT("VA 1048577 O1\r\n"), MC_FAILED, true},
    {"length that overflows", SLICE_INIT("VA 18446744073709551617 O1\r\nx\r\n"), MC_FAILED, true},
    {"no CRLF behind the value", SLICE_INIT("VA 5 O1\r\nhelloXX"), MC_FAILED, true},
    {"reply to another command", SLICE_INIT("HD O1\r\n"), MC_FAILED, true},
    {"refusal of a store that was not sent", SLICE_INIT("NS\r\n"), MC_FAILED, true},
    {"answer to the probe again", SLICE_INIT("MN\r\n"), MC_FAILED, true},
    {"unknown command", SLICE_INIT("ERROR\r\n"), MC_FAILED, true},
    {"client error", SLICE_INIT("CLIENT_ERROR bad command line format\r\n"), MC_FAILED, true},
    {"garbage", SLICE_INIT("\x80\x81 nonsense \r\n"), MC_FAILED, true},
    {"HTTP", SLICE_INIT("HTTP/1.1 400 Bad Request\r\n\r\n"), MC_FAILED, true},
    {"flag not asked for", SLICE_INIT("VA 5 O1 l60\r\nhello\r\n"), MC_FAILED, true},
    {"marks of the item", SLICE_INIT("VA 5 O1 X Z\r\nhello\r\n"), MC_HIT, false},
    {"stub of a lease", SLICE_INIT("VA 0 O1 Z\r\n\r\n"), MC_MISS, false},
    {"store overtaken that was not sent", SLICE_INIT("EX\r\n"), MC_FAILED, true},
    {"store over nothing that was not sent", SLICE_INIT("NF\r\n"), MC_FAILED, true},
};

static void check_end(struct peer *peer, struct probe *p, const struct row *row)
{
    until_done(peer, p);
    assert_int_equal(p->result, row->result);
    assert_int_equal(p->calls, 1);
    if (p->result == MC_HIT)
        probe_expect(p, "hello");
    if (p->result == MC_FAILED)
        assert_int_equal(p->get.failure, MC_FAILURE_INVALID);
    assert_int_equal(rig_count(&peer->rig, MC_LOST), row->closed);
    assert_int_equal(rig_count(&peer->rig, MC_BAD_REPLIES), row->closed);
    if (row->closed)
        assert_true(peer_sees_end(peer));
}

static void test_replies(void **state UNUSED)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct peer peer;
        struct probe p;
        print_message("%s\n", rows[i].name);
        peer_init(&peer);
        rig_open(&peer.rig);
        peer_greet(&peer);
        probe_start(&peer.rig, &p, "a");
        peer_expect(&peer, "mg a v O1\r\n");
        peer_send(&peer, rows[i].reply);
        check_end(&peer, &p, &rows[i]);
        peer_fini(&peer);
    }
}

/* In two parts, cut at every byte: the same outcome. */
static void test_replies_split_at_every_byte(void **state UNUSED)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t cut = 1; cut < rows[i].reply.n; cut++) {
            struct peer peer;
            struct probe p;
            peer_init(&peer);
            rig_open(&peer.rig);
            peer_greet(&peer);
            probe_start(&peer.rig, &p, "a");
            peer_expect(&peer, "mg a v O1\r\n");
            peer_send(&peer, slice_take(rows[i].reply, cut));
            loop_turn(peer.rig.loop, 1);
            if (!probe_done(&p)) /* else the first part gave it away */
                peer_send(&peer, slice_skip(rows[i].reply, cut));
            check_end(&peer, &p, &rows[i]);
            peer_fini(&peer);
        }
    }
}

/* The same with the least buffer, so that values take every way through it. */
static void test_long_values_byte_by_byte(void **state UNUSED)
{
    static const size_t sizes[] = {900, 1022, 1023, 3000, 5000};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct peer peer;
        struct probe p, next;
        char reply[6000];
        peer_init(&peer);
        peer.rig.conf.read_buffer_bytes = MC_READ_BUFFER_MIN;
        rig_open(&peer.rig);
        peer_greet(&peer);
        probe_start(&peer.rig, &p, "a");
        probe_start(&peer.rig, &next, "b");
        peer_expect(&peer, "mg a v O1\r\nmg b v O2\r\n");
        size_t head = (size_t)snprintf(reply, sizeof(reply), "VA %zu O1\r\n", sizes[i]);
        memset(reply + head, 'v', sizes[i]);
        size_t all = head + sizes[i];
        memcpy(reply + all, "\r\nEN\r\n", 6);
        for (size_t at = 0; at < all + 6; at++) {
            peer_send(&peer, slice_make(reply + at, 1));
            loop_turn(peer.rig.loop, 0);
        }
        until_done(&peer, &next);
        assert_int_equal(next.result, MC_MISS);
        assert_int_equal(p.result, MC_HIT);
        assert_int_equal(p.get.blob->len, sizes[i]);
        assert_memory_equal(p.get.blob->data, reply + head, sizes[i]);
        blob_unref(&p.get.blob);
        peer_fini(&peer);
    }
}

/* -- several lookups -- */

static void test_order_is_kept_or_the_connection_goes(void **state UNUSED)
{
    struct peer peer;
    struct probe a, b, c;
    peer_init(&peer);
    rig_open(&peer.rig);
    peer_greet(&peer);
    probe_start(&peer.rig, &a, "a");
    probe_start(&peer.rig, &b, "b");
    probe_start(&peer.rig, &c, "c");
    peer_expect(&peer, "mg a v O1\r\nmg b v O2\r\nmg c v O3\r\n");
    peer_send(&peer, SLICE("VA 1 O1\r\nA\r\nVA 1 O3\r\nC\r\nVA 1 O2\r\nB\r\n"));
    until_done(&peer, &b);
    until_done(&peer, &c);
    probe_expect(&a, "A");
    assert_int_equal(b.result, MC_FAILED);
    assert_int_equal(c.result, MC_FAILED);
    assert_true(peer_sees_end(&peer));
    peer_fini(&peer);
}

/* The same replies, cut anywhere between and within them. */
static void test_pipelined_replies_split_at_every_byte(void **state UNUSED)
{
    struct slice replies = SLICE("VA 1 O1\r\nA\r\nEN O2\r\nVA 3 O3\r\nccc\r\n");
    for (size_t cut = 1; cut < replies.n; cut++) {
        struct peer peer;
        struct probe a, b, c;
        peer_init(&peer);
        rig_open(&peer.rig);
        peer_greet(&peer);
        probe_start(&peer.rig, &a, "a");
        probe_start(&peer.rig, &b, "b");
        probe_start(&peer.rig, &c, "c");
        peer_expect(&peer, "mg a v O1\r\nmg b v O2\r\nmg c v O3\r\n");
        peer_send(&peer, slice_take(replies, cut));
        loop_turn(peer.rig.loop, 5);
        peer_send(&peer, slice_skip(replies, cut));
        until_done(&peer, &c);
        probe_expect(&a, "A");
        assert_int_equal(b.result, MC_MISS);
        probe_expect(&c, "ccc");
        peer_fini(&peer);
    }
}

static void test_unasked_reply_closes(void **state UNUSED)
{
    struct peer peer;
    peer_init(&peer);
    rig_open(&peer.rig);
    peer_greet(&peer);
    peer_send(&peer, SLICE("EN\r\n"));
    assert_true(peer_sees_end(&peer));
    assert_int_equal(rig_count(&peer.rig, MC_BAD_REPLIES), 1);
    peer_fini(&peer);
}

static void test_close_in_the_middle_of_a_value(void **state UNUSED)
{
    static const struct slice parts[] = {SLICE_INIT("VA 5 O1\r\nhel"),
                                         SLICE_INIT("VA 900000 O1\r\nhel"), SLICE_INIT("VA")};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        struct peer peer;
        struct probe p;
        peer_init(&peer);
        rig_open(&peer.rig);
        peer_greet(&peer);
        probe_start(&peer.rig, &p, "a");
        peer_expect(&peer, "mg a v O1\r\n");
        peer_send(&peer, parts[i]);
        loop_turn(peer.rig.loop, 5);
        peer_hang_up(&peer);
        until_done(&peer, &p);
        assert_int_equal(p.result, MC_FAILED);
        assert_null(p.get.blob);
        assert_int_equal(rig_count(&peer.rig, MC_LOST), 1);
        peer_fini(&peer);
    }
}

/* A value cut off by silence: the lookup's time is up, and so is the connection's. */
static void test_silence_in_the_middle_of_a_value(void **state UNUSED)
{
    struct peer peer;
    struct probe p;
    peer_init(&peer);
    peer.rig.conf.read_timeout_ms = 50;
    rig_open(&peer.rig);
    peer_greet(&peer);
    probe_start(&peer.rig, &p, "a");
    peer_expect(&peer, "mg a v O1\r\n");
    peer_send(&peer, SLICE("VA 900000 O1\r\nhel"));
    until_done(&peer, &p);
    assert_int_equal(p.result, MC_FAILED);
    assert_in_range(p.took_ms, 45, 1000);
    assert_true(peer_sees_end(&peer));
    peer_fini(&peer);
}

/* Bytes come, but too slowly: each lookup waits its timeout and no more, the third opens the
 * breaker. */
static void test_trickling_server_is_given_up(void **state UNUSED)
{
    struct peer peer;
    int paid = 0;
    peer_init(&peer);
    peer.rig.conf.read_timeout_ms = 200;
    rig_open(&peer.rig);
    peer_greet(&peer);
    mono_ms end = clock_mono_ms() + PATIENCE_MS;
    while (clock_mono_ms() < end && mc_pool_server_state(peer.rig.pool, 0) == MC_SERVER_UP) {
        struct probe p;
        probe_start(&peer.rig, &p, "a");
        if (!probe_done(&p))
            peer_send(&peer, paid == 0 ? SLICE("VA 5000 O1\r\n") : SLICE("x"));
        while (!probe_done(&p)) {
            rig_turns(&peer.rig, 10);
            (void)!send(peer.fd, "x", 1, MSG_NOSIGNAL);
        }
        assert_int_equal(p.result, MC_FAILED);
        paid += p.calls;
    }
    assert_int_equal(paid, 3);
    assert_int_equal(rig_count(&peer.rig, MC_BREAKER_OPENS), 1);
    assert_int_equal(rig_count(&peer.rig, MC_TIMEOUTS), 3);
    peer_fini(&peer);
}

static void test_late_answer_is_dropped(void **state UNUSED)
{
    struct peer peer;
    struct probe late, next;
    peer_init(&peer);
    peer.rig.conf.read_timeout_ms = 300;
    rig_open(&peer.rig);
    peer_greet(&peer);
    probe_start(&peer.rig, &late, "a");
    peer_expect(&peer, "mg a v O1\r\n");
    peer_send(&peer, SLICE("VA 5 O1\r\nhe"));
    rig_turns(&peer.rig, 150);
    peer_send(&peer, SLICE("l"));
    until_done(&peer, &late);
    assert_int_equal(late.result, MC_FAILED);
    probe_start(&peer.rig, &next, "b");
    assert_int_equal(next.result, MC_PENDING); /* one late lookup is no reason to close */
    peer_send(&peer, SLICE("lo\r\nVA 1 O2\r\nB\r\n"));
    until_done(&peer, &next);
    probe_expect(&next, "B");
    assert_int_equal(late.calls, 1);
    assert_null(late.get.blob);
    peer_fini(&peer);
}

/* -- leases that nobody hears of -- */

static void probe_start_leased(struct peer *peer, struct probe *p, const char *key)
{
    *p =
        (struct probe){.get = {.ask = {.cas = true, .lease_s = 2}, .fn = probe_on_get, .owner = p}};
    key_of(key, &p->get.key);
    p->result = mc_pool_get(peer->rig.pool, &p->get);
}

/* Who has won gives it back, or others would wait for it; who was told of another one keeps off. */
static void test_late_leases_are_given_back(void **state UNUSED)
{
    static const struct {
        const char *name UNUSED;
        const char *reply;
        const char *then; /* what is sent because of it */
        bool cancelled;
    } cases[] = {
        {"a miss", "VA 0 c7 W O1\r\n\r\n", "md a C7 O2\r\nmg b v c N2 O3\r\n", false},
        {"a value to be refreshed", "VA 1 c7 W O1\r\nA\r\n", "md a I C7 O2\r\nmg b v c N2 O3\r\n",
         false},
        {"of a lookup that was given up", "VA 0 c7 W O1\r\n\r\n",
         "md a C7 O2\r\nmg b v c N2 O3\r\n", true},
        {"another one's", "VA 0 c7 Z O1\r\n\r\n", "mg b v c N2 O2\r\n", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct peer peer;
        struct probe late, next;
        peer_init(&peer);
        peer.rig.conf.read_timeout_ms = 200;
        rig_open(&peer.rig);
        peer_greet(&peer);
        probe_start_leased(&peer, &late, "a");
        peer_expect(&peer, "mg a v c N2 O1\r\n");
        if (cases[i].cancelled) {
            mc_get_cancel(&late.get);
        } else {
            rig_turns(&peer.rig, 100);
            peer_send(&peer, slice_take(slice_of(cases[i].reply), 2)); /* a sign of life */
            until_done(&peer, &late);
            assert_int_equal(late.result, MC_FAILED);
        }
        struct slice rest = slice_skip(slice_of(cases[i].reply), cases[i].cancelled ? 0 : 2);
        peer_send(&peer, rest);
        rig_turns(&peer.rig, 20);
        probe_start_leased(&peer, &next, "b");
        peer_expect(&peer, cases[i].then);
        mc_get_cancel(&next.get);
        peer_fini(&peer);
    }
}

/* memcached lets the first one who looks win what is stale, even one who has asked for no lease. */
static void test_lease_that_was_not_asked_for_is_given_back(void **state UNUSED)
{
    static const struct {
        const char *name UNUSED;
        struct mc_ask ask;
        const char *sent;
        const char *reply;
        const char *then;
    } cases[] = {
        {"a value",
         {.cas = true},
         "mg a v c O1\r\n",
         "VA 1 c7 W X O1\r\nA\r\n",
         "md a I C7 O2\r\n"},
        {"its version",
         {.cas = true, .no_value = true},
         "mg a c O1\r\n",
         "HD c7 W X O1\r\n",
         "md a I C7 O2\r\n"},
    };
    for (size_t i = 0; i < 2 * ARRAY_LEN(cases); i++) {
        bool cancelled = i % 2 == 1;
        struct peer peer;
        struct probe p = {.get = {.ask = cases[i / 2].ask, .fn = probe_on_get, .owner = &p}};
        peer_init(&peer);
        rig_open(&peer.rig);
        peer_greet(&peer);
        key_of("a", &p.get.key);
        p.result = mc_pool_get(peer.rig.pool, &p.get);
        peer_expect(&peer, cases[i / 2].sent);
        if (cancelled)
            mc_get_cancel(&p.get);
        peer_send(&peer, slice_of(cases[i / 2].reply));
        if (!cancelled) {
            until_done(&peer, &p);
            assert_int_equal(p.result, MC_HIT);
            blob_unref(&p.get.blob);
        }
        peer_expect(&peer, cases[i / 2].then);
        peer_fini(&peer);
    }
}

static void test_leases_of_others_are_doubted_after_trouble(void **state UNUSED)
{
    struct peer peer;
    struct probe p;
    peer_init(&peer);
    peer.rig.conf.read_timeout_ms = 200;
    rig_open(&peer.rig);
    peer_greet(&peer);
    probe_start_leased(&peer, &p, "a");
    peer_send(&peer, SLICE("VA 0 c7 Z O1\r\n\r\n"));
    until_done(&peer, &p);
    assert_true(p.get.item.taken);
    assert_false(p.get.doubtful);
    probe_start_leased(&peer, &p, "a");
    rig_turns(&peer.rig, 100);
    peer_send(&peer, SLICE("VA"));
    until_done(&peer, &p);
    assert_int_equal(p.result, MC_FAILED);
    peer_send(&peer, SLICE(" 0 c7 Z O2\r\n\r\n"));
    probe_start_leased(&peer, &p, "a");
    peer_send(&peer, SLICE("VA 0 c7 Z O3\r\n\r\n"));
    until_done(&peer, &p);
    assert_int_equal(p.result, MC_MISS);
    assert_true(p.get.doubtful);
    peer_fini(&peer);
}

/* -- stores between lookups -- */

static void test_refused_stores_are_told_from_lookups(void **state UNUSED)
{
    struct peer peer;
    struct probe a, b;
    peer_init(&peer);
    rig_open(&peer.rig);
    peer_greet(&peer);
    probe_start(&peer.rig, &a, "a");
    rig_set(&peer.rig, "s", "x", 60);
    rig_set(&peer.rig, "t", "y", 60);
    probe_start(&peer.rig, &b, "b");
    peer_expect(&peer,
                "mg a v O1\r\nms s 1 T60 F1 q\r\nx\r\nms t 1 T60 F1 q\r\ny\r\nmg b v O2\r\n");
    peer_send(&peer,
              SLICE("EN\r\nSERVER_ERROR out of memory storing object\r\nNS\r\nVA 1 O2\r\nB\r\n"));
    until_done(&peer, &b);
    probe_expect(&b, "B");
    assert_int_equal(a.result, MC_MISS);
    assert_int_equal(rig_count(&peer.rig, MC_SET_ERRORS), 2);
    peer_fini(&peer);
}

/* The error does not say of which store it is: with two copies each one is answered. */
static void test_refused_store_is_told_from_others(void **state UNUSED)
{
    struct peer peer;
    struct probe p;
    peer_init(&peer);
    peer.rig.conf.replicas = 2;
    rig_open(&peer.rig);
    peer_greet(&peer);
    rig_set(&peer.rig, "a", "hello", 60);
    rig_set(&peer.rig, "b", "hello", 60);
    probe_start(&peer.rig, &p, "a");
    peer_expect(&peer, "ms a 5 T60 F1 O1\r\nhello\r\nms b 5 T60 F1 O2\r\nhello\r\nmg a v O3\r\n");
    peer_send(&peer, SLICE("HD O1\r\nSERVER_ERROR out of memory storing object\r\nEN\r\n"));
    until_done(&peer, &p);
    assert_int_equal(p.result, MC_MISS);
    assert_int_equal(rig_count(&peer.rig, MC_SET_ERRORS), 1);
    assert_int_equal(rig_count(&peer.rig, MC_LOST), 0);
    peer_fini(&peer);
}

static void test_ttl_over_30_days_is_a_date(void **state UNUSED)
{
    struct peer peer;
    char expected[64];
    peer_init(&peer);
    rig_open(&peer.rig);
    peer_greet(&peer);
    rig_set(&peer.rig, "s", "x", 31 * 86400);
    (void)snprintf(expected, sizeof(expected), "ms s 1 T%lld F1 q\r\nx\r\n",
                   (long long)(clock_wall_ms() / 1000 + 31 * 86400));
    peer_expect(&peer, expected);
    peer_fini(&peer);
}

#define LONG_BYTES (6 * 1024 * 1024)

/* More than the kernel takes at once: the rest leaves when the server reads, in order, from where
 * it lies. */
static void test_long_store_to_a_slow_reader(void **state UNUSED)
{
    struct peer peer;
    struct probe p;
    struct mc_key key;
    char *got = malloc(LONG_BYTES + 200);
    char head[64];
    peer_init(&peer);
    peer.rig.conf.item_max_bytes = 2 * LONG_BYTES;
    rig_open(&peer.rig);
    peer_greet(&peer);
    struct blob *value = blob_new(LONG_BYTES);
    for (size_t i = 0; i < LONG_BYTES; i++)
        value->data[i] = (char)(i * 31 + i / 4099);
    value->len = LONG_BYTES;
    key_of("s", &key);
    mc_pool_set(peer.rig.pool, &key, value, 0, 60);
    assert_int_equal(value->refs, 2); /* held, not copied */
    probe_start(&peer.rig, &p, "a");
    size_t head_n = (size_t)snprintf(head, sizeof(head), "ms s %d T60 q\r\n", LONG_BYTES);
    size_t all = head_n + LONG_BYTES + strlen("\r\nmg a v O1\r\n");
    size_t n = 0;
    mono_ms end = clock_mono_ms() + PATIENCE_MS;
    while (n < all && clock_mono_ms() < end) {
        loop_turn(peer.rig.loop, 1);
        ssize_t part =
            read(peer.fd, got + n, LONG_BYTES + 200 - n < 100000 ? LONG_BYTES + 200 - n : 100000);
        n += part > 0 ? (size_t)part : 0;
        assert_true(n <= all);
    }
    assert_int_equal(n, all);
    assert_memory_equal(got, head, head_n);
    assert_memory_equal(got + head_n, value->data, LONG_BYTES);
    assert_memory_equal(got + head_n + LONG_BYTES, "\r\nmg a v O1\r\n", 13);
    assert_int_equal(value->refs, 1);
    assert_true(rig_count(&peer.rig, MC_WRITES) > 2);
    peer_send(&peer, SLICE("EN\r\n"));
    until_done(&peer, &p);
    assert_int_equal(p.result, MC_MISS);
    blob_unref(&value);
    free(got);
    peer_fini(&peer);
}

/* -- the probe -- */

struct probe_row {
    const char *name;
    enum mc_protocol_choice protocol;
    const char *asked;
    struct slice answer;
    const char *get; /* as it is sent then; NULL: refused */
};

static const struct probe_row probe_rows[] = {
    {"meta", MC_PROTOCOL_AUTO, "mn\r\nversion\r\n", SLICE_INIT(KNOWN), "mg a v O1\r\n"},
    {"old classic", MC_PROTOCOL_AUTO, "mn\r\nversion\r\n", SLICE_INIT("ERROR\r\nVERSION 1.4.5\r\n"),
     "get a\r\n"},
    {"meta in an older form", MC_PROTOCOL_AUTO, "mn\r\nversion\r\n",
     SLICE_INIT("MN\r\nVERSION 1.6.9\r\n"), "get a\r\n"},
    {"meta wanted", MC_PROTOCOL_META, "mn\r\nversion\r\n", SLICE_INIT("MN\r\nVERSION routed\r\n"),
     "mg a v O1\r\n"},
    {"meta wanted, not had", MC_PROTOCOL_META, "mn\r\nversion\r\n",
     SLICE_INIT("ERROR\r\nVERSION 1.4.5\r\n"), NULL},
    {"classic wanted", MC_PROTOCOL_CLASSIC, "version\r\n", SLICE_INIT("VERSION 0.5.0\r\n"),
     "get a\r\n"},
    {"too many connections", MC_PROTOCOL_AUTO, "mn\r\nversion\r\n",
     SLICE_INIT("ERROR Too many open connections\r\n"), NULL},
    {"no memcached", MC_PROTOCOL_AUTO, "mn\r\nversion\r\n",
     SLICE_INIT("HTTP/1.1 400 Bad Request\r\n"), NULL},
    {"password wanted", MC_PROTOCOL_AUTO, "mn\r\nversion\r\n",
     SLICE_INIT("CLIENT_ERROR unauthenticated\r\n"), NULL},
};

static void test_probe(void **state UNUSED)
{
    for (size_t i = 0; i < ARRAY_LEN(probe_rows); i++) {
        const struct probe_row *row = &probe_rows[i];
        struct peer peer;
        struct probe p;
        print_message("%s\n", row->name);
        peer_init(&peer);
        peer.rig.conf.protocol = row->protocol;
        rig_open(&peer.rig);
        probe_start(&peer.rig, &p, "a"); /* waits for the outcome */
        peer_accept(&peer);
        peer_expect(&peer, row->asked);
        peer_send(&peer, row->answer);
        if (slice_eq(row->answer, SLICE(KNOWN))) {
            peer_expect(&peer, "stats settings\r\n");
            peer_send(&peer, SLICE("END\r\n"));
        }
        if (row->get != NULL) {
            peer_expect(&peer, row->get);
            mc_get_cancel(&p.get);
        } else {
            peer_hang_up(&peer);
            until_done(&peer, &p);
            assert_int_equal(p.result, MC_FAILED);
        }
        peer_fini(&peer);
    }
}

struct limit_row {
    const char *name;
    struct slice told;
    size_t takes; /* of the configured 1 MiB */
};

static const struct limit_row limit_rows[] = {
    {"less", SLICE_INIT("STAT maxbytes 1\r\nSTAT item_size_max 524288\r\nEND\r\n"), 524288},
    {"more than configured", SLICE_INIT("STAT item_size_max 8388608\r\nEND\r\n"), 1024 * 1024},
    {"nothing", SLICE_INIT("END\r\n"), 1024 * 1024},
    {"no such command", SLICE_INIT("ERROR\r\n"), 1024 * 1024},
};

static void test_item_limit(void **state UNUSED)
{
    for (size_t i = 0; i < ARRAY_LEN(limit_rows); i++) {
        struct peer peer;
        print_message("%s\n", limit_rows[i].name);
        peer_init(&peer);
        rig_open(&peer.rig);
        peer_accept(&peer);
        peer_expect(&peer, "mn\r\nversion\r\n");
        peer_send(&peer, SLICE("MN\r\nVERSION 1.6.18\r\n"));
        peer_expect(&peer, "stats settings\r\n");
        assert_int_equal(mc_pool_item_max_bytes(peer.rig.pool), 1024 * 1024);
        assert_false(mc_pool_is_up(peer.rig.pool));
        peer_send(&peer, limit_rows[i].told);
        rig_until_state(&peer.rig, 0, MC_SERVER_UP);
        assert_int_equal(mc_pool_item_max_bytes(peer.rig.pool), limit_rows[i].takes);
        assert_true(mc_pool_is_up(peer.rig.pool));
        peer_fini(&peer);
    }
}

/* Some routers close on a command that they don't know: then they are only asked for their version.
 */
static void test_server_that_closes_on_mn(void **state UNUSED)
{
    struct peer peer;
    struct probe p;
    peer_init(&peer);
    peer.rig.conf.breaker_probe_ms = 1000000;
    rig_open(&peer.rig);
    probe_start(&peer.rig, &p, "a"); /* waits meanwhile: nothing has failed */
    for (int i = 0; i < 2; i++) {
        peer_accept(&peer);
        peer_expect(&peer, "mn\r\nversion\r\n");
        peer_hang_up(&peer);
    }
    peer_accept(&peer);
    peer_expect(&peer, "version\r\n");
    peer_send(&peer, SLICE("VERSION 1.6.18\r\n")); /* of a server behind it */
    peer_expect(&peer, "get a\r\n");
    peer_send(&peer, SLICE("VALUE a 0 5\r\nhello\r\nEND\r\n"));
    until_done(&peer, &p);
    probe_expect(&p, "hello");
    assert_int_equal(rig_count(&peer.rig, MC_CONNECTS), 3);
    peer_fini(&peer);
}

/* Whoever always closes is not asked without end. */
static void test_server_that_always_closes(void **state UNUSED)
{
    struct peer peer;
    struct probe p;
    peer_init(&peer);
    peer.rig.conf.breaker_probe_ms = 1000000;
    rig_open(&peer.rig);
    probe_start(&peer.rig, &p, "a");
    for (int i = 0; i < 3; i++) {
        peer_accept(&peer);
        peer_expect(&peer, i < 2 ? "mn\r\nversion\r\n" : "version\r\n");
        peer_hang_up(&peer);
    }
    until_done(&peer, &p);
    assert_int_equal(p.result, MC_FAILED);
    rig_until_state(&peer.rig, 0, MC_SERVER_DOWN);
    assert_int_equal(rig_count(&peer.rig, MC_CONNECTS), 3);
    peer_fini(&peer);
}

static void test_classic_value_of_another_key(void **state UNUSED)
{
    struct peer peer;
    struct probe p;
    peer_init(&peer);
    peer.rig.conf.protocol = MC_PROTOCOL_CLASSIC;
    rig_open(&peer.rig);
    peer_accept(&peer);
    peer_expect(&peer, "version\r\n");
    peer_send(&peer, SLICE("VERSION 1.4.5\r\n"));
    rig_until_state(&peer.rig, 0, MC_SERVER_UP);
    probe_start(&peer.rig, &p, "a");
    peer_expect(&peer, "get a\r\n");
    peer_send(&peer, SLICE("VALUE b 0 5\r\nhello\r\nEND\r\n"));
    until_done(&peer, &p);
    assert_int_equal(p.result, MC_FAILED);
    assert_true(peer_sees_end(&peer));
    peer_fini(&peer);
}

/* Answers the probe and hangs up on every lookup: no storm of connections. */
static void test_flapping_server_is_tried_rarely(void **state UNUSED)
{
    struct peer peer;
    peer_init(&peer);
    peer.rig.conf.breaker_probe_ms = 100;
    rig_open(&peer.rig);
    mono_ms end = clock_mono_ms() + 1500;
    while (clock_mono_ms() < end) {
        struct probe p;
        char got[256];
        loop_turn(peer.rig.loop, 2);
        if (peer.fd < 0)
            peer.fd = accept4(peer.listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (peer.fd < 0 || read(peer.fd, got, sizeof(got)) <= 0)
            continue;
        peer_send(&peer, SLICE("MN\r\nVERSION 1.6.18\r\nEND\r\n"));
        rig_until_state(&peer.rig, 0, MC_SERVER_UP);
        probe_start(&peer.rig, &p, "a");
        peer_hang_up(&peer);
        until_done(&peer, &p);
        assert_int_equal(p.result, MC_FAILED);
    }
    assert_in_range(rig_count(&peer.rig, MC_CONNECTS), 3, 9); /* 100 ms apart, then 200, 400 … */
    peer_fini(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_replies_split_at_every_byte),
        cmocka_unit_test(test_long_values_byte_by_byte),
        cmocka_unit_test(test_order_is_kept_or_the_connection_goes),
        cmocka_unit_test(test_pipelined_replies_split_at_every_byte),
        cmocka_unit_test(test_unasked_reply_closes),
        cmocka_unit_test(test_close_in_the_middle_of_a_value),
        cmocka_unit_test(test_silence_in_the_middle_of_a_value),
        cmocka_unit_test(test_trickling_server_is_given_up),
        cmocka_unit_test(test_late_answer_is_dropped),
        cmocka_unit_test(test_late_leases_are_given_back),
        cmocka_unit_test(test_lease_that_was_not_asked_for_is_given_back),
        cmocka_unit_test(test_leases_of_others_are_doubted_after_trouble),
        cmocka_unit_test(test_refused_stores_are_told_from_lookups),
        cmocka_unit_test(test_refused_store_is_told_from_others),
        cmocka_unit_test(test_ttl_over_30_days_is_a_date),
        cmocka_unit_test(test_long_store_to_a_slow_reader),
        cmocka_unit_test(test_probe),
        cmocka_unit_test(test_item_limit),
        cmocka_unit_test(test_server_that_closes_on_mn),
        cmocka_unit_test(test_server_that_always_closes),
        cmocka_unit_test(test_classic_value_of_another_key),
        cmocka_unit_test(test_flapping_server_is_tried_rarely),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
