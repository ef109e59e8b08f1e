/* Heads of responses. The first byte chooses the method that they answer. */
#include "base/arena.h"
#include "base/assert.h"
#include "http/h1.h"

static void check_head(const struct response_head *head, enum http_method to)
{
    ASSERT(head->status >= 100 && head->status <= 999);
    ASSERT(field_value_is_clean(head->reason));
    for (size_t i = 0; i < head->fields.n; i++) {
        ASSERT(slice_is_token(head->fields.v[i].name));
        ASSERT(field_value_is_clean(head->fields.v[i].value));
    }
    bool chunked = fields_has(&head->fields, FIELD_TRANSFER_ENCODING);
    bool empty =
        to == METHOD_HEAD || head->status < 200 || head->status == 204 || head->status == 304;
    ASSERT(!(chunked && head->has_length));
    ASSERT((head->framing == FRAMING_NONE) == empty);
    ASSERT(empty || (head->framing == FRAMING_CHUNKED) == chunked);
    ASSERT(empty || (head->framing == FRAMING_LENGTH) == head->has_length);
    ASSERT(head->framing != FRAMING_EOF || !head->keep_alive);
}

static void check_again(const struct response_head *head, const struct h1_limits *limits,
                        enum http_method to, struct arena *arena)
{
    struct response_head again;
    struct h1_error err;
    struct slice text = h1_write_response_part(arena, head->status, head->reason, &head->fields);
    if (head->version_minor == 0) {
        return;
    }
    text = arena_concat(arena, text, SLICE("\r\n"));
    ASSERT(h1_parse_response(text, limits, to, arena, &again, &err) == H1_OK);
    ASSERT(again.status == head->status && slice_eq(again.reason, head->reason));
    ASSERT(again.framing == head->framing && again.content_length == head->content_length);
    ASSERT(again.keep_alive == head->keep_alive && again.fields.n == head->fields.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 1) {
        return 0;
    }
    enum http_method to = (data[0] & 1) != 0 ? METHOD_HEAD : METHOD_GET;
    struct h1_limits limits = {.head_bytes = SIZE_MAX / 2, .field_count = 100};
    struct slice bytes = slice_make((const char *)data + 1, n - 1);
    size_t scanned = 0;
    struct arena arena;
    struct response_head head;
    struct h1_error err;
    arena_init(&arena, NULL);
    bytes = slice_take(bytes, h1_head_end(bytes, &scanned));
    if (h1_parse_response(bytes, &limits, to, &arena, &head, &err) == H1_OK) {
        check_head(&head, to);
        check_again(&head, &limits, to, &arena);
    } else {
        ASSERT(err.what != NULL && err.what[0] != '\0');
    }
    arena_fini(&arena);
    return 0;
}
