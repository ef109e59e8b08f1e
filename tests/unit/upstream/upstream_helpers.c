#include "upstream_helpers.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#define QUIET_MS 30

/* -- an upstream -- */

static int listen_on_loopback(struct address *bound)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    *bound = (struct address){.len = sizeof(bound->u.in4)};
    bound->u.in4.sin_family = AF_INET;
    bound->u.in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, &bound->u.sa, bound->len), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, &bound->u.sa, &bound->len), 0);
    return fd;
}

void rig_init(struct rig *r, size_t servers)
{
    memset(r, 0, sizeof(*r));
    assert_true(log_init(&r->log, "/dev/null", LOG_DEBUG));
    r->loop = loop_new();
    r->health = upstream_health_new();
    r->conf = (struct upstream_conf){
        .name = SLICE("app"),
        .servers = r->servers,
        .servers_n = servers,
        .keepalive = 8,
        .keepalive_requests = 1000,
        .keepalive_timeout_ms = 60000,
        .keepalive_time_ms = 3600000,
    };
    for (size_t i = 0; i < servers; i++) {
        struct address at;
        r->listening[i] = listen_on_loopback(&at);
        struct peer_conf *c = &r->servers[i];
        c->text = address_print(&at, r->texts[i]);
        assert_true(endpoint_parse(c->text, &c->endpoint));
        c->weight = 1;
        c->max_fails = 1;
        c->fail_timeout_ms = 10000;
    }
}

void rig_start(struct rig *r)
{
    r->upstream = upstream_new(&r->conf, r->health, r->loop, NULL, &r->log);
}

void rig_fini(struct rig *r)
{
    upstream_free(&r->upstream);
    loop_turn(r->loop, 0);
    loop_free(&r->loop);
    upstream_health_free(&r->health);
    for (size_t i = 0; i < r->conf.servers_n; i++) {
        if (r->listening[i] > 0) {
            close(r->listening[i]);
        }
    }
    log_fini(&r->log);
}

void rig_turn(struct rig *r, int64_t wait_ms)
{
    loop_turn(r->loop, wait_ms);
}

void rig_settle(struct rig *r)
{
    mono_ms until = clock_mono_ms() + QUIET_MS;
    while (clock_mono_ms() < until) {
        loop_turn(r->loop, 5);
    }
}

static bool is_readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

static void turn_until_readable(struct rig *r, int fd)
{
    mono_ms deadline = clock_mono_ms() + PATIENCE_MS;
    while (!is_readable(fd)) {
        assert_true(clock_mono_ms() < deadline);
        loop_turn(r->loop, 5);
    }
}

void rig_until(struct rig *r, const int *flag)
{
    mono_ms deadline = clock_mono_ms() + PATIENCE_MS;
    while (*flag == 0) {
        assert_true(clock_mono_ms() < deadline);
        loop_turn(r->loop, 50);
    }
}

int rig_accept(struct rig *r, size_t server)
{
    turn_until_readable(r, r->listening[server]);
    int fd = accept4(r->listening[server], NULL, NULL, SOCK_CLOEXEC);
    assert_true(fd >= 0);
    int on = 1;
    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
    return fd;
}

void rig_expect_no_connection(struct rig *r, size_t server)
{
    rig_settle(r);
    assert_false(is_readable(r->listening[server]));
}

struct peer *rig_pick(struct rig *r)
{
    struct pick_state s = {0};
    struct peer *p = upstream_pick(r->upstream, &s, loop_now(r->loop));
    assert_non_null(p);
    return p;
}

/* -- the origin's side -- */

void origin_expect(struct rig *r, int fd, const char *text)
{
    size_t n = strlen(text);
    char *got = calloc(1, n + 1);
    for (size_t have = 0; have < n;) {
        turn_until_readable(r, fd);
        ssize_t more = read(fd, got + have, n - have);
        assert_true(more > 0);
        have += (size_t)more;
    }
    assert_string_equal(got, text);
    free(got);
}

void origin_discard(struct rig *r, int fd, size_t n)
{
    static const size_t piece = 65536;
    char *got = malloc(piece);
    while (n > 0) {
        turn_until_readable(r, fd);
        ssize_t more = read(fd, got, n < piece ? n : piece);
        assert_true(more > 0);
        n -= (size_t)more;
    }
    free(got);
}

