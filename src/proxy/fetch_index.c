/* The vary index of a URL (RFC 9111 section 4.1): which fields its variants differ by, which
 * variants are stored, and the generation that is part of their keys. Forgetting the index forgets
 * all of them, as the next one has another generation.
 *
 * Several processes may list variants at once: an index is only written over the version that was
 * seen, and read back; what another one wrote meanwhile is taken over. On a cold key the lease of
 * the variant is taken before the index is seen, so that who waits for the URL goes on waiting for
 * the variant. */
#include "base/assert.h"
#include "cache/freshness.h"
#include "cache/variants.h"
#include "cache/vary.h"
#include "proxy/fetch_internal.h"
#include "proxy/lookup.h"

#define SLACK_S    86400 /* that an index outlives its variants: not each new one writes it */
#define WRITES_MAX 4

/* What the pool was asked last. */
enum index_stage {
    INDEX_BEGIN,   /* nothing yet */
    INDEX_LEASE,   /* the variant's lease */
    INDEX_LOOK,    /* the index */
    INDEX_WRITTEN, /* the index, behind what was written */
};

struct fetch_index {
    enum index_stage stage;
    unsigned writes;
    struct slice values; /* that select our variant */
    uint64_t generation;
    uint64_t version; /* of what the pool has in the index's place, or STORE_ABSENT; 0: not known */
    struct slice spec; /* as it is stored; none: it is not */
    struct slice listed;
    wall_ms ends;
    struct store_lease base; /* of the URL's key, until the index is written */
};

static int64_t ttl_s(const struct fetch *f)
{
    return freshness_store_ttl_s(&f->meta);
}

static void use_spec(struct fetch *f, struct slice spec)
{
    struct fetch_index *ix = f->index;
    ix->values = lookup_vary_values(f->r, spec);
    f->response->vary = spec;
    f->response->variant = arena_dup(flight_arena(f->writer), ix->values);
}

static struct cache_key key_of(struct fetch *f, struct slice values)
{
    struct request *r = f->r;
    return cache_key_variant(&r->key, f->index->generation, values, &r->arena, r->worker->key_seed);
}

/* -- what stands -- */

/* Fields that are new make other keys: what is listed cannot be found under them. */
static void take_known(struct fetch *f, const struct entry *e)
{
    struct fetch_index *ix = f->index;
    const struct stored_view *v = &e->view;
    struct slice both = vary_union(v->vary, f->response->vary, flight_arena(f->writer));
    if (!slice_eq(both, f->response->vary))
        use_spec(f, both);
    ix->spec = arena_dup(&f->r->arena, v->vary);
    ix->listed = slice_eq(both, ix->spec) ? arena_dup(&f->r->arena, v->content) : slice_none();
    ix->generation = v->meta.generation;
    ix->version = atomic_load_explicit(&e->version, memory_order_relaxed);
    ix->ends = v->meta.received_ms + v->meta.lifetime_s * 1000;
}

static void take_none(struct fetch *f, uint64_t version)
{
    struct fetch_index *ix = f->index;
    ix->spec = slice_none();
    ix->listed = slice_none();
    ix->generation = worker_new_generation(f->worker);
    ix->version = version;
}

static bool is_index(const struct entry *e)
{
    return e && e->view.meta.kind == STORED_VARY;
}

static bool take_from_memory(struct fetch *f)
{
    struct entry *e = lookup_peek(f->r, &f->r->key);
    bool found = is_index(e);
    if (found)
        take_known(f, e);
    else
        take_none(f, STORE_ABSENT);
    entry_unref(&e);
    return found;
}

static bool is_listed(const struct fetch *f)
{
    const struct fetch_index *ix = f->index;
    return slice_eq(ix->spec, f->response->vary) && variants_have(ix->listed, ix->values) &&
           ix->ends - loop_wall(f->worker->loop) >= ttl_s(f) * 1000;
}

/* -- writing -- */

