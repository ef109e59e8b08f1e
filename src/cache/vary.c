/* Which request fields select a variant, and their values in one canonical form. */
#include "cache/vary.h"

#include <stdlib.h>

/* -- names -- */

/* More names than this are never kept apart, whatever the configuration allows. */
#define NAMES_MAX 64

struct names {
    struct slice v[NAMES_MAX];
    size_t n;
};

static bool names_have(const struct names *names, struct slice name)
{
    for (size_t i = 0; i < names->n; i++) {
        if (slice_eq_nocase(names->v[i], name)) {
            return true;
        }
    }
    return false;
}

/* False: `*`, no name, or one too many. */
static bool names_add(struct names *names, struct slice name, size_t max)
{
    if (slice_eq(name, SLICE("*")) || !slice_is_token(name)) {
        return false;
    }
    if (names_have(names, name)) {
        return true;
    }
    if (names->n >= max) {
        return false;
    }
    names->v[names->n++] = name;
    return true;
}

static enum vary_result names_collect(const struct fields *response, const struct cache_conf *conf,
                                      struct names *names)
{
    size_t max = conf->vary_fields_max < NAMES_MAX ? conf->vary_fields_max : NAMES_MAX;
    names->n = 0;
    if ((conf->ignore & IGNORE_VARY) != 0) {
        return VARY_NONE;
    }
    const struct field *line = fields_find(response, FIELD_VARY);
    for (; line != NULL; line = fields_next(response, FIELD_VARY, slice_none(), line)) {
        struct slice rest = line->value;
        struct slice name;
        while (list_member_next(&rest, &name)) {
            if (!names_add(names, name, max)) {
                return VARY_NEVER; /* RFC 9111 section 4.1 */
            }
        }
    }
    return names->n > 0 ? VARY_FIELDS : VARY_NONE;
}

enum vary_result vary_check(const struct fields *response, const struct cache_conf *conf)
{
    struct names names;
    return names_collect(response, conf, &names);
}

static int compare_slices(const void *a, const void *b)
{
    return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

/* Appends `s` and returns the place behind it. */
static char *put(char *to, struct slice s)
{
    if (s.n > 0) {
        memcpy(to, s.p, s.n);
    }
    return to + s.n;
}

/* Sorted, without repetitions, joined by ','. Reorders `v`. */
static struct slice join_sorted(struct slice *v, size_t n, struct arena *arena)
{
    size_t bytes = n;
    for (size_t i = 0; i < n; i++) {
        bytes += v[i].n;
    }
    if (n > 1) {
        qsort(v, n, sizeof(*v), compare_slices);
    }
    char *p = arena_alloc(arena, bytes);
    char *at = p;
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && slice_eq(v[i], v[i - 1])) {
            continue;
        }
        at = put(at, at == p ? slice_none() : SLICE(","));
        at = put(at, v[i]);
    }
    return slice_make(p, (size_t)(at - p));
}

static struct slice lower(struct slice s, struct arena *arena)
{
    char *p = arena_alloc(arena, s.n);
    for (size_t i = 0; i < s.n; i++) {
        p[i] = ascii_lower(s.p[i]);
    }
    return slice_make(p, s.n);
}

enum vary_result vary_spec(const struct fields *response, const struct cache_conf *conf,
                           struct arena *arena, struct slice *spec)
{
    struct names names;
    enum vary_result result = names_collect(response, conf, &names);
    *spec = slice_none();
    if (result == VARY_FIELDS) {
        for (size_t i = 0; i < names.n; i++) {
            names.v[i] = lower(names.v[i], arena);
        }
        *spec = join_sorted(names.v, names.n, arena);
    }
    return result;
}

/* Members of a value, white space around them dropped, in the arena. */
static struct slice *members_of(struct slice value, struct arena *arena, size_t *count)
{
    size_t most = 1;
    for (size_t i = 0; i < value.n; i++) {
        most += value.p[i] == ',' ? 1 : 0;
    }
    struct slice *v = ARENA_ARRAY(arena, struct slice, most);
    struct slice member;
    *count = 0;
    while (list_member_next(&value, &member)) {
        v[(*count)++] = member;
    }
    return v;
}

struct slice vary_union(struct slice a, struct slice b, struct arena *arena)
{
    if (slice_empty(a) || slice_eq(a, b)) {
        return b;
    }
    if (slice_empty(b)) {
        return a;
    }
    struct slice both = arena_concat(arena, arena_concat(arena, a, SLICE(",")), b);
    size_t n;
    struct slice *v = members_of(both, arena, &n);
    return join_sorted(v, n, arena);
}

/* -- values -- */

enum weight { WEIGHT_NONE, WEIGHT_SOME, WEIGHT_ODD };

/* `q=0`, `q=0.5` (RFC 9110 section 12.4.2). */
static enum weight weight_of(struct slice parameter)
{
    if (!slice_starts_nocase(parameter, SLICE("q=")) || parameter.n < 3 || parameter.n > 7) {
        return WEIGHT_ODD;
    }
    bool is_zero = true;
    for (size_t i = 2; i < parameter.n; i++) {
        char c = parameter.p[i];
        if (i == 3 ? c != '.' : c < '0' || c > '9') {
            return WEIGHT_ODD;
        }
        is_zero = is_zero && (c == '0' || c == '.');
    }
    return is_zero ? WEIGHT_NONE : WEIGHT_SOME;
}

