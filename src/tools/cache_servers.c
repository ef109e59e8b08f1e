/* `mcproxy cache ping` and `cache stat`: the servers of the pools, one after the other. */
#include "base/parse.h"
#include "tools/tool.h"

#define PINGS 5

/* -- ping -- */

struct trip {
    size_t n; /* answers */
    int64_t min_us;
    int64_t sum_us;
};

static struct trip ping(struct tool *t, struct mc_pool *pool, size_t server)
{
    struct trip trip = {0};
    struct slice reply = tool_ask(t, pool, server, SLICE("version")); /* connects */
    for (int i = 0; reply.p && i < PINGS; i++) {
        int64_t started_us = clock_mono_us();
        reply = tool_ask(t, pool, server, SLICE("version"));
        int64_t took_us = clock_mono_us() - started_us;
        if (!reply.p)
            break;
        trip.min_us = trip.n == 0 || took_us < trip.min_us ? took_us : trip.min_us;
        trip.sum_us += took_us;
        trip.n++;
    }
    return trip;
}

static void report_text_or(struct report *r, const char *name, struct slice text)
{
    if (text.n > 0)
        report_text(r, name, text);
    else
        report_nothing(r, name, "-");
}

static bool ping_server(struct tool *t, size_t index, size_t server)
{
    struct report *r = &t->report;
    struct mc_pool *pool = tool_pool(t, index);
    struct trip trip = ping(t, pool, server);
    bool up = trip.n == PINGS;
    struct mc_server_facts facts;
    mc_pool_server_facts(pool, server, &facts);
    const char *trouble = facts.trouble ? facts.trouble : up ? "" : "no reply in time";
    report_row(r);
    report_text(r, "pool", t->config->pools[index].name);
    report_text(r, "server", mc_pool_server_name(pool, server));
    report_text_or(r, "address", facts.address);
    report_text(r, "state", up ? SLICE("up") : SLICE("down"));
    report_text_or(r, "version", facts.version);
    report_text_or(r, "protocol", slice_of(facts.protocol ? facts.protocol : ""));
    if (up) {
        report_us(r, "min_us", trip.min_us);
        report_us(r, "avg_us", trip.sum_us / (int64_t)trip.n);
    } else {
        report_nothing(r, "min_us", "-");
        report_nothing(r, "avg_us", "-");
    }
    report_text_or(r, "trouble", slice_of(trouble));
    report_end(r);
    return up;
}

/* Once for each server of the pools that are wanted. True: all of them were well. */
typedef bool server_fn(struct tool *, size_t pool, size_t server);
static bool each_server(struct tool *t, server_fn *fn)
{
    bool well = true;
    for (size_t i = 0; i < t->config->pools_n; i++) {
        if (tool_wants_pool(t, i))
            (void)tool_pool(t, i); /* all connect at the same time */
    }
    for (size_t i = 0; i < t->config->pools_n; i++) {
        for (size_t s = 0; tool_wants_pool(t, i) && s < mc_pool_servers(tool_pool(t, i)); s++)
            well = fn(t, i, s) && well;
    }
    return well;
}

int tool_cache_ping(struct tool *t)
{
    if (!tool_check_pools(t))
        return TOOL_FAILED;
    report_table(&t->report, "servers");
    bool well = each_server(t, ping_server);
    report_end(&t->report);
    return tool_print(t, well ? TOOL_OK : TOOL_FAILED);
}

/* -- stat -- */

/* `STAT name value` of an answer, one at a time. */
static bool stat_next(struct slice *rest, struct slice *name, struct slice *value)
{
    struct slice line;
    while (tool_line_next(rest, &line)) {
        if (!slice_starts(line, SLICE("STAT ")))
            continue;
        *name = slice_cut(slice_skip(line, 5), ' ', value);
        return true;
    }
    return false;
}

static uint64_t stat_number(struct slice stats, struct slice wanted)
{
    struct slice name;
    struct slice value;
    uint64_t n = 0;
    while (stat_next(&stats, &name, &value)) {
        if (slice_eq(name, wanted) && parse_u64(value, UINT64_MAX, &n))
            break;
    }
    return n;
}

