/* Heads of messages out of short texts. */
#include "cache/heads.h"

#include "base/assert.h"
#include "base/parse.h"
#include "http/date.h"

static struct slice with_dates(struct arena *arena, struct slice value)
{
    size_t open = slice_find(value, '{');
    size_t close = slice_find(value, '}');
    if (open == value.n || close == value.n) {
        return value;
    }
    int64_t seconds = 0;
    char date[HTTP_DATE_BYTES];
    bool is_number = parse_i64(slice_make(value.p + open + 1, close - open - 1), &seconds);
    ASSERT(is_number);
    http_date_format(NOW_S + seconds, date);
    struct slice front = slice_take(value, open);
    struct slice dated = arena_concat(arena, front, slice_make(date, sizeof(date)));
    return arena_concat(arena, dated, slice_skip(value, close + 1));
}

struct fields heads_fields(struct arena *arena, const char *lines)
{
    struct fields fields = {0};
    struct slice rest = slice_of(lines);
    while (rest.n > 0) {
        struct slice line = slice_cut(rest, '\n', &rest);
        struct slice value;
        struct slice name = slice_cut(line, ':', &value);
        fields_add(&fields, arena, name, with_dates(arena, slice_trim(value)));
    }
    return fields;
}

struct request_head heads_request(struct arena *arena, const char *lines)
{
    return (struct request_head){
        .method = METHOD_GET,
        .method_token = SLICE("GET"),
        .path = SLICE("/"),
        .framing = FRAMING_NONE,
        .fields = heads_fields(arena, lines),
    };
}

struct response_head heads_response(struct arena *arena, unsigned status, const char *lines)
{
    return (struct response_head){
        .status = (uint16_t)status,
        .reason = status_reason(status),
        .framing = FRAMING_LENGTH,
        .content_length = 10,
        .has_length = true,
        .fields = heads_fields(arena, lines),
    };
}
