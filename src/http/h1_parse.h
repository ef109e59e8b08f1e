/* What the parsers of request and response heads share: the look at the raw bytes before llhttp,
 * llhttp itself, and the fields that decide on framing. Internal to http/. Functions that return
 * bool set `err->what` (and `err->code` where it is not H1_BAD) when they fail. */
#pragma once

#include "base/arena.h"
#include "http/h1.h"

#include <stdbool.h>

/* -- raw bytes (h1_head.c) -- */

#define H1_EMPTY_LINES_MAX 16

/* A complete head, cut at its first line. */
struct h1_raw_head {
    struct slice start_line; /* without CRLF */
    struct slice all;        /* from the start line to the end of the head */
    size_t field_lines;
    size_t longest_line; /* of the field lines, in bytes */
};

/* Refuses what llhttp lets through or must never see: bare CR, bare LF, lines folded or beginning
 * with white space or a colon, anything behind the empty line. `empty_lines` may stand in front. */
NODISCARD bool h1_raw_head_scan(struct slice head, size_t empty_lines, struct h1_raw_head *out,
                                struct h1_error *err);
/* The one set of limits that both kinds of head have. */
NODISCARD bool h1_raw_head_fits(const struct h1_raw_head *, size_t head_bytes,
                                const struct h1_limits *, struct h1_error *err);

/* -- llhttp (h1_parse.c) -- */

enum h1_kind { H1_REQUEST, H1_RESPONSE };

struct h1_parse {
    enum h1_kind kind;
    bool drop_underscores;
    struct fields *fields;
    struct arena *arena;
};

/* Parses a complete head from behind the method of a request, or from the status line of a
 * response, and adds its fields. */
NODISCARD bool h1_parse_head(const struct h1_parse *, struct slice text, struct h1_error *err);

/* -- fields that concern the connection (h1_framing.c) -- */

/* Value of `HTTP/1.x`: 0 or 1, or -1. */
int h1_version_minor(struct slice);

enum h1_coding {
    H1_CODING_NONE,            /* no Transfer-Encoding */
    H1_CODING_CHUNKED,         /* exactly that */
    H1_CODING_UNKNOWN,         /* other codings, without chunked */
    H1_CODING_UNKNOWN_CHUNKED, /* other codings, then chunked */
    H1_CODING_BAD,             /* no list of codings, or chunked not once and last */
};
enum h1_coding h1_coding_of(const struct fields *);

/* The one Content-Length. False: it is no plain number. */
NODISCARD bool h1_content_length(const struct fields *, uint64_t *out);

enum h1_connection_option { H1_CLOSE = 1 << 0, H1_KEEP_ALIVE = 1 << 1, H1_UPGRADE = 1 << 2 };
/* The set of them that Connection lists. */
unsigned h1_connection_options(const struct fields *);
/* RFC 9112 section 9.3. */
bool h1_keeps_alive(uint8_t version_minor, unsigned connection_options);