static struct slice stat_text(struct slice stats, struct slice wanted)
{
    struct slice name;
    struct slice value;
    while (stat_next(&stats, &name, &value)) {
        if (slice_eq(name, wanted))
            return value;
    }
    return slice_none();
}

/* Age of the oldest item of all classes: `STAT items:5:age 120`. */
static uint64_t oldest_s(struct slice items)
{
    uint64_t oldest = 0;
    struct slice name;
    struct slice value;
    while (stat_next(&items, &name, &value)) {
        uint64_t age_s = 0;
        if (slice_ends(name, SLICE(":age")) && parse_u64(value, UINT32_MAX, &age_s) &&
            age_s > oldest)
            oldest = age_s;
    }
    return oldest;
}

/* Everything that the server said, for programs. */
static void report_stats(struct tool *t, const char *of, struct slice stats)
{
    struct slice name;
    struct slice value;
    uint64_t n = 0;
    report_details(&t->report, of);
    while (stat_next(&stats, &name, &value)) {
        const char *text = arena_printf(&t->arena, "%.*s%c", SLICE_ARG(name), '\0').p;
        if (parse_u64(value, INT64_MAX, &n))
            report_number(&t->report, text, (int64_t)n);
        else
            report_text(&t->report, text, value);
    }
    report_end(&t->report);
}

static void report_numbers(struct report *r, struct slice stats, struct slice settings,
                           struct slice items)
{
    uint64_t bytes = stat_number(stats, SLICE("bytes"));
    uint64_t limit = stat_number(stats, SLICE("limit_maxbytes"));
    report_text(r, "version", stat_text(stats, SLICE("version")));
    report_seconds(r, "uptime_s", (int64_t)stat_number(stats, SLICE("uptime")));
    report_number(r, "connections", (int64_t)stat_number(stats, SLICE("curr_connections")));
    report_number(r, "items", (int64_t)stat_number(stats, SLICE("curr_items")));
    report_bytes(r, "used_bytes", bytes);
    report_bytes(r, "limit_bytes", limit);
    report_percent(r, "full_percent", bytes, limit);
    report_number(r, "gets", (int64_t)stat_number(stats, SLICE("cmd_get")));
    report_number(r, "evictions", (int64_t)stat_number(stats, SLICE("evictions")));
    report_seconds(r, "oldest_s", (int64_t)oldest_s(items));
    report_bytes(r, "item_max_bytes", stat_number(settings, SLICE("item_size_max")));
}

static void report_no_numbers(struct report *r)
{
    static const char *const names[] = {"version",    "uptime_s",    "connections",   "items",
                                        "used_bytes", "limit_bytes", "full_percent",  "gets",
                                        "evictions",  "oldest_s",    "item_max_bytes"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        report_nothing(r, names[i], "-");
}

static bool stat_server(struct tool *t, size_t index, size_t server)
{
    struct report *r = &t->report;
    struct mc_pool *pool = tool_pool(t, index);
    bool up = tool_ask(t, pool, server, SLICE("version")).p != NULL;
    struct slice stats = up ? tool_ask(t, pool, server, SLICE("stats")) : slice_none();
    bool tells = slice_starts(stats, SLICE("STAT ")); /* a router may close on it */
    report_row(r);
    report_text(r, "pool", t->config->pools[index].name);
    report_text(r, "server", mc_pool_server_name(pool, server));
    report_text(r, "state", tells ? SLICE("up") : up ? SLICE("tells nothing") : SLICE("down"));
    if (tells) {
        struct slice settings = tool_ask(t, pool, server, SLICE("stats settings"));
        struct slice items = tool_ask(t, pool, server, SLICE("stats items"));
        report_numbers(r, stats, settings, items);
        report_stats(t, "stats", stats);
        report_stats(t, "settings", settings);
    } else {
        report_no_numbers(r);
    }
    report_end(r);
    return up;
}

int tool_cache_stat(struct tool *t)
{
    if (!tool_check_pools(t))
        return TOOL_FAILED;
    report_table(&t->report, "servers");
    bool well = each_server(t, stat_server);
    report_end(&t->report);
    return tool_print(t, well ? TOOL_OK : TOOL_FAILED);
}
