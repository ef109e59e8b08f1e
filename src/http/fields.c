/* A list of fields in the order received, and the lists inside of their values. */
#include "http/fields.h"

#define FIRST_CAP 16

/* -- adding -- */

void fields_reserve(struct fields *f, struct arena *arena, size_t more)
{
    if (f->cap - f->n >= more) {
        return;
    }
    size_t doubled = f->cap * 2 > FIRST_CAP ? f->cap * 2 : FIRST_CAP;
    size_t cap = f->n + more > doubled ? f->n + more : doubled;
    struct field *v = arena_alloc(arena, cap * sizeof(*v));
    if (f->n > 0) {
        memcpy(v, f->v, f->n * sizeof(*v));
    }
    f->v = v;
    f->cap = cap;
}

static void mark_seen(struct fields *f, enum field_id id)
{
    f->seen[(unsigned)id / 64] |= UINT64_C(1) << ((unsigned)id % 64);
}

void fields_push(struct fields *f, struct arena *arena, struct field field)
{
    if (f->n == f->cap) {
        fields_reserve(f, arena, 1);
    }
    f->v[f->n++] = field;
    mark_seen(f, field.id);
}

void fields_add(struct fields *f, struct arena *arena, struct slice name, struct slice value)
{
    fields_push(f, arena, (struct field){.name = name, .value = value, .id = field_id_of(name)});
}

void fields_add_id(struct fields *f, struct arena *arena, enum field_id id, struct slice value)
{
    fields_push(f, arena, (struct field){.name = field_name(id), .value = value, .id = id});
}

/* -- finding -- */

const struct field *fields_find(const struct fields *f, enum field_id id)
{
    return fields_has(f, id) ? fields_next(f, id, slice_none(), NULL) : NULL;
}

struct slice fields_get(const struct fields *f, enum field_id id)
{
    const struct field *found = fields_find(f, id);
    return found == NULL ? slice_none() : found->value;
}

/* FIELD_OTHER with a name that p is NULL of stands for any such field. */
static bool field_is(const struct field *field, enum field_id id, struct slice name)
{
    return field->id == id &&
           (id != FIELD_OTHER || name.p == NULL || slice_eq_nocase(field->name, name));
}

const struct field *fields_next(const struct fields *f, enum field_id id, struct slice name,
                                const struct field *after)
{
    for (size_t i = after == NULL ? 0 : (size_t)(after - f->v) + 1; i < f->n; i++) {
        if (field_is(&f->v[i], id, name)) {
            return &f->v[i];
        }
    }
    return NULL;
}

size_t fields_count(const struct fields *f, enum field_id id)
{
    size_t count = 0;
    if (fields_has(f, id)) {
        for (size_t i = 0; i < f->n; i++) {
            count += f->v[i].id == id ? 1 : 0;
        }
    }
    return count;
}

static size_t joined_bytes(const struct fields *f, enum field_id id, struct slice name,
                           size_t *count)
{
    size_t bytes = 0;
    *count = 0;
    for (const struct field *at = fields_next(f, id, name, NULL); at != NULL;
         at = fields_next(f, id, name, at)) {
        bytes += at->value.n + (*count > 0 ? 2 : 0);
        (*count)++;
    }
    return bytes;
}

struct slice fields_joined(const struct fields *f, struct slice name, struct arena *arena)
{
    enum field_id id = field_id_of(name);
    const struct field *first = fields_has(f, id) ? fields_next(f, id, name, NULL) : NULL;
    size_t count;
    if (first == NULL) {
        return slice_none();
    }
    size_t bytes = joined_bytes(f, id, name, &count);
    if (count == 1) {
        return first->value;
    }
    char *p = arena_alloc(arena, bytes);
    size_t n = 0;
    for (const struct field *at = first; at != NULL; at = fields_next(f, id, name, at)) {
        if (at != first) {
            p[n++] = ',';
            p[n++] = ' ';
        }
        if (at->value.n > 0) {
            memcpy(p + n, at->value.p, at->value.n);
            n += at->value.n;
        }
    }
    return slice_make(p, n);
}

/* -- removing -- */

static void remove_all(struct fields *f, enum field_id id, struct slice name)
{
    size_t kept = 0;
    bool still_there = false;
    for (size_t i = 0; i < f->n; i++) {
        if (field_is(&f->v[i], id, name)) {
            continue;
        }
        still_there |= f->v[i].id == id;
        f->v[kept++] = f->v[i];
    }
    f->n = kept;
    if (!still_there) {
        f->seen[(unsigned)id / 64] &= ~(UINT64_C(1) << ((unsigned)id % 64));
    }
}

