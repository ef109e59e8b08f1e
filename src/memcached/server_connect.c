#include "memcached/server_connect.h"

#include "base/assert.h"

#include <stdio.h>
#include <string.h>

static dial_fn server_on_dial;
static tls_handshake_fn server_on_handshake;
static resolver_fn server_on_addresses, server_on_renewed;
static timer_fn server_on_attempt, server_on_renew;

static void set_state(struct mc_server *s, enum mc_server_state state)
{
    atomic_store_explicit(&s->state, (int)state, memory_order_relaxed);
}

static enum mc_server_state state_of(const struct mc_server *s)
{
    return (enum mc_server_state)atomic_load_explicit(&s->state, memory_order_relaxed);
}

bool mc_server_is_connecting(const struct mc_server *s)
{
    return state_of(s) == MC_SERVER_CONNECTING;
}

static uint16_t server_port(const struct mc_server *s)
{
    return s->conf->endpoint.port == 0 ? MC_DEFAULT_PORT : s->conf->endpoint.port;
}

/* -- failures -- */

/* One line when it goes and one when it comes back, however often the attempts between fail. */
static void say_down(struct mc_server *s, const char *why)
{
    if (s->said_down)
        return;
    s->said_down = true;
    log_write(s->env->log, LOG_ERROR,
              "memcached \"%.*s\": %.*s is down (%s); its keys are misses until it answers",
              SLICE_ARG(s->env->conf->name), SLICE_ARG(s->conf->text), why);
}

static void say_up(struct mc_server *s)
{
    if (!s->said_down)
        return;
    s->said_down = false;
    log_write(s->env->log, LOG_NOTICE, "memcached \"%.*s\": %.*s is up",
              SLICE_ARG(s->env->conf->name), SLICE_ARG(s->conf->text));
}

static void schedule_attempt(struct mc_server *s)
{
    int64_t wait_ms = mc_breaker_wait_ms(&s->breaker, loop_now(s->env->loop));
    timer_set(s->env->loop, &s->attempt, wait_ms);
}

void mc_server_failed(struct mc_server *s, const char *why)
{
    set_state(s, MC_SERVER_DOWN);
    (void)snprintf(s->trouble, sizeof s->trouble, "%s", why);
    timer_cancel(&s->renew);
    if (mc_breaker_fail(&s->breaker))
        mc_count(&s->counters, MC_BREAKER_OPENS, 1);
    say_down(s, why);
    schedule_attempt(s);
    mc_server_fail_waiting(s);
}

void mc_server_failed_tls(struct mc_server *s, const char *problem)
{
    char why[256];
    (void)snprintf(why, sizeof(why), "TLS: %s", problem);
    mc_server_failed(s, why);
}

void mc_server_up(struct mc_server *s)
{
    set_state(s, MC_SERVER_UP);
    s->mn_closed = 0;
    s->trouble[0] = '\0';
    mc_breaker_probed(&s->breaker);
    say_up(s);
    if (s->is_name)
        timer_set(s->env->loop, &s->renew, s->addresses_until - loop_now(s->env->loop));
}

/* -- attempts -- */

/* NULL: the system chooses. A unix socket has no address to come from. */
static const struct address *bind_address(const struct mc_server *s)
{
    const struct address *bind = &s->env->conf->bind;
    bool is_unix = s->addresses[s->address_at].u.sa.sa_family == AF_UNIX;
    return bind->len == 0 || is_unix ? NULL : bind;
}

static void dial_next(struct mc_server *s)
{
    mc_count(&s->counters, MC_CONNECTS, 1);
    dial_start(&s->dial, &s->addresses[s->address_at], bind_address(s),
               s->env->conf->connect_timeout_ms);
}

void mc_server_attempt(struct mc_server *s)
{
    mono_ms now = loop_now(s->env->loop);
    s->random = s->random * 6364136223846793005u + 1442695040888963407u;
    mc_breaker_attempt(&s->breaker, now, s->random >> 33);
    set_state(s, MC_SERVER_CONNECTING);
    if (!s->is_name || (s->addresses_n > 0 && now < s->addresses_until)) {
        dial_next(s);
        return;
    }
    resolver_cancel(&s->query);
    s->query = resolver_query(s->env->resolver, s->conf->endpoint.host, server_port(s),
                              server_on_addresses, s);
}

static void server_on_attempt(struct timer *t)
{
    mc_server_attempt(t->owner);
}

void mc_server_reconnect(struct mc_server *s)
{
    timer_cancel(&s->renew);
    if (mc_breaker_wait_ms(&s->breaker, loop_now(s->env->loop)) == 0) {
        mc_server_attempt(s);
        return;
    }
    set_state(s, MC_SERVER_DOWN);
    schedule_attempt(s);
}

static void start_handshake(struct mc_server *s, int fd)
{
    const struct mc_conf *conf = s->env->conf;
    const struct endpoint *endpoint = &s->conf->endpoint;
    const struct tls_peer peer = {.name = conf->tls.name.n > 0 ? conf->tls.name : endpoint->host,
                                  .send_name = conf->tls.server_name};
    tls_handshake_start(&s->handshake, conf->tls.context, fd, &peer, &s->session,
                        conf->connect_timeout_ms);
}

