/* From the listener to the location, and whether the cache has a part in the request. */
#include "proxy/raw.h"
#include "proxy/reply.h"
#include "proxy/route.h"
#include "tools/explain.h"

static void say_request(struct explain *x)
{
    const struct request_head *h = &x->walk.request->head;
    explain_say(x, "request", "%.*s %.*s%s%.*s for host %.*s (normalised)",
                SLICE_ARG(h->method_token), SLICE_ARG(h->path), h->query.p ? "?" : "",
                SLICE_ARG(h->query), SLICE_ARG(h->host));
}

static void say_listen(struct explain *x)
{
    const struct walk *w = &x->walk;
    if (w->listen_by_port)
        explain_say(x, "listen", "%.*s has the URL's port", SLICE_ARG(w->listen->text));
    else if (slice_starts(slice_of(x->tool->args.url), SLICE("/")))
        explain_say(x, "listen", "%.*s: the URL names none", SLICE_ARG(w->listen->text));
    else
        explain_say(x, "listen", "no listener has the URL's port: taken as if it came to %.*s",
                    SLICE_ARG(w->listen->text));
}

static void say_scheme(struct explain *x)
{
    if (x->walk.https)
        explain_say(x, "scheme",
                    "TLS ends before the proxy, which is asked by http: $scheme is http, "
                    "X-Forwarded-Proto is https where -H does not say otherwise");
}

static void say_server(struct explain *x)
{
    const struct walk *w = &x->walk;
    struct request *r = w->request;
    const struct server_name *name = route_server_name(w->listen, r);
    if (name && name->kind == NAME_REGEX)
        explain_say(x, "server", "a regular expression of its server_name matches the host");
    else if (name)
        explain_say(x, "server", "%.*s: its server_name %s%.*s%s matches the host",
                    SLICE_ARG(r->server->name), name->kind == NAME_SUFFIX ? "*" : "",
                    SLICE_ARG(name->text), name->kind == NAME_PREFIX ? "*" : "");
    else
        explain_say(x, "server", "the default server of this address%s%.*s: no server_name matches",
                    r->server->name.n > 0 ? ", " : "", SLICE_ARG(r->server->name));
}

static void say_location(struct explain *x)
{
    static const struct {
        const char *sign;
        const char *why;
    } rows[] = {
        [MATCH_EXACT] = {"= ", "equal to the path"},
        [MATCH_FIRM] = {"^~ ", "the longest prefix, which no regular expression overrides"},
        [MATCH_PREFIX] = {"", "the longest prefix, and no regular expression matches"},
        [MATCH_REGEX] = {"~ ", "the first regular expression that matches"},
        [MATCH_NAMED] = {"@", "named"},
    };
    const struct request *r = x->walk.request;
    const struct location_conf *l = r->location;
    if (l == r->server->root)
        explain_say(x, "location", "none matches: the settings of the server itself");
    else
        explain_say(x, "location", "%s%.*s: %s", rows[l->match].sign, SLICE_ARG(l->pattern),
                    rows[l->match].why);
}

/* -- what handles it -- */

static void say_peers(struct explain *x)
{
    const struct request *r = x->walk.request;
    const struct upstream_conf *u = &r->wconf->conf->upstreams[r->location->upstream];
    struct slice list = slice_none();
    for (size_t i = 0; i < u->servers_n; i++) {
        const struct peer_conf *p = &u->servers[i];
        list = arena_printf(&x->tool->arena, "%.*s%s%.*s%s%s", SLICE_ARG(list), i > 0 ? ", " : "",
                            SLICE_ARG(p->text), p->backup ? " (backup)" : "",
                            p->down ? " (down)" : "");
    }
    explain_say(x, "origin", "upstream %.*s: %.*s", SLICE_ARG(u->name), SLICE_ARG(list));
}

static void say_reply(struct explain *x)
{
    struct request *r = x->walk.request;
    const struct location_conf *l = r->location;
    x->verdict = "REPLY";
    if (r->reply != REPLY_NONE) {
        const struct reply_row *row = reply_row((enum reply)r->reply);
        explain_say(x, "answer", "%u: %s", row->status, row->text);
        return;
    }
    struct slice text =
        l->return_text ? template_render(l->return_text, r, &r->arena) : slice_none();
    explain_say(x, "answer", "return %u%s%.*s: the proxy answers itself, there is nothing to cache",
                l->return_status, text.n > 0 ? " " : "", SLICE_ARG(text));
    x->change = "return";
}

/* -- does the cache have a part in it? -- */

static void say_bypass(struct explain *x)
{
    struct request *r = x->walk.request;
    const struct location_conf *l = r->location;
    for (size_t i = 0; i < l->cache_bypass_n; i++) {
        if (!template_is_true(l->cache_bypass[i], r))
            continue;
        struct slice value = template_render(l->cache_bypass[i], r, &r->arena);
        explain_say(x, "bypass",
                    "proxy_cache_bypass %.*s is \"%.*s\": the origin is asked, and "
                    "what it answers may be stored",
                    SLICE_ARG(template_source(l->cache_bypass[i])), SLICE_ARG(value));
        x->change = "proxy_cache_bypass";
        return;
    }
}

static void say_cache(struct explain *x)
{
    const struct walk *w = &x->walk;
    const struct cache_store_conf *c = w->cache;
    struct arena *arena = &x->tool->arena;
    struct slice memory =
        c->memory_bytes > 0
            ? arena_concat(arena, report_size(arena, c->memory_bytes), SLICE(" of memory"))
            : SLICE("no memory");
    if (c->pool >= 0)
        explain_say(x, "cache", "%.*s: %.*s in each proxy, behind it the memcached pool %.*s",
                    SLICE_ARG(c->name), SLICE_ARG(memory),
                    SLICE_ARG(x->tool->config->pools[c->pool].name));
    else
        explain_say(x, "cache", "%.*s: %.*s of one proxy, no memcached pool", SLICE_ARG(c->name),
                    SLICE_ARG(memory));
    if (w->request->bypass)
        say_bypass(x);
}

static void say_no_cache(struct explain *x)
{
    const struct request *r = x->walk.request;
    if (!r->location->cache_on) {
        explain_say(x, "cache", "proxy_cache is off here");
        x->change = "proxy_cache";
    } else if (r->head.upgrade.n > 0) {
        explain_say(x, "cache", "an upgrade to another protocol goes to the origin");
    } else {
        explain_say(x, "cache",
                    "requests of this method, or with content, go to the origin "
                    "(fwd=method)");
        x->change = "proxy_cache_methods";
    }
}

static void say_raw(struct explain *x)
{
    struct request *r = x->walk.request;
    const struct raw_conf *raw = &x->tool->config->proxy.raws[r->location->raw];
    struct slice key = raw_key(r);
    explain_say(x, "raw value",
                "memcached_pass asks %.*s for the key \"%.*s\"; what is not found %s",
                SLICE_ARG(raw->name), SLICE_ARG(key),
                r->location->raw_origin ? "goes to the origin" : "is 404");
}

void explain_route(struct explain *x)
{
    say_request(x);
    say_listen(x);
    say_scheme(x);
    say_server(x);
    say_location(x);
    switch (x->walk.next) {
    case REHEARSED_REPLY: say_reply(x); return;
    case REHEARSED_LOOKUP:
        say_peers(x);
        say_cache(x);
        return;
    case REHEARSED_FETCH:
        say_peers(x);
        say_no_cache(x);
        return;
    case REHEARSED_RAW:
        if (x->walk.request->location->raw_origin)
            say_peers(x);
        say_raw(x);
        return;
    }
}
