/* One server of a pool, for one worker: its name and addresses, its connection, its breaker. Keeps
 * itself connected; while it is not, lookups are failures at once, except that they wait for a
 * connection that has no reason to fail. */
#pragma once

#include "memcached/breaker.h"
#include "memcached/conn.h"
#include "net/dial.h"
#include "net/tls_handshake.h"

#define MC_ADDRESSES_MAX 16
#define MC_TROUBLE_MAX   160

/* What all servers of a pool share. */
struct mc_server_env {
    struct loop *loop;
    struct resolver *resolver; /* may be NULL */
    struct log *log;
    const struct mc_conf *conf;
};

struct mc_server {
    const struct mc_server_env *env;
    const struct mc_server_conf *conf;
    struct mc_counters counters;
    _Atomic int state; /* enum mc_server_state; written by the worker, read by anybody */
    struct mc_breaker breaker;
    struct mc_conn conn;
    struct dial dial;
    struct tls_handshake handshake; /* behind dial, where the pool has TLS */
    struct tls_session session;     /* of the last connection */
    struct address addresses[MC_ADDRESSES_MAX];
    size_t addresses_n;
    size_t address_at; /* the one in use or tried last */
    bool is_name;
    mono_ms addresses_until; /* then the name is asked for again */
    struct resolver_query *query;
    struct timer renew;   /* of the addresses, while connected */
    struct timer attempt; /* the next one to connect */
    struct list waiting;  /* lookups that came before the connection was ready, oldest first */
    struct timer waiting_deadline;
    bool patient;                 /* lookups may wait: nothing has failed since it was up */
    unsigned mn_closed;           /* times in a row that the server closed on `mn` */
    bool said_down;               /* in the log */
    char trouble[MC_TROUBLE_MAX]; /* why it failed last, cut; empty: it has not since it was up */
    uint64_t random;
};

/* Starts connecting. Keeps `env` and `conf`. */
void mc_server_init(struct mc_server *, const struct mc_server_env *env,
                    const struct mc_server_conf *conf);
/* Ends what is under way: before mc_server_fini. */
void mc_server_leave(struct mc_server *);
/* No lookup may be pending. */
void mc_server_fini(struct mc_server *);
/* MC_PENDING or MC_FAILED. */
NODISCARD enum mc_result mc_server_get(struct mc_server *, struct mc_get *);
void mc_server_forget(struct mc_server *, struct mc_get *);
static inline bool mc_server_is_ready(const struct mc_server *s)
{
    return mc_conn_is_ready(&s->conn);
}
/* False: not sent. `told` (NULL: nobody) hears of the end as in conn.h. */
bool mc_server_set(struct mc_server *, const struct mc_key *, struct blob *, struct mc_store_line,
                   struct mc_get *told);
void mc_server_touch(struct mc_server *, const struct mc_key *, uint32_t ttl_s);
void mc_server_del(struct mc_server *, const struct mc_key *, struct mc_del_line);
/* The same; false: not sent. */
bool mc_server_del_told(struct mc_server *, const struct mc_key *, struct mc_del_line,
                        struct mc_get *told);
