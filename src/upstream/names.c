/* Server lines become peers: literals once, names again whenever the TTL of the last answer is
 * over. A lookup that fails changes nothing: the last good addresses stay, and it is tried again.
 */
#include "base/assert.h"
#include "upstream/group.h"

#include <stdlib.h>

#define TTL_MIN_MS   1000
#define TTL_MAX_MS   (INT64_C(24) * 3600 * 1000)
#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS 30000
#define PORT_DEFAULT 80

static bool is_name(const struct peer_conf *c)
{
    return !c->endpoint.is_unix && !c->endpoint.is_literal && c->endpoint.host.n > 0;
}

static uint16_t port_of(const struct peer_conf *c)
{
    return c->endpoint.has_port ? c->endpoint.port : PORT_DEFAULT;
}

static int64_t clamp(int64_t v, int64_t min, int64_t max)
{
    return v < min ? min : v > max ? max : v;
}

/* -- peers of one server line -- */

static bool is_in(const struct address *a, const struct address *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (address_eq(a, &list[i])) {
            return true;
        }
    }
    return false;
}

static struct peer *find_peer(const struct upstream *u, const struct peer_conf *conf,
                              const struct address *a)
{
    list_for_each (it, &u->peers) {
        struct peer *p = list_entry(it, struct peer, node);
        if (p->conf == conf && address_eq(&p->address, a)) {
            return p;
        }
    }
    return NULL;
}

static void remove_others(struct upstream *u, const struct peer_conf *conf,
                          const struct address *addresses, size_t count)
{
    list_for_each_safe (it, &u->peers) {
        struct peer *p = list_entry(it, struct peer, node);
        if (p->conf == conf && !is_in(&p->address, addresses, count)) {
            log_write(u->log, LOG_NOTICE, "upstream \"%.*s\": %.*s: %.*s is gone",
                      SLICE_ARG(u->conf->name), SLICE_ARG(conf->text), SLICE_ARG(p->name));
            peer_remove(p);
        }
    }
}

/* Where the next peer of the line belongs: behind its last one, else behind the last one of the
 * lines before it. */
static struct list *place_of(struct upstream *u, const struct peer_conf *conf)
{
    struct list *place = &u->peers;
    list_for_each (it, &u->peers) {
        if (list_entry(it, struct peer, node)->conf > conf) {
            break; /* lines are compared by their place in the configuration's array */
        }
        place = it;
    }
    return place;
}

/* Makes `addresses` the peers of the line; those that stay keep their connections and counts. */
static void set_peers(struct upstream *u, const struct peer_conf *conf,
                      const struct address *addresses, size_t count)
{
    remove_others(u, conf, addresses, count);
    for (size_t i = 0; i < count; i++) {
        if (find_peer(u, conf, &addresses[i]) == NULL &&
            !peer_add(u, conf, &addresses[i], place_of(u, conf))) {
            log_write(u->log, LOG_ERROR, "upstream \"%.*s\": %.*s: more than %d peers",
                      SLICE_ARG(u->conf->name), SLICE_ARG(conf->text), UPSTREAM_PEERS_MAX);
            return;
        }
    }
}

/* -- lookups -- */

static void name_on_addresses(void *owner, enum resolver_result result,
                              const struct address *addresses, size_t count, int64_t ttl_ms)
{
    struct server_name *n = owner;
    struct upstream *u = n->upstream;
    n->query = NULL;
    if (result == RESOLVER_OK && count > 0) {
        int64_t wait_ms = clamp(ttl_ms, TTL_MIN_MS, TTL_MAX_MS);
        n->retry_ms = 0;
        set_peers(u, n->conf, addresses, count);
        health_remember(u->health, n->conf->endpoint.host, port_of(n->conf), addresses, count,
                        loop_now(u->loop) + wait_ms);
        timer_set(u->loop, &n->again, wait_ms);
        return;
    }
    /* Loud once, then quiet until it has worked again. */
    enum log_level level = n->retry_ms == 0 ? LOG_ERROR : LOG_INFO;
    n->retry_ms = clamp(n->retry_ms * 2, RETRY_MIN_MS, RETRY_MAX_MS);
    log_write(u->log, level, "upstream \"%.*s\": %.*s: %s; asking again in %d s",
              SLICE_ARG(u->conf->name), SLICE_ARG(n->conf->endpoint.host),
              resolver_result_text(result), (int)(n->retry_ms / 1000));
    timer_set(u->loop, &n->again, n->retry_ms);
}

