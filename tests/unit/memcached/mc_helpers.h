/* What the tests of memcached/ need: a pool over given addresses, lookups that note their end, a
 * real memcached to be killed and stopped. */
#pragma once

#include "memcached/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

/* Long enough that only a defect reaches it. */
#define PATIENCE_MS 10000
#define CALM_MS     3000
#define SERVERS_MAX 4

/* A loop and a pool on it. Settings may be changed between rig_init and rig_open. */
struct rig {
    struct loop *loop;
    struct log log; /* into a file of `log_path` */
    char log_path[64];
    struct mc_conf conf;
    struct mc_server_conf servers[SERVERS_MAX];
    char texts[SERVERS_MAX][64];
    struct mc_pool *pool;
};
void rig_init(struct rig *);
void rig_add(struct rig *, const char *address);
void rig_open(struct rig *);
void rig_fini(struct rig *);
/* Times `text` stands in the log. */
size_t rig_logged(struct rig *, const char *text);

/* One lookup and how it ended. */
struct probe {
    struct mc_get get;
    int calls;
    enum mc_result result;
    mono_ms took_ms;
    mono_ms started;
};
mc_get_fn probe_on_get;
/* Starts it; what mc_pool_get says at once is noted too. */
void probe_start(struct rig *, struct probe *, const char *key);
void probe_ask(struct rig *, struct probe *, const char *key, struct mc_ask);
bool probe_done(const struct probe *);
/* Starts and waits for the end. */
enum mc_result rig_get(struct rig *, const char *key, struct probe *);
enum mc_result rig_await(struct rig *, struct probe *);
/* Gives the value back; fails where it isn't `expected`. */
void probe_expect(struct probe *, const char *expected);
void key_of(const char *text, struct mc_key *out);
struct blob *blob_of(const char *text);
void rig_set(struct rig *, const char *key, const char *value, int64_t ttl_s);

uint64_t rig_count(const struct rig *, enum mc_counter);
/* Turns the loop until the server is in that state. */
void rig_until_state(struct rig *, size_t server, enum mc_server_state);
/* Turns until the counter has reached the number. */
void rig_until_count(struct rig *, enum mc_counter, uint64_t);
void rig_turns(struct rig *, int64_t ms);

struct memcached {
    pid_t pid;
    uint16_t port;
    char address[96];
};
void memcached_start(struct memcached *);
void memcached_start_unix(struct memcached *, const char *path);
/* On the port that it had. */
void memcached_start_again(struct memcached *);
void memcached_kill(struct memcached *);
void memcached_stop(struct memcached *); /* returns when it has stopped */
void memcached_continue(struct memcached *);
/* Starts one, and a rig of it alone that has found it up. */
void rig_start(struct rig *, struct memcached *);
/* A free port of 127.0.0.1. */
uint16_t free_port(void);
