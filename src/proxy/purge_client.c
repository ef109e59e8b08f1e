#include "proxy/purge_client.h"

#include "cache/tags.h"
#include "proxy/client.h"
#include "proxy/lookup.h"

bool purge_is_asked(const struct request *r)
{
    return r->head.method == METHOD_PURGE && r->location->purge_from_n > 0 && r->location->cache_on;
}

bool purge_is_allowed(const struct request *r)
{
    const struct location_conf *l = r->location;
    for (size_t i = 0; i < l->purge_from_n; i++)
        if (address_range_has(&l->purge_from[i], &r->client->peer))
            return true;
    return false;
}

/* What the words of Mcproxy-Purge say. */
struct words {
    bool hard;
    bool url;
    bool prefix;
    bool host;
    bool all;
};

static bool take_word(struct words *words, struct slice word)
{
    const struct {
        struct slice word;
        bool *set;
    } rows[] = {
        {SLICE("hard"), &words->hard},     {SLICE("url"), &words->url},
        {SLICE("prefix"), &words->prefix}, {SLICE("host"), &words->host},
        {SLICE("all"), &words->all},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (slice_eq_nocase(word, rows[i].word)) {
            *rows[i].set = true;
            return true;
        }
    }
    return slice_eq_nocase(word, SLICE("soft"));
}

static bool take_words(struct request *r, struct words *words)
{
    struct slice rest = fields_joined(&r->head.fields, SLICE("Mcproxy-Purge"), &r->arena);
    struct slice word;
    while (tags_next(&rest, &word))
        if (!take_word(words, word))
            return false;
    return true;
}

static void add(struct purge_order *order, struct purge_scope *scopes, enum purge_kind kind,
                struct slice value)
{
    scopes[order->scopes_n++] = (struct purge_scope){kind, value};
}

static bool add_tags(struct request *r, struct purge_order *order, struct purge_scope *scopes)
{
    const struct location_conf *l = r->location;
    struct slice tags = slice_none();
    struct slice tag;
    if (!tags_collect(&r->head.fields, l->tag_fields, l->tag_fields_n, slice_none(), &r->arena,
                      &tags))
        return false;
    while (tags_next(&tags, &tag))
        add(order, scopes, PURGE_TAG, tag);
    return true;
}

const struct purge_order *purge_client_order(struct request *r, bool *own_key, const char **wrong)
{
    struct words words = {0};
    struct purge_order *order = ARENA_NEW(&r->arena, struct purge_order);
    struct purge_scope *scopes = ARENA_ARRAY(&r->arena, struct purge_scope, TAGS_MAX + 3);
    *wrong = "its words are soft, hard, url, prefix, host and all";
    if (!take_words(r, &words))
        return NULL;
    *wrong = "more than 1024 tags";
    if (!add_tags(r, order, scopes))
        return NULL;
    if (words.all)
        add(order, scopes, PURGE_ALL, slice_none());
    if (words.host)
        add(order, scopes, PURGE_HOST, r->head.host);
    if (words.prefix)
        add(order, scopes, PURGE_PREFIX, lookup_url(&r->head, &r->arena));
    *own_key = words.url || order->scopes_n == 0;
    order->soft = !words.hard;
    order->cache = r->wconf->conf->caches[r->location->cache].name;
    order->scopes = scopes;
    return order;
}
