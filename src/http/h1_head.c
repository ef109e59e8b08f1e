/* The raw bytes of a head, before any parser: where it ends, and whether its lines are what they
 * seem. Driven by memchr, as every head passes here. */
#include "http/h1_parse.h"

/* Bytes of the line end at `i`: 2 for CRLF, 1 for LF, 0 for neither (or not all of it is there). */
static size_t line_end_at(struct slice s, size_t i)
{
    if (i < s.n && s.p[i] == '\n') {
        return 1;
    }
    return i + 1 < s.n && s.p[i] == '\r' && s.p[i + 1] == '\n' ? 2 : 0;
}

/* A bare LF counts as a line end too: the head is then complete and is refused, which tells the
 * client more than a timeout. More empty lines in front than are allowed are a complete head for
 * the same reason. */
size_t h1_head_end(struct slice bytes, size_t *scanned)
{
    size_t at = 0;
    for (size_t lines = 0; line_end_at(bytes, at) > 0; lines++) {
        at += line_end_at(bytes, at);
        if (lines == H1_EMPTY_LINES_MAX) {
            return at;
        }
    }
    at = at > *scanned ? at : *scanned;
    while (at < bytes.n) {
        const char *lf = memchr(bytes.p + at, '\n', bytes.n - at);
        if (lf == NULL) {
            *scanned = bytes.n;
            return 0;
        }
        size_t next = (size_t)(lf - bytes.p) + 1;
        size_t empty = line_end_at(bytes, next);
        if (empty > 0) {
            return next + empty;
        }
        if (next == bytes.n || (next + 1 == bytes.n && bytes.p[next] == '\r')) {
            *scanned = next - 1;
            return 0;
        }
        at = next;
    }
    return 0;
}

enum h1_result h1_head_room(struct slice bytes, const struct h1_limits *limits)
{
    size_t at = 0;
    while (line_end_at(bytes, at) > 0) {
        at += line_end_at(bytes, at);
    }
    if (slice_find(slice_skip(bytes, at), '\n') > limits->line_bytes + 1) { /* its CR */
        return H1_TARGET_TOO_LONG;
    }
    return bytes.n >= limits->head_bytes ? H1_HEAD_TOO_LARGE : H1_OK;
}

static bool refuse(struct h1_error *err, const char *what)
{
    *err = (struct h1_error){H1_BAD, what};
    return false;
}

/* Takes one line and its CRLF off the front of `*rest`. */
static bool take_line(struct slice *rest, struct slice *line, struct h1_error *err)
{
    *line = slice_take(*rest, slice_find(*rest, '\r'));
    if (slice_find(*line, '\n') < line->n) {
        return refuse(err, "bare LF");
    }
    *rest = slice_skip(*rest, line->n);
    if (rest->n < 2) {
        *err = (struct h1_error){H1_PARTIAL, "incomplete head"};
        return false;
    }
    if (rest->p[1] != '\n') {
        return refuse(err, "bare CR");
    }
    *rest = slice_skip(*rest, 2);
    return true;
}

static bool field_line_begins_well(struct slice line, struct h1_error *err)
{
    switch (line.p[0]) {
    case ' ':
    case '\t':
        return refuse(
            err,
            "folded line"); /* RFC 9112 section 5.2; in front of the first field: section 2.2 */
    case ':': return refuse(err, "empty field name");
    default: return true;
    }
}

bool h1_raw_head_scan(struct slice head, size_t empty_lines, struct h1_raw_head *out,
                      struct h1_error *err)
{
    struct slice rest = head;
    struct slice line;
    size_t skipped = 0;
    while (slice_starts(rest, SLICE("\r\n"))) {
        rest = slice_skip(rest, 2);
        if (++skipped > empty_lines) {
            return refuse(err, "empty lines before the start line");
        }
    }
    out->all = rest;
    out->field_lines = 0;
    out->longest_line = 0;
    if (!take_line(&rest, &out->start_line, err)) {
        return false;
    }
    for (;;) {
        if (!take_line(&rest, &line, err)) {
            return false;
        }
        if (line.n == 0) {
            break;
        }
        if (!field_line_begins_well(line, err)) {
            return false;
        }
        out->field_lines++;
        out->longest_line = line.n > out->longest_line ? line.n : out->longest_line;
    }
    return rest.n == 0 || refuse(err, "bytes behind the head");
}

bool h1_raw_head_fits(const struct h1_raw_head *raw, size_t head_bytes,
                      const struct h1_limits *limits, struct h1_error *err)
{
    *err = (struct h1_error){H1_HEAD_TOO_LARGE, NULL};
    if (head_bytes > limits->head_bytes) {
        err->what = "head too large";
    } else if (raw->field_lines > limits->field_count) {
        err->what = "too many fields";
    } else if (raw->longest_line > limits->line_bytes) {
        err->what = "field line too long";
    }
    return err->what == NULL;
}
