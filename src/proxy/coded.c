/* The coded form of a stored response: looked for in the memory tier and in the pool, else made. */
#include "proxy/coded.h"

#include "cache/freshness.h"
#include "proxy/lookup.h"

#define GZIP_WINDOW_BITS 15
#define ZSTD_WINDOW_BITS 20 /* 1 MiB: what every client has room for, and some MiB here */

static unsigned bits_above(size_t bytes)
{
    unsigned bits = 0;
    while (bits < 63 && (size_t)1 << bits < bytes)
        bits++;
    return bits;
}

struct coder *coded_coder(const struct request *r, uint64_t length)
{
    const struct coded *c = r->coded;
    const struct location_conf *l = r->location;
    if (c->decodes)
        return coder_gunzip_new();
    struct coder_conf conf = {
        .coding = c->coding, .level = (int)l->codings[c->coding].level, .length = length};
    conf.window_bits = c->coding == CODING_BR     ? bits_above(l->brotli_window_bytes)
                       : c->coding == CODING_ZSTD ? ZSTD_WINDOW_BITS
                                                  : GZIP_WINDOW_BITS;
    return coder_encode_new(&conf);
}

/* -- looking -- */

/* Takes the reference. False: it was made of another response than the one that is stored now. */
static bool use(struct request *r, struct entry *e)
{
    struct coded *c = r->coded;
    if (!e)
        return false;
    if (!coded_is_of(e, r->entry)) {
        entry_unref(&e);
        return false;
    }
    c->source_bytes = r->entry->view.meta.content_length;
    c->changes = false;
    c->vary = false;
    entry_unref(&r->entry);
    r->entry = e;
    return true;
}

static bool use_from_memory(struct request *r)
{
    struct store_get get = {.key = r->coded->key};
    return store_peek(r->store, &get) == STORE_HIT && use(r, get.entry);
}

static void coded_on_pool(struct store_get *get, enum store_result result UNUSED)
{
    struct request *r = get->owner;
    r->coded->looking = false;
    request_run(r);
}

/* What the pool had, once it has answered; where there is none, nothing. */
static bool look_in_pool(struct request *r)
{
    struct coded *c = r->coded;
    if (!c->looked && lookup_has_pool(r)) {
        c->get = (struct store_get){.key = c->key, .fn = coded_on_pool, .owner = r};
        c->looking = store_get(r->store, &c->get) == STORE_PENDING;
    }
    c->looked = true;
    struct entry *found = c->looking ? NULL : c->get.entry;
    if (found)
        c->get.entry = NULL;
    return use(r, found);
}

/* -- making -- */

/* All of the content at once into a buffer of `cap` bytes. False: it did not fit, or failed. */
static bool code_whole(struct coder *coder, struct slice content, struct blob *out)
{
    enum coder_result result = CODER_FULL;
    while (result == CODER_FULL && out->len < out->cap) {
        size_t n = 0;
        result =
            coder_step(coder, CODER_END, &content, out->data + out->len, out->cap - out->len, &n);
        out->len += n;
    }
    return result == CODER_DONE;
}

/* Room for what does not get shorter, too; what decodes to more than the limit is no whole. */
static size_t room_for(const struct request *r, size_t content_bytes)
{
    return r->coded->decodes ? (size_t)r->location->coding_max_length + 64
                             : content_bytes + content_bytes / 8 + 1024;
}

static struct entry *make(struct request *r)
{
    const struct coded *c = r->coded;
    struct slice content = r->entry->view.content;
    struct coder *coder = coded_coder(r, content.n);
    struct blob *out = coder ? blob_new(room_for(r, content.n)) : NULL;
    struct entry *e = NULL;
    if (out && code_whole(coder, content, out))
        e = coded_make(r->entry, c->key.bytes, c->coding, c->vary, blob_slice(out), &r->arena);
    blob_unref(&out);
    coder_free(&coder);
    return e;
}

/* As long as the response itself is kept. */
static void keep(struct request *r, struct entry *e)
{
    const struct stored_meta *meta = &e->view.meta;
    int64_t since_s = freshness_age_s(meta, loop_wall(r->worker->loop)) - meta->initial_age_s;
    int64_t left_s = freshness_store_ttl_s(meta) - since_s;
    if (left_s > 0)
        store_put(r->store, e, left_s);
    counter_add(&r->worker->counters, COUNTER_CODED_FORMS, 1);
}

static bool make_and_use(struct request *r)
{
    if (r->entry->view.meta.content_length > r->location->coding_max_length)
        return false;
    struct entry *e = make(r);
    if (e)
        keep(r, e);
    return use(r, e);
}

enum coded_form coded_find(struct request *r)
{
    struct coded *c = r->coded;
    if (c->looking)
        return CODED_WAIT;
    if (r->tier == TIER_NONE)
        return CODED_STREAM; /* not out of the store, so perhaps not to be stored */
    if (!c->key.bytes.p)
        c->key = coded_key(&r->entry->view, c->coding, &r->arena, r->worker->key_seed);
    if (use_from_memory(r))
        return CODED_ENTRY;
    if (r->head.method == METHOD_HEAD)
        return CODED_STREAM; /* without content, and then without its length */
    if (look_in_pool(r))
        return CODED_ENTRY;
    if (c->looking)
        return CODED_WAIT;
    return make_and_use(r) ? CODED_ENTRY : CODED_STREAM;
}

void coded_end(struct request *r)
{
    struct coded *c = r->coded;
    if (c->looking)
        store_cancel(r->store, &c->get);
    c->looking = false;
    entry_unref(&c->get.entry);
    blob_unref(&c->piece.blob);
    if (c->coder)
        timer_cancel(&c->resume);
    coder_free(&c->coder);
}
