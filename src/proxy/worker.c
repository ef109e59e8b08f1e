#include "proxy/worker.h"

#include "base/assert.h"
#include "http/date.h"
#include "proxy/client.h"
#include "proxy/coded_jobs.h"
#include "proxy/fetch.h"
#include "proxy/request.h"
#include "proxy/tunnel.h"

#include <stdio.h>
#include <stdlib.h>

#define ARENA_BLOCKS_KEPT 1024

/* The seed is a secret; its hash is not. */
static void make_via(struct worker *w)
{
    char text[sizeof w->via + 1];
    struct slice seed = {(const char *)&w->key_seed, sizeof w->key_seed};
    snprintf(text, sizeof text, "(%016llx)", (unsigned long long)hash_seeded(seed, w->key_seed));
    memcpy(w->via, text, sizeof w->via);
}

struct worker *worker_new(unsigned index, struct log *log, struct flight_table *flights,
                          struct uses *uses, uint64_t key_seed)
{
    struct worker *w = calloc(1, sizeof *w);
    ASSERT(w);
    w->index = index;
    w->log = log;
    w->flights = flights;
    w->uses = uses;
    w->key_seed = key_seed;
    make_via(w);
    w->loop = loop_new();
    w->id_seed[0] = hash_seed_new();
    w->id_seed[1] = hash_seed_new();
    w->generation_seed = hash_seed_new();
    arena_pool_init(&w->arenas, ARENA_BLOCKS_KEPT);
    list_init(&w->clients);
    list_init(&w->idle_clients);
    list_init(&w->free_requests);
    list_init(&w->fetches);
    list_init(&w->tunnels);
    w->coded_jobs = coded_jobs_new(w);
    return w;
}

void worker_free(struct worker **wp)
{
    struct worker *w = *wp;
    *wp = NULL;
    list_for_each_safe (it, &w->free_requests) {
        list_remove(it);
        free(list_entry(it, struct request, node));
    }
    loop_free(&w->loop);
    coded_jobs_free(&w->coded_jobs);
    arena_pool_fini(&w->arenas);
    free(w);
}

/* Hashed for the spread: asking the kernel each time costs as much as a hundredth of a fetch. */
uint64_t worker_new_generation(struct worker *w)
{
    uint64_t serial = ++w->generations;
    uint64_t generation =
        hash_seeded(slice_make((const char *)&serial, sizeof serial), w->generation_seed);
    return generation != 0 ? generation : worker_new_generation(w);
}

struct slice worker_date(struct worker *w)
{
    wall_s now = loop_wall(w->loop) / 1000;
    if (now != w->date_s) {
        http_date_format(now, w->date);
        w->date_s = now;
    }
    return slice_make(w->date, HTTP_DATE_BYTES);
}

/* -- configurations -- */

struct worker_conf *worker_conf_ref(struct worker_conf *c)
{
    c->refs++;
    return c;
}

void worker_conf_unref(struct worker_conf **cp)
{
    struct worker_conf *c = *cp;
    *cp = NULL;
    if (c && --c->refs == 0)
        c->on_free(c);
}

static void worker_on_accept(struct listener *l, int fd, const struct address *peer)
{
    struct worker_conf *wconf = l->owner;
    const struct listen_conf *listen = &wconf->conf->listens[l - wconf->listeners];
    client_accept(wconf->worker, wconf, listen, fd, peer, &l->local);
}

static void stop_listeners(struct worker_conf *c)
{
    for (size_t i = 0; c && i < c->conf->listens_n; i++)
        listener_stop(&c->listeners[i]);
}

void worker_use_conf(struct worker *w, struct worker_conf *conf, const int *listen_fds)
{
    stop_listeners(w->conf);
    worker_conf_unref(&w->conf);
    w->conf = conf;
    for (size_t i = 0; i < conf->conf->listens_n; i++)
        listener_start(&conf->listeners[i], w->loop, listen_fds[i], worker_on_accept, conf);
}

/* -- stopping -- */

void worker_drain(struct worker *w)
{
    w->draining = true;
    stop_listeners(w->conf);
    list_for_each_safe (it, &w->idle_clients) {
        struct client *c = list_entry(it, struct client, idle);
        if (c->requests > 0 &&
            buf_len(&c->in) == 0) /* a first or begun request is still answered */
            client_close(c, false);
    }
}

bool worker_drained(const struct worker *w)
{
    return w->client_count == 0 && list_empty(&w->tunnels);
}

void worker_close_clients(struct worker *w)
{
    while (!list_empty(&w->clients))
        client_close(list_entry(w->clients.next, struct client, node), true);
    tunnel_close_all(w);
    fetch_give_up_all(w);
    coded_jobs_give_up(w->coded_jobs);
}
