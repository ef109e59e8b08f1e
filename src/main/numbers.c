#include "main/numbers.h"

#include "base/assert.h"
#include "main/generation.h"

/* -- memory tiers -- */

enum memory_column {
    MEMORY_BYTES,
    MEMORY_MAX_BYTES,
    MEMORY_ENTRIES,
    MEMORY_HITS,
    MEMORY_MISSES,
    MEMORY_PUTS,
    MEMORY_EVICTIONS,
    MEMORY_EXPIRATIONS,
    MEMORY_REFUSED,
    MEMORY_POOL_INVALID,
    MEMORY_PURGED,
    MEMORY_PURGES_KNOWN,
    MEMORY_COLUMNS
};

static const struct admin_column memory_columns[MEMORY_COLUMNS] = {
    [MEMORY_BYTES] = {"bytes", "Memory that stored responses take, with overhead", false},
    [MEMORY_MAX_BYTES] = {"max_bytes", "Limit of that", false},
    [MEMORY_ENTRIES] = {"entries", "Stored responses in memory", false},
    [MEMORY_HITS] = {"hits", "Lookups that found a stored response in memory", true},
    [MEMORY_MISSES] = {"misses", "Lookups that found none in memory", true},
    [MEMORY_PUTS] = {"puts", "Responses put into memory", true},
    [MEMORY_EVICTIONS] = {"evictions", "Stored responses dropped to make room", true},
    [MEMORY_EXPIRATIONS] = {"expirations", "Stored responses dropped as too old", true},
    [MEMORY_REFUSED] = {"refused", "Responses too large for memory", true},
    [MEMORY_POOL_INVALID] = {"pool_invalid", "Values from memcached that failed the check", true},
    [MEMORY_PURGES_KNOWN] =
        {"purges_known", "0: the pool's log of purges has not been read yet, nothing of it is used",
         false},
    [MEMORY_PURGED] = {"purged", "Stored responses found purged, in memory or memcached", true},
};

/* Rows of one table under construction; there is room for as many as `cap`. */
struct rows {
    struct arena *arena;
    struct admin_row *v;
    size_t n;
    size_t cap;
    size_t columns;
};

static struct admin_row *rows_find(const struct rows *rows, struct slice a, struct slice b)
{
    for (size_t i = 0; i < rows->n; i++)
        if (slice_eq(rows->v[i].labels[0], a) && slice_eq(rows->v[i].labels[1], b))
            return &rows->v[i];
    return NULL;
}

/* The row of these labels, made where there is none. */
static struct admin_row *rows_get(struct rows *rows, struct slice a, struct slice b)
{
    struct admin_row *found = rows_find(rows, a, b);
    if (found)
        return found;
    if (rows->n == rows->cap) {
        rows->cap = rows->cap == 0 ? 16 : rows->cap * 2;
        struct admin_row *more = ARENA_ARRAY(rows->arena, struct admin_row, rows->cap);
        for (size_t i = 0; i < rows->n; i++)
            more[i] = rows->v[i];
        rows->v = more;
    }
    struct admin_row *row = &rows->v[rows->n++];
    row->labels[0] = arena_dup(rows->arena, a);
    row->labels[1] = arena_dup(rows->arena, b);
    row->values = ARENA_ARRAY(rows->arena, uint64_t, rows->columns);
    return row;
}

static void memory_on_tier(void *arg, const struct tier *tier)
{
    struct memory_stats stats;
    struct admin_row *row = rows_get(arg, tier->name, slice_none());
    memory_tier_stats(tier->memory, &stats);
    row->values[MEMORY_BYTES] += stats.bytes;
    row->values[MEMORY_MAX_BYTES] += stats.max_bytes;
    row->values[MEMORY_ENTRIES] += stats.entries;
    row->values[MEMORY_HITS] += stats.hits;
    row->values[MEMORY_MISSES] += stats.misses;
    row->values[MEMORY_PUTS] += stats.puts;
    row->values[MEMORY_EVICTIONS] += stats.evictions;
    row->values[MEMORY_EXPIRATIONS] += stats.expirations;
    row->values[MEMORY_REFUSED] += stats.refused;
    row->values[MEMORY_POOL_INVALID] += atomic_load(&tier->pool_invalid);
    row->values[MEMORY_PURGED] += purge_book_found(tier->purges);
    row->values[MEMORY_PURGES_KNOWN] += purge_book_is_known(tier->purges) ? 1 : 0;
}

static void memory_on_cache(void *arg, const struct tier *tier, uint64_t pool_invalid)
{
    rows_get(arg, tier->name, slice_none())->values[MEMORY_POOL_INVALID] += pool_invalid;
}

