#include "store/tiered.h"

#include "base/assert.h"
#include "base/clock.h"
#include "cache/freshness.h"
#include "cache/purge.h"

#include <stdlib.h>

#define FREE_GETS_MAX 1024

/* A lookup that the pool is asked for: on behalf of `get`, or to see whether `checked` is still
 * what the pool has. */
struct tiered_get {
    struct store_get inner;
    struct tiered_store *store;
    struct store_get *get;
    struct entry *checked; /* one reference; holds the key's bytes; NULL: the whole is wanted */
    struct list link;      /* among the store's checks */
    struct tiered_get *next_free;
};

struct tiered_store {
    struct store store;
    struct store *memory;
    struct store *pool;
    int64_t revalidate_ms; /* 0: never */
    struct tiered_get *free_gets;
    size_t free_gets_n;
    size_t pending;
    struct list checks;
};

static const struct store_ops ops;

static struct tiered_store *tiered_of(struct store *s)
{
    ASSERT(s->ops == &ops);
    return container_of(s, struct tiered_store, store);
}

static struct tiered_get *take_get(struct tiered_store *s)
{
    struct tiered_get *tg = s->free_gets;
    if (tg == NULL) {
        tg = malloc(sizeof(*tg));
        ASSERT(tg != NULL);
    } else {
        s->free_gets = tg->next_free;
        s->free_gets_n--;
    }
    s->pending++;
    return tg;
}

static void give_get(struct tiered_store *s, struct tiered_get *tg)
{
    s->pending--;
    if (s->free_gets_n >= FREE_GETS_MAX) {
        free(tg);
        return;
    }
    tg->next_free = s->free_gets;
    s->free_gets = tg;
    s->free_gets_n++;
}

static void note_checked(struct entry *entry, mono_ms when)
{
    atomic_store_explicit(&entry->checked_ms, when, memory_order_relaxed);
}

/* What the pool had stays in memory too, for what is left of the time that the pool was told. */
static void keep_in_memory(struct tiered_store *s, struct entry *entry)
{
    const struct stored_meta *meta = &entry->view.meta;
    int64_t since_s = freshness_age_s(meta, clock_wall_ms()) - meta->initial_age_s;
    int64_t left_s = freshness_store_ttl_s(meta) - since_s;
    note_checked(entry, clock_mono_ms());
    if (left_s > 0)
        store_put(s->memory, entry, left_s);
}

/* Marked in the pool while its age would still let it answer: purged. What is old is only being
 * refreshed, and goes on answering where it may. */
static bool is_purged(const struct store_get *get)
{
    const struct stored_meta *meta = &get->entry->view.meta;
    return get->stale && freshness_age_s(meta, clock_wall_ms()) < meta->lifetime_s;
}

/* -- is it still what the pool has? -- */

static store_get_fn tiered_on_check, tiered_on_pool;
static void check(struct tiered_store *s, struct entry *entry, const struct cache_key *key,
                  bool whole);

static void end_check(struct tiered_get *tg)
{
    struct tiered_store *s = tg->store;
    list_remove(&tg->link);
    entry_unref(&tg->inner.entry);
    entry_unref(&tg->checked);
    give_get(s, tg);
}

/* The pool has it no more, or marked stale: who asks next looks there. What has come into memory
 * since the question was asked stays. */
static void forget(const struct tiered_get *tg)
{
    struct tiered_store *s = tg->store;
    struct store_get now = {.key = tg->inner.key};
    if (store_peek(s->memory, &now) == STORE_HIT && now.entry == tg->checked)
        store_del(s->memory, &now.key);
    entry_unref(&now.entry);
}

/* The pool has in chunks what memory has as a whole, which stays. */
static bool is_manifest_of(const struct entry *pooled, const struct entry *entry)
{
    if (pooled == NULL || !stored_is_manifest(&pooled->view.meta))
        return false;
    const struct stored_meta *ours = &entry->view.meta;
    const struct stored_meta *theirs = &pooled->view.meta;
    return !stored_is_manifest(ours) && ours->generation == theirs->generation &&
           ours->received_ms == theirs->received_ms;
}