static void put_index(struct fetch *f, struct slice spec, struct slice listed, uint64_t generation,
                      uint64_t version, int64_t lifetime_s)
{
    struct request *r = f->r;
    struct stored_meta meta = {.kind = STORED_VARY,
                               .received_ms = loop_wall(f->worker->loop),
                               .lifetime_s = lifetime_s,
                               .content_length = listed.n,
                               .last_modified = -1,
                               .generation = generation};
    const struct stored_parts parts = {.key = r->key.bytes, .vary = spec};
    struct blob *blob = blob_new(stored_size(&meta, &parts));
    if (!blob)
        return;
    char *content = stored_encode(blob, &meta, &parts);
    if (listed.n > 0)
        memcpy(content, listed.p, listed.n);
    stored_seal(blob);
    enum stored_check why;
    struct entry *e = entry_new(blob, r->key.bytes, &why);
    ASSERT_STATE(e, stored_check_text(why));
    struct store_lease over = {.key = r->key.bytes, .version = version};
    store_put_leased(r->store, e, lifetime_s, &over);
    entry_unref(&e);
}

/* Of those that are listed: who answered here longest ago; who never did counts from when it was
 * stored, which is the order of the list. */
static struct slice least_used(struct fetch *f, struct slice listed)
{
    mono_ms oldest = INT64_MAX;
    struct slice least = slice_none();
    struct slice one;
    while (variants_next(&listed, &one)) {
        struct cache_key key = key_of(f, one);
        struct entry *e = lookup_peek(f->r, &key);
        mono_ms used = e ? atomic_load_explicit(&e->used_ms, memory_order_relaxed) : 0;
        entry_unref(&e);
        if (used <= oldest) {
            oldest = used;
            least = one;
        }
    }
    return least;
}

/* proxy_cache_max_variants */
static struct slice list_ours(struct fetch *f)
{
    struct fetch_index *ix = f->index;
    struct arena *arena = &f->r->arena;
    struct slice listed = ix->listed;
    if (variants_have(listed, ix->values))
        return listed;
    while (!variants_have_room(listed, ix->values, f->r->location->rules.max_variants)) {
        struct slice least = least_used(f, listed);
        struct cache_key key = key_of(f, least);
        store_del(f->r->store, &key);
        listed = variants_without(listed, least, arena);
    }
    return variants_with(listed, ix->values, arena);
}

static void write_index(struct fetch *f)
{
    struct fetch_index *ix = f->index;
    ix->listed = list_ours(f);
    ix->writes++;
    ix->base.version = 0;
    put_index(f, f->response->vary, ix->listed, ix->generation, ix->version, ttl_s(f) + SLACK_S);
}

/* Without waiting for what becomes of it: another process that writes at the same time wins. */
bool fetch_extend_index(struct fetch *f, const struct entry *e)
{
    struct request *r = f->r;
    struct entry *index = lookup_peek(r, &r->key);
    struct slice values = lookup_vary_values(r, e->view.vary);
    bool is_ours = is_index(index) &&
                   index->view.meta.generation == cache_key_generation(r->key.bytes, e->view.key);
    bool fits = true;
    if (is_ours) {
        const struct stored_view *v = &index->view;
        uint64_t version = atomic_load_explicit(&index->version, memory_order_relaxed);
        int64_t ttl = freshness_store_ttl_s(&e->view.meta);
        wall_ms ends = v->meta.received_ms + v->meta.lifetime_s * 1000;
        bool has = variants_have(v->content, values);
        struct slice all = has ? v->content : variants_with(v->content, values, &r->arena);
        fits = has || variants_have_room(v->content, values, r->location->rules.max_variants);
        bool lasts = ends - loop_wall(f->worker->loop) >= ttl * 1000;
        if (fits && !(has && lasts) && (version != 0 || !lookup_has_pool(r)))
            put_index(f, v->vary, all, v->meta.generation, version, ttl + SLACK_S);
    }
    entry_unref(&index);
    return fits;
}

/* -- the stages: each returns whether it has asked the pool -- */

