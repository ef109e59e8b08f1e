/* One request of the tools on its way through the proxy's own decisions: listener, server,
 * location, key, and what the pool has of it. */
#pragma once

#include "proxy/lookup.h"
#include "proxy/rehearse.h"
#include "tools/record.h"

struct memory_tier;
struct purge_book;

/* What the pool's log of purges means for a record. */
enum walk_purged {
    WALK_NOT_PURGED,
    WALK_PURGED_SOFT, /* stale since then */
    WALK_PURGED,      /* not used any more */
};

struct walk {
    struct tool *tool;
    struct worker_conf wconf;
    struct upstream_health *health;
    struct memory_tier *memory; /* holds what the pool has, for the lookup */
    const struct listen_conf *listen;
    bool listen_by_port; /* else it is the first one */
    bool https;          /* the URL is one of what ends TLS before the proxy */
    struct request *request;
    enum rehearsed next;
    const struct cache_store_conf *cache; /* NULL: the request has no part in a cache */
    struct mc_pool *pool;                 /* NULL: the cache has none */
    struct purge_book *purges;            /* of the cache; NULL: the pool has no log */
    bool looked;
    struct record base;    /* of the URL's key */
    struct record variant; /* where the base is a vary index */
    bool has_variant;
    enum lookup_result found;
};

/* From the tool's arguments. False: the URL or a field is no good; said on the tool's `err`, with
 * the exit status TOOL_MISUSE. */
NODISCARD bool walk_begin(struct walk *, struct tool *);
/* Sets the keys; asks the pool where there is one. Only where `cache` is set. */
void walk_look(struct walk *);
void walk_end(struct walk *);

/* The record that answers, or would: of the variant where the URL has variants. */
const struct record *walk_record(const struct walk *);
struct slice walk_server_name(const struct walk *, const struct record *);
/* Reads the log of purges of the cache, which it leaves alone. */
void walk_learn_purges(struct walk *);
enum walk_purged walk_purged(const struct walk *, const struct record *);
/* Where the key lies, as values of the report's current object. */
void walk_report_place(struct walk *, const struct record *);
