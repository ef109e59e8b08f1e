/* What waits to be written to a server: command text, and between it large values that are sent
 * from where they lie. */
#pragma once

#include "base/attr.h"
#include "base/blob.h"
#include "base/buf.h"

#include <sys/uio.h>

/* A value that stands in the text after `at` bytes of it. */
struct mc_out_value {
    uint64_t at; /* counted from the first byte of text ever queued */
    struct blob *blob;
    size_t sent;
};

struct mc_out {
    struct buf text;
    uint64_t text_sent;          /* bytes of text written since the start */
    struct mc_out_value *values; /* ring of `values_cap`, a power of two */
    size_t values_cap;
    size_t values_head;
    size_t values_n;
    size_t value_bytes; /* unsent bytes of all values */
};

void mc_out_init(struct mc_out *);
void mc_out_fini(struct mc_out *);
/* Drops everything, releases the values. */
void mc_out_clear(struct mc_out *);
/* Bytes not yet written. */
size_t mc_out_bytes(const struct mc_out *);
/* Room for `n` bytes of text, or NULL without memory; what was written there counts after
 * mc_out_commit. */
char *mc_out_reserve(struct mc_out *, size_t n);
void mc_out_commit(struct mc_out *, size_t n);
/* The value stands behind the text so far; takes a reference of its own until it is written. */
void mc_out_value(struct mc_out *, struct blob *);
/* Fills at most `max` entries, returns how many. */
int mc_out_iov(const struct mc_out *, struct iovec *iov, int max);
/* The first `n` bytes are written. */
void mc_out_sent(struct mc_out *, size_t n);
