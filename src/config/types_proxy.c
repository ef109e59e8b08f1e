/* Values of the directives about clients and origins. */
#include "config/loading.h"

#include "base/parse.h"
#include "http/fields.h"
#include "http/media_type.h"
#include "http/uri.h"

/* -- texts with variables -- */

const struct template *value_template(struct loading *l, const struct directive *d,
                                      const struct node *node, struct slice text,
                                      enum template_escape escape)
{
    char problem[256] = "";
    size_t offset = 0;
    const struct template *t =
        template_compile(text, escape, l->groups, l->groups_n, l->arena, problem, &offset);
    if (t == NULL) {
        value_error(l, d, node, "%s", problem);
    }
    /* cppcheck-suppress CastIntegerToAddressAtReturn ; it takes `template` for C++'s */
    return t;
}

bool parse_template(struct loading *l, const struct directive *d, const struct node *node,
                    void *block)
{
    const struct template **field = value_field(d, block);
    struct slice text;
    if (!value_text(l, d, node, false, &text)) {
        return false;
    }
    const struct template *t = value_template(l, d, node, text, TEMPLATE_PLAIN);
    *field = t == NULL ? *field : t;
    return t != NULL;
}

/* Into a pointer and the count that stands behind it in the block. */
static void store_list(const struct directive *d, void *block, const void *items, size_t n)
{
    char *field = value_field(d, block);
    memcpy(field, &items, sizeof(items));
    memcpy(field + sizeof(items), &n, sizeof(n));
}

bool parse_templates(struct loading *l, const struct directive *d, const struct node *node,
                     void *block)
{
    struct slice *words;
    size_t n;
    if (!value_words(l, d, node, &words, &n)) {
        return false;
    }
    const struct template **items = ARENA_ARRAY(l->arena, const struct template *, n);
    for (size_t i = 0; i < n; i++) {
        items[i] = value_template(l, d, node, words[i], TEMPLATE_PLAIN);
        if (items[i] == NULL) {
            return false;
        }
    }
    store_list(d, block, items, n);
    return true;
}

/* -- fields -- */

static struct slice lower(struct arena *arena, struct slice s)
{
    char *p = arena_alloc(arena, s.n + 1);
    for (size_t i = 0; i < s.n; i++) {
        p[i] = ascii_lower(s.p[i]);
    }
    return slice_make(p, s.n);
}

bool parse_field_names(struct loading *l, const struct directive *d, const struct node *node,
                       void *block)
{
    struct slice *words;
    size_t n;
    if (!value_words(l, d, node, &words, &n)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!slice_is_token(words[i])) {
            value_error(l, d, node, "\"%.*s\" is not the name of a field", SLICE_ARG(words[i]));
            return false;
        }
        words[i] = lower(l->arena, words[i]);
    }
    store_list(d, block, words, n);
    return true;
}

bool parse_media_types(struct loading *l, const struct directive *d, const struct node *node,
                       void *block)
{
    struct slice *words;
    size_t n;
    if (!value_words(l, d, node, &words, &n)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!media_type_is_pattern(words[i])) {
            value_error(l, d, node, "\"%.*s\" is not a media type such as text/css, text/* or *",
                        SLICE_ARG(words[i]));
            return false;
        }
    }
    store_list(d, block, words, n);
    return true;
}

/* Fields that belong to one connection or to the framing: the proxy writes them itself (RFC 9110
 * section 7.6). */
static bool is_own_field(struct slice name)
{
    static const char *const own[] = {"Connection", "Keep-Alive",        "Proxy-Connection",
                                      "TE",         "Transfer-Encoding", "Trailer",
                                      "Upgrade",    "Content-Length",    "Via"};
    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        if (slice_eq_nocase(name, slice_of(own[i]))) {
            return true;
        }
    }
    return false;
}

struct set_headers {
    struct set_header *items;
    size_t n;
    size_t cap;
};

static void set_header_push(struct loading *l, struct set_headers *to, struct set_header item)
{
    if (to->n == to->cap) {
        struct set_header *old = to->items;
        to->cap = to->cap == 0 ? 8 : to->cap * 2;
        to->items = ARENA_ARRAY(l->arena, struct set_header, to->cap);
        if (to->n > 0) {
            memcpy(to->items, old, to->n * sizeof(*old));
        }
    }
    to->items[to->n++] = item;
}

static bool set_header_add(struct loading *l, const struct directive *d, struct slice name,
                           const struct place *name_at, struct slice value, const struct node *at,
                           struct set_headers *to)
{
    if (!slice_is_token(name)) {
        error_at(l->errors, name_at, "%s: \"%.*s\" is not the name of a field", d->name,
                 SLICE_ARG(name));
        return false;
    }
    if (is_own_field(name)) {
        warning_at(l->errors, name_at,
                   "%s: %.*s is written by the proxy itself, as the connection "
                   "needs it; this has no effect",
                   d->name, SLICE_ARG(name));
        return true;
    }
    const struct template *t = value_template(l, d, at, value, TEMPLATE_PLAIN);
    if (t == NULL) {
        return false;
    }
    set_header_push(l, to, (struct set_header){.name = name, .id = field_id_of(name), .value = t});
    return true;
}

