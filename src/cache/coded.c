#include "cache/coded.h"

#include "base/assert.h"

struct cache_key coded_key(const struct stored_view *source, enum coding coding,
                           struct arena *arena, uint64_t seed)
{
    return cache_key_coded(source->key, coding_name(coding), arena, seed);
}

bool coded_is_of(const struct entry *coded, const struct entry *source)
{
    return coded->view.meta.kind == STORED_CODED &&
           coded->view.meta.generation == stored_checksum(blob_slice(source->blob));
}

/* -- fields -- */

static bool is_digest(struct slice name)
{
    static const struct slice names[] = {
        SLICE_INIT("Content-MD5"),
        SLICE_INIT("Digest"),         /* RFC 3230 */
        SLICE_INIT("Content-Digest"), /* RFC 9530 */
        SLICE_INIT("Repr-Digest"),
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (slice_eq_nocase(name, names[i])) {
            return true;
        }
    }
    return false;
}

static struct slice weak(struct slice etag, struct arena *arena)
{
    return slice_starts(etag, SLICE("W/")) ? etag : arena_concat(arena, SLICE("W/"), etag);
}

bool coded_field(struct field *f, struct arena *arena)
{
    if (f->id == FIELD_ETAG) {
        f->value = weak(f->value, arena);
    }
    return f->id != FIELD_CONTENT_LENGTH && f->id != FIELD_ACCEPT_RANGES &&
           f->id != FIELD_CONTENT_ENCODING && !(f->id == FIELD_OTHER && is_digest(f->name));
}

struct slice coded_lines(enum coding coding, bool vary, struct arena *arena)
{
    struct slice line = vary ? SLICE("Vary: Accept-Encoding\r\n") : SLICE("");
    if (coding == CODING_IDENTITY) {
        return line;
    }
    struct slice name = coding_name(coding);
    return arena_printf(arena, "Content-Encoding: %.*s\r\n%.*s", SLICE_ARG(name), SLICE_ARG(line));
}

/* -- making -- */

struct text {
    char *p;
    size_t n;
};

static void put(struct text *t, struct slice s)
{
    if (s.n > 0) {
        memcpy(t->p + t->n, s.p, s.n);
        t->n += s.n;
    }
}

/* Status line and fields. A weak tag is two bytes longer than a strong one. */
static struct slice head_text(const struct stored_view *source, struct slice lines,
                              struct arena *arena)
{
    struct slice rest = source->head;
    size_t fields = 1;
    for (size_t i = 0; i < rest.n; i++) {
        fields += rest.p[i] == '\n' ? 1 : 0;
    }
    struct text t = {arena_alloc(arena, source->head.n + lines.n + 6 * fields), 0};
    put(&t, slice_take(rest, slice_find(rest, '\n') + 1));
    struct field f;
    while (stored_field_next(&rest, &f)) {
        if (coded_field(&f, arena)) {
            put(&t, f.name);
            put(&t, SLICE(": "));
            put(&t, f.value);
            put(&t, SLICE("\r\n"));
        }
    }
    put(&t, lines);
    return slice_make(t.p, t.n);
}

static struct stored_meta meta_of(const struct entry *source, uint64_t content_length)
{
    struct stored_meta meta = source->view.meta;
    meta.kind = STORED_CODED;
    meta.generation = stored_checksum(blob_slice(source->blob));
    meta.content_length = content_length;
    return meta;
}

struct entry *coded_make(const struct entry *source, struct slice key, enum coding coding,
                         bool vary, struct slice content, struct arena *arena)
{
    struct slice added = arena_concat(arena, coded_lines(coding, vary, arena),
                                      arena_printf(arena, "Content-Length: %zu\r\n", content.n));
    struct slice etag = source->view.etag;
    const struct stored_parts parts = {
        .key = key,
        .etag = etag.n > 0 ? weak(etag, arena) : etag,
        .head = head_text(&source->view, added, arena),
    };
    struct stored_meta meta = meta_of(source, content.n);
    struct blob *blob = blob_new(stored_size(&meta, &parts));
    if (blob == NULL) {
        return NULL;
    }
    char *to = stored_encode(blob, &meta, &parts);
    if (content.n > 0) {
        memcpy(to, content.p, content.n);
    }
    stored_seal(blob);
    enum stored_check why;
    struct entry *e = entry_new(blob, key, &why);
    ASSERT_STATE(e != NULL, stored_check_text(why));
    return e;
}
