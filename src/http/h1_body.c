/* Content of a message as it comes (RFC 9112 sections 6 and 7). The chunked coding is decoded here
 * and not by llhttp, which knows no limit on extensions and trailers, takes folded lines, bare LF
 * and any number of leading zeros in them, and refuses extensions that are valid (`1;a=b;c=d`). */
#include "http/h1.h"

#include "base/assert.h"
#include "base/parse.h"

#define SIZE_DIGITS_MAX   16
#define EXT_BYTES_MAX     (16 * 1024)
#define TRAILER_BYTES_MAX (8 * 1024)
#define TRAILER_LINES_MAX 100
#define LINE_FIRST_CAP    128

/* What the chunked decoder expects next. */
enum step {
    STEP_SIZE,    /* a digit of the size, or what follows the last one */
    STEP_EXT,     /* chunk extensions, up to CR */
    STEP_SIZE_LF, /* the LF behind the size */
    STEP_DATA,    /* `left` bytes of content */
    STEP_DATA_CR, /* CR behind the content */
    STEP_DATA_LF, /* and its LF */
    STEP_LINE,    /* the first byte of a trailer line, or of the empty line */
    STEP_NAME,    /* a trailer's name, up to the colon */
    STEP_VALUE,   /* its value, up to CR */
    STEP_LINE_LF, /* the LF behind a trailer line */
    STEP_LAST_LF, /* the LF of the empty line */
};

void h1_body_init(struct h1_body *b, enum framing framing, uint64_t content_length)
{
    *b = (struct h1_body){.framing = framing, .state = H1_BODY_MORE, .step = STEP_SIZE};
    switch (framing) {
    case FRAMING_NONE: b->state = H1_BODY_DONE; break;
    case FRAMING_LENGTH:
        b->left = content_length;
        b->state = content_length == 0 ? H1_BODY_DONE : H1_BODY_MORE;
        break;
    case FRAMING_CHUNKED:
    case FRAMING_EOF: break;
    }
}

static void fail(struct h1_body *b, const char *what)
{
    b->state = H1_BODY_ERROR;
    b->error = what;
}

/* Gives out up to `left` bytes. */
static void take_content(struct h1_body *b, struct slice *in, struct slice *content)
{
    size_t n = in->n < b->left ? in->n : (size_t)b->left;
    *content = slice_take(*in, n);
    *in = slice_skip(*in, n);
    b->left -= n;
    if (__builtin_add_overflow(b->total, n, &b->total)) {
        fail(b, "content too long");
    }
}

/* -- trailers -- */

struct trailers {
    struct fields *fields; /* NULL: they are only checked */
    struct arena *arena;
};

static void line_push(struct h1_body *b, const struct trailers *t, char c)
{
    if (t->fields == NULL) {
        return;
    }
    if (b->line_bytes == b->line_cap) {
        uint32_t cap = b->line_cap == 0 ? LINE_FIRST_CAP : b->line_cap * 2;
        char *line = arena_alloc(t->arena, cap);
        if (b->line_bytes > 0) {
            memcpy(line, b->line, b->line_bytes);
        }
        b->line = line;
        b->line_cap = cap;
    }
    b->line[b->line_bytes++] = c;
}

/* RFC 9110 section 6.5.1: none that frames, routes, authenticates, modifies the request or
 * describes the content, which is what the names that we know do, and those that begin like them.
 * ETag and Content-Digest are defined for trailers, too (RFC 9110 section 8.8.3, RFC 9530). */
static bool may_be_trailer(struct slice name)
{
    static const struct slice forbidden[] = {SLICE_INIT("Content-"), SLICE_INIT("Proxy-"),
                                             SLICE_INIT("Set-Cookie"), SLICE_INIT("If-"),
                                             SLICE_INIT("Max-Forwards")};
    enum field_id id = field_id_of(name);
    if (id != FIELD_OTHER || slice_eq_nocase(name, SLICE("Content-Digest"))) {
        return id == FIELD_ETAG || id == FIELD_OTHER;
    }
    for (size_t i = 0; i < ARRAY_LEN(forbidden); i++) {
        if (slice_starts_nocase(name, forbidden[i])) {
            return false;
        }
    }
    return true;
}

static void line_end(struct h1_body *b, const struct trailers *t)
{
    struct slice value;
    struct slice line = slice_make(b->line, b->line_bytes);
    struct slice name = slice_cut(line, ':', &value);
    b->line_bytes = 0;
    if (++b->trailer_lines > TRAILER_LINES_MAX) {
        fail(b, "too many trailers");
    } else if (t->fields != NULL && may_be_trailer(name)) {
        fields_add(t->fields, t->arena, arena_dup(t->arena, name),
                   arena_dup(t->arena, slice_trim(value)));
    }
}

/* -- the chunked coding, byte by byte outside of the content -- */