/* `Name value` */
static bool set_header_line(struct loading *l, const struct directive *d, const struct node *node,
                            struct set_headers *to)
{
    struct slice text;
    if (!value_text(l, d, node, false, &text)) {
        return false;
    }
    struct slice name = next_word(&text);
    return set_header_add(l, d, name, &node->at, text, node, to);
}

static bool set_header_map(struct loading *l, const struct directive *d, const struct node *map,
                           struct set_headers *to)
{
    bool ok = true;
    for (const struct node *m = map->first; m != NULL; m = m->next) {
        struct slice value;
        ok = value_text(l, d, m, true, &value) &&
             set_header_add(l, d, m->name, &m->name_at, value, m, to) && ok;
    }
    return ok;
}

static bool set_header_item(struct loading *l, const struct directive *d, const struct node *item,
                            struct set_headers *to)
{
    return item->kind == NODE_MAP ? set_header_map(l, d, item, to)
                                  : set_header_line(l, d, item, to);
}

bool parse_set_header(struct loading *l, const struct directive *d, const struct node *node,
                      void *block)
{
    struct location_conf *conf = block;
    struct set_headers list = {0};
    bool ok = true;
    if (node->kind != NODE_LIST) {
        ok = set_header_item(l, d, node, &list);
    } else {
        for (const struct node *item = node->first; item != NULL; item = item->next) {
            ok = set_header_item(l, d, item, &list) && ok;
        }
    }
    conf->set_headers = list.items;
    conf->set_headers_n = list.n;
    conf->pass_host = true;
    for (size_t i = 0; i < list.n; i++) {
        if (slice_eq_nocase(list.items[i].name, SLICE("Host"))) {
            conf->pass_host = false;
        }
    }
    return ok;
}

/* -- buffers -- */

/* nginx's `number size`. */
static bool number_and_size(struct loading *l, const struct directive *d, const struct node *node,
                            size_t *number, size_t *size)
{
    struct slice *words;
    size_t n;
    uint64_t count = 0;
    int64_t bytes = 0;
    int64_t min = 0;
    int64_t max = 0;
    if (!value_words(l, d, node, &words, &n)) {
        return false;
    }
    bool ok = n == 2 && parse_u64(words[0], 4096, &count) && count > 0 &&
              parse_size_bytes(words[1], &bytes) && parse_size_bytes(slice_of(d->min), &min) &&
              parse_size_bytes(slice_of(d->max), &max) && bytes >= min && bytes <= max;
    if (!ok) {
        value_error(l, d, node,
                    "a number (1 to 4096) and a size (%s to %s) are needed, as in \"%s\"", d->min,
                    d->max, d->dflt);
        return false;
    }
    *number = (size_t)count;
    *size = (size_t)bytes;
    return true;
}

bool parse_buffers(struct loading *l, const struct directive *d, const struct node *node,
                   void *block)
{
    struct location_conf *conf = block;
    return number_and_size(l, d, node, &conf->buffers_n, &conf->buffer_bytes);
}

bool parse_head_buffers(struct loading *l, const struct directive *d, const struct node *node,
                        void *block)
{
    struct server_conf *conf = block;
    size_t number;
    size_t size;
    if (!number_and_size(l, d, node, &number, &size)) {
        return false;
    }
    conf->line_bytes = size;
    conf->head_bytes = number * size;
    return true;
}

/* -- proxy_pass -- */

struct target {
    struct slice authority; /* host[:port], or unix:/path */
    struct slice path;      /* p NULL: none */
};

/* Cuts `http://…`. NULL, or what is wrong. */
static const char *target_parse(struct slice url, struct target *out)
{
    if (slice_find(url, '$') < url.n) {
        return "variables are not supported here";
    }
    if (slice_starts_nocase(url, SLICE("https://"))) {
        return "https to an origin is not supported";
    }
    if (!slice_starts_nocase(url, SLICE("http://"))) {
        return "it has to begin with http://";
    }
    struct slice rest = slice_skip(url, 7);
    bool is_unix = slice_starts(rest, SLICE("unix:"));
    size_t end = is_unix ? 5 + slice_find(slice_skip(rest, 5), ':') : slice_find(rest, '/');
    out->authority = slice_take(rest, end);
    out->path = end < rest.n ? slice_skip(rest, is_unix ? end + 1 : end) : slice_none();
    if (out->path.p != NULL && !slice_starts(out->path, SLICE("/"))) {
        return "the URI has to begin with /";
    }
    bool plain = slice_find(out->path, '?') == out->path.n &&
                 slice_find(out->path, '#') == out->path.n && slice_find(url, ' ') == url.n;
    return plain ? NULL : "a URI with ?, # or spaces is not supported";
}

/* As nginx shows it in $proxy_host. */
static struct slice without_default_port(struct slice authority)
{
    struct slice port = SLICE(":80");
    return slice_ends(authority, port) ? slice_take(authority, authority.n - port.n) : authority;
}

