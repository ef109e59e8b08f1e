/* Key, place, variant and freshness of what is stored, and what the lookup makes of it. */
#include "proxy/outcome.h"
#include "tools/content.h"
#include "tools/explain.h"

/* -- where -- */

static void say_record(struct explain *x, const char *what, const struct record *record)
{
    const struct walk *w = &x->walk;
    struct arena *arena = &x->tool->arena;
    struct slice place =
        arena_printf(arena, "%.*s on %.*s", SLICE_ARG(mc_key_slice(&record->mc_key)),
                     SLICE_ARG(walk_server_name(w, record)));
    if (record->state == RECORD_INVALID)
        explain_say(x, what, "%.*s: %s (%s)", SLICE_ARG(place), record_text(record),
                    stored_check_text(record->invalid));
    else
        explain_say(x, what, "%.*s: %s%s%s", SLICE_ARG(place), record_text(record),
                    record->item.taken ? "; a proxy fetches a newer one" : "",
                    record->item.stale ? "; who looks next is to fetch a newer one" : "");
}

static void say_purges(struct explain *x)
{
    switch (walk_purged(&x->walk, walk_record(&x->walk))) {
    case WALK_NOT_PURGED: return;
    case WALK_PURGED_SOFT:
        explain_say(x, "purged", "softly, after it was asked for: it is stale since then");
        return;
    case WALK_PURGED:
        explain_say(x, "purged", "after it was asked for: it is not used any more");
        return;
    }
}

static void say_place(struct explain *x)
{
    const struct walk *w = &x->walk;
    struct request *r = w->request;
    explain_say(x, "key", "%.*s (proxy_cache_key %.*s)",
                SLICE_ARG(cache_key_print(r->key.bytes, &x->tool->arena)),
                SLICE_ARG(template_source(r->location->cache_key)));
    if (w->pool)
        say_record(x, "pool", &w->base);
    else
        explain_say(x, "pool", "none: what a running proxy has in memory is not seen from here");
    if (!w->has_variant)
        return;
    explain_say(x, "vary", "responses vary by %.*s; this request's variant has a key of its own",
                SLICE_ARG(r->vary));
    say_record(x, "variant", &w->variant);
}

/* -- freshness -- */

/* The stored head as a response again. */
static struct response_head head_of(const struct stored_view *v, struct arena *arena)
{
    struct response_head head = {.status = v->meta.status,
                                 .framing = FRAMING_LENGTH,
                                 .content_length = v->meta.content_length};
    struct slice rest = v->head;
    struct field f;
    while (stored_field_next(&rest, &f))
        fields_add(&head.fields, arena, f.name, f.value);
    return head;
}

void explain_lifetime(struct explain *x, const struct response_head *head,
                      const struct stored_meta *m)
{
    struct arena *arena = &x->tool->arena;
    const struct cache_conf *rules = &x->walk.request->location->rules;
    enum freshness_source source;
    struct cache_control control;
    policy_control(&head->fields, rules, &control);
    int64_t said_s = freshness_lifetime_by(head, &control, rules, m->received_ms / 1000, &source);
    struct slice who = freshness_source_words(head, &control, source, arena);
    bool from_receipt = source == FRESHNESS_ACCEL || source == FRESHNESS_CONFIGURED;
    if (from_receipt && said_s > 0)
        said_s += m->initial_age_s;
    if (said_s == m->lifetime_s)
        explain_say(x, "lifetime", "%.*s, said by %.*s",
                    SLICE_ARG(report_duration(arena, m->lifetime_s)), SLICE_ARG(who));
    else
        explain_say(x, "lifetime", "%.*s, decided when it was stored (today's settings give %.*s)",
                    SLICE_ARG(report_duration(arena, m->lifetime_s)),
                    SLICE_ARG(report_duration(arena, said_s)));
}

static void say_age(struct explain *x, const struct stored_meta *m)
{
    struct arena *arena = &x->tool->arena;
    wall_ms now = loop_wall(x->tool->worker->loop);
    int64_t age_s = freshness_age_s(m, now);
    int64_t left_s = m->lifetime_s - age_s;
    explain_say(x, "age",
                "%lld s = %lld s when it came + %lld s since; lifetime %lld s - age = %s "
                "for %.*s",
                (long long)age_s, (long long)m->initial_age_s,
                (long long)(age_s - m->initial_age_s), (long long)m->lifetime_s,
                left_s > 0 ? "fresh" : "stale",
                SLICE_ARG(report_duration(arena, left_s < 0 ? -left_s : left_s)));
    if ((m->flags & STORED_NO_CACHE) != 0)
        explain_say(x, "rules", "no-cache: it is validated before each reuse");
    if ((m->flags & STORED_MUST_REVALIDATE) != 0)
        explain_say(x, "rules",
                    "must-revalidate, proxy-revalidate or s-maxage: never reused stale");
    else if (left_s <= 0)
        explain_say(x, "windows", "stale-while-revalidate %.*s, stale-if-error %.*s",
                    SLICE_ARG(report_duration(arena, m->swr_s)),
                    SLICE_ARG(report_duration(arena, m->sie_s)));
}