static bool ask(struct fetch *f, enum index_stage stage)
{
    struct request *r = f->r;
    struct store_get get = {.key = r->key, .past_memory = true};
    f->index->stage = stage;
    if (stage == INDEX_LEASE) {
        get.key = key_of(f, f->index->values);
        get.want = fetch_want(f);
    }
    if (!fetch_look(f, &get))
        exchange_pause(f->exchange);
    return true;
}

/* It was invalidated while it was fetched, or too many processes write at once, or it cannot be
 * listed. */
static bool give_it_up(struct fetch *f)
{
    f->collecting = false;
    f->verdict = STORE_NO_INDEX;
    f->response->stored = false;
    f->response->detail = store_verdict_text(f->verdict);
    return false;
}

static bool write_unless_listed(struct fetch *f)
{
    if (is_listed(f))
        return false;
    if (f->index->writes >= WRITES_MAX)
        return give_it_up(f);
    write_index(f);
    return lookup_has_pool(f->r) && ask(f, INDEX_WRITTEN);
}

static bool begin(struct fetch *f)
{
    struct fetch_index *ix = f->index;
    bool known = take_from_memory(f);
    if (ix->values.n > VARIANT_VALUES_MAX)
        return give_it_up(f);
    if (!lookup_has_pool(f->r) || (known && is_listed(f)))
        return write_unless_listed(f);
    if (store_lease_held(&f->lease) && slice_eq(f->lease.key, f->r->key.bytes)) {
        ix->base = f->lease;
        f->lease.version = 0;
        take_none(f, ix->base.version);
        return ask(f, INDEX_LEASE);
    }
    return known && ix->version != 0 ? write_unless_listed(f) : ask(f, INDEX_LOOK);
}

static bool on_lease(struct fetch *f)
{
    fetch_take_lease(f);
    return write_unless_listed(f);
}

static bool on_index(struct fetch *f, const struct entry *e)
{
    struct fetch_index *ix = f->index;
    bool gone = f->lookup_result != STORE_HIT && f->get.answered && f->get.version == 0;
    bool was_there = ix->stage == INDEX_WRITTEN && ix->version != STORE_ABSENT && ix->version != 0;
    if (is_index(e)) {
        take_known(f, e);
    } else if (gone && was_there) {
        store_del(f->r->store, &f->r->key); /* memory has what was written */
        return give_it_up(f);
    } else if (f->get.version != 0) {
        take_none(f, f->get.version);
    } else if (ix->stage == INDEX_WRITTEN) {
        return false; /* the pool is out of use, or does not keep it: memory goes on alone */
    }
    return write_unless_listed(f);
}

static bool ask_next(struct fetch *f)
{
    struct entry *answer = f->get.entry;
    bool asked = false;
    f->get.entry = NULL;
    switch (f->index->stage) {
    case INDEX_BEGIN: asked = begin(f); break;
    case INDEX_LEASE: asked = on_lease(f); break;
    case INDEX_LOOK:
    case INDEX_WRITTEN: asked = on_index(f, answer); break;
    }
    entry_unref(&answer);
    return asked;
}

static void settle(struct fetch *f)
{
    f->store_key = key_of(f, f->index->values);
    if (!slice_eq(f->lease.key, f->store_key.bytes))
        fetch_release_lease(f);
    exchange_resume(f->exchange);
    fetch_publish(f);
}

static void begin_index(struct fetch *f)
{
    f->index = ARENA_NEW(&f->r->arena, struct fetch_index);
    f->lookup_done = true;
    f->get.entry = NULL;
    use_spec(f, f->response->vary);
}

enum fetch_state fetch_step_index(struct fetch *f)
{
    if (!f->index)
        begin_index(f);
    while (f->lookup_done) {
        if (!ask_next(f)) {
            settle(f);
            return FETCH_READ_CONTENT;
        }
    }
    return FETCH_STAY;
}

void fetch_leave_index(struct fetch *f)
{
    if (f->index)
        store_release(f->r->store, &f->index->base);
}
