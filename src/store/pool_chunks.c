#include "store/pool_chunks.h"

#include "base/assert.h"
#include "store/chunk.h"

#include <stdlib.h>

#define TOUCHES_MAX 4096 /* beyond, chunks end with the time that they were stored for */

uint32_t pool_chunks_bytes(const struct pool_chunks *p)
{
    size_t key_bytes = p->prefix.n + 1 + MC_KEY_HASH_TEXT;
    return chunk_content_bytes(mc_pool_item_max_bytes(p->pool), key_bytes);
}

static struct chunk_id id_of(const struct store_chunk *c)
{
    return (struct chunk_id){c->generation, c->offset, c->length};
}

static void key_of(const struct pool_chunks *p, const struct store_chunk *c, struct mc_key *out)
{
    struct mc_key response;
    struct chunk_id id = id_of(c);
    mc_key_make(p->keys, p->prefix, c->key, &response);
    chunk_key(p->keys, p->prefix, &response, &id, out);
}

/* -- reading -- */

struct pool_read {
    struct mc_get mc;
    struct pool_chunks *chunks;
    struct store_read *read;
};

/* The value becomes content only if it is the whole and intact chunk that was asked for. */
static enum store_result take_value(struct pool_chunks *p, struct store_read *read,
                                    struct blob *blob)
{
    struct chunk_id id = id_of(&read->chunk);
    if (!chunk_parse(blob_slice(blob), &id, &read->content)) {
        atomic_fetch_add_explicit(p->invalid, 1, memory_order_relaxed);
        blob_unref(&blob);
        return STORE_MISS;
    }
    read->blob = blob;
    return STORE_HIT;
}

static void pool_on_read(struct mc_get *mc, enum mc_result result)
{
    struct pool_read *pr = container_of(mc, struct pool_read, mc);
    struct store_read *read = pr->read;
    enum store_result taken =
        result == MC_HIT ? take_value(pr->chunks, read, mc->blob) : STORE_MISS;
    read->pending = NULL;
    free(pr);
    read->fn(read, taken);
}

enum store_result pool_chunks_read(struct pool_chunks *p, struct store_read *read)
{
    struct pool_read *pr = malloc(sizeof *pr);
    ASSERT(pr);
    *pr = (struct pool_read){
        .mc = {.fn = pool_on_read, .next = read->next, .keep = true}, .chunks = p, .read = read};
    key_of(p, &read->chunk, &pr->mc.key);
    read->blob = NULL;
    read->pending = pr;
    if (mc_pool_get(p->pool, &pr->mc) == MC_PENDING)
        return STORE_PENDING;
    read->pending = NULL;
    free(pr);
    return STORE_MISS;
}

void pool_chunks_read_cancel(struct store_read *read)
{
    struct pool_read *pr = read->pending;
    read->pending = NULL;
    mc_get_cancel(&pr->mc);
    free(pr);
}

/* -- writing -- */

void pool_chunks_write(struct pool_chunks *p, const struct store_chunk *c, struct slice content,
                       int64_t ttl_s)
{
    struct mc_key key;
    struct chunk_id id = id_of(c);
    struct blob *blob = chunk_new(content.n);
    ASSERT(content.n == c->length);
    if (!blob)
        return;
    memcpy(blob->data + CHUNK_HEAD_BYTES, content.p, content.n);
    chunk_seal(blob, &id);
    key_of(p, c, &key);
    (void)mc_pool_set(p->pool, &key, blob, CHUNK_ITEM_FLAGS, ttl_s);
    blob_unref(&blob);
}

void pool_chunks_touch(struct pool_chunks *p, const struct stored_view *manifest, int64_t ttl_s)
{
    const struct stored_meta *m = &manifest->meta;
    uint32_t ttl = mc_exptime(ttl_s, clock_wall_ms() / 1000);
    uint64_t at = 0;
    for (unsigned i = 0; i < TOUCHES_MAX && at < m->content_length; i++, at += m->chunk_bytes) {
        struct mc_key key;
        struct store_chunk c = store_chunk_at(manifest, at);
        key_of(p, &c, &key);
        mc_pool_touch(p->pool, &key, ttl);
    }
}

void pool_chunks_del(struct pool_chunks *p, const struct store_chunk *c)
{
    struct mc_key key;
    key_of(p, c, &key);
    mc_pool_del(p->pool, &key);
}