void fields_remove(struct fields *f, enum field_id id)
{
    if (fields_has(f, id)) {
        remove_all(f, id, slice_none());
    }
}

void fields_remove_name(struct fields *f, struct slice name)
{
    enum field_id id = field_id_of(name);
    if (fields_has(f, id)) {
        remove_all(f, id, slice_make(name.p == NULL ? "" : name.p, name.n));
    }
}

/* -- lists -- */

/* Where the member that `s` begins with ends: at a comma outside of a quoted string (RFC 9110
 * section 5.6.4), or at the end. */
static size_t member_end(struct slice s)
{
    bool quoted = false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"') {
            quoted = !quoted;
        } else if (quoted && s.p[i] == '\\') {
            i++;
        } else if (!quoted && s.p[i] == ',') {
            return i;
        }
    }
    return s.n;
}

bool list_member_next(struct slice *rest, struct slice *member)
{
    while (rest->n > 0) {
        size_t end = member_end(*rest);
        *member = slice_trim(slice_take(*rest, end));
        *rest = slice_skip(*rest, end < rest->n ? end + 1 : end);
        if (member->n > 0) {
            return true;
        }
    }
    return false;
}

static bool value_has_member(struct slice value, struct slice token)
{
    struct slice member;
    while (list_member_next(&value, &member)) {
        if (slice_eq_nocase(member, token)) {
            return true;
        }
    }
    return false;
}

bool fields_list_has(const struct fields *f, enum field_id id, struct slice token)
{
    if (!fields_has(f, id)) {
        return false;
    }
    for (size_t i = 0; i < f->n; i++) {
        if (f->v[i].id == id && value_has_member(f->v[i].value, token)) {
            return true;
        }
    }
    return false;
}

/* Ends at this hop whether Connection names it or not. */
static bool id_is_hop_by_hop(enum field_id id)
{
    return id == FIELD_CONNECTION || id == FIELD_KEEP_ALIVE || id == FIELD_TE ||
           id == FIELD_TRANSFER_ENCODING || id == FIELD_UPGRADE || id == FIELD_HTTP2_SETTINGS ||
           id == FIELD_PROXY_CONNECTION || id == FIELD_PROXY_AUTHENTICATE ||
           id == FIELD_PROXY_AUTHENTICATION_INFO || id == FIELD_PROXY_AUTHORIZATION;
}

bool field_is_hop_by_hop(const struct field *field, const struct fields *all)
{
    if (field->id != FIELD_OTHER) {
        /* A name that the table knows ends at this hop or never: to list, say, Host or Cookie in
         * Connection is forbidden (RFC 9110 section 7.6.1) and done in order to hide a field from
         * the next hop that was acted on here. */
        return id_is_hop_by_hop(field->id);
    }
    return fields_list_has(all, FIELD_CONNECTION, field->name);
}

/* -- bytes -- */

static const bool tchars[256] = {
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['!'] = true,  ['#'] = true,
    ['$'] = true,         ['%'] = true,         ['&'] = true,         ['\''] = true, ['*'] = true,
    ['+'] = true,         ['-'] = true,         ['.'] = true,         ['^'] = true,  ['_'] = true,
    ['`'] = true,         ['|'] = true,         ['~'] = true,
};

bool byte_is_tchar(char c)
{
    return tchars[(unsigned char)c];
}

bool slice_is_token(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!tchars[(unsigned char)s.p[i]]) {
            return false;
        }
    }
    return s.n > 0;
}

#define ONES UINT64_C(0x0101010101010101)

/* Is one of eight bytes below SP, or DEL? */
static bool word_has_control(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    uint64_t del = v ^ (0x7f * ONES);
    uint64_t below_space = (v - 0x20 * ONES) & ~v;
    uint64_t is_del = (del - ONES) & ~del;
    return ((below_space | is_del) & (0x80 * ONES)) != 0;
}

static bool bytes_are_clean(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return true;
}

bool field_value_is_clean(struct slice s)
{
    size_t i = 0;
    for (; s.n - i >= 8; i += 8) {
        if (word_has_control(s.p + i) && !bytes_are_clean(s.p + i, 8)) {
            return false;
        }
    }
    return bytes_are_clean(s.p + i, s.n - i);
}
