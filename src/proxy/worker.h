/* What one worker thread owns: its loop, buffers, counters, logs, and for each configuration it
 * still serves the upstreams and stores of it. No other state is mutable in the proxy. */
#pragma once

#include "base/arena.h"
#include "base/log.h"
#include "cache/store.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "proxy/counters.h"
#include "proxy/out.h"
#include "proxy/proxy_conf.h"
#include "proxy/time_cache.h"
#include "upstream/upstream.h"

struct access_log;
struct client;
struct coded_jobs;
struct flight_table;
struct purge_order;
struct raw_store;
struct request;
struct uses;
struct worker;

/* One configuration as one worker serves it. Counted by the connections and requests that use it
 * (this worker only); the last one lets it go. */
struct worker_conf {
    uint32_t refs;
    struct worker *worker;
    const struct proxy_conf *conf;
    struct upstream **upstreams; /* by proxy_conf.upstreams */
    struct store **stores;       /* by proxy_conf.caches */
    struct raw_store **raws;     /* by proxy_conf.raws */
    struct access_log **logs;    /* by proxy_conf.log_files; owned by the worker */
    struct listener
        *listeners; /* by proxy_conf.listens; running only while this is the current one */
    void *owner;    /* of main: what else dies with it */
    void (*on_free)(struct worker_conf *);
};
struct worker_conf *worker_conf_ref(struct worker_conf *);
void worker_conf_unref(struct worker_conf **);

/* Answers requests of the admin listener; given by main. Fills content of any length into the
 * request's arena. */
struct admin_reply {
    uint16_t status;
    struct slice type;
    struct slice content;
    struct purge_order *order; /* to a POST: what is to be purged (proxy/purge.h); NULL: the answer
                                  stands */
};
typedef void admin_fn(void *owner, struct request *, struct admin_reply *);

#define WORKER_READ_BYTES (64 * 1024)

struct worker {
    struct loop *loop;
    struct log *log;
    struct resolver *resolver;
    struct counters counters;
    struct arena_pool arenas;
    struct flight_table *flights; /* shared by all workers */
    struct uses *uses;            /* the same */
    struct worker_conf *conf;     /* the current one */
    uint64_t key_seed;            /* hash_seeded of cache keys, one for the process */
    unsigned index;
    struct list clients;      /* all open connections */
    struct list idle_clients; /* between two requests, longest idle first */
    size_t client_count;
    struct list free_requests;
    size_t free_requests_n;
    bool draining;  /* QUIT: answers say close, idle connections are closed */
    struct out out; /* gathers what the current turn of one client writes */
    char date[29];  /* of date_s */
    wall_s date_s;
    uint64_t client_serial; /* for $connection */
    struct time_cache times;
    struct list fetches; /* under way; some outlive their requests */
    uint32_t fills;      /* of them, those that store content in chunks */
    struct coded_jobs *coded_jobs;
    struct list tunnels;     /* connections that switched protocols */
    uint64_t request_serial; /* for $request_id */
    uint64_t id_seed[2];
    uint64_t generations;     /* given so far */
    uint64_t generation_seed; /* another one in every worker of every process */
    char via[18]; /* "(0123456789abcdef)": comment of our Via to origins, one for the process, shows
                     loops */
    admin_fn *admin;
    void *admin_owner;
    void *owner; /* main's thread object */
    char read_buffer[WORKER_READ_BYTES];
};

/* Everything zero but what the arguments give. */
struct worker *worker_new(unsigned index, struct log *, struct flight_table *, struct uses *,
                          uint64_t key_seed);
void worker_free(struct worker **);
/* A number that no worker of any process has given before, but for chance (1 in 2^64); never 0. */
uint64_t worker_new_generation(struct worker *);
/* Text of Date for now, cached per second. */
struct slice worker_date(struct worker *);
/* Makes `conf` the current one and starts its listeners (fds by proxy_conf.listens); the former
 * stops accepting and goes when its last request has ended. Takes `conf`. */
void worker_use_conf(struct worker *, struct worker_conf *conf, const int *listen_fds);
/* Stops accepting and closes idle connections; `drained` reports true once no connection is left.
 */
void worker_drain(struct worker *);
bool worker_drained(const struct worker *);
/* Closes everything at once: connections, tunnels, fetches. */
void worker_close_clients(struct worker *);
