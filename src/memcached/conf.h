/* Settings of a pool of memcached servers. Filled by the configuration; immutable afterwards. */
#pragma once

#include "base/slice.h"
#include "net/address.h"

#include <stdbool.h>
#include <stdint.h>

/* How keys are spread over the servers. */
enum mc_distribution {
    MC_KETAMA, /* libmemcached's KETAMA_WEIGHTED */
    MC_NGINX,  /* nginx's `hash $key consistent` */
    MC_MODULO, /* nginx's `hash $key`, Cache::Memcached */
};

enum mc_protocol_choice {
    MC_PROTOCOL_AUTO, /* meta where `mn` is answered by 1.6.10 or later, else classic */
    MC_PROTOCOL_META,
    MC_PROTOCOL_CLASSIC, /* get, set, delete: for routers and old servers */
};

struct mc_server_conf {
    struct slice text; /* as configured: "cache-1:11211", "10.0.0.1", "unix:/run/memcached.sock";
                          its place on the ring comes from this, not from what it resolves to */
    struct endpoint endpoint; /* of `text`; port 0 means MC_DEFAULT_PORT */
    uint32_t weight;      /* 1 to 65535; all of a pool with MC_NGINX at most MC_WEIGHTS_MAX; of a
                             service, a factor of its records' */
    struct slice service; /* the name of SRV records, which name the servers; empty: `endpoint`
                             is the server */
};

/* Who we are to servers that ask for it (memcached's -Y). Never in a log. */
struct mc_auth {
    struct slice user; /* neither has a space or a control byte; empty: nobody asks */
    struct slice password;
};
#define MC_AUTH_MAX 250 /* bytes of either */

/* TLS to the servers (memcached's -Z). */
struct tls_context;
struct mc_tls {
    struct tls_context *context; /* NULL: no TLS; of the configuration */
    bool server_name;            /* names are sent (SNI) */
    struct slice name;           /* in every server's certificate; empty: that of each server */
};

struct mc_conf {
    struct slice name; /* of the pool, for the log */
    const struct mc_server_conf *servers;
    size_t servers_n; /* 1 to MC_SERVERS_MAX */
    enum mc_distribution distribution;
    enum mc_protocol_choice protocol;
    struct address bind;    /* of our end of connections; len 0: the system chooses */
    uint32_t replicas;      /* places of a value: 1, or 2 for a copy at a second server */
    int64_t replica_ttl_ms; /* longest life of the second copy */
    int64_t old_places_ms;  /* so long the places of before are asked too, after the servers have
                               changed; 0: never */
    int64_t connect_timeout_ms;
    int64_t send_timeout_ms;  /* between two writes that moved bytes */
    int64_t read_timeout_ms;  /* from the command to the whole reply */
    uint32_t breaker_fails;   /* consecutive failures that take a server out of use */
    int64_t breaker_probe_ms; /* between two attempts to reach a server that failed, plus jitter */
    uint32_t pending_max;     /* commands without a reply per server and worker; more are misses */
    size_t read_buffer_bytes; /* per server and worker, at least MC_READ_BUFFER_MIN */
    size_t send_buffer_bytes; /* queued for one server; stores that pass it are dropped */
    size_t item_max_bytes;    /* what the servers take (`-I`): longer values are not sent, a longer
                                 reply is a lie */
    struct mc_auth auth;
    struct mc_tls tls;
};

#define MC_DEFAULT_PORT    11211
#define MC_WEIGHT_MAX      256   /* of a server that SRV records name */
#define MC_WEIGHTS_MAX     16384 /* 160 points of 8 bytes each, in each worker */
#define MC_SERVERS_MAX     256
#define MC_READ_BUFFER_MIN 4096
#define MC_PENDING_LIMIT   65536 /* largest pending_max */

/* Every number at its default, no servers. */
static inline struct mc_conf mc_conf_default(void)
{
    return (struct mc_conf){
        .distribution = MC_KETAMA,
        .protocol = MC_PROTOCOL_AUTO,
        .replicas = 1,
        .replica_ttl_ms = 10 * 60 * 1000,
        .old_places_ms = 10 * 60 * 1000,
        .connect_timeout_ms = 50,
        .send_timeout_ms = 50,
        .read_timeout_ms = 50,
        .breaker_fails = 3,
        .breaker_probe_ms = 1000,
        .pending_max = 8192,
        .read_buffer_bytes = 128 * 1024,
        .send_buffer_bytes = 8 * 1024 * 1024,
        .item_max_bytes = 1024 * 1024,
    };
}
