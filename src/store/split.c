/* Whole entries that are too long for an item. Their chunks go to several servers, so that only
 * their answers tell when the manifest may be seen. */
#include "base/assert.h"
#include "store/pool_chunks.h"

#include <stdlib.h>

#define SPLITS_MAX 64 /* at a time: each has a whole content in memory */

struct split {
    struct list node;
    struct pool_chunks *chunks;
    struct store_fill *fill;
    struct blob *manifest;
    struct pool_put put;
};

static void split_free(struct split *s)
{
    list_remove(&s->node);
    s->chunks->splits_n--;
    store_fill_free(&s->fill);
    blob_unref(&s->manifest);
    free(s);
}

/* True: it is over, and the split is gone. */
static bool settle(struct split *s)
{
    switch (s->fill->state) {
    case FILL_ROOM:
    case FILL_FULL: return false;
    case FILL_WHOLE: (void)pool_put_record(s->chunks->pool, &s->put, s->manifest); break;
    case FILL_LOST: pool_put_none(s->chunks->pool, &s->put); break;
    }
    split_free(s);
    return true;
}

static void split_on_change(struct store_fill *fill)
{
    struct split *s = fill->owner;
    (void)settle(s);
}

static struct blob *manifest_of(const struct stored_view *whole, uint32_t chunk_bytes)
{
    struct stored_meta meta = whole->meta;
    meta.chunk_bytes = chunk_bytes;
    const struct stored_parts parts = {whole->key,  whole->vary, whole->etag,
                                       whole->tags, whole->head, whole->trailers};
    struct blob *manifest = blob_new(stored_size(&meta, &parts));
    if (!manifest)
        return NULL;
    (void)stored_encode(manifest, &meta, &parts);
    stored_seal(manifest);
    return manifest;
}

static struct split *split_new(struct pool_chunks *p, const struct stored_view *whole,
                               const struct pool_put *put)
{
    if (p->splits_n >= SPLITS_MAX)
        return NULL;
    struct store_fill *fill = pool_chunks_fill(p, whole->key, whole->meta.generation, put->ttl_s);
    struct blob *manifest = fill ? manifest_of(whole, fill->chunk_bytes) : NULL;
    if (!manifest) {
        store_fill_free(&fill);
        return NULL;
    }
    struct split *s = malloc(sizeof *s);
    ASSERT(s);
    *s = (struct split){.chunks = p, .fill = fill, .manifest = manifest, .put = *put};
    fill->on_change = split_on_change;
    fill->owner = s;
    list_push_back(&p->splits, &s->node);
    p->splits_n++;
    return s;
}

bool pool_chunks_split(struct pool_chunks *p, const struct stored_view *whole,
                       const struct pool_put *put)
{
    struct split *s = split_new(p, whole, put);
    if (!s)
        return false;
    (void)store_fill_append(s->fill, whole->content);
    if (store_fill_end(s->fill) == FILL_LOST) {
        split_free(s);
        return false;
    }
    (void)settle(s);
    return true;
}

void pool_chunks_overtake(struct pool_chunks *p, const struct mc_key *key)
{
    list_for_each_safe (it, &p->splits) {
        struct split *s = list_entry(it, struct split, node);
        if (slice_eq(mc_key_slice(&s->put.key), mc_key_slice(key)))
            split_free(s);
    }
}

void pool_chunks_fini(struct pool_chunks *p)
{
    list_for_each_safe (it, &p->splits)
        split_free(list_entry(it, struct split, node));
}
