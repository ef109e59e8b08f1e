/* Cache-Control, CDN-Cache-Control and X-Accel-Expires. */
#include "cache/control.h"

#include "base/parse.h"
#include "cache/structured.h"

enum kind {
    RESTRICTS, /* a flag that forbids something: honoured however oddly it is written */
    ALLOWS,    /* a flag that allows something: only without an argument */
    SECONDS,   /* delta-seconds */
};

/* What a directive sets. */
struct directive {
    struct slice name;
    enum kind kind;
    size_t offset; /* of the bool or the int64_t in struct cache_control */
};

#define FLAG(name, kind, member)                                       \
    {                                                                  \
        SLICE_INIT(name), kind, offsetof(struct cache_control, member) \
    }
#define TIME(name, member)                                                \
    {                                                                     \
        SLICE_INIT(name), SECONDS, offsetof(struct cache_control, member) \
    }

/* Those of requests (RFC 9111 section 5.2.1) and of responses (section 5.2.2). */
static const struct directive directives[] = {
    TIME("max-age", max_age_s),
    TIME("s-maxage", s_maxage_s),
    FLAG("no-store", RESTRICTS, no_store),
    FLAG("no-cache", RESTRICTS, no_cache),
    FLAG("private", RESTRICTS, is_private),
    FLAG("public", ALLOWS, is_public),
    FLAG("must-revalidate", RESTRICTS, must_revalidate),
    FLAG("proxy-revalidate", RESTRICTS, proxy_revalidate),
    FLAG("must-understand", ALLOWS, must_understand),
    FLAG("no-transform", RESTRICTS, no_transform),
    FLAG("only-if-cached", RESTRICTS, only_if_cached),
    FLAG("immutable", ALLOWS, immutable),
    TIME("max-stale", max_stale_s),
    TIME("min-fresh", min_fresh_s),
    TIME("stale-while-revalidate", stale_while_revalidate_s),
    TIME("stale-if-error", stale_if_error_s),
};

/* One member of the list, taken apart. */
struct member {
    struct slice name;
    struct slice value; /* p NULL without '='; as it stands, with quotes */
    bool spaced;        /* white space beside the '=': not a valid directive */
};

static struct member member_split(struct slice s)
{
    size_t equals = slice_find(s, '=');
    struct slice left = slice_take(s, equals);
    struct member m = {.name = slice_trim(left)};
    if (equals < s.n) {
        struct slice right = slice_skip(s, equals + 1);
        m.value = slice_make(s.p + equals + 1, right.n);
        m.spaced = left.n != m.name.n || right.n != slice_trim(right).n;
    }
    return m;
}

static struct slice unquoted(struct slice s)
{
    bool quoted = s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"';
    return quoted ? slice_make(s.p + 1, s.n - 2) : s;
}

static const struct directive *directive_of(struct slice name)
{
    for (size_t i = 0; i < ARRAY_LEN(directives); i++) {
        if (slice_eq_nocase(directives[i].name, name)) {
            return &directives[i];
        }
    }
    return NULL;
}

/* RFC 9111 section 1.2.2; what is no number counts as 0 (section 4.2.1). */
static int64_t delta_seconds(struct slice value)
{
    uint64_t n = 0;
    return parse_u64_saturate(unquoted(value), CACHE_SECONDS_MAX, &n) ? (int64_t)n : 0;
}

static void set_seconds(struct cache_control *out, const struct directive *d, struct slice value)
{
    int64_t *seconds = (int64_t *)(void *)((char *)out + d->offset);
    if (d->offset == offsetof(struct cache_control, max_stale_s) && value.p == NULL) {
        out->max_stale_any = true;
    } else if (*seconds == CACHE_SECONDS_NONE) { /* section 4.2.1: the first of several */
        *seconds = delta_seconds(value);
    }
}

static void set_flag(struct cache_control *out, const struct directive *d)
{
    *(bool *)((char *)out + d->offset) = true;
}

static void apply(struct cache_control *out, const struct member *m)
{
    const struct directive *d = directive_of(m->name);
    if (d == NULL) {
        return; /* section 5.2.3: unknown directives are skipped */
    }
    bool is_no_cache = d->offset == offsetof(struct cache_control, no_cache);
    if (is_no_cache && !m->spaced && unquoted(m->value).n > 0) {
        out->no_cache_fields = true; /* section 5.2.2.4, the qualified form */
        return;
    }
    switch (d->kind) {
    case RESTRICTS: set_flag(out, d); break;
    case ALLOWS:
        if (m->value.p == NULL) {
            set_flag(out, d);
        }
        break;
    case SECONDS:
        if (!m->spaced) {
            set_seconds(out, d, m->value);
        }
        break;
    }
}

