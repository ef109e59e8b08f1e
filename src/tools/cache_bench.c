/* `mcproxy cache bench`: lookups and stores through the proxy's own client, one at a time on each
 * connection, over keys of its own. */
#include "base/assert.h"
#include "base/hash.h"
#include "tools/latency.h"
#include "tools/tool.h"

#include <stdlib.h>
#include <unistd.h>

#define KEYS        1000
#define TTL_SLACK_S 60
#define TURN_MS     20
#define PREFIX      "mcproxy-bench"

enum kind { KIND_GET, KIND_SET, KIND_COUNT };

struct bench;
/* One connection to each server, with one command under way. */
struct lane {
    struct bench *bench;
    struct mc_pool *pool;
    struct mc_get get;
    struct turn_end next; /* a callback begins nothing itself: it might come back at once */
    enum kind kind;
    int64_t started_us;
    uint32_t filled; /* keys that it has stored at the beginning */
};

struct bench {
    struct tool *tool;
    size_t index; /* of the pool */
    struct mc_key keys[KEYS];
    struct blob *value;
    struct lane *lanes;
    size_t lanes_n;
    size_t active;
    bool measuring;
    int64_t end_us;
    uint64_t random;
    struct latency took[KIND_COUNT];
    uint64_t misses;
    uint64_t errors;
};

static uint64_t next_random(struct bench *b)
{
    b->random = b->random * 6364136223846793005u + 1442695040888963407u;
    return b->random >> 33;
}

/* -- one command -- */

static void lane_on_answer(struct mc_get *get, enum mc_result result);

/* A store is not answered: the look behind it, in the same write, is. */
static void start(struct lane *l, const struct mc_key *key)
{
    struct bench *b = l->bench;
    int64_t ttl_s = b->tool->args.seconds + TTL_SLACK_S;
    l->get = (struct mc_get){.key = *key,
                             .ask.no_value = l->kind == KIND_SET,
                             .ask.cas = l->kind == KIND_SET,
                             .fn = lane_on_answer,
                             .owner = l};
    l->started_us = clock_mono_us();
    if (l->kind == KIND_SET)
        (void)mc_pool_set(l->pool, key, b->value, 0, ttl_s);
    enum mc_result now = mc_pool_get(l->pool, &l->get);
    if (now != MC_PENDING)
        lane_on_answer(&l->get, now);
}

static void start_next(struct lane *l)
{
    struct bench *b = l->bench;
    bool get = (int64_t)(next_random(b) % 100) < b->tool->args.gets_percent;
    l->kind = get ? KIND_GET : KIND_SET;
    start(l, &b->keys[next_random(b) % KEYS]);
}

/* Each lane stores its share of the keys before anything is measured. */
static bool fill_next(struct lane *l)
{
    struct bench *b = l->bench;
    size_t at = (size_t)(l - b->lanes) + l->filled * b->lanes_n;
    if (at >= KEYS)
        return false;
    l->filled++;
    l->kind = KIND_SET;
    start(l, &b->keys[at]);
    return true;
}

static void lane_on_next(struct turn_end *t)
{
    struct lane *l = t->owner;
    struct bench *b = l->bench;
    if (b->measuring && clock_mono_us() < b->end_us)
        start_next(l);
    else if (b->measuring || !fill_next(l))
        b->active--;
}

static void lane_on_answer(struct mc_get *get, enum mc_result result)
{
    struct lane *l = get->owner;
    struct bench *b = l->bench;
    if (b->measuring && result != MC_FAILED)
        latency_add(&b->took[l->kind], clock_mono_us() - l->started_us);
    b->errors += result == MC_FAILED || (result == MC_MISS && l->kind == KIND_SET);
    b->misses += result == MC_MISS && l->kind == KIND_GET;
    blob_unref(&get->blob);
    if (result == MC_FAILED && b->errors > 10 * KEYS)
        b->end_us = 0; /* there is nothing to measure */
    turn_end_schedule(b->tool->worker->loop, &l->next);
}

/* -- all of them -- */

static void say_progress(const struct bench *b, int64_t from_us)
{
    uint64_t n = b->took[KIND_GET].n + b->took[KIND_SET].n;
    int64_t s = (clock_mono_us() - from_us) / 1000000;
    if (!b->measuring || !isatty(STDERR_FILENO))
        return;
    (void)fprintf(b->tool->err, "\r%lld of %lld s, %llu commands, %llu errors ", (long long)s,
                  (long long)b->tool->args.seconds, (unsigned long long)n,
                  (unsigned long long)b->errors);
    (void)fflush(b->tool->err);
}

static void run(struct bench *b)
{
    int64_t from_us = clock_mono_us();
    int64_t said_us = from_us;
    b->active = b->lanes_n;
    for (size_t i = 0; i < b->lanes_n; i++)
        turn_end_schedule(b->tool->worker->loop, &b->lanes[i].next);
    while (b->active > 0) {
        loop_turn(b->tool->worker->loop, TURN_MS);
        if (clock_mono_us() - said_us < 1000000)
            continue;
        said_us = clock_mono_us();
        say_progress(b, from_us);
    }
    if (b->measuring && isatty(STDERR_FILENO))
        (void)fputc('\n', b->tool->err);
}

