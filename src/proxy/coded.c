/* The coded form of a stored response: looked for in the memory tier and in the pool, else made. */
#include "proxy/coded.h"

#include "base/le.h"
#include "proxy/coded_jobs.h"
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

/* What gzip says of the length of its last member (RFC 1952 section 2.3.1), which decoding only
 * confirms. */
static uint32_t decoded_length(struct slice gzip)
{
    if (gzip.n < sizeof(uint32_t))
        return 0;
    const char *last = gzip.p + gzip.n - sizeof(uint32_t);
    return le_take_u32(&last);
}

static bool is_too_long(const struct request *r)
{
    const struct stored_view *v = &r->entry->view;
    uint64_t max = r->location->coding_max_length;
    return stored_is_manifest(&v->meta) || v->content.n > max ||
           (r->coded->decodes && decoded_length(v->content) > max);
}

static bool use_made(struct request *r)
{
    struct entry *made = r->coded->made;
    r->coded->made = NULL;
    return use(r, made);
}

static enum coded_form make(struct request *r)
{
    struct coded *c = r->coded;
    if (!c->tried && !coded_jobs_make(r))
        return CODED_STREAM;
    if (!c->tried)
        return CODED_WAIT;
    return use_made(r) ? CODED_ENTRY : CODED_STREAM;
}

enum coded_form coded_find(struct request *r)
{
    struct coded *c = r->coded;
    if (c->looking || !list_empty(&c->waiting))
        return CODED_WAIT;
    if (c->tried)
        return make(r);
    if (r->tier == TIER_NONE || is_too_long(r))
        return CODED_STREAM; /* what is not out of the store is perhaps not to be stored */
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
    return make(r);
}

void coded_end(struct request *r)
{
    struct coded *c = r->coded;
    if (!c)
        return;
    if (c->looking)
        store_cancel(r->store, &c->get);
    c->looking = false;
    coded_jobs_leave(r);
    entry_unref(&c->get.entry);
    entry_unref(&c->made);
    blob_unref(&c->piece.blob);
    coder_free(&c->coder);
    r->coded = NULL;
}
