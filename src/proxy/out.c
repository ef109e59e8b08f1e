#include "proxy/out.h"

#include "base/assert.h"

#include <stdlib.h>

/* One piece that the socket has not taken: bytes of a blob, or a copy of text behind the struct. */
struct out_piece {
    struct out_piece *next;
    struct blob *blob;
    struct slice bytes;
    char text[];
};

void out_queue_init(struct out_queue *q)
{
    *q = (struct out_queue){NULL, NULL, 0};
}

static void piece_free(struct out_piece *p)
{
    blob_unref(&p->blob);
    free(p);
}

void out_queue_fini(struct out_queue *q)
{
    while (q->first) {
        struct out_piece *next = q->first->next;
        piece_free(q->first);
        q->first = next;
    }
    out_queue_init(q);
}

/* Takes the reference to `blob`. */
static void queue_append(struct out_queue *q, struct blob *blob, struct slice s)
{
    struct out_piece *p = malloc(sizeof *p + (blob ? 0 : s.n));
    ASSERT(p);
    p->next = NULL;
    p->blob = blob;
    p->bytes = s;
    if (!blob) {
        memcpy(p->text, s.p, s.n);
        p->bytes.p = p->text;
    }
    if (q->last)
        q->last->next = p;
    else
        q->first = p;
    q->last = p;
    q->bytes += s.n;
}

/* Moves what the scratch holds behind `skip` bytes into the queue. */
static void scratch_to_queue(struct out *o, struct out_queue *q, size_t skip)
{
    for (unsigned i = 0; i < o->n; i++) {
        struct slice s = {o->iov[i].iov_base, o->iov[i].iov_len};
        if (skip >= s.n) {
            skip -= s.n;
            blob_unref(&o->blobs[i]);
            continue;
        }
        queue_append(q, o->blobs[i], slice_skip(s, skip));
        skip = 0;
    }
    o->n = 0;
    o->bytes = 0;
    o->text_n = 0;
}

void out_discard(struct out *o)
{
    for (unsigned i = 0; i < o->n; i++)
        blob_unref(&o->blobs[i]);
    o->n = 0;
    o->bytes = 0;
    o->text_n = 0;
}

static void scratch_append(struct out *o, struct blob *blob, struct slice s)
{
    o->iov[o->n] = (struct iovec){.iov_base = (void *)(uintptr_t)s.p, .iov_len = s.n};
    o->blobs[o->n++] = blob;
    o->bytes += s.n;
}

char *out_reserve(struct out *o, struct out_queue *q, size_t n)
{
    if (n > OUT_TEXT_BYTES)
        return NULL;
    if (o->n == OUT_PIECES || o->text_n + n > OUT_TEXT_BYTES)
        scratch_to_queue(o, q, 0);
    return o->text + o->text_n;
}

void out_commit(struct out *o, size_t n)
{
    char *at = o->text + o->text_n;
    o->text_n += n;
    if (o->n > 0 && !o->blobs[o->n - 1] &&
        (char *)o->iov[o->n - 1].iov_base + o->iov[o->n - 1].iov_len == at) {
        o->iov[o->n - 1].iov_len += n;
        o->bytes += n;
        return;
    }
    scratch_append(o, NULL, slice_make(at, n));
}

void out_text(struct out *o, struct out_queue *q, struct slice s)
{
    if (s.n == 0)
        return;
    char *to = out_reserve(o, q, s.n);
    if (!to) {
        scratch_to_queue(o, q, 0);
        queue_append(q, NULL, s);
        return;
    }
    memcpy(to, s.p, s.n);
    out_commit(o, s.n);
}

void out_blob(struct out *o, struct out_queue *q, struct blob *blob, struct slice s)
{
    if (s.n == 0)
        return;
    if (o->n == OUT_PIECES)
        scratch_to_queue(o, q, 0);
    scratch_append(o, blob_ref(blob), s);
}

static void queue_consume(struct out_queue *q, size_t n)
{
    q->bytes -= n;
    while (n > 0) {
        struct out_piece *p = q->first;
        ASSERT(p);
        if (n < p->bytes.n) {
            p->bytes = slice_skip(p->bytes, n);
            return;
        }
        n -= p->bytes.n;
        q->first = p->next;
        if (!q->first)
            q->last = NULL;
        piece_free(p);
    }
}

static enum stream_result queue_flush(struct out_queue *q, struct stream *s, uint64_t *written)
{
    while (q->first) {
        struct iovec iov[OUT_PIECES];
        int n = 0;
        size_t want = 0;
        for (struct out_piece *p = q->first; p && n < OUT_PIECES; p = p->next, n++) {
            iov[n] = (struct iovec){(void *)(uintptr_t)p->bytes.p, p->bytes.n};
            want += p->bytes.n;
        }
        size_t done = 0;
        enum stream_result r = stream_writev(s, iov, n, &done);
        if (r != STREAM_OK)
            return r;
        *written += done;
        queue_consume(q, done);
        if (done < want)
            return STREAM_AGAIN;
    }
    return STREAM_OK;
}

enum stream_result out_flush(struct out *o, struct out_queue *q, struct stream *s,
                             uint64_t *written)
{
    *written = 0;
    if (q->first) {
        scratch_to_queue(o, q, 0);
        return queue_flush(q, s, written);
    }
    if (o->n == 0)
        return STREAM_OK;
    size_t done = 0;
    enum stream_result r = stream_writev(s, o->iov, (int)o->n, &done);
    if (r == STREAM_OK)
        *written = done;
    if (r == STREAM_OK && done == o->bytes) {
        out_discard(o);
        return STREAM_OK;
    }
    scratch_to_queue(o, q, r == STREAM_OK ? done : 0);
    return r == STREAM_OK ? STREAM_AGAIN : r;
}