/* One member of Accept-Encoding in lower case: its coding where it is accepted, "coding;q=0" where
 * it is refused, itself where it is not understood. */
static struct slice coding_of(struct slice member, struct arena *arena)
{
    struct slice parameter;
    struct slice coding = lower(slice_trim(slice_cut(member, ';', &parameter)), arena);
    if (slice_find(member, ';') == member.n) {
        return coding;
    }
    switch (weight_of(slice_trim(parameter))) {
    case WEIGHT_NONE: return arena_concat(arena, coding, SLICE(";q=0"));
    case WEIGHT_SOME: return coding;
    case WEIGHT_ODD: break;
    }
    return lower(member, arena);
}

/* RFC 9110 section 12.5.3: what is not listed is refused anyway unless `*` is accepted, and
 * identity is accepted anyway unless it or `*` is refused. */
static bool coding_says_nothing(struct slice coding, enum weight of_others)
{
    if (slice_eq(coding, SLICE("identity"))) {
        return of_others != WEIGHT_NONE;
    }
    bool refused = slice_ends(coding, SLICE(";q=0"));
    bool is_general = slice_eq(coding, SLICE("*;q=0")) || slice_eq(coding, SLICE("identity;q=0"));
    return refused && !is_general && of_others != WEIGHT_SOME;
}

/* What the list says of codings that it does not name. */
static enum weight weight_of_others(const struct slice *codings, size_t n)
{
    enum weight others = WEIGHT_ODD;
    for (size_t i = 0; i < n; i++) {
        if (slice_eq(codings[i], SLICE("*"))) {
            others = WEIGHT_SOME;
        } else if (slice_eq(codings[i], SLICE("*;q=0"))) {
            others = WEIGHT_NONE;
        }
    }
    return others;
}

static struct slice accepted_codings(struct slice value, struct arena *arena)
{
    size_t n;
    struct slice *v = members_of(value, arena, &n);
    for (size_t i = 0; i < n; i++) {
        v[i] = coding_of(v[i], arena);
    }
    enum weight of_others = weight_of_others(v, n);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (!coding_says_nothing(v[i], of_others)) {
            v[kept++] = v[i];
        }
    }
    return join_sorted(v, kept, arena);
}

/* Members in their order, without white space around them. */
static struct slice compacted(struct slice value, struct arena *arena)
{
    char *p = arena_alloc(arena, value.n);
    char *at = p;
    struct slice member;
    while (list_member_next(&value, &member)) {
        at = put(at, at == p ? slice_none() : SLICE(","));
        at = put(at, member);
    }
    return slice_make(p, (size_t)(at - p));
}

/* RFC 4647 section 2: ranges of languages have no case. A weight of 1 is as none. */
static struct slice language_of(struct slice member, struct arena *arena)
{
    struct slice weight;
    struct slice range = slice_trim(slice_cut(member, ';', &weight));
    weight = slice_trim(weight);
    bool is_one = slice_starts_nocase(weight, SLICE("q=1")) && weight_of(weight) == WEIGHT_SOME;
    if (slice_find(member, ';') == member.n || is_one) {
        return lower(range, arena);
    }
    return lower(arena_concat(arena, arena_concat(arena, range, SLICE(";")), weight), arena);
}

static struct slice languages(struct slice value, bool sort, struct arena *arena)
{
    size_t n;
    struct slice *v = members_of(value, arena, &n);
    for (size_t i = 0; i < n; i++) {
        v[i] = language_of(v[i], arena);
    }
    if (sort) {
        return join_sorted(v, n, arena);
    }
    struct slice all = slice_none();
    for (size_t i = 0; i < n; i++) {
        struct slice front = i == 0 ? all : arena_concat(arena, all, SLICE(","));
        all = arena_concat(arena, front, v[i]);
    }
    return all;
}

static struct slice canonical(struct slice name, struct slice value, const struct cache_conf *conf,
                              struct arena *arena)
{
    if (slice_eq(name, SLICE("accept-encoding"))) {
        return accepted_codings(value, arena);
    }
    if (slice_eq(name, SLICE("accept-language"))) {
        return languages(value, conf->sort_languages, arena);
    }
    return compacted(value, arena);
}

/* `name;` for an absent field, else `name=` length `:` value `;`: no token holds ';' or '='. */
static struct slice selecting(struct slice name, const struct fields *request,
                              const struct cache_conf *conf, struct arena *arena)
{
    if (fields_next(request, field_id_of(name), name, NULL) == NULL) {
        return arena_concat(arena, name, SLICE(";"));
    }
    struct slice value = fields_joined(request, name, arena);
    struct slice form = canonical(name, value, conf, arena);
    struct slice front = arena_printf(arena, "%.*s=%zu:", SLICE_ARG(name), form.n);
    return arena_concat(arena, arena_concat(arena, front, form), SLICE(";"));
}

struct slice vary_values(struct slice spec, const struct fields *request,
                         const struct cache_conf *conf, struct arena *arena)
{
    struct slice all = slice_none();
    struct slice name;
    while (list_member_next(&spec, &name)) {
        struct slice one = selecting(name, request, conf, arena);
        all = slice_empty(all) ? one : arena_concat(arena, all, one);
    }
    return all;
}