bool parse_proxy_pass(struct loading *l, const struct directive *d, const struct node *node,
                      void *block)
{
    struct location_conf *conf = block;
    struct slice url;
    struct target target;
    struct endpoint endpoint;
    if (!value_text(l, d, node, false, &url)) {
        return false;
    }
    const char *problem = target_parse(url, &target);
    if (problem != NULL) {
        value_error(l, d, node, "\"%.*s\": %s", SLICE_ARG(url), problem);
        return false;
    }
    if (conf->match == MATCH_REGEX && target.path.p != NULL) {
        value_error(l, d, node, "a URI is not possible in a location of a regular expression");
        return false;
    }
    if (!upstream_index(l, node, target.authority, &endpoint, &conf->upstream)) {
        return false;
    }
    conf->handler = HANDLER_PROXY;
    conf->proxy_host =
        endpoint.is_unix ? SLICE("localhost") : without_default_port(target.authority);
    conf->proxy_port = endpoint.is_unix ? 0 : endpoint.port;
    conf->pass_uri = target.path.p != NULL;
    conf->pass_path = target.path;
    conf->pass_prefix_n = conf->pattern.n;
    return true;
}

/* -- return -- */

static bool is_redirect(uint16_t status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static bool looks_like_url(struct slice s)
{
    return slice_starts(s, SLICE("http://")) || slice_starts(s, SLICE("https://")) ||
           slice_starts(s, SLICE("$scheme")) || slice_starts(s, SLICE("${scheme}"));
}

static bool return_set(struct loading *l, const struct directive *d, const struct node *node,
                       struct slice status, struct slice text, struct location_conf *conf)
{
    uint64_t code = 0;
    if (slice_eq(status, SLICE("444"))) {
        value_error(l, d, node, "444 (closing without an answer) is not supported");
        return false;
    }
    if (!parse_u64(status, 599, &code) || code < 200) {
        value_error(l, d, node, "\"%.*s\" is not a status (200 to 599) or a URL",
                    SLICE_ARG(status));
        return false;
    }
    conf->return_status = (uint16_t)code;
    conf->return_text = NULL;
    if (text.p != NULL && text.n > 0) {
        conf->return_text = value_template(l, d, node, text, TEMPLATE_PLAIN);
        if (conf->return_text == NULL) {
            return false;
        }
    } else if (is_redirect(conf->return_status)) {
        value_error(l, d, node, "%u needs a URL", (unsigned)code);
        return false;
    }
    conf->handler = HANDLER_RETURN;
    return true;
}

static bool return_scalar(struct loading *l, const struct directive *d, const struct node *node,
                          struct location_conf *conf)
{
    struct slice text = node->text;
    if (node_is_null(node) || looks_like_url(text)) {
        return return_set(l, d, node, node_is_null(node) ? slice_none() : SLICE("302"), text, conf);
    }
    struct slice status = next_word(&text);
    return return_set(l, d, node, status, text, conf);
}

static bool scalar_or_none(const struct node *node, struct slice *out)
{
    *out = node == NULL ? slice_none() : node->text;
    return node == NULL || node->kind == NODE_SCALAR;
}

/* [301, "https://…"] or {status: 200, text: …} */
static bool return_parts(struct loading *l, const struct directive *d, const struct node *node,
                         struct location_conf *conf)
{
    static const char *const keys[] = {"status", "text", "location", NULL};
    bool map = node->kind == NODE_MAP;
    const struct node *status = map ? node_find(node, SLICE("status")) : node->first;
    const struct node *text = map ? node_find(node, SLICE("text")) : NULL;
    const struct node *location = map ? node_find(node, SLICE("location")) : NULL;
    const struct node *second = map || node->first == NULL ? NULL : node->first->next;
    const struct node *body = second != NULL ? second : location != NULL ? location : text;
    struct slice code;
    struct slice content;
    if (map && !value_keys(l, d, node, keys)) {
        return false;
    }
    if (status == NULL || (text != NULL && location != NULL) || (!map && node->n > 2) ||
        !scalar_or_none(status, &code) || !scalar_or_none(body, &content)) {
        value_error(l, d, node, "a status and a text or location are needed");
        return false;
    }
    if (!return_set(l, d, node, code, content, conf)) {
        return false;
    }
    if (map && location != NULL && !is_redirect(conf->return_status)) {
        value_error(l, d, node, "a location goes with 301, 302, 303, 307 and 308");
        return false;
    }
    return true;
}

bool parse_return(struct loading *l, const struct directive *d, const struct node *node,
                  void *block)
{
    struct location_conf *conf = block;
    bool ok = node->kind == NODE_SCALAR ? return_scalar(l, d, node, conf)
                                        : return_parts(l, d, node, conf);
    if (ok && is_redirect(conf->return_status) &&
        !field_value_is_clean(template_source(conf->return_text))) {
        value_error(l, d, node, "a URL cannot have line breaks");
        return false;
    }
    return ok;
}
