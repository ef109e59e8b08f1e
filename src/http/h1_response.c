/* Heads of responses (RFC 9112 sections 4 and 6). An origin is held to the same rules as a client:
 * what it sends must have one meaning. */
#include "http/h1_parse.h"

static bool refuse(struct h1_error *err, const char *what)
{
    *err = (struct h1_error){H1_BAD, what};
    return false;
}

/* Three digits, 100 to 999, then the end of the line or SP and the reason. */
static bool read_status(struct slice s, struct response_head *out)
{
    unsigned status = 0;
    if (s.n < 3 || (s.n > 3 && s.p[3] != ' ')) {
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') {
            return false;
        }
        status = status * 10 + (unsigned)(s.p[i] - '0');
    }
    out->status = (uint16_t)status;
    out->reason = slice_skip(s, 4);
    return status >= 100;
}

/* `HTTP/1.1 200 reason`; the last SP may be missing where there is no reason, as many origins have
 * it. */
static bool read_status_line(struct slice line, struct response_head *out, struct h1_error *err)
{
    struct slice rest;
    int minor = h1_version_minor(slice_cut(line, ' ', &rest));
    if (minor < 0) {
        return refuse(err, "unknown version in the status line");
    }
    out->version_minor = (uint8_t)minor;
    if (!read_status(rest, out)) {
        return refuse(err, "malformed status");
    }
    return field_value_is_clean(out->reason) || refuse(err, "control byte in the reason phrase");
}

/* Sets the framing that the fields ask for (RFC 9112 section 6.3). */
static bool read_framing(struct response_head *out, struct h1_error *err)
{
    enum h1_coding coding = h1_coding_of(&out->fields);
    if (coding != H1_CODING_NONE && out->version_minor == 0) {
        return refuse(err, "Transfer-Encoding in HTTP/1.0");
    }
    if (coding != H1_CODING_NONE && out->has_length) {
        return refuse(err, "Transfer-Encoding and Content-Length");
    }
    switch (coding) {
    case H1_CODING_NONE: out->framing = out->has_length ? FRAMING_LENGTH : FRAMING_EOF; return true;
    case H1_CODING_CHUNKED: out->framing = FRAMING_CHUNKED; return true;
    case H1_CODING_UNKNOWN:
        /* The content is all that comes until the connection closes; what is passed on has no such
         * coding any more. */
        fields_remove(&out->fields, FIELD_TRANSFER_ENCODING);
        out->framing = FRAMING_EOF;
        return true;
    case H1_CODING_UNKNOWN_CHUNKED: return refuse(err, "unknown transfer coding");
    case H1_CODING_BAD: break;
    }
    return refuse(err, "malformed Transfer-Encoding");
}

/* RFC 9112 section 6.3, rule 1: whatever the fields say. */
static bool never_has_content(unsigned status, enum http_method to)
{
    return to == METHOD_HEAD || status < 200 || status == 204 || status == 304;
}

static bool read_fields(struct slice head, const struct h1_limits *limits, struct arena *arena,
                        struct response_head *out, struct h1_error *err)
{
    struct h1_raw_head raw;
    if (!h1_raw_head_scan(head, 0, &raw, err) || !h1_raw_head_fits(&raw, head.n, limits, err) ||
        !read_status_line(raw.start_line, out, err)) {
        return false;
    }
    fields_reserve(&out->fields, arena, raw.field_lines);
    struct h1_parse to = {.kind = H1_RESPONSE, .fields = &out->fields, .arena = arena};
    return h1_parse_head(&to, raw.all, err);
}

enum h1_result h1_parse_response(struct slice head, const struct h1_limits *limits,
                                 enum http_method to, struct arena *arena,
                                 struct response_head *out, struct h1_error *err)
{
    *out = (struct response_head){0};
    *err = (struct h1_error){H1_OK, NULL};
    if (!read_fields(head, limits, arena, out, err)) {
        return err->code;
    }
    out->has_length = fields_has(&out->fields, FIELD_CONTENT_LENGTH);
    if (out->has_length && !h1_content_length(&out->fields, &out->content_length)) {
        *err = (struct h1_error){H1_BAD, "malformed Content-Length"};
        return H1_BAD;
    }
    if (!read_framing(out, err)) {
        return err->code;
    }
    if (never_has_content(out->status, to)) {
        out->framing = FRAMING_NONE;
    }
    out->keep_alive = out->framing != FRAMING_EOF &&
                      h1_keeps_alive(out->version_minor, h1_connection_options(&out->fields));
    return H1_OK;
}
