/* `${env:NAME}` and `${env:NAME:-default}`. */
#include "config/reader.h"

#include "base/buf.h"

#include <stdlib.h>

#define NAME_MAX_BYTES 256

struct reference {
    struct slice name;
    struct slice fallback; /* p NULL: none */
};

static bool reference_parse(struct slice whole, struct reference *out)
{
    struct slice inner = slice_make(whole.p + 6, whole.n - 7); /* without `${env:` and `}` */
    size_t colon = slice_find_slice(inner, SLICE(":-"));
    out->name = slice_take(inner, colon);
    out->fallback = colon < inner.n ? slice_skip(inner, colon + 2) : slice_none();
    return out->name.n > 0;
}

/* p NULL: there is none. As in a shell's `:-`, an empty variable counts as unset where there is a
 * default. */
static struct slice value_of(const struct reference *ref)
{
    char name[NAME_MAX_BYTES];
    const char *value = slice_to_cstr(ref->name, name, sizeof(name)) ? getenv(name) : NULL;
    bool use_fallback = ref->fallback.p != NULL && (value == NULL || *value == '\0');
    return use_fallback || value == NULL ? ref->fallback : slice_of(value);
}

/* What stands for the reference; the reference itself after an error. */
static struct slice replacement(struct reader *r, struct slice whole, const struct place *at)
{
    struct reference ref;
    if (!reference_parse(whole, &ref)) {
        error_at(r->errors, at, "${env:NAME} without a name");
        return whole;
    }
    if (slice_find_slice(ref.fallback, SLICE("${env:")) < ref.fallback.n) {
        error_at(r->errors, at,
                 "the default of ${env:%.*s} cannot hold another ${env:", SLICE_ARG(ref.name));
        return whole;
    }
    struct slice value = value_of(&ref);
    if (value.p == NULL) {
        error_at(r->errors, at,
                 "%.*s is not set in the environment (${env:%.*s:-default} would do)",
                 SLICE_ARG(ref.name), SLICE_ARG(ref.name));
        return whole;
    }
    return value;
}

/* Cuts what stands before the next reference off `rest`, then the reference itself; p NULL: there
 * is none. */
static struct slice next_reference(struct slice *rest, struct slice *before)
{
    size_t start = slice_find_slice(*rest, SLICE("${env:"));
    struct slice from = slice_skip(*rest, start);
    size_t end = slice_find(from, '}');
    if (end == from.n) {
        *before = *rest;
        return slice_none();
    }
    *before = slice_take(*rest, start);
    *rest = slice_skip(from, end + 1);
    return slice_take(from, end + 1);
}

struct slice reader_expand_env(struct reader *r, struct slice text, const struct place *at)
{
    if (slice_find_slice(text, SLICE("${env:")) == text.n) {
        return text;
    }
    struct buf out;
    buf_init(&out, READER_FILE_BYTES_MAX);
    struct slice rest = text;
    struct slice before;
    struct slice whole = next_reference(&rest, &before);
    bool fits = true;
    while (fits && whole.p != NULL) {
        struct slice value = replacement(r, whole, at);
        r->env_bytes += value.n;
        fits = r->env_bytes <= READER_ENV_BYTES_MAX && buf_append(&out, before) &&
               buf_append(&out, value);
        whole = next_reference(&rest, &before);
    }
    fits = fits && buf_append(&out, before);
    if (!fits) {
        error_at(r->errors, at, "too much comes from the environment");
    }
    struct slice done = arena_dup(r->arena, buf_slice(&out));
    buf_fini(&out);
    return done;
}
