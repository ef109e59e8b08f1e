#include "tools/tool.h"

#include "base/assert.h"
#include "proxy/flight.h"
#include "proxy/uses.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#define TURN_MS 50

/* -- life -- */

static void make_patient(struct tool *t)
{
    size_t n = t->config->pools_n;
    t->confs = calloc(n + 1, sizeof *t->confs);
    t->pools = calloc(n + 1, sizeof(struct mc_pool *));
    ASSERT(t->confs && t->pools);
    for (size_t i = 0; i < n; i++) {
        t->confs[i] = t->config->pools[i];
        t->confs[i].connect_timeout_ms = t->args.timeout_ms;
        t->confs[i].send_timeout_ms = t->args.timeout_ms;
        t->confs[i].read_timeout_ms = t->args.timeout_ms;
    }
}

bool tool_init(struct tool *t, struct config *config)
{
    t->config = config;
    (void)signal(SIGPIPE, SIG_IGN); /* a server that closes is an answer */
    bool logs = log_init(&t->log, "stderr", LOG_EMERG);
    ASSERT(logs);
    t->uses = uses_new();
    t->worker = worker_new(0, &t->log, flight_table_new(), t->uses, hash_seed_new());
    t->worker->resolver =
        resolver_new(t->worker->loop, config->proxy.resolvers, config->proxy.resolver_timeout_ms);
    arena_init(&t->arena, &t->worker->arenas);
    report_init(&t->report, &t->arena);
    make_patient(t);
    if (!t->worker->resolver)
        (void)tool_fail(t, "resolver: it cannot be used");
    return t->worker->resolver != NULL;
}

void tool_fini(struct tool *t)
{
    for (size_t i = 0; i < t->config->pools_n; i++)
        mc_pool_free(&t->pools[i]);
    free(t->pools);
    free(t->confs);
    arena_fini(&t->arena);
    if (t->worker->resolver)
        resolver_free(&t->worker->resolver);
    loop_turn(t->worker->loop, 0); /* what is buried */
    struct flight_table *flights = t->worker->flights;
    worker_free(&t->worker);
    flight_table_free(&flights);
    uses_free(&t->uses);
    log_fini(&t->log);
    config_unref(&t->config);
}

int tool_fail(const struct tool *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)fputs("mcproxy: ", t->err);
    (void)vfprintf(t->err, fmt, ap);
    (void)fputc('\n', t->err);
    va_end(ap);
    return TOOL_FAILED;
}

/* 0: it is no terminal, or does not say. */
static size_t columns_of(FILE *out)
{
    struct winsize size;
    return ioctl(fileno(out), TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

int tool_print(const struct tool *t, int status)
{
    bool written = report_print(&t->report, t->out, t->args.json, columns_of(t->out));
    return written ? status : TOOL_FAILED;
}

/* -- pools -- */

struct mc_pool *tool_pool_new(struct tool *t, size_t index)
{
    struct mc_pool *pool =
        mc_pool_new(t->worker->loop, t->worker->resolver, &t->log, &t->confs[index]);
    while (pool && !mc_pool_is_settled(pool))
        loop_turn(t->worker->loop, TURN_MS);
    return pool;
}

struct mc_pool *tool_pool(struct tool *t, size_t index)
{
    ASSERT(index < t->config->pools_n);
    if (!t->pools[index])
        t->pools[index] = tool_pool_new(t, index);
    ASSERT(t->pools[index]); /* NULL only where the crypto library has no MD5, as at the start */
    return t->pools[index];
}

bool tool_wants_pool(const struct tool *t, size_t index)
{
    const struct tool_args *a = &t->args;
    if (a->pool && !slice_eq(t->config->pools[index].name, slice_of(a->pool)))
        return false;
    bool of_cache = !a->cache;
    for (size_t i = 0; i < t->config->proxy.caches_n && a->cache; i++) {
        const struct cache_store_conf *c = &t->config->proxy.caches[i];
        of_cache |= c->pool == (int)index && slice_eq(c->name, slice_of(a->cache));
    }
    return of_cache;
}

bool tool_check_pools(const struct tool *t)
{
    for (size_t i = 0; i < t->config->pools_n; i++) {
        if (tool_wants_pool(t, i))
            return true;
    }
    if (t->args.pool)
        (void)tool_fail(t, "there is no pool \"%s\" in the configuration", t->args.pool);
    else if (t->args.cache)
        (void)tool_fail(t, "there is no cache \"%s\" with a pool in the configuration",
                        t->args.cache);
    else
        (void)tool_fail(t, "there is no memcached pool in the configuration");
    return false;
}

/* -- questions -- */

/* Every question has a deadline of its own. */
static enum mc_result await(struct tool *t, enum mc_result now)
{
    t->answer = now;
    while (t->answer == MC_PENDING)
        loop_turn(t->worker->loop, TURN_MS);
    return t->answer;
}

static void tool_on_answer(struct mc_get *get, enum mc_result result)
{
    struct tool *t = get->owner;
    t->answer = result;
}

enum mc_result tool_get(struct tool *t, struct mc_pool *pool, struct mc_get *get)
{
    get->fn = tool_on_answer;
    get->owner = t;
    return await(t, mc_pool_get(pool, get));
}

struct slice tool_ask(struct tool *t, struct mc_pool *pool, size_t server, struct slice line)
{
    struct mc_text text = {.get.fn = tool_on_answer, .get.owner = t, .line = line};
    buf_init(&text.reply, MC_TEXT_MAX);
    bool answered = await(t, mc_pool_ask(pool, server, &text)) == MC_HIT;
    struct slice reply = answered ? arena_dup(&t->arena, buf_slice(&text.reply)) : slice_none();
    buf_fini(&text.reply);
    return reply;
}

bool tool_line_next(struct slice *rest, struct slice *line)
{
    if (rest->n == 0)
        return false;
    *line = slice_cut(*rest, '\n', rest);
    if (slice_ends(*line, SLICE("\r")))
        *line = slice_take(*line, line->n - 1);
    return true;
}
