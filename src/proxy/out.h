/* What is to be written to one client: pieces in order, text copied, content by reference to
 * counted blobs. Gathered without allocation in the worker's scratch while a turn lasts and written
 * with one writev; only what the socket did not take moves into the connection's own queue. */
#pragma once

#include "base/blob.h"
#include "base/list.h"
#include "net/stream.h"

#define OUT_PIECES     64
#define OUT_TEXT_BYTES (32 * 1024)

/* Scratch, one per worker. */
struct out {
    struct iovec iov[OUT_PIECES];
    struct blob *blobs[OUT_PIECES]; /* one reference each, NULL for text */
    unsigned n;
    size_t bytes;
    size_t text_n;
    char text[OUT_TEXT_BYTES];
};

/* The queue of one connection: what is left after a write would have blocked. */
struct out_queue {
    struct out_piece *first;
    struct out_piece *last;
    size_t bytes;
};

void out_queue_init(struct out_queue *);
/* Drops everything. */
void out_queue_fini(struct out_queue *);

/* Appends; text is copied. When the scratch is full it is moved into the queue, so that these never
 * fail. While the queue holds anything, pieces go behind it. */
void out_text(struct out *, struct out_queue *, struct slice);
/* Takes no reference from the caller: makes its own. `s` points into the blob. */
void out_blob(struct out *, struct out_queue *, struct blob *, struct slice);
/* Bytes that `out_text` can be given at once in place: fill and then out_commit. NULL when `n` is
 * above OUT_TEXT_BYTES. */
char *out_reserve(struct out *, struct out_queue *, size_t n);
void out_commit(struct out *, size_t n);

/* Drops what the scratch holds: the connection is lost. */
void out_discard(struct out *);

/* Writes queue and scratch as far as the socket takes them; afterwards the scratch is empty.
 * `*written` counts bytes. STREAM_AGAIN: the queue holds the rest, ask for on_writable. */
enum stream_result out_flush(struct out *, struct out_queue *, struct stream *, uint64_t *written);