/* Connected, so that the first commands are not those that wait. */
static bool connect_lane(struct lane *l)
{
    for (size_t i = 0; i < mc_pool_servers(l->pool); i++) {
        if (tool_ask(l->bench->tool, l->pool, i, SLICE("version")).p)
            continue;
        struct slice name = mc_pool_server_name(l->pool, i);
        (void)tool_fail(l->bench->tool, "%.*s does not answer; `mcproxy cache ping` says why",
                        SLICE_ARG(name));
        return false;
    }
    return true;
}

static bool open_lanes(struct bench *b)
{
    b->lanes_n = (size_t)b->tool->args.connections;
    b->lanes = calloc(b->lanes_n, sizeof *b->lanes);
    ASSERT(b->lanes);
    for (size_t i = 0; i < b->lanes_n; i++) {
        struct lane *l = &b->lanes[i];
        *l = (struct lane){.bench = b, .pool = tool_pool_new(b->tool, b->index)};
        turn_end_init(&l->next, lane_on_next, l);
        ASSERT(l->pool);
    }
    for (size_t i = 0; i < b->lanes_n; i++) {
        if (!connect_lane(&b->lanes[i]))
            return false;
    }
    return true;
}

static bool make_keys(struct bench *b)
{
    struct mc_key_maker *maker = mc_key_maker_new();
    if (!maker)
        return false;
    for (size_t i = 0; i < KEYS; i++) {
        struct slice bytes =
            arena_printf(&b->tool->arena, "%llx %zu", (unsigned long long)b->random, i);
        mc_key_make(maker, SLICE(PREFIX), bytes, &b->keys[i]);
    }
    mc_key_maker_free(&maker);
    return true;
}

static void make_value(struct bench *b)
{
    size_t n = (size_t)b->tool->args.value_bytes;
    b->value = blob_new(n);
    ASSERT(b->value);
    memset(b->value->data, 'v', n);
    b->value->len = n;
}

/* Nothing stays behind. The look is answered after the deletes. */
static void clean_up(struct bench *b)
{
    struct mc_pool *pool = b->lanes[0].pool;
    for (size_t i = 0; i < KEYS; i++) {
        mc_pool_del(pool, &b->keys[i]);
        if (i % 100 == 99)
            loop_turn(b->tool->worker->loop, 0);
    }
    for (size_t i = 0; i < mc_pool_servers(pool); i++)
        (void)tool_ask(b->tool, pool, i, SLICE("version"));
}

static void close_all(struct bench *b)
{
    for (size_t i = 0; i < b->lanes_n; i++)
        mc_pool_free(&b->lanes[i].pool);
    free(b->lanes);
    blob_unref(&b->value);
}

/* -- telling -- */

static void report_kind(struct bench *b, enum kind kind, const char *name)
{
    struct report *r = &b->tool->report;
    const struct latency *took = &b->took[kind];
    report_row(r);
    report_text(r, "command", slice_of(name));
    report_number(r, "count", (int64_t)took->n);
    report_number(r, "per_second", (int64_t)took->n / b->tool->args.seconds);
    report_us(r, "p50_us", latency_at_us(took, 500));
    report_us(r, "p90_us", latency_at_us(took, 900));
    report_us(r, "p99_us", latency_at_us(took, 990));
    report_us(r, "p999_us", latency_at_us(took, 999));
    report_us(r, "max_us", took->max_us);
    report_end(r);
}

static void report_bench(struct bench *b)
{
    struct tool *t = b->tool;
    struct report *r = &t->report;
    report_text(r, "pool", t->config->pools[b->index].name);
    report_number(r, "connections", t->args.connections);
    report_bytes(r, "value_bytes", (uint64_t)t->args.value_bytes);
    report_seconds(r, "took_s", t->args.seconds);
    report_number(r, "misses", (int64_t)b->misses);
    report_number(r, "errors", (int64_t)b->errors);
    report_table(r, "commands");
    report_kind(b, KIND_GET, "get");
    report_kind(b, KIND_SET, "set");
    report_end(r);
}

static int bench(struct bench *b)
{
    make_value(b);
    if (!open_lanes(b) || !make_keys(b))
        return TOOL_FAILED;
    run(b);
    b->measuring = true;
    b->misses = 0;
    b->end_us = b->errors > 0 ? 0 : clock_mono_us() + b->tool->args.seconds * 1000000;
    run(b);
    clean_up(b);
    report_bench(b);
    return tool_print(b->tool, b->errors > 0 ? TOOL_FAILED : TOOL_OK);
}

/* The pool's number; `pools_n` where it is not one. */
static size_t only_pool(const struct tool *t)
{
    size_t found = t->config->pools_n;
    size_t n = 0;
    for (size_t i = 0; i < t->config->pools_n; i++) {
        if (!tool_wants_pool(t, i))
            continue;
        found = i;
        n++;
    }
    return n == 1 ? found : t->config->pools_n;
}

int tool_cache_bench(struct tool *t)
{
    if (!tool_check_pools(t))
        return TOOL_FAILED;
    size_t index = only_pool(t);
    if (index == t->config->pools_n)
        return tool_fail(t, "there are several pools: choose one with --pool NAME");
    struct bench *b = calloc(1, sizeof *b);
    ASSERT(b);
    b->tool = t;
    b->index = index;
    b->random = hash_seed_new();
    int status = bench(b);
    close_all(b);
    free(b);
    return status;
}