static void name_ask(struct timer *t)
{
    struct server_name *n = t->owner;
    n->query = resolver_query(n->upstream->resolver, n->conf->endpoint.host, port_of(n->conf),
                              name_on_addresses, n);
}

/* With what is known already the lookup can wait until that is too old. */
static void name_start(struct upstream *u, struct server_name *n, const struct peer_conf *conf)
{
    n->upstream = u;
    n->conf = conf;
    timer_init(&n->again, name_ask, n);
    struct address known[RESOLVER_ADDRESSES_MAX];
    mono_ms expires = 0;
    size_t count = health_recall(u->health, conf->endpoint.host, port_of(conf), known, &expires);
    set_peers(u, conf, known, count);
    int64_t wait_ms = count > 0 ? clamp(expires - loop_now(u->loop), 0, TTL_MAX_MS) : 0;
    if (u->resolver != NULL) {
        timer_set(u->loop, &n->again, wait_ms);
    }
}

static void literal_start(struct upstream *u, const struct peer_conf *conf)
{
    struct address a;
    if (!address_from_endpoint(&conf->endpoint, &a)) {
        log_write(u->log, LOG_ERROR, "upstream \"%.*s\": %.*s is not an address",
                  SLICE_ARG(u->conf->name), SLICE_ARG(conf->text));
        return;
    }
    if (!conf->endpoint.is_unix) {
        address_set_port(&a, port_of(conf));
    }
    set_peers(u, conf, &a, 1);
}

void names_start(struct upstream *u)
{
    u->names = calloc(u->conf->servers_n + 1, sizeof(*u->names));
    ASSERT(u->names != NULL);
    for (size_t i = 0; i < u->conf->servers_n; i++) {
        const struct peer_conf *conf = &u->conf->servers[i];
        if (is_name(conf)) {
            name_start(u, &u->names[u->names_n++], conf);
        } else {
            literal_start(u, conf);
        }
    }
}

void names_stop(struct upstream *u)
{
    for (size_t i = 0; i < u->names_n; i++) {
        resolver_cancel(&u->names[i].query);
        timer_cancel(&u->names[i].again);
    }
    free(u->names);
    u->names = NULL;
    u->names_n = 0;
}

/* -- at start -- */

static void look_up_now(const struct peer_conf *conf, struct upstream_health *health,
                        const char *resolvers, int64_t timeout_ms, struct log *log)
{
    struct address addresses[RESOLVER_ADDRESSES_MAX];
    mono_ms expires = 0;
    size_t known = health_recall(health, conf->endpoint.host, port_of(conf), addresses, &expires);
    if (known > 0 && expires > clock_mono_ms()) {
        return;
    }
    int64_t ttl_ms = 0;
    size_t count = resolver_lookup_now(conf->endpoint.host, port_of(conf), resolvers, timeout_ms,
                                       addresses, RESOLVER_ADDRESSES_MAX, &ttl_ms);
    if (count > 0) {
        health_remember(health, conf->endpoint.host, port_of(conf), addresses, count,
                        clock_mono_ms() + clamp(ttl_ms, TTL_MIN_MS, TTL_MAX_MS));
        return;
    }
    log_write(log, known > 0 ? LOG_WARN : LOG_ERROR, "host \"%.*s\" of an upstream: no address%s",
              SLICE_ARG(conf->endpoint.host), known > 0 ? " now; the last ones are kept" : " yet");
}

void upstream_first_lookup(const struct upstream_conf *conf, struct upstream_health *health,
                           const char *resolvers, int64_t timeout_ms, struct log *log)
{
    mono_ms deadline = clock_mono_ms() + timeout_ms;
    for (size_t i = 0; i < conf->servers_n; i++) {
        int64_t left_ms = deadline - clock_mono_ms();
        if (is_name(&conf->servers[i])) {
            look_up_now(&conf->servers[i], health, resolvers, left_ms > 0 ? left_ms : 0, log);
        }
    }
}
