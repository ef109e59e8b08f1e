/* Content being stored in chunks as it arrives. Every chunk that was sent is asked for behind
 * itself on the same connection, without its value: the answer says that the server has it, and
 * makes room for the next one. So at most SENT_MAX chunks stand before what others ask of these
 * servers, whatever their send buffers hold, and no wait is longer than the pool's read timeout,
 * twice. */
#include "base/assert.h"
#include "store/chunk.h"
#include "store/pool_chunks.h"

#include <stdlib.h>

#define SENT_MAX 2

struct fill_chunk {
    struct list node; /* in `waiting` or `sent` */
    struct mc_get ack;
    struct pool_fill *fill;
    struct blob *blob;
    bool again; /* sent a second time */
};

struct pool_fill {
    struct store_fill fill;
    struct pool_chunks *chunks;
    struct mc_key response;
    int64_t ttl_s;
    uint64_t offset;   /* of the chunk that is being put together */
    struct blob *blob; /* its bytes; NULL: none yet */
    struct list waiting;
    struct list sent;
    size_t sent_n;
    bool ended;
};

static struct pool_fill *fill_of(struct store_fill *f)
{
    return container_of(f, struct pool_fill, fill);
}

static struct fill_chunk *first_of(const struct list *l)
{
    return list_entry(l->next, struct fill_chunk, node);
}

static void chunk_free(struct fill_chunk *c)
{
    list_remove(&c->node);
    blob_unref(&c->blob);
    free(c);
}

/* -- sending -- */

static enum store_fill_state state_of(const struct pool_fill *f)
{
    if (f->fill.state == FILL_LOST)
        return FILL_LOST;
    if (!list_empty(&f->waiting))
        return FILL_FULL;
    if (!f->ended)
        return FILL_ROOM;
    return list_empty(&f->sent) ? FILL_WHOLE : FILL_FULL;
}

/* What cannot be sent now, as the connection is being made or has enough to do, will be found
 * missing and sent then. False: nobody is there to ask. */
static bool send_chunk(struct fill_chunk *c)
{
    struct pool_fill *f = c->fill;
    struct mc_pool *pool = f->chunks->pool;
    list_remove(&c->node);
    list_push_back(&f->sent, &c->node);
    f->sent_n++;
    bool sent = mc_pool_set(pool, &c->ack.key, c->blob, CHUNK_ITEM_FLAGS, f->ttl_s);
    if (mc_pool_get(pool, &c->ack) == MC_PENDING)
        return true;
    if (sent) { /* its server is out of use, but a copy has gone to another one */
        f->sent_n--;
        chunk_free(c);
    }
    return sent;
}

static void send_more(struct pool_fill *f)
{
    while (f->fill.state != FILL_LOST && f->sent_n < SENT_MAX && !list_empty(&f->waiting)) {
        if (!send_chunk(first_of(&f->waiting)))
            f->fill.state = FILL_LOST;
    }
    f->fill.state = state_of(f);
}

/* A server that does not have it, or could not say in time, gets it once more. */
static void take_ack(struct fill_chunk *c, enum mc_result result)
{
    struct pool_fill *f = c->fill;
    f->sent_n--;
    blob_unref(&c->ack.blob);
    if (result == MC_HIT) {
        chunk_free(c);
    } else if (!c->again) {
        c->again = true;
        list_remove(&c->node);
        list_push_front(&f->waiting, &c->node);
    } else {
        f->fill.state = FILL_LOST;
    }
}

static void fill_on_ack(struct mc_get *ack, enum mc_result result)
{
    struct fill_chunk *c = container_of(ack, struct fill_chunk, ack);
    struct pool_fill *f = c->fill;
    enum store_fill_state before = f->fill.state;
    take_ack(c, result);
    send_more(f);
    if (f->fill.state != before && f->fill.state != FILL_FULL)
        f->fill.on_change(&f->fill);
}

/* -- putting together -- */