/* A server that goes away closes on `mn` too, but hardly twice without being gone between. */
#define MN_CLOSES_MAX 2

static bool asks_version_only(const struct mc_server *s)
{
    return s->env->conf->protocol == MC_PROTOCOL_CLASSIC || s->mn_closed >= MN_CLOSES_MAX;
}

bool mc_server_mn_closed(struct mc_server *s)
{
    bool again = s->env->conf->protocol == MC_PROTOCOL_AUTO && !asks_version_only(s);
    s->mn_closed = again ? s->mn_closed + 1 : 0;
    return again;
}

static void server_on_dial(struct dial *d, enum dial_result result, int fd)
{
    struct mc_server *s = d->owner;
    if (result == DIAL_OK) {
        if (s->env->conf->tls.context != NULL)
            start_handshake(s, fd);
        else
            mc_conn_open(&s->conn, fd, NULL, asks_version_only(s));
        return;
    }
    s->mn_closed = 0;
    mc_count(&s->counters, MC_CONNECT_FAILS, 1);
    s->address_at = (s->address_at + 1) % s->addresses_n;
    mc_server_failed(s, dial_result_text(result));
}

static void server_on_handshake(struct tls_handshake *h, int fd, struct tls *tls,
                                const char *problem)
{
    struct mc_server *s = h->owner;
    if (tls != NULL) {
        mc_conn_open(&s->conn, fd, tls, asks_version_only(s));
        return;
    }
    s->mn_closed = 0;
    if (h->stumbled) {
        dial_next(s);
        return;
    }
    mc_count(&s->counters, MC_CONNECT_FAILS, 1);
    s->address_at = (s->address_at + 1) % s->addresses_n;
    mc_server_failed_tls(s, problem);
}

/* -- names -- */

static void take_addresses(struct mc_server *s, const struct address *addresses, size_t count,
                           int64_t ttl_ms)
{
    s->addresses_n = count < MC_ADDRESSES_MAX ? count : MC_ADDRESSES_MAX;
    memcpy(s->addresses, addresses, s->addresses_n * sizeof(*addresses));
    s->address_at = 0;
    s->addresses_until = loop_now(s->env->loop) + ttl_ms;
}

static void server_on_addresses(void *owner, enum resolver_result result,
                                const struct address *addresses, size_t count, int64_t ttl_ms)
{
    struct mc_server *s = owner;
    s->query = NULL;
    if (result == RESOLVER_OK && count > 0)
        take_addresses(s, addresses, count, ttl_ms);
    if (s->addresses_n > 0)
        dial_next(s); /* the last good addresses serve where the name cannot be asked for */
    else
        mc_server_failed(s, resolver_result_text(result));
}

#define RENEW_AGAIN_MS 5000 /* after a failed renewal */

/* Keeps the connection where its address is still one of the name's. */
static void server_on_renewed(void *owner, enum resolver_result result,
                              const struct address *addresses, size_t count, int64_t ttl_ms)
{
    struct mc_server *s = owner;
    s->query = NULL;
    if (result != RESOLVER_OK || count == 0) {
        timer_set(s->env->loop, &s->renew, RENEW_AGAIN_MS);
        return;
    }
    struct address used = s->addresses[s->address_at];
    take_addresses(s, addresses, count, ttl_ms);
    for (size_t i = 0; i < s->addresses_n; i++) {
        if (!address_eq(&used, &s->addresses[i]))
            continue;
        s->address_at = i;
        timer_set(s->env->loop, &s->renew, ttl_ms);
        return;
    }
    mc_conn_close(&s->conn, MC_LOSS_MOVED);
}

static void server_on_renew(struct timer *t)
{
    struct mc_server *s = t->owner;
    if (s->query == NULL && state_of(s) == MC_SERVER_UP)
        s->query = resolver_query(s->env->resolver, s->conf->endpoint.host, server_port(s),
                                  server_on_renewed, s);
}

/* -- */

void mc_server_connect_init(struct mc_server *s)
{
    const struct endpoint *endpoint = &s->conf->endpoint;
    dial_init(&s->dial, s->env->loop, server_on_dial, s);
    tls_handshake_init(&s->handshake, s->env->loop, server_on_handshake, s);
    timer_init(&s->attempt, server_on_attempt, s);
    timer_init(&s->renew, server_on_renew, s);
    if (s->conf->service.n > 0)
        return;
    s->is_name = !endpoint->is_unix && !endpoint->is_literal;
    if (!s->is_name && address_from_endpoint(endpoint, &s->addresses[0])) {
        s->addresses_n = 1;
        if (!endpoint->is_unix)
            address_set_port(&s->addresses[0], server_port(s));
    }
    ASSERT(s->is_name ? s->env->resolver != NULL : s->addresses_n == 1);
    mc_server_attempt(s);
}

void mc_server_connect_fini(struct mc_server *s)
{
    timer_cancel(&s->attempt);
    timer_cancel(&s->renew);
    dial_cancel(&s->dial);
    tls_handshake_cancel(&s->handshake);
    resolver_cancel(&s->query);
}