static void on_checked(struct tiered_get *tg, enum store_result result)
{
    struct tiered_store *s = tg->store;
    struct entry *entry = tg->checked;
    if (result == STORE_HIT && is_manifest_of(tg->inner.entry, entry) && !is_purged(&tg->inner)) {
        uint64_t version = atomic_load_explicit(&tg->inner.entry->version, memory_order_relaxed);
        atomic_store_explicit(&entry->version, version, memory_order_relaxed);
    } else if (result == STORE_HIT && tg->inner.entry != NULL && !is_purged(&tg->inner)) {
        keep_in_memory(s, tg->inner.entry);
    } else if (result != STORE_HIT || tg->inner.entry != NULL) {
        if (tg->inner.answered)
            forget(tg);
    } else if (tg->inner.version != atomic_load_explicit(&entry->version, memory_order_relaxed)) {
        check(s, entry, &tg->inner.key, true);
    }
}

static void tiered_on_check(struct store_get *inner, enum store_result result)
{
    struct tiered_get *tg = container_of(inner, struct tiered_get, inner);
    on_checked(tg, result);
    end_check(tg);
}

/* Asks for the version, or for the `whole` where ours is not known. */
static void check(struct tiered_store *s, struct entry *entry, const struct cache_key *key,
                  bool whole)
{
    struct tiered_get *tg = take_get(s);
    *tg = (struct tiered_get){
        .inner = {.key = {entry->view.key, key->hash},
                  .check = !whole,
                  .fn = tiered_on_check,
                  .owner = tg},
        .store = s,
        .checked = entry_ref(entry),
    };
    list_push_back(&s->checks, &tg->link);
    if (store_get(s->pool, &tg->inner) != STORE_PENDING)
        end_check(tg); /* the pool is out of use: memory goes on alone */
}

/* One check for all workers, as the entry is theirs in common. */
static void check_behind(struct tiered_store *s, const struct store_get *get, mono_ms last,
                         mono_ms now)
{
    struct entry *entry = get->entry;
    if (atomic_compare_exchange_strong(&entry->checked_ms, &last, now))
        check(s, entry, &get->key,
              atomic_load_explicit(&entry->version, memory_order_relaxed) == 0);
}

static void note_hit(struct tiered_store *s, struct store_get *get)
{
    mono_ms now = clock_mono_ms();
    mono_ms last = atomic_load_explicit(&get->entry->checked_ms, memory_order_relaxed);
    if (last == ENTRY_UNPOOLED || now - last < s->revalidate_ms / 2)
        return;
    get->unchecked = now - last >= s->revalidate_ms;
    if (!get->unchecked)
        check_behind(s, get, last, now);
}

/* -- operations -- */

static enum store_result tiered_peek(struct store *store, struct store_get *get)
{
    struct tiered_store *s = tiered_of(store);
    enum store_result result = store_peek(s->memory, get);
    get->unchecked = false;
    if (result == STORE_HIT && s->revalidate_ms > 0)
        note_hit(s, get);
    return result;
}

/* The pool does not answer: memory goes on alone, for as long as after a check. */
static enum store_result take_from_memory(struct tiered_store *s, struct store_get *get)
{
    enum store_result result = store_peek(s->memory, get);
    if (result == STORE_HIT)
        note_checked(get->entry, clock_mono_ms());
    return result;
}

/* Where memory has the whole of what the pool has in chunks, the whole answers, and stays. */
static void keep_or_use_whole(struct tiered_store *s, struct store_get *get)
{
    struct store_get ours = {.key = get->key};
    bool has_whole = stored_is_manifest(&get->entry->view.meta) &&
                     store_peek(s->memory, &ours) == STORE_HIT &&
                     is_manifest_of(get->entry, ours.entry);
    if (!has_whole) {
        entry_unref(&ours.entry);
        keep_in_memory(s, get->entry);
        return;
    }
    atomic_store_explicit(&ours.entry->version, get->version, memory_order_relaxed);
    note_checked(ours.entry, clock_mono_ms());
    entry_unref(&get->entry);
    get->entry = ours.entry;
}

