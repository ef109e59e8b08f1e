/* Variables about the origins that were tried and about the response: lists over tries as in nginx,
 * fields of responses. */
#include "cache/store.h"
#include "proxy/coded.h"
#include "proxy/variables.h"

/* -- lists over tries -- */

typedef struct slice try_text_fn(const struct upstream_try *, struct arena *);

static struct slice join_tries(struct request *r, struct arena *arena, try_text_fn *text)
{
    if (r->tries_n == 0)
        return slice_none();
    struct slice joined = text(&r->tries[0], arena);
    for (size_t i = 1; i < r->tries_n; i++) {
        struct slice one = text(&r->tries[i], arena);
        joined = arena_printf(arena, "%.*s, %.*s", SLICE_ARG(joined), SLICE_ARG(one));
    }
    return joined;
}

static struct slice seconds_text(int64_t us, struct arena *arena)
{
    if (us < 0)
        return SLICE("-");
    return arena_printf(arena, "%lld.%03lld", (long long)(us / 1000000),
                        (long long)(us / 1000 % 1000));
}

static struct slice count_text(uint64_t n, struct arena *arena)
{
    return arena_printf(arena, "%llu", (unsigned long long)n);
}

static struct slice try_peer(const struct upstream_try *t, struct arena *arena UNUSED)
{
    return t->peer;
}

static struct slice try_status(const struct upstream_try *t, struct arena *arena)
{
    return t->status == 0 ? SLICE("-") : count_text(t->status, arena);
}

static struct slice try_connect_time(const struct upstream_try *t, struct arena *arena)
{
    return seconds_text(t->connect_us, arena);
}

static struct slice try_header_time(const struct upstream_try *t, struct arena *arena)
{
    return seconds_text(t->header_us, arena);
}

static struct slice try_response_time(const struct upstream_try *t, struct arena *arena)
{
    return seconds_text(t->response_us, arena);
}

static struct slice try_bytes_sent(const struct upstream_try *t, struct arena *arena)
{
    return count_text(t->bytes_sent, arena);
}

static struct slice try_bytes_received(const struct upstream_try *t, struct arena *arena)
{
    return count_text(t->bytes_received, arena);
}

static struct slice try_response_length(const struct upstream_try *t, struct arena *arena)
{
    return count_text(t->content_bytes, arena);
}

struct slice variable_upstream_addr(struct request *r, const struct variable_use *use UNUSED,
                                    struct arena *arena)
{
    return join_tries(r, arena, try_peer);
}

struct slice variable_upstream_status(struct request *r, const struct variable_use *use UNUSED,
                                      struct arena *arena)
{
    return join_tries(r, arena, try_status);
}

struct slice variable_upstream_connect_time(struct request *r,
                                            const struct variable_use *use UNUSED,
                                            struct arena *arena)
{
    return join_tries(r, arena, try_connect_time);
}

struct slice variable_upstream_header_time(struct request *r, const struct variable_use *use UNUSED,
                                           struct arena *arena)
{
    return join_tries(r, arena, try_header_time);
}

struct slice variable_upstream_response_time(struct request *r,
                                             const struct variable_use *use UNUSED,
                                             struct arena *arena)
{
    return join_tries(r, arena, try_response_time);
}

struct slice variable_upstream_bytes_sent(struct request *r, const struct variable_use *use UNUSED,
                                          struct arena *arena)
{
    return join_tries(r, arena, try_bytes_sent);
}

struct slice variable_upstream_bytes_received(struct request *r,
                                              const struct variable_use *use UNUSED,
                                              struct arena *arena)
{
    return join_tries(r, arena, try_bytes_received);
}

struct slice variable_upstream_response_length(struct request *r,
                                               const struct variable_use *use UNUSED,
                                               struct arena *arena)
{
    return join_tries(r, arena, try_response_length);
}

/* -- fields of responses -- */

/* Field lines of the response that answers, wherever they are: of the origin, or of the stored
 * response. */
struct response_lines {
    const struct fields *fields;
    size_t next;
    struct slice stored;
};

static struct response_lines response_lines(const struct request *r)
{
    if (r->response)
        return (struct response_lines){.fields = &r->response->head.fields};
    return (struct response_lines){.stored = r->entry ? r->entry->view.head : slice_none()};
}

static bool response_line_next(struct response_lines *l, struct field *out)
{
    if (!l->fields)
        return l->stored.n > 0 && stored_field_next(&l->stored, out);
    if (l->next == l->fields->n)
        return false;
    *out = l->fields->v[l->next++];
    return true;
}

static struct slice append_value(struct slice joined, struct slice value, struct arena *arena)
{
    if (!joined.p)
        return value;
    return arena_printf(arena, "%.*s, %.*s", SLICE_ARG(joined), SLICE_ARG(value));
}

struct slice variable_upstream_http(struct request *r, const struct variable_use *use,
                                    struct arena *arena)
{
    struct response_lines lines = response_lines(r);
    struct slice joined = slice_none();
    struct field f;
    while (response_line_next(&lines, &f))
        if (variable_names_field(use->name, f.name))
            joined = append_value(joined, f.value, arena);
    return joined;
}

/* Of the last Set-Cookie that sets it. */
struct slice variable_upstream_cookie(struct request *r, const struct variable_use *use,
                                      struct arena *arena UNUSED)
{
    struct response_lines lines = response_lines(r);
    struct slice value = slice_none();
    struct field f;
    while (response_line_next(&lines, &f)) {
        struct slice rest;
        struct slice pair = slice_cut(f.value, ';', &rest);
        struct slice cookie_value;
        struct slice name = slice_trim(slice_cut(pair, '=', &cookie_value));
        if (slice_eq_nocase(f.name, SLICE("Set-Cookie")) && slice_eq_nocase(name, use->name))
            value = slice_trim(cookie_value);
    }
    return value;
}

/* The value of one line "Name: value\r\n" if it has that name; p NULL otherwise. */
static struct slice line_value(struct slice line, struct slice name)
{
    struct slice value;
    struct slice line_name = slice_cut(line, ':', &value);
    if (!variable_names_field(name, line_name))
        return slice_none();
    if (value.n > 0 && value.p[value.n - 1] == '\r')
        value.n--;
    return value.p ? slice_trim(value) : SLICE("");
}

static struct slice join_sent(struct slice joined, struct slice lines, struct slice name,
                              struct arena *arena)
{
    while (lines.n > 0) {
        struct slice value = line_value(slice_cut(lines, '\n', &lines), name);
        if (value.p)
            joined = append_value(joined, value, arena);
    }
    return joined;
}

struct slice variable_sent_http(struct request *r, const struct variable_use *use,
                                struct arena *arena)
{
    struct slice joined = join_sent(slice_none(), r->sent_stored, use->name, arena);
    return join_sent(joined, r->sent_fields, use->name, arena);
}

/* Rounded to hundredths, as nginx does. */
struct slice variable_gzip_ratio(struct request *r, const struct variable_use *use UNUSED,
                                 struct arena *arena)
{
    const struct coded *c = r->coded;
    if (!c || c->coding == CODING_IDENTITY || c->source_bytes == 0 || r->content_sent == 0)
        return slice_none();
    uint64_t hundredths = (c->source_bytes * 100 + r->content_sent / 2) / r->content_sent;
    return arena_printf(arena, "%llu.%02llu", (unsigned long long)(hundredths / 100),
                        (unsigned long long)(hundredths % 100));
}