static const struct cache_control nothing_said = {
    .max_age_s = CACHE_SECONDS_NONE,
    .s_maxage_s = CACHE_SECONDS_NONE,
    .max_stale_s = CACHE_SECONDS_NONE,
    .min_fresh_s = CACHE_SECONDS_NONE,
    .stale_while_revalidate_s = CACHE_SECONDS_NONE,
    .stale_if_error_s = CACHE_SECONDS_NONE,
};

void cache_control_parse(const struct fields *fields, struct cache_control *out)
{
    *out = nothing_said;
    const struct field *line = fields_find(fields, FIELD_CACHE_CONTROL);
    out->present = line != NULL;
    for (; line != NULL; line = fields_next(fields, FIELD_CACHE_CONTROL, slice_none(), line)) {
        struct slice rest = line->value;
        struct slice text;
        while (list_member_next(&rest, &text)) {
            struct member m = member_split(text);
            apply(out, &m);
        }
    }
}

void cache_control_parse_request(const struct fields *fields, struct cache_control *out)
{
    cache_control_parse(fields, out);
    bool pragma = !out->present && fields_list_has(fields, FIELD_PRAGMA, SLICE("no-cache"));
    out->no_cache = out->no_cache || out->no_cache_fields || pragma; /* no list of fields here */
}

/* Does the argument of a qualified no-cache name the field? */
static bool argument_names(struct slice argument, struct slice name)
{
    struct slice rest = unquoted(argument);
    struct slice one;
    while (list_member_next(&rest, &one)) {
        if (slice_eq_nocase(one, name)) {
            return true;
        }
    }
    return false;
}

bool cache_control_withholds(const struct fields *fields, struct slice name)
{
    const struct field *line = fields_find(fields, FIELD_CACHE_CONTROL);
    for (; line != NULL; line = fields_next(fields, FIELD_CACHE_CONTROL, slice_none(), line)) {
        struct slice rest = line->value;
        struct slice text;
        while (list_member_next(&rest, &text)) {
            struct member m = member_split(text);
            if (slice_eq_nocase(m.name, SLICE("no-cache")) && argument_names(m.value, name)) {
                return true;
            }
        }
    }
    return false;
}

/* -- CDN-Cache-Control -- */

/* RFC 9213 section 2.1: what takes seconds is an integer here. */
static int64_t targeted_seconds(const struct structured_member *m)
{
    if (m->type != STRUCTURED_INTEGER || m->integer < 0) {
        return 0;
    }
    return m->integer < CACHE_SECONDS_MAX ? m->integer : CACHE_SECONDS_MAX;
}

/* Of a repeated key the last value counts (RFC 8941 section 4.2.2), so each one is set anew. */
static void apply_targeted(struct cache_control *out, const struct structured_member *m)
{
    const struct directive *d = directive_of(m->key);
    if (d == NULL) {
        return;
    }
    bool said_no = m->type == STRUCTURED_BOOLEAN && !m->boolean;
    bool said_yes = m->type == STRUCTURED_BOOLEAN && m->boolean;
    switch (d->kind) {
    case RESTRICTS: *(bool *)((char *)out + d->offset) = !said_no; break;
    case ALLOWS: *(bool *)((char *)out + d->offset) = said_yes; break;
    case SECONDS: *(int64_t *)(void *)((char *)out + d->offset) = targeted_seconds(m); break;
    }
}

/* One line is a dictionary of its own: what two lines make together is told by their order. */
static bool apply_targeted_line(struct cache_control *out, struct slice rest)
{
    struct structured_member m;
    enum structured_result result = structured_next(&rest, &m);
    for (; result == STRUCTURED_MEMBER; result = structured_next(&rest, &m)) {
        out->targeted = true;
        apply_targeted(out, &m);
    }
    return result == STRUCTURED_END;
}

bool cache_control_parse_targeted(const struct fields *fields, struct cache_control *out)
{
    const struct field *line = fields_find(fields, FIELD_CDN_CACHE_CONTROL);
    *out = nothing_said;
    for (; line != NULL; line = fields_next(fields, FIELD_CDN_CACHE_CONTROL, slice_none(), line)) {
        if (!apply_targeted_line(out, line->value)) {
            return false;
        }
    }
    out->present = out->targeted;
    return out->targeted;
}

/* -- X-Accel-Expires -- */

bool accel_expires_parse(const struct fields *fields, wall_s now, int64_t *lifetime_s)
{
    struct slice value = fields_get(fields, FIELD_X_ACCEL_EXPIRES);
    bool is_epoch = value.n > 0 && value.p[0] == '@';
    uint64_t n = 0;
    if (!parse_u64_saturate(slice_skip(value, is_epoch ? 1 : 0), INT64_MAX, &n)) {
        return false;
    }
    int64_t seconds = (int64_t)n;
    if (is_epoch) {
        seconds = seconds > now ? seconds - now : 0;
    }
    *lifetime_s = seconds < CACHE_SECONDS_MAX ? seconds : CACHE_SECONDS_MAX;
    return true;
}
