#include "store/pool.h"

#include "base/assert.h"
#include "base/parse.h"
#include "store/pack.h"
#include "store/pool_chunks.h"
#include "store/purge_sync.h"

#include <stdlib.h>

/* Item flags, for people who look at the servers; a value tells by itself what it is. */
#define ITEM_PLAIN    1
#define ITEM_PACKED   2
#define FREE_GETS_MAX 1024
#define DIGITS_MAX    20 /* of 64 bits */

_Static_assert((int)STORE_NEXT_ERROR == (int)MC_FAILURE_ERROR &&
                   (int)STORE_NEXT_TIMEOUT == (int)MC_FAILURE_TIMEOUT &&
                   (int)STORE_NEXT_INVALID == (int)MC_FAILURE_INVALID &&
                   (int)STORE_NEXT_NOT_FOUND == (int)MC_NEXT_NOT_FOUND,
               "the same bits");

/* A lookup under way: the pool's half of a store_get. */
struct pool_get {
    struct mc_get mc;
    struct pool_store *store;
    struct store_get *get;
    struct pool_get *next_free;
};

struct pool_store {
    struct store store;
    struct mc_pool *pool;
    struct mc_key_maker *keys;
    struct slice prefix;
    struct purge_sync *sync; /* NULL: purges are not shared */
    struct pack *pack;
    struct cache_compress compress;
    struct pool_chunks chunks;
    struct pool_get *free_gets;
    size_t free_gets_n;
    size_t pending;
    struct store_pool_counters counters;
};

static const struct store_ops ops;

static struct pool_store *pool_store_of(struct store *s)
{
    ASSERT(s->ops == &ops);
    return container_of(s, struct pool_store, store);
}

static struct pool_get *take_get(struct pool_store *s)
{
    struct pool_get *pg = s->free_gets;
    if (pg == NULL) {
        pg = malloc(sizeof(*pg));
        ASSERT(pg != NULL);
    } else {
        s->free_gets = pg->next_free;
        s->free_gets_n--;
    }
    s->pending++;
    return pg;
}

static void give_get(struct pool_store *s, struct pool_get *pg)
{
    s->pending--;
    if (s->free_gets_n >= FREE_GETS_MAX) {
        free(pg);
        return;
    }
    pg->next_free = s->free_gets;
    s->free_gets = pg;
    s->free_gets_n++;
}

/* The value becomes an entry only if it is the whole and intact response of this very key. Takes
 * `blob`. */
static struct entry *checked_entry(struct pool_store *s, struct blob *blob, struct slice key)
{
    enum stored_check why = STORED_OK;
    struct entry *entry = pack_entry(s->pack, blob, key, &why);
    if (entry == NULL)
        atomic_fetch_add_explicit(&s->counters.invalid, 1, memory_order_relaxed);
    return entry;
}

/* What the server said about the item. */
static void take_item(struct store_get *get, const struct mc_item *item, bool over_value,
                      bool doubtful)
{
    bool asked = get->want.lease_s > 0 && item->cas != 0;
    get->version = item->cas;
    get->stale = item->stale;
    get->taken = asked && item->taken;
    get->doubtful = get->taken && doubtful;
    if (asked && item->won)
        get->lease = (struct store_lease){get->key.bytes, item->cas, over_value};
}

/* A value that fails the check is in nobody's way: what comes is stored over it. */
static enum store_result take_result(struct pool_store *s, struct store_get *get, struct mc_get *mc,
                                     enum mc_result result)
{
    if (result == MC_FAILED)
        return STORE_MISS;
    get->answered = true;
    get->copy = mc->place == MC_PLACE_SECOND;
    take_item(get, &mc->item, result == MC_HIT, mc->doubtful);
    if (get->check && mc->blob == NULL)
        return result == MC_HIT ? STORE_HIT : STORE_MISS;
    if (result == MC_MISS)
        return get->taken ? STORE_WAIT : STORE_MISS;
    get->entry = checked_entry(s, mc->blob, get->key.bytes);
    if (get->entry == NULL)
        return STORE_MISS;
    get->tier = TIER_POOL;
    atomic_store_explicit(&get->entry->version, mc->item.cas, memory_order_relaxed);
    return STORE_HIT;
}

/* A classic server cannot begin a counter and add to it in one. */
static enum store_result take_count(struct pool_store *s, struct store_get *get, struct mc_get *mc,
                                    enum mc_result result)
{
    bool counted =
        result == MC_HIT && parse_u64(slice_trim(blob_slice(mc->blob)), UINT64_MAX, &get->count);
    get->answered = result != MC_FAILED;
    if (result == MC_MISS) {
        struct blob *first = blob_new(DIGITS_MAX);
        ASSERT(first != NULL);
        first->len = format_u64(first->data, get->count_add);
        get->count = get->count_add;
        counted = mc_pool_add(s->pool, &mc->key, first, 0, get->count_s);
        blob_unref(&first);
    }
    blob_unref(&mc->blob);
    return counted ? STORE_HIT : STORE_MISS;
}

