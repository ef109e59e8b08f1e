/* Content coded while it is sent: in small steps, so that one response keeps no other waiting, and
 * with a flush whenever the origin pauses, so that what it has sent reaches the client. */
#include "proxy/coded_jobs.h"

void coded_begin(struct request *r, uint64_t length)
{
    struct coded *c = r->coded;
    c->coder = coded_coder(r, length);
    if (!c->coder) {
        c->changes = false;
        return;
    }
    counter_add(&r->worker->counters, COUNTER_CODED_STREAMS, 1);
}

/* Where nothing is left to be coded, more content, if there is any. */
static void refill(struct request *r)
{
    struct coded *c = r->coded;
    if (c->piece.bytes.n > 0 || c->last || c->fed)
        return;
    blob_unref(&c->piece.blob);
    c->piece.bytes = slice_none();
    if (!r->response) {
        c->piece.bytes = r->entry->view.content;
        c->last = true;
        return;
    }
    if (flight_take(r->reader, &c->piece, 1, &c->last) == 0)
        c->piece = (struct flight_piece){0};
}

void coded_feed(struct request *r, struct blob *blob, struct slice bytes, bool last)
{
    struct coded *c = r->coded;
    blob_unref(&c->piece.blob);
    c->piece = (struct flight_piece){blob_ref(blob), bytes};
    c->last = last;
    c->fed = true;
}

bool coded_is_hungry(const struct request *r)
{
    return r->coded->piece.bytes.n == 0 && !r->coded->last;
}

static struct slice next_input(const struct coded *c)
{
    struct slice all = c->piece.bytes;
    return c->flushing ? slice_none()
                       : slice_take(all, all.n < CODED_INPUT_BYTES ? all.n : CODED_INPUT_BYTES);
}

static enum coder_op next_op(const struct coded *c, struct slice in)
{
    if (c->flushing)
        return CODER_FLUSH;
    if (c->last && in.n == c->piece.bytes.n)
        return CODER_END;
    return in.n > 0 ? CODER_MORE : CODER_FLUSH;
}

/* Has this turn coded enough? */
static bool is_long(struct request *r)
{
    struct coded *c = r->coded;
    int64_t turn_us = loop_now_us(r->worker->loop);
    if (c->turn_us != turn_us) {
        c->turn_us = turn_us;
        c->slice_end_us = coded_slice_end_us();
    }
    return clock_mono_us() >= c->slice_end_us;
}

enum coded_step coded_next(struct request *r, char *out, size_t *n, bool *end)
{
    struct coded *c = r->coded;
    *n = 0;
    if (is_long(r)) {
        coded_jobs_pause(r);
        return CODED_LATER;
    }
    if (!c->flushing)
        refill(r);
    struct slice in = next_input(c);
    size_t offered = in.n;
    enum coder_op op = next_op(c, in);
    if (op == CODER_FLUSH && !c->unflushed && !c->flushing)
        return CODED_NOTHING;
    enum coder_result result = coder_step(c->coder, op, &in, out, CODED_STEP_BYTES, n);
    size_t used = offered - in.n;
    c->piece.bytes = slice_skip(c->piece.bytes, used);
    c->source_bytes += used;
    c->unflushed = op != CODER_FLUSH;
    c->flushing = op == CODER_FLUSH && result == CODER_FULL;
    *end = op == CODER_END && result == CODER_DONE;
    return result == CODER_FAILED ? CODED_FAILED : CODED_SOME;
}
