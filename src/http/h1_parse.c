/* The only file that uses llhttp. It is compiled in its strict mode and still lets a number of
 * things pass that RFC 9112 forbids: those are looked for in the raw bytes before (h1_head.c) and
 * in the values after (h1_request.c, h1_response.c). llhttp sees complete heads only and is stopped
 * where the head ends, so that its own ideas of framing, upgrades and further messages never count.
 */
#include "http/h1_parse.h"

#include <llhttp.h>

struct sink {
    const struct h1_parse *to;
    struct slice name;
    const char *what; /* why a callback refused, or NULL */
};

/* Fields that must not be repeated: a second one would let two readers of the message believe
 * different things. */
static const struct {
    const char *what;
    bool in_response;
} single_fields[FIELD_COUNT] = {
    [FIELD_AUTHORIZATION] = {"two Authorization fields", false},
    [FIELD_CONTENT_LENGTH] = {"two Content-Length fields", true},
    [FIELD_EXPECT] = {"two Expect fields", false},
    [FIELD_HOST] = {"two Host fields", false},
    [FIELD_IF_MATCH] = {"two If-Match fields", false},
    [FIELD_IF_MODIFIED_SINCE] = {"two If-Modified-Since fields", false},
    [FIELD_IF_NONE_MATCH] = {"two If-None-Match fields", false},
    [FIELD_IF_RANGE] = {"two If-Range fields", false},
    [FIELD_IF_UNMODIFIED_SINCE] = {"two If-Unmodified-Since fields", false},
    [FIELD_RANGE] = {"two Range fields", false},
    [FIELD_TRANSFER_ENCODING] = {"two Transfer-Encoding fields", true},
};

static bool is_repeated(const struct h1_parse *to, enum field_id id)
{
    return single_fields[id].what != NULL && fields_has(to->fields, id) &&
           (to->kind == H1_REQUEST || single_fields[id].in_response);
}

static int parse_on_field_name(llhttp_t *parser, const char *at, size_t n)
{
    struct sink *sink = parser->data;
    sink->name = slice_make(at, n);
    return 0;
}

/* The head is one piece and has no folded lines, so that each value comes whole and behind its
 * name. */
static int parse_on_field_value(llhttp_t *parser, const char *at, size_t n)
{
    struct sink *sink = parser->data;
    struct field field = {.name = sink->name, .value = slice_trim(slice_make(at, n))};
    if (!field_value_is_clean(field.value)) {
        sink->what = "control byte in a field value";
        return -1;
    }
    if (sink->to->drop_underscores && slice_find(field.name, '_') < field.name.n) {
        return 0;
    }
    field.id = field_id_of(field.name);
    if (is_repeated(sink->to, field.id)) {
        sink->what = single_fields[field.id].what;
        return -1;
    }
    fields_push(sink->to->fields, sink->to->arena, field);
    return 0;
}

static int parse_on_head_complete(llhttp_t *parser)
{
    (void)parser;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_header_field = parse_on_field_name,
    .on_header_value = parse_on_field_value,
    .on_headers_complete = parse_on_head_complete,
};

bool h1_parse_head(const struct h1_parse *to, struct slice text, struct h1_error *err)
{
    llhttp_t parser;
    struct sink sink = {.to = to};
    enum llhttp_errno result = HPE_OK;
    llhttp_init(&parser, to->kind == H1_REQUEST ? HTTP_REQUEST : HTTP_RESPONSE, &settings);
    parser.data = &sink;
    if (to->kind == H1_REQUEST) {
        /* llhttp knows a fixed set of methods and treats some of them in ways of their own (PRI,
         * SOURCE, CONNECT). The method was read before; llhttp is always given the same one. */
        struct slice method = SLICE("POST ");
        result = llhttp_execute(&parser, method.p, method.n);
    }
    if (result == HPE_OK) {
        result = llhttp_execute(&parser, text.p, text.n);
    }
    if (result == HPE_PAUSED && llhttp_get_error_pos(&parser) == text.p + text.n) {
        return true;
    }
    const char *what = sink.what != NULL ? sink.what : llhttp_get_error_reason(&parser);
    *err = (struct h1_error){H1_BAD, what != NULL ? what : "malformed head"};
    return false;
}
