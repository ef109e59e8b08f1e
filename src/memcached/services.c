#include "memcached/services.h"

#include "base/assert.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

/* After an answer that is of no use: while there are servers, and while there are none. */
#define AGAIN_MS       5000
#define AGAIN_FIRST_MS 1000

/* "target:port" of one record, and its weight. */
struct found {
    char text[MC_MEMBER_TEXT];
    uint32_t weight;
};

struct service {
    struct mc_services *all;
    const struct mc_server_conf *conf;
    struct resolver_query *query;
    struct timer again;
    struct found *found; /* sorted by text: in the same order in every process */
    size_t found_n;
    bool said_lost;
};

struct mc_services {
    struct mc_pool *pool;
    size_t n;
    struct service v[];
};

/* -- what the records say -- */

static int found_order(const void *a, const void *b)
{
    return slice_cmp(slice_of(((const struct found *)a)->text),
                     slice_of(((const struct found *)b)->text));
}

static struct found found_of(const struct resolver_service *record)
{
    struct found f = {.weight = record->weight == 0 ? 1 : record->weight};
    (void)snprintf(f.text, sizeof(f.text), "%s:%u", record->target, record->port);
    for (char *p = f.text; *p != '\0'; p++)
        *p = (char)tolower((unsigned char)*p);
    return f;
}

static bool is_server(const struct found *f)
{
    struct endpoint endpoint;
    return endpoint_parse(slice_of(f->text), &endpoint) && endpoint.has_port && !endpoint.is_unix;
}

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
    while (b != 0) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* 33, 33, 33 is 1, 1, 1 to the ring, which is then the same as with 25 four times; and none is
 * above MC_WEIGHT_MAX, because each unit takes places. */
static void reduce_weights(struct found *found, size_t n, uint32_t factor)
{
    uint32_t divisor = 0;
    uint32_t max = 1;
    for (size_t i = 0; i < n; i++)
        divisor = common_divisor(found[i].weight, divisor);
    for (size_t i = 0; i < n; i++) {
        found[i].weight = found[i].weight / divisor * factor;
        max = found[i].weight > max ? found[i].weight : max;
    }
    for (size_t i = 0; i < n && max > MC_WEIGHT_MAX; i++) {
        uint32_t scaled = (uint32_t)((uint64_t)found[i].weight * MC_WEIGHT_MAX / max);
        found[i].weight = scaled == 0 ? 1 : scaled;
    }
}

/* Each text once. */
static size_t drop_repeated(struct found *found, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || found_order(&found[kept - 1], &found[i]) != 0)
            found[kept++] = found[i];
    }
    return kept;
}

/* Into `out`, which has room for all. */
static size_t select_found(const struct resolver_service *records, size_t count, uint32_t factor,
                           struct found *out)
{
    uint16_t lowest = UINT16_MAX;
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        lowest = records[i].priority < lowest ? records[i].priority : lowest;
    for (size_t i = 0; i < count; i++) {
        out[n] = found_of(&records[i]);
        n += records[i].priority == lowest && is_server(&out[n]) ? 1 : 0;
    }
    qsort(out, n, sizeof(*out), found_order);
    n = drop_repeated(out, n);
    reduce_weights(out, n, factor);
    return n;
}

/* -- into the pool -- */

static struct mc_server_conf conf_of(const struct found *f)
{
    struct mc_server_conf conf = {.text = slice_of(f->text), .weight = f->weight};
    ASSERT(endpoint_parse(conf.text, &conf.endpoint)); /* host and port */
    return conf;
}

/* The servers of the configuration and those of every service, in this order, as far as there is
 * room. */
static size_t gather(const struct mc_services *all, struct mc_server_conf *out)
{
    const struct mc_conf *conf = all->pool->env.conf;
    size_t n = 0;
    for (size_t i = 0; i < conf->servers_n; i++)
        if (conf->servers[i].service.n == 0)
            out[n++] = conf->servers[i];
    for (size_t i = 0; i < all->n; i++) {
        const struct service *s = &all->v[i];
        for (size_t k = 0; k < s->found_n && n < MC_SERVERS_MAX; k++)
            out[n++] = conf_of(&s->found[k]);
    }
    return n;
}

