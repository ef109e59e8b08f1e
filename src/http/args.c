#include "http/args.h"

#include "http/uri.h"

#include <stdlib.h>

struct arg {
    struct slice text;
    struct slice name; /* decoded */
    size_t place;
};

static bool matches(struct slice pattern, struct slice name)
{
    if (slice_ends(pattern, SLICE("*")))
        return slice_starts(name, slice_take(pattern, pattern.n - 1));
    return slice_eq(pattern, name);
}

static bool is_named(const struct args_conf *conf, struct slice name)
{
    for (size_t i = 0; i < conf->names_n; i++) {
        if (matches(conf->names[i], name))
            return true;
    }
    return false;
}

static bool counts(const struct args_conf *conf, const struct arg *arg)
{
    if (slice_find(arg->text, ';') < arg->text.n)
        return true;
    switch (conf->which) {
    case ARGS_ALL: break;
    case ARGS_ONLY: return is_named(conf, arg->name);
    case ARGS_EXCEPT: return !is_named(conf, arg->name);
    }
    return true;
}

static int compare(const void *a, const void *b)
{
    const struct arg *x = a;
    const struct arg *y = b;
    int order = slice_cmp(x->name, y->name);
    if (order != 0)
        return order;
    return x->place < y->place ? -1 : x->place > y->place;
}

static size_t pieces_of(struct slice query)
{
    size_t n = 1;
    for (size_t i = 0; i < query.n; i++)
        n += query.p[i] == '&';
    return n;
}

static struct slice join(const struct arg *args, size_t n, size_t most, struct arena *arena)
{
    char *p = arena_alloc(arena, most);
    char *at = p;
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            *at++ = '&';
        memcpy(at, args[i].text.p, args[i].text.n);
        at += args[i].text.n;
    }
    return n == 0 ? slice_none() : slice_make(p, (size_t)(at - p));
}

struct slice args_select(struct slice query, const struct args_conf *conf, struct arena *arena)
{
    if (conf->which == ARGS_ALL && !conf->sort)
        return query;
    struct arg *args = ARENA_ARRAY(arena, struct arg, pieces_of(query));
    struct slice rest = query;
    size_t n = 0;
    while (rest.n > 0) {
        struct slice text = slice_cut(rest, '&', &rest);
        struct slice name = uri_decode(slice_take(text, slice_find(text, '=')), arena);
        args[n] = (struct arg){text, name, n};
        if (text.n > 0 && counts(conf, &args[n]))
            n++;
    }
    if (conf->sort && n > 1)
        qsort(args, n, sizeof *args, compare);
    return join(args, n, query.n, arena);
}
