/* Cache keys. Each part is a mark byte and then the part's bytes, in which all mark bytes are
 * escaped: a key can be taken apart again in one way only, which is what makes it injective. */
#include "cache/key.h"

#include "base/parse.h"

#include <stdbool.h>
#include <string.h>

enum mark {
    MARK_VALUE = 0x01,
    MARK_LITERAL = 0x02,
    MARK_ESCAPE = 0x03,  /* the byte behind it is a mark or NUL, plus ESCAPE_SHIFT */
    MARK_VARIANT = 0x04, /* the generation and what selects a variant follow, as they are */
};

#define FIRST_CAP    256
#define ESCAPE_SHIFT 0x40

#define GENERATION_DIGITS 16 /* hexadecimal */

void cache_key_begin(struct cache_key_builder *b, struct arena *arena)
{
    *b = (struct cache_key_builder){
        .arena = arena, .p = arena_alloc(arena, FIRST_CAP), .cap = FIRST_CAP};
}

static void reserve(struct cache_key_builder *b, size_t n)
{
    if (b->cap - b->n >= n) {
        return;
    }
    size_t cap = (b->n + n) * 2;
    char *p = arena_alloc(b->arena, cap);
    memcpy(p, b->p, b->n);
    b->p = p;
    b->cap = cap;
}

static bool needs_escape(char c)
{
    return (unsigned char)c <= MARK_VARIANT;
}

/* Is one of eight bytes a mark or NUL? */
static bool word_needs_escape(const char *p)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return ((v - (MARK_VARIANT + 1) * ones) & ~v & (0x80 * ones)) != 0;
}

static bool any_needs_escape(struct slice s)
{
    size_t i = 0;
    for (; s.n - i >= 8; i += 8) {
        if (word_needs_escape(s.p + i)) {
            return true;
        }
    }
    if (i > 0) { /* the last eight, of which some were seen already */
        return i < s.n && word_needs_escape(s.p + s.n - 8);
    }
    for (; i < s.n; i++) {
        if (needs_escape(s.p[i])) {
            return true;
        }
    }
    return false;
}

static void append_escaped(struct cache_key_builder *b, struct slice s)
{
    reserve(b, 2 * s.n);
    for (size_t i = 0; i < s.n; i++) {
        if (needs_escape(s.p[i])) {
            b->p[b->n++] = MARK_ESCAPE;
            b->p[b->n++] = (char)(s.p[i] + ESCAPE_SHIFT);
        } else {
            b->p[b->n++] = s.p[i];
        }
    }
}

static void append_part(struct cache_key_builder *b, enum mark mark, struct slice s)
{
    reserve(b, 1 + s.n);
    b->p[b->n++] = (char)mark;
    if (any_needs_escape(s)) {
        append_escaped(b, s);
    } else if (s.n > 0) {
        memcpy(b->p + b->n, s.p, s.n);
        b->n += s.n;
    }
}

void cache_key_literal(struct cache_key_builder *b, struct slice s)
{
    append_part(b, MARK_LITERAL, s);
}

void cache_key_value(struct cache_key_builder *b, struct slice s)
{
    append_part(b, MARK_VALUE, s);
}

static struct cache_key key_of(struct slice bytes, uint64_t seed)
{
    return (struct cache_key){.bytes = bytes, .hash = hash_seeded(bytes, seed)};
}

struct cache_key cache_key_end(struct cache_key_builder *b, uint64_t seed)
{
    return key_of(slice_make(b->p, b->n), seed);
}

/* Printable, as keys are shown to people. */
static void put_generation(char *to, uint64_t generation)
{
    for (int i = GENERATION_DIGITS - 1; i >= 0; i--, generation >>= 4)
        to[i] = "0123456789abcdef"[generation & 15];
}

struct cache_key cache_key_variant(const struct cache_key *base, uint64_t generation,
                                   struct slice values, struct arena *arena, uint64_t seed)
{
    size_t n = base->bytes.n;
    char *p = arena_alloc(arena, n + 1 + GENERATION_DIGITS + values.n);
    memcpy(p, base->bytes.p, n);
    p[n++] = MARK_VARIANT;
    put_generation(p + n, generation);
    n += GENERATION_DIGITS;
    if (values.n > 0) {
        memcpy(p + n, values.p, values.n);
        n += values.n;
    }
    return key_of(slice_make(p, n), seed);
}

/* Values hold no marks: they are escaped. */
struct slice cache_key_base(struct slice key)
{
    return slice_take(key, slice_find(key, MARK_VARIANT));
}

struct cache_key cache_key_coded(struct slice source, struct slice coding, struct arena *arena,
                                 uint64_t seed)
{
    char *p = arena_alloc(arena, source.n + 1 + coding.n);
    memcpy(p, source.p, source.n);
    p[source.n] = MARK_VARIANT;
    memcpy(p + source.n + 1, coding.p, coding.n);
    return key_of(slice_make(p, source.n + 1 + coding.n), seed);
}

uint64_t cache_key_generation(struct slice base, struct slice key)
{
    if (!slice_starts(key, base) || key.n < base.n + 1 + GENERATION_DIGITS ||
        key.p[base.n] != MARK_VARIANT)
        return 0;
    uint64_t generation = 0;
    struct slice digits = slice_take(slice_skip(key, base.n + 1), GENERATION_DIGITS);
    return parse_hex_u64(digits, &generation) ? generation : 0;
}

/* A generation is longer. */
static struct slice with_suffix(const struct cache_key *base, struct slice word,
                                struct arena *arena)
{
    static const char mark[] = {MARK_VARIANT};
    struct slice front = arena_concat(arena, base->bytes, slice_make(mark, sizeof(mark)));
    return arena_concat(arena, front, word);
}

struct cache_key cache_key_uses(const struct cache_key *base, struct arena *arena)
{
    return (struct cache_key){with_suffix(base, SLICE("uses"), arena), base->hash};
}

struct cache_key cache_key_part(const struct cache_key *base, struct arena *arena, uint64_t seed)
{
    return key_of(with_suffix(base, SLICE("part"), arena), seed);
}

struct slice cache_key_print(struct slice key, struct arena *arena)
{
    char *p = arena_alloc(arena, key.n);
    for (size_t i = 0; i < key.n; i++) {
        bool is_control = (unsigned char)key.p[i] < 0x20 || key.p[i] == 0x7f;
        p[i] = is_control ? '|' : key.p[i];
    }
    return slice_make(p, key.n);
}
