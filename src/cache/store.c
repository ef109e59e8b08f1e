/* Stored responses as counted entries. */
#include "cache/store.h"

#include "base/assert.h"

#include <stdlib.h>

struct entry *entry_new(struct blob *blob, struct slice key, enum stored_check *why)
{
    struct stored_view view;
    *why = stored_parse(blob_slice(blob), key, &view);
    if (*why != STORED_OK) {
        blob_unref(&blob);
        return NULL;
    }
    struct entry *e = malloc(sizeof(*e));
    ASSERT(e != NULL);
    atomic_init(&e->refs, 1);
    atomic_init(&e->version, 0);
    atomic_init(&e->checked_ms, 0);
    atomic_init(&e->purge_seq, view.meta.purge_seq);
    atomic_init(&e->used_ms, 0);
    e->blob = blob;
    e->view = view;
    return e;
}

struct entry *entry_with_lifetime(const struct entry *of, int64_t lifetime_s, int64_t swr_s)
{
    struct entry *e = malloc(sizeof(*e));
    ASSERT(e != NULL);
    atomic_init(&e->refs, 1);
    atomic_init(&e->version, atomic_load_explicit(&of->version, memory_order_relaxed));
    atomic_init(&e->checked_ms, atomic_load_explicit(&of->checked_ms, memory_order_relaxed));
    atomic_init(&e->purge_seq, of->view.meta.purge_seq);
    e->blob = blob_ref(of->blob);
    e->view = of->view;
    e->view.meta.lifetime_s = lifetime_s;
    e->view.meta.swr_s = swr_s;
    return e;
}

struct entry *entry_ref(struct entry *e)
{
    /* Who adds a reference holds one, so nothing has to be ordered before it. */
    unsigned refs = atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
    ASSERT(refs > 0);
    return e;
}

void entry_unref(struct entry **e)
{
    struct entry *gone = *e;
    *e = NULL;
    if (gone == NULL) {
        return;
    }
    /* Release: our reads come before the free. Acquire: so do those of all others. */
    unsigned refs = atomic_fetch_sub_explicit(&gone->refs, 1, memory_order_acq_rel);
    ASSERT(refs > 0);
    if (refs == 1) {
        blob_unref(&gone->blob);
        free(gone);
    }
}

struct store_chunk store_chunk_at(const struct stored_view *v, uint64_t offset)
{
    const struct stored_meta *m = &v->meta;
    ASSERT(stored_is_manifest(m) && offset < m->content_length);
    uint64_t first = offset - offset % m->chunk_bytes;
    uint64_t left = m->content_length - first;
    return (struct store_chunk){
        .key = v->key,
        .generation = m->generation,
        .offset = first,
        .length = left < m->chunk_bytes ? (uint32_t)left : m->chunk_bytes,
    };
}