static struct chunk_id id_at(const struct pool_fill *f, uint64_t offset)
{
    return (struct chunk_id){f->fill.generation, offset, f->fill.chunk_bytes};
}

static void seal(struct pool_fill *f)
{
    struct chunk_id id = id_at(f, f->offset);
    struct fill_chunk *c = calloc(1, sizeof *c);
    ASSERT(c);
    id.length = (uint32_t)(f->blob->len - CHUNK_HEAD_BYTES);
    chunk_seal(f->blob, &id);
    *c = (struct fill_chunk){
        .ack = {.ask = {.no_value = true}, .fn = fill_on_ack}, .fill = f, .blob = f->blob};
    chunk_key(f->chunks->keys, f->chunks->prefix, &f->response, &id, &c->ack.key);
    list_push_back(&f->waiting, &c->node);
    f->blob = NULL;
    f->offset += id.length;
}

/* Returns what does not belong into this chunk. */
static struct slice add(struct pool_fill *f, struct slice content)
{
    size_t room = CHUNK_HEAD_BYTES + (size_t)f->fill.chunk_bytes - f->blob->len;
    size_t n = content.n < room ? content.n : room;
    memcpy(f->blob->data + f->blob->len, content.p, n);
    f->blob->len += n;
    if (n == room)
        seal(f);
    return slice_skip(content, n);
}

static void fill_append(struct store_fill *fill, struct slice content)
{
    struct pool_fill *f = fill_of(fill);
    ASSERT(!f->ended);
    while (content.n > 0 && fill->state != FILL_LOST) {
        if (!f->blob) {
            f->blob = chunk_new(fill->chunk_bytes);
            if (!f->blob) {
                fill->state = FILL_LOST;
                return;
            }
            f->blob->len = CHUNK_HEAD_BYTES;
        }
        content = add(f, content);
    }
    send_more(f);
}

static void fill_end(struct store_fill *fill)
{
    struct pool_fill *f = fill_of(fill);
    if (f->blob && fill->state != FILL_LOST)
        seal(f);
    f->ended = true;
    send_more(f);
}

/* -- life -- */

/* Nobody will ask for them. */
static void forget_sent(struct pool_fill *f)
{
    for (uint64_t at = 0; at < f->offset; at += f->fill.chunk_bytes) {
        struct chunk_id id = id_at(f, at);
        struct mc_key key;
        chunk_key(f->chunks->keys, f->chunks->prefix, &f->response, &id, &key);
        mc_pool_del(f->chunks->pool, &key);
    }
}

static void fill_free(struct store_fill *fill)
{
    struct pool_fill *f = fill_of(fill);
    list_for_each_safe (it, &f->sent) {
        struct fill_chunk *c = list_entry(it, struct fill_chunk, node);
        mc_get_cancel(&c->ack);
        chunk_free(c);
    }
    list_for_each_safe (it, &f->waiting)
        chunk_free(list_entry(it, struct fill_chunk, node));
    if (fill->state != FILL_WHOLE)
        forget_sent(f);
    blob_unref(&f->blob);
    free(f);
}

static const struct store_fill_ops ops = {
    .append = fill_append,
    .end = fill_end,
    .free = fill_free,
};

struct store_fill *pool_chunks_fill(struct pool_chunks *p, struct slice key, uint64_t generation,
                                    int64_t ttl_s)
{
    uint32_t chunk_bytes = pool_chunks_bytes(p);
    if (generation == 0 || chunk_bytes == 0 || !mc_pool_is_up(p->pool))
        return NULL;
    struct pool_fill *f = calloc(1, sizeof *f);
    ASSERT(f);
    f->fill =
        (struct store_fill){.ops = &ops, .generation = generation, .chunk_bytes = chunk_bytes};
    f->chunks = p;
    f->ttl_s = ttl_s;
    mc_key_make(p->keys, p->prefix, key, &f->response);
    list_init(&f->waiting);
    list_init(&f->sent);
    return &f->fill;
}