static void pool_on_get(struct mc_get *mc, enum mc_result result)
{
    struct pool_get *pg = container_of(mc, struct pool_get, mc);
    struct pool_store *s = pg->store;
    struct store_get *get = pg->get;
    get->pending = NULL;
    enum store_result taken =
        get->count_add > 0 ? take_count(s, get, mc, result) : take_result(s, get, mc, result);
    give_get(s, pg);
    get->fn(get, taken);
}

static enum store_result pool_peek(struct store *store UNUSED, struct store_get *get)
{
    get->entry = NULL;
    get->tier = TIER_NONE;
    return STORE_MISS;
}

/* In the same write, before the lookup: then one of those who look wins it. */
static void take_from_lost(struct pool_store *s, const struct store_get *get,
                           const struct mc_key *key)
{
    const struct store_lease *lost = &get->want.lost;
    if (store_lease_held(lost))
        mc_pool_del_version(s->pool, key, lost->version, lost->over_value);
}

static enum store_result pool_get(struct store *store, struct store_get *get)
{
    struct pool_store *s = pool_store_of(store);
    struct pool_get *pg = take_get(s);
    pg->store = s;
    pg->get = get;
    pg->mc.fn = pool_on_get;
    pg->mc.owner = pg;
    pg->mc.nth = 0;
    pg->mc.next = get->next;
    pg->mc.keep = true;
    pg->mc.ask = (struct mc_ask){.cas = true,
                                 .no_value = get->check,
                                 .lease_s = get->want.lease_s,
                                 .refresh_s = get->want.refresh_s};
    if (get->count_add > 0)
        pg->mc.ask = (struct mc_ask){.add = get->count_add, .lease_s = get->count_s};
    mc_key_make(s->keys, s->prefix, get->key.bytes, &pg->mc.key);
    take_from_lost(s, get, &pg->mc.key);
    get->lease = (struct store_lease){0};
    get->version = 0;
    get->answered = false;
    get->stale = false;
    get->taken = false;
    get->doubtful = false;
    get->copy = false;
    get->entry = NULL;
    get->tier = TIER_NONE;
    get->pending = pg;
    if (mc_pool_get(s->pool, &pg->mc) == MC_PENDING)
        return STORE_PENDING;
    get->pending = NULL;
    give_get(s, pg);
    return STORE_MISS;
}

/* The lookup's answer may have won a lease that nobody will take: it ends by itself. */
static void pool_cancel(struct store *store, struct store_get *get)
{
    struct pool_get *pg = get->pending;
    if (pg == NULL)
        return;
    get->pending = NULL;
    mc_get_cancel(&pg->mc);
    give_get(pool_store_of(store), pg);
}

/* Before the pool's log of purges is known nobody could tell what they are to this response. */
static bool is_unnumbered(const struct pool_store *s, const struct entry *entry)
{
    const struct stored_meta *meta = &entry->view.meta;
    return s->sync != NULL && meta->kind == STORED_RESPONSE && meta->purge_seq == 0;
}

bool pool_put_record(struct mc_pool *pool, const struct pool_put *put, struct blob *record)
{
    if (put->version == STORE_ABSENT)
        return mc_pool_add(pool, &put->key, record, put->flags, put->ttl_s);
    return mc_pool_set_over(pool, &put->key, record, put->flags, put->ttl_s, put->version);
}

void pool_put_none(struct mc_pool *pool, const struct pool_put *put)
{
    if (put->version != 0 && put->version != STORE_ABSENT)
        mc_pool_del_version(pool, &put->key, put->version, put->over_value);
}

static size_t room_bytes(const struct pool_store *s, const struct mc_key *key)
{
    size_t other_bytes = key->n + MC_ITEM_OVERHEAD_BYTES;
    size_t item_bytes = mc_pool_item_max_bytes(s->pool);
    return item_bytes > other_bytes ? item_bytes - other_bytes : 0;
}

/* As it is, or packed; in chunks where neither fits into an item. */
static bool put_entry(struct pool_store *s, const struct entry *entry, struct pool_put *put)
{
    const struct stored_view *v = &entry->view;
    size_t room = room_bytes(s, &put->key);
    struct blob *packed = NULL;
    if (stored_is_manifest(&v->meta))
        pool_chunks_touch(&s->chunks, v, put->ttl_s);
    else if (pack_suits(&s->compress, v))
        packed = pack_close(s->pack, blob_slice(entry->blob), s->compress.level);
    bool fits = packed != NULL && packed->len <= room;
    if (!fits && v->content.n > 0 && entry->blob->len > room) {
        blob_unref(&packed);
        return pool_chunks_split(&s->chunks, v, put);
    }
    put->flags = fits ? ITEM_PACKED : ITEM_PLAIN;
    bool sent = pool_put_record(s->pool, put, fits ? packed : entry->blob);
    blob_unref(&packed);
    return sent;
}

