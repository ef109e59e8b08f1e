/* The chunked coding: in pieces of any size it gives what it gives as a whole, and what comes out
 * survives being chunked again. The first byte is the size of a piece. */
#include "base/arena.h"
#include "base/assert.h"
#include "http/h1.h"

struct decoded {
    char *content; /* as large as the input */
    size_t n;
    size_t used;
    enum h1_body_state state;
    struct fields trailers;
};

static void decode(struct slice input, size_t piece, struct arena *arena, struct decoded *out)
{
    struct h1_body body;
    h1_body_init(&body, FRAMING_CHUNKED, 0);
    *out = (struct decoded){.content = arena_alloc(arena, input.n + 1), .state = H1_BODY_MORE};
    while (out->used < input.n && out->state == H1_BODY_MORE) {
        struct slice in = slice_take(slice_skip(input, out->used), piece);
        size_t before = in.n;
        struct slice content;
        out->state = h1_body_next(&body, &in, &content, &out->trailers, arena);
        ASSERT(out->state != H1_BODY_MORE || in.n < before);
        out->used += before - in.n;
        ASSERT(out->n + content.n <= input.n);
        memcpy(out->content + out->n, content.n > 0 ? content.p : "", content.n);
        out->n += content.n;
    }
    ASSERT(body.total == out->n && body.ext_bytes <= 16 * 1024 + 1 &&
           body.trailer_bytes <= 8 * 1024 + 1);
    ASSERT((out->state == H1_BODY_ERROR) == (body.error != NULL));
}

static void check_equal(const struct decoded *a, const struct decoded *b)
{
    ASSERT(a->state == b->state && a->used == b->used);
    ASSERT(slice_eq(slice_make(a->content, a->n), slice_make(b->content, b->n)));
    ASSERT(a->trailers.n == b->trailers.n);
    for (size_t i = 0; i < a->trailers.n; i++) {
        ASSERT(slice_eq(a->trailers.v[i].name, b->trailers.v[i].name));
        ASSERT(slice_eq(a->trailers.v[i].value, b->trailers.v[i].value));
        ASSERT(slice_is_token(a->trailers.v[i].name) &&
               field_value_is_clean(a->trailers.v[i].value));
    }
}

static void check_again(const struct decoded *a, size_t piece, struct arena *arena)
{
    char header[20];
    struct decoded again;
    struct slice text = slice_make(header, h1_chunk_header(header, a->n));
    struct slice data = slice_make(a->content, a->n);
    text = arena_concat(arena, text, data);
    text = arena_concat(arena, text, a->n > 0 ? SLICE("\r\n0\r\n\r\n") : SLICE("\r\n"));
    decode(text, piece, arena, &again);
    ASSERT(again.state == H1_BODY_DONE && again.used == text.n);
    ASSERT(slice_eq(slice_make(again.content, again.n), data));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 2) {
        return 0;
    }
    size_t piece = 1 + data[0] % 32;
    struct slice input = slice_make((const char *)data + 1, n - 1);
    struct arena arena;
    struct decoded whole;
    struct decoded pieces;
    arena_init(&arena, NULL);
    decode(input, input.n, &arena, &whole);
    decode(input, piece, &arena, &pieces);
    check_equal(&whole, &pieces);
    check_again(&whole, piece, &arena);
    arena_fini(&arena);
    return 0;
}
