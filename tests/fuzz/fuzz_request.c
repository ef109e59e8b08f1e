/* Heads of requests. What is accepted has one meaning: written anew from its values it is accepted
 * again and means the same. The first byte chooses the options. */
#include "base/arena.h"
#include "base/assert.h"
#include "http/h1.h"

static void check_fields(const struct request_head *head, bool underscores)
{
    for (size_t i = 0; i < head->fields.n; i++) {
        const struct field *f = &head->fields.v[i];
        ASSERT(slice_is_token(f->name));
        ASSERT(field_value_is_clean(f->value));
        ASSERT(slice_trim(f->value).n == f->value.n);
        ASSERT(f->id == field_id_of(f->name));
        ASSERT(underscores || slice_find(f->name, '_') == f->name.n);
    }
    ASSERT(fields_count(&head->fields, FIELD_HOST) <= 1);
    ASSERT(fields_count(&head->fields, FIELD_CONTENT_LENGTH) +
               fields_count(&head->fields, FIELD_TRANSFER_ENCODING) <=
           1);
    ASSERT(!fields_has(&head->fields, FIELD_HTTP2_SETTINGS));
    ASSERT(!fields_list_has(&head->fields, FIELD_UPGRADE, SLICE("h2c")));
}

static void check_target(const struct request_head *head)
{
    ASSERT(slice_is_token(head->method_token));
    ASSERT(head->method != METHOD_CONNECT && head->method != METHOD_TRACE);
    ASSERT(head->path.p[0] == '/' ||
           (head->method == METHOD_OPTIONS && slice_eq(head->path, SLICE("*"))));
    ASSERT(head->version_minor == 0 || head->host.n > 0);
    for (size_t i = 0; i < head->host.n; i++) {
        ASSERT(ascii_lower(head->host.p[i]) == head->host.p[i] && head->host.p[i] > ' ' &&
               head->host.p[i] != '/');
    }
    ASSERT(head->framing != FRAMING_EOF &&
           (head->framing == FRAMING_LENGTH || head->content_length == 0));
}

static void check_again(const struct request_head *head, const struct h1_limits *limits,
                        struct arena *arena)
{
    struct request_head again;
    struct h1_error err;
    struct slice target = head->path;
    if (head->query.p != NULL) {
        target = arena_concat(arena, arena_concat(arena, target, SLICE("?")), head->query);
    }
    if (!fields_has(&head->fields, FIELD_HOST)) {
        return; /* 1.0, but what is written is 1.1 */
    }
    struct slice text = h1_write_request(arena, head->method_token, target, &head->fields);
    size_t scanned = 0;
    ASSERT(h1_head_end(text, &scanned) == text.n);
    ASSERT(h1_parse_request(text, limits, arena, &again, &err) == H1_OK ||
           err.code == H1_BAD_EXPECTATION);
    if (err.code == H1_OK) {
        ASSERT(slice_eq(again.path, head->path) && slice_eq(again.query, head->query));
        ASSERT(slice_eq(again.host, head->host) && again.port == head->port);
        ASSERT(again.framing == head->framing && again.content_length == head->content_length);
        ASSERT(again.fields.n == head->fields.n);
    }
}

static void check_scan_in_two(struct slice bytes, size_t cut, size_t end)
{
    size_t scanned = 0;
    size_t first = h1_head_end(slice_take(bytes, cut), &scanned);
    ASSERT(first == 0 || first == end);
    ASSERT(first == end || h1_head_end(bytes, &scanned) == end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 2) {
        return 0;
    }
    struct h1_limits limits = {.line_bytes = 8192,
                               .head_bytes = 32768,
                               .field_count = 100,
                               .merge_slashes = (data[0] & 1) != 0,
                               .underscores_in_headers = (data[0] & 2) != 0};
    struct slice bytes = slice_make((const char *)data + 1, n - 1);
    size_t scanned = 0;
    size_t end = h1_head_end(bytes, &scanned);
    check_scan_in_two(bytes, data[0] % bytes.n, end);
    struct arena arena;
    struct request_head head;
    struct h1_error err;
    arena_init(&arena, NULL);
    if (h1_parse_request(slice_take(bytes, end), &limits, &arena, &head, &err) == H1_OK) {
        struct h1_limits wide = {.line_bytes = SIZE_MAX / 2,
                                 .head_bytes = SIZE_MAX / 2,
                                 .field_count = 200,
                                 .merge_slashes = limits.merge_slashes,
                                 .underscores_in_headers = true};
        check_fields(&head, limits.underscores_in_headers);
        check_target(&head);
        check_again(&head, &wide, &arena);
    } else {
        ASSERT(err.what != NULL && err.what[0] != '\0');
    }
    arena_fini(&arena);
    return 0;
}
