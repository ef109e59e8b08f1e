#include "proxy/deliver_chunks.h"

#include "base/assert.h"
#include "cache/freshness.h"
#include "proxy/coded.h"
#include "proxy/deliver_head.h"
#include "proxy/deliver_send.h"
#include "proxy/mend.h"

/* Chunks that one request holds or waits for: the one that the client is taking, and the next. */
#define SLOTS 2

enum slot_state {
    SLOT_READING,
    SLOT_HELD,
    SLOT_LOST,
    SLOT_MENDING, /* the origin is asked for it */
    SLOT_GONE,    /* and does not give it */
    SLOT_CODED,   /* being coded for the client */
    SLOT_SENT,    /* handed to the client, whose socket has not taken all of it yet */
};

struct chunk_slot {
    struct store_read read;
    enum slot_state state;
};

/* A place among the parts. */
struct cursor {
    size_t part;
    uint64_t at; /* in the content */
};

struct deliver_chunks {
    const struct range_answer *answer; /* NULL: the whole */
    const struct range_part *parts;
    size_t parts_n;
    struct range_part whole;
    struct cursor asked; /* what has to be read next */
    struct cursor sent;  /* what has to be sent next */
    struct chunk_slot slots[SLOTS];
    unsigned first; /* in order of the content, from this one on */
    unsigned used;
    struct mend *mend;
};

/* -- places -- */

static uint64_t part_end(const struct range_part *p)
{
    return p->range.first + p->range.n;
}

static bool is_at_end(const struct deliver_chunks *d, const struct cursor *c)
{
    return c->part == d->parts_n;
}

static bool is_within(const struct deliver_chunks *d, const struct cursor *c,
                      const struct store_chunk *chunk)
{
    return !is_at_end(d, c) && c->at >= chunk->offset && c->at - chunk->offset < chunk->length;
}

/* Moves over what the chunk has of this part; returns how much that is. */
static uint64_t step_over(const struct deliver_chunks *d, struct cursor *c,
                          const struct store_chunk *chunk)
{
    uint64_t end = part_end(&d->parts[c->part]);
    uint64_t chunk_end = chunk->offset + chunk->length;
    uint64_t from = c->at;
    c->at = chunk_end < end ? chunk_end : end;
    uint64_t n = c->at - from;
    if (c->at == end && ++c->part < d->parts_n)
        c->at = d->parts[c->part].range.first;
    return n;
}

/* -- reading -- */

static struct chunk_slot *first_slot(struct deliver_chunks *d)
{
    return &d->slots[d->first];
}

static void note_lost(struct request *r, struct chunk_slot *s)
{
    s->state = SLOT_LOST;
    counter_add(&r->worker->counters, COUNTER_CHUNKS_LOST, 1);
}

static void chunk_on_read(struct store_read *read, enum store_result result)
{
    struct request *r = read->owner;
    struct chunk_slot *s = container_of(read, struct chunk_slot, read);
    if (result == STORE_HIT) {
        s->state = SLOT_HELD;
        counter_add(&r->worker->counters, COUNTER_CHUNKS_READ, 1);
    } else {
        note_lost(r, s);
    }
    request_run(r);
}

static void read_next(struct request *r, struct deliver_chunks *d)
{
    struct chunk_slot *s = &d->slots[(d->first + d->used) % SLOTS];
    d->used++;
    *s = (struct chunk_slot){
        .read = {.chunk = store_chunk_at(&r->entry->view, d->asked.at),
                 .next = (uint8_t)r->location->memcached_next,
                 .fn = chunk_on_read,
                 .owner = r},
        .state = SLOT_READING,
    };
    while (is_within(d, &d->asked, &s->read.chunk))
        (void)step_over(d, &d->asked, &s->read.chunk);
    if (store_read(r->store, &s->read) != STORE_PENDING)
        note_lost(r, s);
}

static void read_ahead(struct request *r, struct deliver_chunks *d)
{
    while (d->used < SLOTS && !is_at_end(d, &d->asked))
        read_next(r, d);
}

static void drop_first(struct deliver_chunks *d)
{
    blob_unref(&first_slot(d)->read.blob);
    d->first = (d->first + 1) % SLOTS;
    d->used--;
}

/* -- mending -- */

static int64_t chunk_ttl_s(const struct request *r)
{
    const struct stored_meta *m = &r->entry->view.meta;
    int64_t since_s = freshness_age_s(m, loop_wall(r->worker->loop)) - m->initial_age_s;
    int64_t left_s = freshness_store_ttl_s(m) - since_s;
    return left_s > 1 ? left_s : 1;
}

static void chunk_on_mend(struct mend *m, struct blob *blob)
{
    struct request *r = mend_owner(m);
    struct chunk_slot *s = first_slot(r->chunks);
    mend_cancel(&r->chunks->mend);
    s->state = SLOT_GONE;
    if (blob) {
        s->state = SLOT_HELD;
        s->read.blob = blob;
        s->read.content = blob_slice(blob);
        store_write(r->store, &s->read.chunk, s->read.content, chunk_ttl_s(r));
        counter_add(&r->worker->counters, COUNTER_CHUNKS_MENDED, 1);
    }
    request_run(r);
}

