#include "admin/purge_form.h"

#include "admin/json.h"
#include "http/uri.h"

struct form {
    struct arena *arena;
    struct purge_order *order;
    struct slice *urls;
    struct purge_scope *scopes;
    size_t items; /* urls and scopes */
    bool all;
    bool soft;
    bool hard;
    struct slice wrong;
};

/* -- one name and its value -- */

static bool fail(struct form *f, const char *what, struct slice value)
{
    f->wrong = arena_printf(f->arena, "%s: \"%.*s\"", what, SLICE_ARG(value));
    return false;
}

static bool take_item(struct form *f, enum purge_kind kind, struct slice value)
{
    if (f->items++ == PURGE_FORM_ITEMS_MAX)
        return fail(f, "more than 1024 at once", value);
    if (kind == PURGE_URL)
        f->urls[f->order->urls_n++] = value;
    else
        f->scopes[f->order->scopes_n++] = (struct purge_scope){kind, value};
    return true;
}

static bool take_flag(struct form *f, struct slice name, struct slice value, bool *flag)
{
    bool yes = slice_eq(value, SLICE("true")) || slice_eq(value, SLICE("1")) || value.n == 0;
    bool no = slice_eq(value, SLICE("false")) || slice_eq(value, SLICE("0"));
    *flag = yes;
    if (!yes && !no)
        f->wrong = arena_printf(f->arena, "%.*s is true or false, not \"%.*s\"", SLICE_ARG(name),
                                SLICE_ARG(value));
    return yes || no;
}

static const struct {
    struct slice one;
    struct slice many;
    enum purge_kind kind;
} kinds[] = {
    {SLICE_INIT("url"), SLICE_INIT("urls"), PURGE_URL},
    {SLICE_INIT("tag"), SLICE_INIT("tags"), PURGE_TAG},
    {SLICE_INIT("prefix"), SLICE_INIT("prefixes"), PURGE_PREFIX},
    {SLICE_INIT("host"), SLICE_INIT("hosts"), PURGE_HOST},
};

static bool take(struct form *f, struct slice name, struct slice value)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (slice_eq(name, kinds[i].one) || slice_eq(name, kinds[i].many))
            return take_item(f, kinds[i].kind, value);
    if (slice_eq(name, SLICE("all")))
        return take_flag(f, name, value, &f->all);
    if (slice_eq(name, SLICE("soft")))
        return take_flag(f, name, value, &f->soft);
    if (slice_eq(name, SLICE("hard")))
        return take_flag(f, name, value, &f->hard);
    if (slice_eq(name, SLICE("cache"))) {
        f->order->cache = value;
        return true;
    }
    return fail(f, "there are url, tag, prefix, host, all, soft, hard and cache, but no", name);
}

/* -- a form -- */

static struct slice form_text(struct slice raw, struct arena *arena)
{
    struct slice copy = arena_dup(arena, raw);
    char *p = (char *)copy.p;
    for (size_t i = 0; i < copy.n; i++)
        p[i] = (char)(p[i] == '+' ? ' ' : p[i]);
    return uri_decode(copy, arena);
}

static bool take_form(struct form *f, struct slice text)
{
    while (text.n > 0) {
        struct slice value = slice_none();
        struct slice pair = slice_cut(text, '&', &text);
        struct slice name = form_text(slice_cut(pair, '=', &value), f->arena);
        if (pair.n > 0 && !take(f, name, form_text(value, f->arena)))
            return false;
    }
    return true;
}

/* -- JSON -- */

static bool form_on_member(void *owner, struct slice name, struct slice value)
{
    return take(owner, name, value);
}

static bool take_json(struct form *f, struct slice text)
{
    const char *wrong = NULL;
    if (json_each_member(text, f->arena, form_on_member, f, &wrong))
        return true;
    if (f->wrong.n == 0)
        f->wrong = slice_of(wrong);
    return false;
}

/* -- the whole -- */

static bool take_content(struct form *f, struct slice type, struct slice content)
{
    bool is_json = slice_starts_nocase(type, SLICE("application/json")) ||
                   slice_starts(slice_trim(content), SLICE("{"));
    return is_json ? take_json(f, content) : take_form(f, slice_trim(content));
}

static bool complete(struct form *f)
{
    if (f->soft && f->hard) {
        f->wrong = SLICE("soft or hard, not both");
        return false;
    }
    if (f->all)
        f->scopes[f->order->scopes_n++] = (struct purge_scope){.kind = PURGE_ALL};
    if (f->order->scopes_n + f->order->urls_n == 0) {
        f->wrong = SLICE("nothing to purge: name a url, tag, prefix or host, or all");
        return false;
    }
    f->order->soft = !f->hard;
    return true;
}

struct purge_order *purge_form_parse(struct slice query, struct slice type, struct slice content,
                                     struct arena *arena, struct slice *wrong)
{
    struct form f = {
        .arena = arena,
        .order = ARENA_NEW(arena, struct purge_order),
        .urls = ARENA_ARRAY(arena, struct slice, PURGE_FORM_ITEMS_MAX),
        .scopes = ARENA_ARRAY(arena, struct purge_scope, PURGE_FORM_ITEMS_MAX + 1),
    };
    f.order->urls = f.urls;
    f.order->scopes = f.scopes;
    if (take_form(&f, query) && take_content(&f, type, content) && complete(&f))
        return f.order;
    *wrong = f.wrong;
    return NULL;
}
