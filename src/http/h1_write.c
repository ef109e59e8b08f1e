/* Heads as bytes. Everything is written anew from values; the length is known before the first byte
 * is. */
#include "http/h1.h"

#include "base/assert.h"

struct writer {
    char *p;
    size_t n;
};

static void put(struct writer *w, struct slice s)
{
    if (s.n > 0) {
        memcpy(w->p + w->n, s.p, s.n);
        w->n += s.n;
    }
}

static size_t fields_bytes(const struct fields *fields)
{
    size_t n = 0;
    for (size_t i = 0; i < fields->n; i++) {
        n += fields->v[i].name.n + fields->v[i].value.n + 4; /* ": " and CRLF */
    }
    return n;
}

static void put_fields(struct writer *w, const struct fields *fields)
{
    for (size_t i = 0; i < fields->n; i++) {
        put(w, fields->v[i].name);
        put(w, SLICE(": "));
        put(w, fields->v[i].value);
        put(w, SLICE("\r\n"));
    }
}

struct slice h1_write_request(struct arena *arena, struct slice method, struct slice target,
                              const struct fields *fields)
{
    struct slice version = SLICE(" HTTP/1.1\r\n");
    size_t bytes = method.n + 1 + target.n + version.n + fields_bytes(fields) + 2;
    struct writer w = {.p = arena_alloc(arena, bytes)};
    put(&w, method);
    put(&w, SLICE(" "));
    put(&w, target);
    put(&w, version);
    put_fields(&w, fields);
    put(&w, SLICE("\r\n"));
    return slice_make(w.p, w.n);
}

struct slice h1_write_response_part(struct arena *arena, unsigned status, struct slice reason,
                                    const struct fields *fields)
{
    ASSERT(status >= 100 && status <= 999);
    char code[4] = {(char)('0' + status / 100), (char)('0' + status / 10 % 10),
                    (char)('0' + status % 10), ' '};
    struct slice version = SLICE("HTTP/1.1 ");
    struct writer w = {
        .p = arena_alloc(arena, version.n + sizeof(code) + reason.n + 2 + fields_bytes(fields))};
    put(&w, version);
    put(&w, slice_make(code, sizeof(code)));
    put(&w, reason);
    put(&w, SLICE("\r\n"));
    put_fields(&w, fields);
    return slice_make(w.p, w.n);
}

struct slice h1_write_fields(struct arena *arena, const struct fields *fields)
{
    struct writer w = {.p = arena_alloc(arena, fields_bytes(fields))};
    put_fields(&w, fields);
    return slice_make(w.p, w.n);
}

size_t h1_chunk_header(char *buf, size_t chunk_bytes)
{
    size_t digits = 1;
    while (digits < 2 * sizeof(chunk_bytes) && chunk_bytes >> (4 * digits) != 0) {
        digits++;
    }
    for (size_t i = 0; i < digits; i++) {
        buf[i] = "0123456789abcdef"[chunk_bytes >> (4 * (digits - 1 - i)) & 15];
    }
    buf[digits] = '\r';
    buf[digits + 1] = '\n';
    return digits + 2;
}
