/* Counted, immutable bytes that several threads and connections may hold at once: chunks of
 * content, stored responses. */
#pragma once

#include "base/slice.h"

#include <stdatomic.h>
#include <stddef.h>

struct blob {
    atomic_uint refs;
    size_t cap; /* bytes that `data` can hold */
    size_t len; /* bytes written; only the one producer moves it, and never behind what it has
                   published */
    char data[];
};

/* One reference, `len` 0. NULL when there is no memory: the caller answers or closes. */
struct blob *blob_new(size_t cap);
struct blob *blob_ref(struct blob *);
/* Gives up the reference and clears the pointer; the last one frees. NULL inside is fine. */
void blob_unref(struct blob **);
static inline struct slice blob_slice(const struct blob *b)
{
    return slice_make(b->data, b->len);
}