static bool pool_put(struct store *store, struct entry *entry, int64_t ttl_s,
                     const struct store_lease *lease)
{
    struct pool_store *s = pool_store_of(store);
    struct pool_put put = {.flags = ITEM_PLAIN, .ttl_s = ttl_s};
    if (lease != NULL) {
        put.version = lease->version;
        put.over_value = lease->over_value;
    }
    mc_key_make(s->keys, s->prefix, entry->view.key, &put.key);
    pool_chunks_overtake(&s->chunks, &put.key);
    bool sent = !is_unnumbered(s, entry) && put_entry(s, entry, &put);
    if (!sent)
        pool_put_none(s->pool, &put);
    return sent;
}

/* A stub goes; a stored response stays, for who has a use for it, and can be won again. */
static void pool_release(struct store *store, const struct store_lease *lease)
{
    struct pool_store *s = pool_store_of(store);
    struct mc_key key;
    mc_key_make(s->keys, s->prefix, lease->key, &key);
    mc_pool_del_version(s->pool, &key, lease->version, lease->over_value);
}

/* Nobody waits for the answer. A stored response lives longer than any fetch. */
static void pool_renew(struct store *store, const struct store_lease *lease, uint32_t lease_s)
{
    struct pool_store *s = pool_store_of(store);
    struct mc_key key;
    if (lease->over_value)
        return;
    mc_key_make(s->keys, s->prefix, lease->key, &key);
    mc_pool_touch(s->pool, &key, lease_s);
}

static void pool_del(struct store *store, const struct cache_key *cache_key)
{
    struct pool_store *s = pool_store_of(store);
    struct mc_key key;
    mc_key_make(s->keys, s->prefix, cache_key->bytes, &key);
    pool_chunks_overtake(&s->chunks, &key);
    mc_pool_del(s->pool, &key);
}

static bool pool_sync(struct store *store, struct store_sync *sync)
{
    struct pool_store *s = pool_store_of(store);
    sync->servers = 0;
    sync->failed_n = 0;
    return s->sync != NULL && purge_sync_start(s->sync, sync);
}

static void pool_cancel_sync(struct store *store UNUSED, struct store_sync *sync)
{
    purge_sync_cancel(sync);
}

/* -- chunks (pool_chunks.h) -- */

static enum store_result pool_read(struct store *store, struct store_read *read)
{
    return pool_chunks_read(&pool_store_of(store)->chunks, read);
}

static void pool_read_cancel(struct store *store UNUSED, struct store_read *read)
{
    pool_chunks_read_cancel(read);
}

static void pool_write(struct store *store, const struct store_chunk *c, struct slice content,
                       int64_t ttl_s)
{
    pool_chunks_write(&pool_store_of(store)->chunks, c, content, ttl_s);
}

static struct store_fill *pool_fill(struct store *store, struct slice key, uint64_t generation,
                                    int64_t ttl_s)
{
    return pool_chunks_fill(&pool_store_of(store)->chunks, key, generation, ttl_s);
}

static void pool_free(struct store *store)
{
    struct pool_store *s = pool_store_of(store);
    ASSERT(s->pending == 0);
    while (s->free_gets != NULL) {
        struct pool_get *pg = s->free_gets;
        s->free_gets = pg->next_free;
        free(pg);
    }
    purge_sync_free(&s->sync);
    pool_chunks_fini(&s->chunks);
    mc_key_maker_free(&s->keys);
    pack_free(&s->pack);
    free(s);
}

static const struct store_ops ops = {
    .peek = pool_peek,
    .get = pool_get,
    .cancel = pool_cancel,
    .put = pool_put,
    .release = pool_release,
    .renew = pool_renew,
    .del = pool_del,
    .sync = pool_sync,
    .cancel_sync = pool_cancel_sync,
    .free = pool_free,
    .read = pool_read,
    .read_cancel = pool_read_cancel,
    .write = pool_write,
    .fill = pool_fill,
};

struct store *store_pool_new(struct mc_pool *pool, struct slice prefix)
{
    ASSERT(mc_key_prefix_valid(prefix));
    struct mc_key_maker *keys = mc_key_maker_new();
    if (keys == NULL)
        return NULL;
    struct pool_store *s = calloc(1, sizeof(*s));
    ASSERT(s != NULL);
    s->store.ops = &ops;
    s->pool = pool;
    s->keys = keys;
    s->prefix = prefix;
    s->pack = pack_new();
    s->chunks = (struct pool_chunks){pool, keys, prefix, &s->counters.invalid, {NULL, NULL}, 0};
    list_init(&s->chunks.splits);
    return &s->store;
}

void store_pool_share_purges(struct store *store, struct slice name, struct purge_book *book)
{
    struct pool_store *s = pool_store_of(store);
    ASSERT(s->sync == NULL);
    s->sync = purge_sync_new(s->pool, s->keys, s->prefix, name, book);
}

void store_pool_compress(struct store *store, const struct cache_compress *compress)
{
    pool_store_of(store)->compress = *compress;
}

const struct store_pool_counters *store_pool_counters(const struct store *store)
{
    ASSERT(store->ops == &ops);
    return &container_of((struct store *)store, struct pool_store, store)->counters;
}