/* The manifest promises what is not there. */
static enum deliver_result cut(struct request *r)
{
    store_del(r->store, &r->variant);
    deliver_chunks_end(r);
    return deliver_cut(r, "a stored chunk is lost and the origin does not give it again");
}

static enum deliver_result on_lost(struct request *r, struct deliver_chunks *d)
{
    struct chunk_slot *s = first_slot(d);
    if (!r->head_sent) {
        deliver_chunks_end(r);
        coded_end(r);
        return DELIVER_LOST;
    }
    d->mend = mend_start(r, &s->read.chunk, chunk_on_mend);
    if (!d->mend)
        return cut(r);
    s->state = SLOT_MENDING;
    return DELIVER_WAIT;
}

/* -- sending -- */

static void send_first_head(struct request *r, const struct deliver_chunks *d)
{
    const struct stored_view *v = &r->entry->view;
    struct response_text t = {.status = v->meta.status, .has_length = true};
    if (!d->answer)
        deliver_head_stored(r, v, &t);
    deliver_send_head(r, d->answer ? &d->answer->text : &t);
}

static void send_chunk(struct request *r, struct deliver_chunks *d, struct chunk_slot *s)
{
    const struct store_chunk *chunk = &s->read.chunk;
    if (!r->head_sent)
        send_first_head(r, d);
    while (is_within(d, &d->sent, chunk)) {
        const struct range_part *part = &d->parts[d->sent.part];
        size_t skip = (size_t)(d->sent.at - chunk->offset);
        if (d->sent.at == part->range.first)
            deliver_send_content(r, NULL, part->head);
        size_t n = (size_t)step_over(d, &d->sent, chunk);
        deliver_send_content(r, s->read.blob, slice_make(s->read.content.p + skip, n));
    }
    s->state = SLOT_SENT;
}

/* The whole, in another coding. */
static void begin_coding(struct request *r, struct deliver_chunks *d, struct chunk_slot *s)
{
    const struct store_chunk *chunk = &s->read.chunk;
    if (!r->head_sent)
        send_first_head(r, d);
    (void)step_over(d, &d->sent, chunk);
    coded_feed(r, s->read.blob, s->read.content, is_at_end(d, &d->sent));
    s->state = SLOT_CODED;
}

static enum coded_step code_chunk(struct request *r, struct chunk_slot *s)
{
    char coded[CODED_STEP_BYTES];
    size_t n;
    bool end = false;
    enum coded_step step = coded_next(r, coded, &n, &end);
    deliver_send_content(r, NULL, slice_make(coded, n));
    if (end || coded_is_hungry(r))
        s->state = SLOT_SENT;
    return step;
}

static enum deliver_result send_tail(struct request *r, const struct deliver_chunks *d)
{
    if (d->answer)
        deliver_send_content(r, NULL, d->answer->tail);
    return deliver_finish(r);
}

/* Backpressure: while the client's queue holds anything no chunk is read. */
enum deliver_result deliver_chunks_run(struct request *r)
{
    struct deliver_chunks *d = r->chunks;
    struct client *c = r->client;
    for (;;) {
        if (client_queued(c) > 0 && !client_flush(c))
            return DELIVER_CUT;
        if (client_queued(c) > 0)
            return DELIVER_WAIT;
        if (d->used > 0 && first_slot(d)->state == SLOT_SENT)
            drop_first(d);
        read_ahead(r, d);
        if (d->used == 0)
            return send_tail(r, d);
        switch (first_slot(d)->state) {
        case SLOT_READING:
        case SLOT_MENDING: return DELIVER_WAIT;
        case SLOT_LOST: return on_lost(r, d);
        case SLOT_GONE: return cut(r);
        case SLOT_HELD:
            if (coded_changes(r))
                begin_coding(r, d, first_slot(d));
            else
                send_chunk(r, d, first_slot(d));
            break;
        case SLOT_CODED:
            switch (code_chunk(r, first_slot(d))) {
            case CODED_FAILED: return deliver_cut(r, "a stored response that cannot be decoded");
            case CODED_LATER: return DELIVER_WAIT;
            case CODED_NOTHING:
            case CODED_SOME: break;
            }
            break;
        case SLOT_SENT: break;
        }
        if (deliver_pending(c) >= DELIVER_BATCH_BYTES && !client_flush(c))
            return DELIVER_CUT;
    }
}

/* -- life -- */

enum deliver_result deliver_chunks_begin(struct request *r, const struct range_answer *answer)
{
    struct deliver_chunks *d = ARENA_NEW(&r->arena, struct deliver_chunks);
    d->answer = answer;
    d->whole.range.n = r->entry->view.meta.content_length;
    d->parts = answer ? answer->parts : &d->whole;
    d->parts_n = answer ? answer->n : 1;
    d->asked.at = d->parts[0].range.first;
    d->sent = d->asked;
    r->chunks = d;
    return deliver_chunks_run(r);
}

void deliver_chunks_end(struct request *r)
{
    struct deliver_chunks *d = r->chunks;
    if (!d)
        return;
    r->chunks = NULL;
    mend_cancel(&d->mend);
    while (d->used > 0) {
        store_read_cancel(r->store, &first_slot(d)->read);
        drop_first(d);
    }
}
