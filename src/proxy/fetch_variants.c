/* Where other variants are stored but not the one that is asked for: the origin is told their tags,
 * and a 304 says which of them is the answer (RFC 9111 sections 4.1 and 4.3.3). */
#include "cache/conditional.h"
#include "cache/variants.h"
#include "proxy/fetch_internal.h"
#include "proxy/lookup.h"

#define TAGS_MAX 8

/* The next listed variant that has a tag and is in memory (one reference), or NULL. Chunks can be
 * found only by the key of the variant that they were stored for. */
static struct entry *next_tagged(struct fetch *f, struct slice *rest)
{
    struct request *r = f->r;
    struct slice values;
    while (variants_next(rest, &values)) {
        struct cache_key key =
            cache_key_variant(&r->key, r->vary_generation, values, &r->arena, r->worker->key_seed);
        struct entry *e = lookup_peek(r, &key);
        if (e && e->view.meta.kind == STORED_RESPONSE && e->view.meta.status == 200 &&
            e->view.etag.n > 0 && !stored_is_manifest(&e->view.meta))
            return e;
        entry_unref(&e);
    }
    return NULL;
}

/* Of the index that led here. */
static struct slice listed(struct fetch *f)
{
    struct request *r = f->r;
    struct slice list = slice_none();
    struct entry *index = lookup_peek(r, &r->key);
    if (index && index->view.meta.kind == STORED_VARY &&
        index->view.meta.generation == r->vary_generation)
        list = arena_dup(&r->arena, index->view.content);
    entry_unref(&index);
    return list;
}

static struct slice tags_of(struct fetch *f)
{
    struct arena *arena = &f->r->arena;
    struct slice rest = listed(f);
    struct slice tags = slice_none();
    struct entry *e = next_tagged(f, &rest);
    for (size_t n = 0; e && n < TAGS_MAX; n++) {
        struct slice front = n == 0 ? tags : arena_concat(arena, tags, SLICE(", "));
        tags = arena_concat(arena, front, e->view.etag);
        entry_unref(&e);
        e = next_tagged(f, &rest);
    }
    entry_unref(&e);
    return tags;
}

bool fetch_ask_variants(struct fetch *f, struct fields *out)
{
    const struct request *r = f->r;
    bool asks = r->vary.n > 0 && f->may_store && !f->stale && !f->part && !f->variants_asked &&
                r->location->revalidate && !r->bypass && !r->pass_conditions &&
                f->asked.method == METHOD_GET;
    f->variants_asked = true;
    struct slice tags = asks ? tags_of(f) : slice_none();
    if (tags.n > 0) {
        fields_remove(out, FIELD_IF_MODIFIED_SINCE);
        fields_remove(out, FIELD_IF_NONE_MATCH);
        fields_add_id(out, &f->r->arena, FIELD_IF_NONE_MATCH, tags);
    }
    return tags.n > 0;
}

bool fetch_select_variant(struct fetch *f)
{
    struct slice etag = fields_get(&f->head->fields, FIELD_ETAG);
    struct slice rest = listed(f);
    while (!f->stale && etag.n > 0) {
        struct entry *e = next_tagged(f, &rest);
        if (!e)
            break;
        if (slice_eq(e->view.etag, etag))
            f->stale = entry_ref(e);
        entry_unref(&e);
    }
    return f->stale != NULL;
}