/* Hands what the pool answered to the user's half. */
static enum store_result take_answer(struct tiered_get *tg, enum store_result result)
{
    struct tiered_store *s = tg->store;
    struct store_get *get = tg->get;
    get->pending = NULL;
    get->entry = tg->inner.entry;
    get->tier = tg->inner.tier;
    get->answered = tg->inner.answered;
    get->stale = tg->inner.stale;
    get->taken = tg->inner.taken;
    get->doubtful = tg->inner.doubtful;
    get->copy = tg->inner.copy;
    get->version = tg->inner.version;
    get->lease = tg->inner.lease;
    get->count = tg->inner.count;
    give_get(s, tg);
    if (get->count_add > 0)
        return result;
    if (result == STORE_HIT && !is_purged(get) && !get->copy)
        keep_or_use_whole(s, get);
    return result == STORE_MISS && !get->answered ? take_from_memory(s, get) : result;
}

static enum store_result ask_whole(struct tiered_get *tg)
{
    tg->inner = (struct store_get){.key = tg->get->key,
                                   .count_add = tg->get->count_add,
                                   .count_s = tg->get->count_s,
                                   .next = tg->get->next,
                                   .want = tg->get->want,
                                   .fn = tiered_on_pool,
                                   .owner = tg};
    return store_get(tg->store->pool, &tg->inner);
}

/* It is as it was: what memory has answers. */
static enum store_result take_checked(struct tiered_get *tg)
{
    struct store_get *get = tg->get;
    get->pending = NULL;
    get->entry = tg->checked;
    get->tier = TIER_POOL;
    get->answered = true;
    get->version = tg->inner.version;
    note_checked(get->entry, clock_mono_ms());
    give_get(tg->store, tg);
    return STORE_HIT;
}

/* The version has been asked for. */
static enum store_result on_version(struct tiered_get *tg, enum store_result result)
{
    uint64_t known = atomic_load_explicit(&tg->checked->version, memory_order_relaxed);
    if (result == STORE_HIT && tg->inner.entry == NULL && !tg->inner.stale &&
        tg->inner.version == known)
        return take_checked(tg);
    if (tg->inner.answered)
        forget(tg);
    entry_unref(&tg->checked);
    entry_unref(&tg->inner.entry);
    if (!tg->inner.answered)
        return take_answer(tg, STORE_MISS);
    enum store_result whole = ask_whole(tg);
    return whole == STORE_PENDING ? STORE_PENDING : take_answer(tg, whole);
}

static void tiered_on_pool(struct store_get *inner, enum store_result result)
{
    struct tiered_get *tg = container_of(inner, struct tiered_get, inner);
    struct store_get *get = tg->get;
    enum store_result taken = tg->checked ? on_version(tg, result) : take_answer(tg, result);
    if (taken != STORE_PENDING)
        get->fn(get, taken);
}

/* What memory has answers once the pool says that it is the same: while it is fresh, and nobody
 * wants more of the pool. One reference, or NULL. */
static struct entry *memory_if_same(struct tiered_store *s, struct store_get *get)
{
    struct store_get peek = {.key = get->key};
    wall_ms now = clock_wall_ms();
    if (s->revalidate_ms == 0 || get->past_memory || get->count_add > 0 ||
        store_peek(s->memory, &peek) != STORE_HIT)
        return NULL;
    (void)purge_check(s->store.purges, &peek.entry, now);
    if (peek.entry == NULL)
        return NULL;
    const struct stored_meta *meta = &peek.entry->view.meta;
    if (meta->kind != STORED_RESPONSE || freshness_age_s(meta, now) >= meta->lifetime_s ||
        atomic_load_explicit(&peek.entry->version, memory_order_relaxed) == 0)
        entry_unref(&peek.entry);
    return peek.entry;
}

static bool memory_answers(struct store *store, struct store_get *get)
{
    if (get->past_memory || get->count_add > 0 || tiered_peek(store, get) != STORE_HIT)
        return false;
    (void)purge_check(store->purges, &get->entry, clock_wall_ms());
    if (get->entry != NULL && get->unchecked)
        entry_unref(&get->entry);
    return get->entry != NULL;
}

/* Who wants to fetch has looked into memory before, and must hear of the other processes. */
static enum store_result tiered_get(struct store *store, struct store_get *get)
{
    struct tiered_store *s = tiered_of(store);
    if (get->want.lease_s == 0 && memory_answers(store, get))
        return STORE_HIT;
    struct tiered_get *tg = take_get(s);
    *tg = (struct tiered_get){.store = s, .get = get, .checked = memory_if_same(s, get)};
    get->pending = tg;
    if (tg->checked == NULL) {
        enum store_result whole = ask_whole(tg);
        return whole == STORE_PENDING ? STORE_PENDING : take_answer(tg, whole);
    }
    tg->inner =
        (struct store_get){.key = get->key, .check = true, .fn = tiered_on_pool, .owner = tg};
    enum store_result result = store_get(s->pool, &tg->inner);
    return result == STORE_PENDING ? STORE_PENDING : on_version(tg, result);
}

