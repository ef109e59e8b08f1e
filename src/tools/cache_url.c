/* `mcproxy cache key`, `get` and `purge`: one URL in its pool. */
#include "base/text.h"
#include "cache/freshness.h"
#include "cache/variants.h"
#include "http/date.h"
#include "tools/content.h"
#include "tools/http_call.h"
#include "tools/walk.h"

/* -- what they have in common -- */

/* Looks at the URL; a request that has no part in a cache ends here. */
static int open_walk(struct walk *w, struct tool *t)
{
    if (!walk_begin(w, t))
        return TOOL_MISUSE;
    if (!w->cache)
        return tool_fail(t, "this request has no part in a cache; `mcproxy explain` says why");
    if (!w->pool)
        return tool_fail(t,
                         "the cache \"%.*s\" has no memcached pool: it is in the memory of the "
                         "proxy alone",
                         SLICE_ARG(w->cache->name));
    walk_look(w);
    return TOOL_OK;
}

static const struct mc_conf *conf_of(const struct walk *w)
{
    return &w->tool->config->pools[w->cache->pool];
}

static void report_where(struct walk *w)
{
    struct report *r = &w->tool->report;
    report_text(r, "url", slice_of(w->tool->args.url));
    report_text(r, "cache", w->cache->name);
    report_text(r, "pool", conf_of(w)->name);
}

static bool is_index(const struct record *record)
{
    return record->entry && record->entry->view.meta.kind == STORED_VARY;
}

/* -- key -- */

static struct slice distribution_text(enum mc_distribution d)
{
    switch (d) {
    case MC_KETAMA: return SLICE("ketama");
    case MC_NGINX: return SLICE("nginx");
    case MC_MODULO: return SLICE("modulo");
    }
    return slice_none();
}

static int report_keys(struct walk *w)
{
    struct report *r = &w->tool->report;
    report_where(w);
    report_text(r, "distribution", distribution_text(conf_of(w)->distribution));
    report_number(r, "servers", (int64_t)mc_pool_servers(w->pool));
    walk_report_place(w, &w->base);
    if (w->has_variant) {
        report_object(r, "variant");
        report_text(r, "varies_by", w->request->vary);
        walk_report_place(w, &w->variant);
        report_end(r);
    }
    return tool_print(w->tool, TOOL_OK);
}

int tool_cache_key(struct tool *t)
{
    struct walk w;
    int status = open_walk(&w, t);
    if (status == TOOL_OK)
        status = report_keys(&w);
    walk_end(&w);
    return status;
}

/* -- get -- */

static void report_lease(struct report *r, const struct record *record)
{
    struct slice lease = SLICE("none");
    if (record->state == RECORD_STUB || record->item.taken)
        lease = SLICE("held: a proxy fetches");
    else if (record->item.stale)
        lease = SLICE("to be won by who looks next");
    report_text(r, "lease", lease);
}

static void report_known(struct report *r, const char *name, int64_t n, bool is_bytes)
{
    if (n < 0)
        report_nothing(r, name, n == RECORD_UNKNOWN ? "not known" : "for ever");
    else if (is_bytes)
        report_bytes(r, name, (uint64_t)n);
    else
        report_seconds(r, name, n);
}

