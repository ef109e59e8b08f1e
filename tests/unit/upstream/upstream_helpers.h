/* What the tests of upstream/ need: an upstream with scripted origins on loopback, played by the
 * test itself between turns of the loop, and an exchange that notes what it is told. */
#pragma once

#include "net/loop.h"
#include "upstream/exchange.h"
#include "upstream/upstream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Long enough that only a defect reaches it. */
#define PATIENCE_MS 10000
#define SERVERS_MAX 8

/* -- an upstream -- */

struct rig {
    struct loop *loop;
    struct log log;
    struct upstream_health *health;
    struct upstream_conf conf;
    struct peer_conf servers[SERVERS_MAX];
    char texts[SERVERS_MAX][ADDRESS_TEXT_MAX];
    int listening[SERVERS_MAX]; /* -1: none */
    struct upstream *upstream;
};

/* A loop and settings; `servers` origins listen on loopback: max_fails 1, fail_timeout 10 s, weight
 * 1. The upstream itself is made by rig_start, so that a test can change settings before. */
void rig_init(struct rig *, size_t servers);
void rig_start(struct rig *);
void rig_fini(struct rig *);
/* One turn of the loop that waits for at most `wait_ms`. */
void rig_turn(struct rig *, int64_t wait_ms);
/* Turns until nothing has happened for a while. */
void rig_settle(struct rig *);
/* The connection that comes next; blocking. */
int rig_accept(struct rig *, size_t server);
/* Nobody waits to be accepted. */
void rig_expect_no_connection(struct rig *, size_t server);
struct peer *rig_pick(struct rig *);

/* -- the origin's side of a connection -- */

/* Turns until exactly these bytes have come. */
void origin_expect(struct rig *, int fd, const char *text);
/* Turns until `n` bytes have come and throws them away. */
void origin_discard(struct rig *, int fd, size_t n);
void origin_say(int fd, const char *text);
/* Turns until our side has closed. True: with a reset. */
bool origin_expect_close(struct rig *, int fd);
/* Nothing came, not even a close. */
void origin_expect_silence(struct rig *, int fd);

/* -- an exchange -- */

struct call {
    struct rig *rig;
    struct exchange *ex;
    struct h1_limits limits;
    struct exchange_request req;
    /* What was told. */
    int connected;
    int interim;
    int heads;
    int status;
    int done;
    int failed;
    int writable;
    enum exchange_error error;
    char *content;
    size_t content_n;
    size_t pieces;
    struct blob *last_blob; /* borrowed, to be compared */
    /* What to do then. */
    bool pause_on_content;
    bool cancel_on_head;
    bool cancel_on_content;
    bool cancel_on_connected;
};

/* GET / with generous limits. */
void call_init(struct call *, struct rig *);
void call_start(struct call *, struct peer *, bool fresh);
/* Frees the exchange and what was noted; the settings stay for another one. */
void call_end(struct call *);
/* Turns until it is done; fails the test where it fails. */
void call_expect_done(struct call *, int status, const char *content);
void call_expect_failed(struct call *, enum exchange_error);
/* Turns until `*flag` is not 0. */
void rig_until(struct rig *, const int *flag);

#define GET_HEAD "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
/* A whole exchange over a connection that may be pooled afterwards; returns the origin's side. */
int call_once(struct rig *, struct call *, int fd);