static void size_step(struct h1_body *b, char c)
{
    int digit = parse_hex_digit(c);
    if (digit >= 0 && b->digits < SIZE_DIGITS_MAX) {
        b->left = b->left << 4 | (uint64_t)digit;
        b->digits++;
    } else if (digit >= 0) {
        fail(b, "chunk size too long");
    } else if (b->digits == 0) {
        fail(b, "no chunk size");
    } else if (c == '\r') {
        b->step = STEP_SIZE_LF;
    } else if (c == ';') {
        b->step = STEP_EXT;
    } else {
        fail(b, "malformed chunk size");
    }
}

static void ext_step(struct h1_body *b, char c)
{
    if (c == '\r') {
        b->step = STEP_SIZE_LF;
    } else if (!field_value_is_clean(slice_make(&c, 1))) {
        fail(b, "control byte in a chunk extension");
    } else if (++b->ext_bytes > EXT_BYTES_MAX) {
        fail(b, "chunk extensions too long");
    }
}

static void trailer_step(struct h1_body *b, const struct trailers *t, char c)
{
    bool in_value = b->step == STEP_VALUE;
    if (++b->trailer_bytes > TRAILER_BYTES_MAX) {
        fail(b, "trailers too long");
    } else if (in_value && c == '\r') {
        b->step = STEP_LINE_LF;
    } else if (!in_value && b->step == STEP_NAME && c == ':') {
        line_push(b, t, c);
        b->step = STEP_VALUE;
    } else if (in_value ? field_value_is_clean(slice_make(&c, 1)) : byte_is_tchar(c)) {
        line_push(b, t, c);
        b->step = in_value ? STEP_VALUE : STEP_NAME;
    } else {
        fail(b, "malformed trailer");
    }
}

/* A byte that has to be `wanted`; then `next`. */
static bool exact_step(struct h1_body *b, char c, char wanted, enum step next)
{
    if (c != wanted) {
        fail(b, wanted == '\n' ? "bare CR in the chunked coding" : "chunk longer than its size");
        return false;
    }
    b->step = (uint8_t)next;
    return true;
}

static void chunk_byte(struct h1_body *b, const struct trailers *t, char c)
{
    switch ((enum step)b->step) {
    case STEP_SIZE: size_step(b, c); break;
    case STEP_EXT: ext_step(b, c); break;
    case STEP_SIZE_LF: exact_step(b, c, '\n', b->left > 0 ? STEP_DATA : STEP_LINE); break;
    case STEP_DATA_CR: exact_step(b, c, '\r', STEP_DATA_LF); break;
    case STEP_DATA_LF:
        b->digits = 0;
        exact_step(b, c, '\n', STEP_SIZE);
        break;
    case STEP_LINE:
        if (c == '\r') {
            b->step = STEP_LAST_LF;
            break;
        }
        trailer_step(b, t, c);
        break;
    case STEP_NAME:
    case STEP_VALUE: trailer_step(b, t, c); break;
    case STEP_LINE_LF:
        if (exact_step(b, c, '\n', STEP_LINE)) {
            line_end(b, t);
        }
        break;
    case STEP_LAST_LF:
        if (exact_step(b, c, '\n', STEP_LAST_LF)) {
            b->state = H1_BODY_DONE;
        }
        break;
    case STEP_DATA: ASSERT_STATE(b->step != STEP_DATA, "content"); /* not taken byte by byte */
    }
}

static void chunked_next(struct h1_body *b, struct slice *in, struct slice *content,
                         const struct trailers *t)
{
    while (in->n > 0 && b->state == H1_BODY_MORE) {
        if (b->step == STEP_DATA) {
            take_content(b, in, content);
            b->step = b->left > 0 ? STEP_DATA : STEP_DATA_CR;
            return;
        }
        chunk_byte(b, t, in->p[0]);
        if (b->state != H1_BODY_ERROR) {
            *in = slice_skip(*in, 1);
        }
    }
}

enum h1_body_state h1_body_next(struct h1_body *b, struct slice *in, struct slice *content,
                                struct fields *trailers, struct arena *arena)
{
    *content = slice_none();
    if (b->state != H1_BODY_MORE || in->n == 0) {
        return b->state;
    }
    switch (b->framing) {
    case FRAMING_NONE: break;
    case FRAMING_LENGTH:
        take_content(b, in, content);
        b->state = b->left == 0 ? H1_BODY_DONE : b->state;
        break;
    case FRAMING_CHUNKED: {
        struct trailers t = {.fields = trailers, .arena = arena};
        chunked_next(b, in, content, &t);
        break;
    }
    case FRAMING_EOF:
        b->left = UINT64_MAX;
        take_content(b, in, content);
        break;
    }
    return b->state;
}

enum h1_body_state h1_body_eof(struct h1_body *b)
{
    if (b->state == H1_BODY_MORE) {
        if (b->framing == FRAMING_EOF) {
            b->state = H1_BODY_DONE;
        } else {
            fail(b, "connection closed inside of the content");
        }
    }
    return b->state;
}