static void report_flags(struct report *r, uint32_t flags)
{
    static const struct {
        uint32_t flag;
        const char *name;
    } rows[] = {{STORED_MUST_REVALIDATE, "must_revalidate"},
                {STORED_NO_CACHE, "no_cache"},
                {STORED_IMMUTABLE, "immutable"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if ((flags & rows[i].flag) != 0)
            report_flag(r, rows[i].name, true);
    }
}

static void report_age(struct walk *w, const struct stored_meta *m)
{
    struct report *r = &w->tool->report;
    wall_ms now = loop_wall(w->tool->worker->loop);
    int64_t age_s = freshness_age_s(m, now);
    char date[HTTP_DATE_BYTES];
    http_date_format(m->received_ms / 1000, date);
    report_text(r, "received", slice_make(date, sizeof date));
    report_seconds(r, "age_s", age_s);
    report_seconds(r, "lifetime_s", m->lifetime_s);
    report_seconds(r, "fresh_for_s", m->lifetime_s - age_s);
}

/* Field lines, as they will be sent. */
static void report_fields(struct report *r, const char *name, struct slice lines)
{
    struct field f;
    report_list(r, name);
    while (stored_field_next(&lines, &f)) {
        report_row(r);
        report_text(r, "name", f.name);
        report_text(r, "value", f.value);
        report_end(r);
    }
    report_end(r);
}

static void report_chunks(struct walk *w, const struct record *record)
{
    struct report *r = &w->tool->report;
    struct content_chunks found = content_look(w->tool, w->pool, w->cache->key_prefix, record);
    report_bytes(r, "chunk_bytes", record->entry->view.meta.chunk_bytes);
    report_number(r, "chunks", (int64_t)found.n);
    report_number(r, "chunks_present", (int64_t)found.present);
}

static void report_response(struct walk *w, const struct record *record)
{
    struct report *r = &w->tool->report;
    const struct stored_view *v = &record->entry->view;
    const struct stored_meta *m = &v->meta;
    report_number(r, "status", m->status);
    report_age(w, m);
    report_seconds(r, "stale_while_revalidate_s", m->swr_s);
    report_seconds(r, "stale_if_error_s", m->sie_s);
    report_bytes(r, "content_bytes", m->content_length);
    if (stored_is_manifest(m))
        report_chunks(w, record);
    report_flags(r, m->flags);
    if (v->vary.n > 0)
        report_text(r, "varies_by", v->vary);
    report_fields(r, "fields", v->head);
    if (v->trailers.n > 0)
        report_fields(r, "trailers", v->trailers);
}

/* A variant of the index: looked up, whoever asks for it. */
static void report_variant(struct walk *w, const struct stored_meta *index, struct slice values)
{
    struct tool *t = w->tool;
    struct report *r = &t->report;
    struct cache_key key =
        cache_key_variant(&w->base.key, index->generation, values, &t->arena, t->worker->key_seed);
    struct record record;
    record_look(t, w->pool, w->cache->key_prefix, &key, &record);
    report_row(r);
    report_text(r, "values", cache_key_print(values, &t->arena));
    report_text(r, "memcached_key", mc_key_slice(&record.mc_key));
    report_text(r, "server", walk_server_name(w, &record));
    report_text(r, "kind", slice_of(record_text(&record)));
    report_known(r, "item_bytes", record.item_bytes, true);
    report_known(r, "ttl_s", record.ttl_s, false);
    report_end(r);
    record_fini(&record);
}

static void report_variants(struct walk *w, const struct stored_view *index)
{
    struct slice rest = index->content;
    struct slice values;
    report_table(&w->tool->report, "variants");
    while (variants_next(&rest, &values))
        report_variant(w, &index->meta, values);
    report_end(&w->tool->report);
}

static void report_record(struct walk *w, const char *name, const struct record *record)
{
    struct report *r = &w->tool->report;
    report_object(r, name);
    report_text(r, "kind", slice_of(record_text(record)));
    walk_report_place(w, record);
    if (record->from_second)
        report_flag(r, "on_the_second_server_alone", true);
    if (record->state == RECORD_INVALID)
        report_text(r, "why", slice_of(stored_check_text(record->invalid)));
    if (record->state != RECORD_NONE && record->state != RECORD_UNANSWERED) {
        report_lease(r, record);
        if (record->item.cas != 0)
            report_number(r, "cas", (int64_t)record->item.cas);
        report_known(r, "ttl_s", record->ttl_s, false);
        report_known(r, "idle_s", record->idle_s, false);
        report_known(r, "item_bytes", record->item_bytes, true);
    }
    if (walk_purged(w, record) != WALK_NOT_PURGED)
        report_text(r, "purged",
                    walk_purged(w, record) == WALK_PURGED ? SLICE("hard: it is not used any more")
                                                          : SLICE("soft: it is stale"));
    if (record->entry) {
        const struct stored_view *v = &record->entry->view;
        if (v->meta.kind == STORED_VARY)
            report_text(r, "varies_by", v->vary);
        if (v->meta.kind == STORED_RESPONSE)
            report_response(w, record);
        else
            report_age(w, &v->meta);
    }
    report_end(r);
}

static const struct record *response_of(const struct walk *w)
{
    const struct record *record = walk_record(w);
    bool is = record->entry && record->entry->view.meta.kind == STORED_RESPONSE;
    return is ? record : NULL;
}

static int write_content(struct walk *w)
{
    const struct record *record = response_of(w);
    if (!record)
        return tool_fail(w->tool, "%s: no response is stored", w->tool->args.url);
    if (content_write(w->tool, w->pool, w->cache->key_prefix, record, w->tool->out))
        return TOOL_OK;
    return tool_fail(w->tool, "%s: a part of it is not in the pool, or cannot be written",
                     w->tool->args.url);
}

static int report_records(struct walk *w)
{
    if (w->tool->args.content)
        return write_content(w);
    report_where(w);
    report_record(w, is_index(&w->base) ? "index" : "record", &w->base);
    if (is_index(&w->base))
        report_variants(w, &w->base.entry->view);
    if (w->has_variant)
        report_record(w, "variant", &w->variant);
    bool found = walk_record(w)->state == RECORD_FOUND;
    return tool_print(w->tool, found ? TOOL_OK : TOOL_FAILED);
}

int tool_cache_get(struct tool *t)
{
    struct walk w;
    int status = open_walk(&w, t);
    if (status == TOOL_OK)
        status = report_records(&w);
    walk_end(&w);
    return status;
}

/* -- purge -- */

/* False: the server did not say that it is gone. */
static bool purge_at(struct walk *w, const char *what, const struct record *record, size_t server)
{
    struct tool *t = w->tool;
    struct slice line =
        arena_printf(&t->arena, "delete %.*s", SLICE_ARG(mc_key_slice(&record->mc_key)));
    struct slice reply = tool_ask(t, w->pool, server, line);
    bool was = slice_starts(reply, SLICE("DELETED"));
    bool gone = was || slice_starts(reply, SLICE("NOT_FOUND"));
    report_row(&t->report);
    report_text(&t->report, "what", slice_of(what));
    report_text(&t->report, "server", mc_pool_server_name(w->pool, server));
    report_text(&t->report, "memcached_key", mc_key_slice(&record->mc_key));
    report_text(&t->report, "result",
                was    ? SLICE("deleted")
                : gone ? SLICE("was not there")
                       : SLICE("the server does not answer"));
    report_end(&t->report);
    return gone;
}

/* The second copy after the first: what is stored meanwhile is stored in that order, too. */
static bool purge(struct walk *w, const char *what, const struct record *record)
{
    bool gone = purge_at(w, what, record, record->server);
    if (record->second != record->server)
        gone = purge_at(w, "second copy", record, record->second) && gone;
    return gone;
}

/* A running proxy knows the URL's key by its own configuration, forgets it in every tier, and tells
 * the other proxies. False: it has tried in vain. */
static bool purge_by_proxy(struct walk *w)
{
    struct tool *t = w->tool;
    const struct request_head *h = &w->request->head;
    struct address address;
    char printed[ADDRESS_TEXT_MAX];
    struct slice answer = slice_none();
    if (!admin_call_address(t->config, &address))
        return true;
    struct text order;
    text_init(&order);
    text_add(&order, SLICE("{\"url\": "));
    text_json(&order, arena_printf(&t->arena, "http://%.*s%.*s%s%.*s", SLICE_ARG(h->authority),
                                   SLICE_ARG(h->path), h->query.p ? "?" : "", SLICE_ARG(h->query)));
    text_add(&order, SLICE(", \"hard\": true}"));
    unsigned status = admin_call(&address, SLICE("POST"), SLICE("/purge"), buf_slice(&order.buf),
                                 &t->arena, &answer);
    text_fini(&order);
    report_object(&t->report, "running_proxy");
    report_text(&t->report, "address", address_print(&address, printed));
    report_text(&t->report, "result",
                status == 0                      ? SLICE("does not answer")
                : status == 200                  ? SLICE("purged")
                : status == 404 || status == 405 ? SLICE("cannot purge")
                                                 : slice_trim(answer));
    report_end(&t->report);
    return status == 0 || status == 200 || status == 404 || status == 405;
}

/* Without the index, none of the variants that it led to counts any more. */
static int purge_all(struct walk *w)
{
    struct report *r = &w->tool->report;
    report_where(w);
    report_table(r, "purged");
    bool ok = purge(w, is_index(&w->base) ? "index of the variants" : "record", &w->base);
    if (w->has_variant)
        ok = purge(w, "variant of this request", &w->variant) && ok;
    report_end(r);
    if (w->cache->memory_bytes > 0 && w->cache->memory_revalidate_ms > 0)
        report_seconds(r, "memory_tiers_notice_within_s",
                       (w->cache->memory_revalidate_ms + 999) / 1000);
    ok = purge_by_proxy(w) && ok;
    return tool_print(w->tool, ok ? TOOL_OK : TOOL_FAILED);
}

int tool_cache_purge(struct tool *t)
{
    struct walk w;
    int status = open_walk(&w, t);
    if (status == TOOL_OK)
        status = purge_all(&w);
    walk_end(&w);
    return status;
}