void origin_say(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

bool origin_expect_close(struct rig *r, int fd)
{
    char byte;
    turn_until_readable(r, fd);
    ssize_t got = read(fd, &byte, 1);
    assert_true(got <= 0);
    return got < 0 && errno == ECONNRESET;
}

void origin_expect_silence(struct rig *r, int fd)
{
    rig_settle(r);
    assert_false(is_readable(fd));
}

/* -- an exchange -- */

static void on_connected(struct exchange *ex)
{
    struct call *c = exchange_owner(ex);
    c->connected++;
    if (c->cancel_on_connected) {
        exchange_cancel(&c->ex);
    }
}

static void on_interim(struct exchange *ex, const struct response_head *head)
{
    struct call *c = exchange_owner(ex);
    assert_in_range(head->status, 100, 199);
    assert_int_equal(c->heads, 0);
    c->interim++;
}

static void on_head(struct exchange *ex, const struct response_head *head)
{
    struct call *c = exchange_owner(ex);
    c->heads++;
    c->status = head->status;
    assert_int_equal(c->heads, 1);
    assert_non_null(exchange_head_blob(ex));
    if (c->cancel_on_head) {
        exchange_cancel(&c->ex);
    }
}

static void on_content(struct exchange *ex, struct blob *blob, struct slice bytes)
{
    struct call *c = exchange_owner(ex);
    assert_int_equal(c->heads, 1);
    assert_int_equal(c->done + c->failed, 0);
    assert_true(bytes.n > 0);
    assert_true(bytes.p >= blob->data && bytes.p + bytes.n <= blob->data + blob->len);
    c->content = realloc(c->content, c->content_n + bytes.n + 1);
    memcpy(c->content + c->content_n, bytes.p, bytes.n);
    c->content_n += bytes.n;
    c->content[c->content_n] = 0;
    c->pieces++;
    c->last_blob = blob;
    if (c->pause_on_content) {
        exchange_pause(ex);
    }
    if (c->cancel_on_content) {
        exchange_cancel(&c->ex);
    }
}

static void on_done(struct exchange *ex)
{
    struct call *c = exchange_owner(ex);
    assert_int_equal(c->done + c->failed, 0);
    c->done++;
}

static void on_fail(struct exchange *ex, enum exchange_error error)
{
    struct call *c = exchange_owner(ex);
    assert_int_equal(c->done + c->failed, 0);
    assert_int_not_equal(error, EXCHANGE_OK);
    c->failed++;
    c->error = error;
}

static void on_writable(struct exchange *ex)
{
    struct call *c = exchange_owner(ex);
    c->writable++;
}

static const struct exchange_events events = {
    .on_connected = on_connected,
    .on_interim = on_interim,
    .on_head = on_head,
    .on_content = on_content,
    .on_done = on_done,
    .on_fail = on_fail,
    .on_writable = on_writable,
};

void call_init(struct call *c, struct rig *r)
{
    memset(c, 0, sizeof(*c));
    c->rig = r;
    c->limits = (struct h1_limits){.line_bytes = 4096, .head_bytes = 65536, .field_count = 100};
    c->req = (struct exchange_request){
        .head = SLICE(GET_HEAD),
        .method = METHOD_GET,
        .limits = &c->limits,
        .buffer_bytes = 16384,
        .send_buffer_bytes = 65536,
        .connect_timeout_ms = PATIENCE_MS,
        .send_timeout_ms = PATIENCE_MS,
        .read_timeout_ms = PATIENCE_MS,
    };
}

void call_start(struct call *c, struct peer *p, bool fresh)
{
    c->ex = exchange_new(c->rig->upstream, &events, c);
    exchange_start(c->ex, p, &c->req, fresh);
    assert_int_equal(c->connected + c->failed, 0); /* never before it has returned */
}

void call_end(struct call *c)
{
    struct call fresh;
    exchange_cancel(&c->ex);
    free(c->content);
    call_init(&fresh, c->rig);
    fresh.req = c->req;
    fresh.limits = c->limits;
    *c = fresh;
    c->req.limits = &c->limits;
    loop_turn(c->rig->loop, 0);
}

static void turn_until_ended(struct call *c)
{
    mono_ms deadline = clock_mono_ms() + PATIENCE_MS;
    while (c->done + c->failed == 0) {
        assert_true(clock_mono_ms() < deadline);
        loop_turn(c->rig->loop, 50);
    }
}

void call_expect_done(struct call *c, int status, const char *content)
{
    turn_until_ended(c);
    assert_int_equal(c->error, EXCHANGE_OK);
    assert_int_equal(c->done, 1);
    assert_int_equal(c->status, status);
    assert_string_equal(c->content != NULL ? c->content : "", content);
}

void call_expect_failed(struct call *c, enum exchange_error error)
{
    turn_until_ended(c);
    assert_int_equal(c->done, 0);
    assert_int_equal(c->error, error);
}

int call_once(struct rig *r, struct call *c, int fd)
{
    call_start(c, rig_pick(r), false);
    if (fd < 0) {
        fd = rig_accept(r, 0);
    }
    origin_expect(r, fd, GET_HEAD);
    origin_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    call_expect_done(c, 200, "ok");
    call_end(c);
    return fd;
}