static void say_chunks(struct explain *x, const struct record *record)
{
    struct walk *w = &x->walk;
    struct content_chunks found = content_look(w->tool, w->pool, w->cache->key_prefix, record);
    if (found.present == found.n)
        explain_say(x, "chunks", "its content lies in %llu, which are all there",
                    (unsigned long long)found.n);
    else
        explain_say(x, "chunks",
                    "only %llu of %llu are there: without the first one it is a miss, others are "
                    "fetched from the origin again",
                    (unsigned long long)found.present, (unsigned long long)found.n);
}

static void say_freshness(struct explain *x)
{
    const struct record *record = walk_record(&x->walk);
    if (!record->entry)
        return;
    const struct stored_view *v = &record->entry->view;
    if (v->meta.kind != STORED_RESPONSE)
        return;
    struct response_head head = head_of(v, &x->tool->arena);
    explain_say(x, "stored", "status %u, %.*s of content", v->meta.status,
                SLICE_ARG(report_size(&x->tool->arena, v->meta.content_length)));
    if (stored_is_manifest(&v->meta))
        say_chunks(x, record);
    explain_lifetime(x, &head, &v->meta);
    say_age(x, &v->meta);
}

/* -- what comes of it -- */

static void decide(struct explain *x, const char *verdict, const char *says, const char *change)
{
    x->verdict = verdict;
    explain_say(x, "decision", "%s", says);
    if (change)
        x->change = change;
}

static void decide_stale(struct explain *x)
{
    if (x->walk.request->location->background_update)
        decide(x, "STALE", "it is stale, is given at once, and renewed behind the answer",
               "proxy_cache_stale_while_revalidate");
    else
        decide(x, "EXPIRED",
               "it is stale and within its window; one request renews it, others are "
               "given it meanwhile",
               "proxy_cache_background_update");
}

/* There is something, which must not answer as it is. */
static void decide_expired(struct explain *x)
{
    const struct request *r = x->walk.request;
    bool never_stale = (r->entry->view.meta.flags & STORED_MUST_REVALIDATE) != 0;
    if (r->forward == FWD_REQUEST)
        decide(x, "BYPASS",
               "it is fresh, but the request's Cache-Control does not take it "
               "(fwd=request)",
               NULL);
    else
        decide(x, "EXPIRED", "it is stale: the origin is asked whether it still holds (fwd=stale)",
               never_stale
                   ? "the origin's Cache-Control: a longer lifetime, or without "
                     "must-revalidate, proxy-revalidate and s-maxage"
                   : "proxy_cache_valid or the origin's Cache-Control for a longer lifetime, "
                     "proxy_cache_stale_while_revalidate to answer with it meanwhile");
}

static bool pool_is_silent(const struct walk *w)
{
    return w->pool && walk_record(w)->state == RECORD_UNANSWERED;
}

static void decide_alone(struct explain *x)
{
    struct request *r = x->walk.request;
    if (r->bypass)
        decide(x, "BYPASS", "the cache is not asked (fwd=bypass)", NULL);
    else if (r->detail)
        explain_reason(x, "decision", r->detail);
    else if (r->pass_range)
        explain_reason(x, "decision", "range");
    else
        decide(x, "MISS",
               "nothing is stored, and a request with Authorization is fetched for "
               "itself",
               NULL);
    if (!r->bypass)
        x->verdict = "MISS";
}

static void decide_miss(struct explain *x)
{
    struct request *r = x->walk.request;
    if (r->control.only_if_cached) {
        decide(x, "REPLY", "504: the request says only-if-cached, and nothing is stored", NULL);
        return;
    }
    if (pool_is_silent(&x->walk))
        decide(x, "MISS",
               "what a server that does not answer may have is a miss: the origin is asked "
               "(fwd=uri-miss), and its response is in the proxy's memory alone",
               "`mcproxy cache ping` tells what is wrong with the server");
    else
        decide(x, "MISS",
               x->walk.has_variant
                   ? "this variant is not stored: the origin is asked (fwd=vary-miss)"
                   : "nothing is stored: the origin is asked (fwd=uri-miss)",
               NULL);
    if (r->detail)
        explain_reason(x, "storing", r->detail);
}

void explain_stored(struct explain *x)
{
    struct walk *w = &x->walk;
    walk_look(w);
    say_place(x);
    say_freshness(x);
    say_purges(x);
    switch (w->found) {
    case LOOKUP_FRESH:
        if (w->request->outcome == OUTCOME_HIT)
            decide(x, "HIT", "it answers (hit)", NULL);
        else
            decide(x, "STALE", "it is stale, and the request takes it (max-stale)", NULL);
        return;
    case LOOKUP_STALE: decide_stale(x); return;
    case LOOKUP_JOIN:
        if (w->request->entry)
            decide_expired(x);
        else
            decide_miss(x);
        return;
    case LOOKUP_POOL:
    case LOOKUP_ALONE: decide_alone(x); return;
    case LOOKUP_REFUSED:
        decide(x, "REPLY", "504: the request says only-if-cached, and nothing reusable is stored",
               NULL);
        return;
    }
}