static void tiered_cancel(struct store *store, struct store_get *get)
{
    struct tiered_store *s = tiered_of(store);
    struct tiered_get *tg = get->pending;
    if (tg == NULL)
        return;
    get->pending = NULL;
    store_cancel(s->pool, &tg->inner);
    entry_unref(&tg->checked);
    give_get(s, tg);
}

/* The version that the pool gives it is learnt by the first check. */
static bool tiered_put(struct store *store, struct entry *entry, int64_t ttl_s,
                       const struct store_lease *lease)
{
    struct tiered_store *s = tiered_of(store);
    bool pooled = s->pool->ops->put(s->pool, entry, ttl_s, lease);
    note_checked(entry, pooled ? clock_mono_ms() : ENTRY_UNPOOLED);
    store_put(s->memory, entry, ttl_s);
    return true;
}

static void tiered_release(struct store *store, const struct store_lease *lease)
{
    struct store *pool = tiered_of(store)->pool;
    pool->ops->release(pool, lease);
}

static void tiered_renew(struct store *store, const struct store_lease *lease, uint32_t lease_s)
{
    store_renew(tiered_of(store)->pool, lease, lease_s);
}

static void tiered_del(struct store *store, const struct cache_key *key)
{
    struct tiered_store *s = tiered_of(store);
    store_del(s->memory, key);
    store_del(s->pool, key);
}

static bool tiered_sync(struct store *store, struct store_sync *sync)
{
    return store_sync(tiered_of(store)->pool, sync);
}

static void tiered_cancel_sync(struct store *store, struct store_sync *sync)
{
    store_cancel_sync(tiered_of(store)->pool, sync);
}

/* Only the pool has chunks: what memory has is whole, or a manifest. */
static enum store_result tiered_read(struct store *store, struct store_read *read)
{
    return store_read(tiered_of(store)->pool, read);
}

static void tiered_read_cancel(struct store *store, struct store_read *read)
{
    store_read_cancel(tiered_of(store)->pool, read);
}

static void tiered_write(struct store *store, const struct store_chunk *c, struct slice content,
                         int64_t ttl_s)
{
    store_write(tiered_of(store)->pool, c, content, ttl_s);
}

static struct store_fill *tiered_fill(struct store *store, struct slice key, uint64_t generation,
                                      int64_t ttl_s)
{
    return store_fill(tiered_of(store)->pool, key, generation, ttl_s);
}

static void tiered_free(struct store *store)
{
    struct tiered_store *s = tiered_of(store);
    list_for_each_safe (it, &s->checks) {
        struct tiered_get *tg = list_entry(it, struct tiered_get, link);
        store_cancel(s->pool, &tg->inner);
        end_check(tg);
    }
    ASSERT(s->pending == 0);
    while (s->free_gets != NULL) {
        struct tiered_get *tg = s->free_gets;
        s->free_gets = tg->next_free;
        free(tg);
    }
    s->memory->ops->free(s->memory);
    s->pool->ops->free(s->pool);
    free(s);
}

static const struct store_ops ops = {
    .peek = tiered_peek,
    .get = tiered_get,
    .cancel = tiered_cancel,
    .put = tiered_put,
    .release = tiered_release,
    .renew = tiered_renew,
    .del = tiered_del,
    .sync = tiered_sync,
    .cancel_sync = tiered_cancel_sync,
    .free = tiered_free,
    .read = tiered_read,
    .read_cancel = tiered_read_cancel,
    .write = tiered_write,
    .fill = tiered_fill,
};

struct store *store_tiered_new(struct store *memory, struct store *pool, int64_t revalidate_ms)
{
    struct tiered_store *s = calloc(1, sizeof(*s));
    ASSERT(s != NULL);
    s->store.ops = &ops;
    s->memory = memory;
    s->pool = pool;
    s->revalidate_ms = revalidate_ms;
    list_init(&s->checks);
    return &s->store;
}
