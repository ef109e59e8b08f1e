#include "tools/content.h"

#include "store/chunk.h"

/* One chunk after the other; a lookup of one that is lost costs a round trip. */
struct walk_chunks {
    struct tool *tool;
    struct mc_pool *pool;
    struct slice prefix;
    const struct record *record;
    struct mc_key_maker *keys;
    struct blob *blob; /* of the chunk that was read last */
};

/* The chunk at `offset`. False: it is not there, or damaged. */
static bool read_chunk(struct walk_chunks *w, uint64_t offset, struct slice *content)
{
    const struct stored_meta *m = &w->record->entry->view.meta;
    uint64_t left = m->content_length - offset;
    struct chunk_id id = {.generation = m->generation,
                          .offset = offset,
                          .length = left < m->chunk_bytes ? (uint32_t)left : m->chunk_bytes};
    struct mc_get get = {0};
    chunk_key(w->keys, w->prefix, &w->record->mc_key, &id, &get.key);
    blob_unref(&w->blob);
    if (tool_get(w->tool, w->pool, &get) != MC_HIT)
        return false;
    w->blob = get.blob;
    return chunk_parse(blob_slice(w->blob), &id, content);
}

static bool begin(struct walk_chunks *w, struct tool *t, struct mc_pool *pool, struct slice prefix,
                  const struct record *record)
{
    *w = (struct walk_chunks){t, pool, prefix, record, mc_key_maker_new(), NULL};
    return w->keys != NULL;
}

static void end(struct walk_chunks *w)
{
    blob_unref(&w->blob);
    mc_key_maker_free(&w->keys);
}

struct content_chunks content_look(struct tool *t, struct mc_pool *pool, struct slice prefix,
                                   const struct record *record)
{
    const struct stored_meta *m = &record->entry->view.meta;
    struct content_chunks found = {0};
    struct walk_chunks w;
    if (!begin(&w, t, pool, prefix, record))
        return found;
    for (uint64_t at = 0; at < m->content_length; at += m->chunk_bytes) {
        struct slice content;
        found.n++;
        found.present += read_chunk(&w, at, &content);
    }
    end(&w);
    return found;
}

static bool write_bytes(struct slice s, FILE *out)
{
    return s.n == 0 || fwrite(s.p, 1, s.n, out) == s.n;
}

static bool write_chunks(struct walk_chunks *w, FILE *out)
{
    const struct stored_meta *m = &w->record->entry->view.meta;
    for (uint64_t at = 0; at < m->content_length; at += m->chunk_bytes) {
        struct slice content;
        if (!read_chunk(w, at, &content) || !write_bytes(content, out))
            return false;
    }
    return true;
}

bool content_write(struct tool *t, struct mc_pool *pool, struct slice prefix,
                   const struct record *record, FILE *out)
{
    const struct stored_view *v = &record->entry->view;
    bool ok = true;
    struct walk_chunks w;
    if (!stored_is_manifest(&v->meta))
        ok = write_bytes(v->content, out);
    else if (begin(&w, t, pool, prefix, record)) {
        ok = write_chunks(&w, out);
        end(&w);
    } else {
        ok = false;
    }
    return ok && fflush(out) == 0;
}