static void say_servers(const struct service *s)
{
    log_write(s->all->pool->env.log, LOG_NOTICE, "memcached \"%.*s\": %.*s has %zu servers now",
              SLICE_ARG(s->all->pool->env.conf->name), SLICE_ARG(s->conf->text), s->found_n);
}

static void apply(const struct service *s)
{
    struct mc_server_conf *confs = calloc(MC_SERVERS_MAX, sizeof(*confs));
    ASSERT(confs != NULL);
    size_t n = gather(s->all, confs);
    if (n > 0 && mc_pool_take_servers(s->all->pool, confs, n))
        say_servers(s);
    free(confs);
}

static bool is_same_set(const struct service *s, const struct found *found, size_t n)
{
    bool same = s->found_n == n;
    for (size_t i = 0; same && i < n; i++)
        same = found_order(&s->found[i], &found[i]) == 0 && s->found[i].weight == found[i].weight;
    return same;
}

/* -- asking -- */

static resolver_service_fn service_on_answer;

static void ask(struct service *s)
{
    const struct mc_server_env *env = &s->all->pool->env;
    ASSERT(env->resolver != NULL);
    s->query = resolver_query_service(env->resolver, s->conf->service, service_on_answer, s);
}

static void service_on_again(struct timer *t)
{
    ask(t->owner);
}

static void say_lost(struct service *s, enum resolver_result result)
{
    if (s->said_lost)
        return;
    s->said_lost = true;
    log_write(s->all->pool->env.log, LOG_ERROR,
              "memcached \"%.*s\": %.*s: %s; it keeps the %zu servers that it had",
              SLICE_ARG(s->all->pool->env.conf->name), SLICE_ARG(s->conf->text),
              resolver_result_text(result), s->found_n);
}

static void take_found(struct service *s, const struct resolver_service *records, size_t count)
{
    struct found *found = calloc(count, sizeof(*found));
    ASSERT(found != NULL);
    size_t n = select_found(records, count, s->conf->weight, found);
    s->said_lost = false;
    if (n == 0 || is_same_set(s, found, n)) {
        free(found);
        return;
    }
    free(s->found);
    s->found = found;
    s->found_n = n;
    apply(s);
}

static void service_on_answer(void *owner, enum resolver_result result,
                              const struct resolver_service *records, size_t count, int64_t ttl_ms)
{
    struct service *s = owner;
    bool ok = result == RESOLVER_OK && count > 0;
    s->query = NULL;
    int64_t again_ms = s->found_n > 0 ? AGAIN_MS : AGAIN_FIRST_MS;
    timer_set(s->all->pool->env.loop, &s->again, ok ? ttl_ms : again_ms);
    if (ok)
        take_found(s, records, count);
    else
        say_lost(s, result);
}

/* -- life -- */

struct mc_services *mc_services_new(struct mc_pool *pool)
{
    const struct mc_conf *conf = pool->env.conf;
    struct mc_services *all = calloc(1, sizeof(*all) + conf->servers_n * sizeof(all->v[0]));
    ASSERT(all != NULL);
    all->pool = pool;
    for (size_t i = 0; i < conf->servers_n; i++) {
        if (conf->servers[i].service.n == 0)
            continue;
        struct service *s = &all->v[all->n++];
        *s = (struct service){.all = all, .conf = &conf->servers[i]};
        timer_init(&s->again, service_on_again, s);
        ask(s);
    }
    if (all->n == 0)
        mc_services_free(&all);
    return all;
}

bool mc_services_answered(const struct mc_services *all)
{
    bool answered = true;
    for (size_t i = 0; i < all->n; i++)
        answered = answered && all->v[i].query == NULL;
    return answered;
}

void mc_services_free(struct mc_services **services)
{
    struct mc_services *all = *services;
    *services = NULL;
    for (size_t i = 0; all != NULL && i < all->n; i++) {
        timer_cancel(&all->v[i].again);
        resolver_cancel(&all->v[i].query);
        free(all->v[i].found);
    }
    free(all);
}