static struct admin_table memory_table(struct numbers *n, struct arena *arena)
{
    struct rows rows = {.arena = arena, .columns = MEMORY_COLUMNS};
    tiers_each(&n->shared->tiers, memory_on_tier, &rows);
    for (size_t i = 0; i < n->threads_n; i++)
        generations_each_cache(&n->threads[i], memory_on_cache, &rows);
    return (struct admin_table){
        .name = "memory",
        .prefix = "mcproxy_memory",
        .label_names = {"cache"},
        .columns = memory_columns,
        .columns_n = MEMORY_COLUMNS,
        .rows = rows.v,
        .rows_n = rows.n,
    };
}

/* -- memcached servers -- */

#define SERVER_COLUMNS (MC_COUNTER_N + 2)
enum { SERVER_CONNECTIONS = MC_COUNTER_N, SERVER_DOWN };

static const char *const server_help[MC_COUNTER_N] = {
    [MC_GETS] = "Lookups asked for",
    [MC_HITS] = "Lookups that found a value",
    [MC_MISSES] = "Lookups answered by: not there",
    [MC_UNAVAILABLE] = "Lookups not sent because the server was out of use or too much was pending",
    [MC_TIMEOUTS] = "Lookups that ran into the read timeout",
    [MC_ERRORS] = "Lookups lost with their connection or answered by an error",
    [MC_SETS] = "Stores sent",
    [MC_SET_ERRORS] = "Stores that the server refused",
    [MC_SETS_DROPPED] = "Stores not sent because the server was out of use or the buffer full",
    [MC_SETS_TOO_LONG] = "Stores not sent because they are above the item limit",
    [MC_SECOND_HITS] = "Lookups whose value was found at the key's second server",
    [MC_OLD_HITS] = "Lookups whose value was found where the key was before the servers changed",
    [MC_DELETES] = "Deletes sent",
    [MC_BYTES_IN] = "Bytes read",
    [MC_BYTES_OUT] = "Bytes written",
    [MC_READS] = "System calls that read",
    [MC_WRITES] = "System calls that wrote",
    [MC_CONNECTS] = "Attempts to connect",
    [MC_CONNECT_FAILS] = "Attempts to connect that failed",
    [MC_LOST] = "Connections closed for garbage, timeouts or by the server",
    [MC_BAD_REPLIES] = "Connections closed for a reply that was not the one due",
    [MC_BREAKER_OPENS] = "Times the server was taken out of use",
};

static const struct admin_column *server_columns(struct arena *arena)
{
    struct admin_column *columns = ARENA_ARRAY(arena, struct admin_column, SERVER_COLUMNS);
    for (size_t i = 0; i < MC_COUNTER_N; i++)
        columns[i] = (struct admin_column){arena_dup(arena, mc_counter_name((enum mc_counter)i)).p,
                                           server_help[i], true};
    columns[SERVER_CONNECTIONS] =
        (struct admin_column){"connections", "Workers that are connected to the server", false};
    columns[SERVER_DOWN] =
        (struct admin_column){"workers_down", "Workers for which the server is out of use", false};
    return columns;
}

static void add_server(struct rows *rows, const struct mc_pool *pool, struct slice pool_name,
                       size_t server)
{
    struct admin_row *row = rows_get(rows, pool_name, mc_pool_server_name(pool, server));
    const struct mc_counters *counters = mc_pool_server_counters(pool, server);
    for (size_t i = 0; i < MC_COUNTER_N; i++)
        row->values[i] += mc_counter_read(counters, (enum mc_counter)i);
    switch (mc_pool_server_state(pool, server)) {
    case MC_SERVER_DOWN: row->values[SERVER_DOWN]++; break;
    case MC_SERVER_CONNECTING: break;
    case MC_SERVER_UP: row->values[SERVER_CONNECTIONS]++; break;
    }
    row->state = row->values[SERVER_DOWN] > 0          ? SLICE("down")
                 : row->values[SERVER_CONNECTIONS] > 0 ? SLICE("up")
                                                       : SLICE("connecting");
}

static struct admin_table memcached_table(struct numbers *n, struct arena *arena)
{
    struct rows rows = {.arena = arena, .columns = SERVER_COLUMNS};
    for (size_t i = 0; i < n->threads_n; i++) {
        list_for_each (it, &n->threads[i].kept.pools) {
            const struct kept_pool *p = list_entry(it, struct kept_pool, node);
            for (size_t server = 0; server < mc_pool_servers(p->pool); server++)
                add_server(&rows, p->pool, p->conf->name, server);
        }
    }
    return (struct admin_table){
        .name = "memcached",
        .prefix = "mcproxy_memcached",
        .label_names = {"pool", "server"},
        .columns = server_columns(arena),
        .columns_n = SERVER_COLUMNS,
        .rows = rows.v,
        .rows_n = rows.n,
    };
}

size_t numbers_tables(void *owner, struct arena *arena, struct admin_table *out)
{
    struct numbers *n = owner;
    pthread_mutex_lock(&n->shared->kept_lock);
    out[0] = memory_table(n, arena);
    out[1] = memcached_table(n, arena);
    pthread_mutex_unlock(&n->shared->kept_lock);
    return 2;
}
