/* HTTP/1.1 on the wire (RFC 9112): the only user of llhttp. Strict: whatever is malformed or
 * ambiguous is refused, whatever is accepted is given as values. Heads are parsed from one
 * contiguous piece, content is decoded as it comes. No sockets. */
#pragma once

#include "base/arena.h"
#include "http/message.h"

#include <stddef.h>

/* -- heads -- */

enum h1_result {
    H1_OK = 0,
    H1_PARTIAL,         /* the head is not complete */
    H1_BAD,             /* 400; for responses 502 */
    H1_TARGET_TOO_LONG, /* 414 */
    H1_HEAD_TOO_LARGE,  /* 431; for responses 502 */
    H1_BAD_VERSION,     /* 505 */
    H1_UNKNOWN_CODING,  /* 501: a transfer coding other than chunked */
    H1_BAD_EXPECTATION, /* 417 */
    H1_METHOD_REFUSED,  /* 405: CONNECT, TRACE */
};
/* A short reason for logs: "bare CR", "two Host fields". */
struct h1_error {
    enum h1_result code;
    const char *what;
};

struct h1_limits {
    size_t line_bytes;  /* request line: 414; a field line: 431 */
    size_t head_bytes;  /* 431 */
    size_t field_count; /* 431 */
    bool merge_slashes;
    bool underscores_in_headers; /* off: fields with '_' in the name are dropped (nginx) */
};

/* Where the head in `bytes` ends: offset behind the empty line, 0 while it is not there. Start from
 * `*scanned` (0 at first), which is moved on, so that a head arriving byte by byte is scanned once.
 * Leading empty lines (RFC 9112 section 2.2) are part of the head's bytes, at most 16 of them. */
size_t h1_head_end(struct slice bytes, size_t *scanned);

/* For a head that is not complete: may it still become one? H1_OK while it may, else
 * H1_TARGET_TOO_LONG or H1_HEAD_TOO_LARGE. */
NODISCARD enum h1_result h1_head_room(struct slice bytes, const struct h1_limits *);

/* Parses `head` (complete: h1_head_end bytes). Slices of `out` point into `head` or the arena:
 * `head` must live as long as `out`. On failure `err` says what. Sets framing, keep_alive,
 * authority, host, path, query (normalised). */
NODISCARD enum h1_result h1_parse_request(struct slice head, const struct h1_limits *,
                                          struct arena *, struct request_head *out,
                                          struct h1_error *err);

/* `to` is the method the response answers: HEAD, and 1xx 204 304, have no content whatever their
 * fields say. */
NODISCARD enum h1_result h1_parse_response(struct slice head, const struct h1_limits *,
                                           enum http_method to, struct arena *,
                                           struct response_head *out, struct h1_error *err);

/* -- content -- */

enum h1_body_state { H1_BODY_MORE, H1_BODY_DONE, H1_BODY_ERROR };

/* Decoder of one message's content; embedded. */
struct h1_body {
    enum framing framing;
    enum h1_body_state state;
    uint64_t left;      /* FRAMING_LENGTH: bytes still to come; FRAMING_CHUNKED: of this chunk */
    uint64_t total;     /* content bytes given out so far */
    uint8_t step;       /* private: chunked decoder */
    uint8_t digits;     /* of this chunk's size */
    uint32_t ext_bytes; /* chunk extensions so far, at most 16 KiB a message */
    uint32_t trailer_bytes; /* at most 8 KiB */
    uint32_t trailer_lines; /* at most 100 */
    uint32_t line_bytes;    /* private: of `line` in use */
    uint32_t line_cap;
    char *line;        /* private: the trailer line that is being read, in the arena */
    const char *error; /* H1_BODY_ERROR: what */
};
void h1_body_init(struct h1_body *, enum framing, uint64_t content_length);
/* Decodes from `*in` (moved on over what was used) and gives at most one run of content bytes as a
 * slice of the input: `*content` is empty where this input holds framing only. Call until `*in` is
 * empty or the state is not MORE. Bytes behind the end stay in `*in`. Trailer lines are parsed into
 * `trailers` when not NULL (copied to the arena), names that may not be trailers are dropped. */
enum h1_body_state h1_body_next(struct h1_body *, struct slice *in, struct slice *content,
                                struct fields *trailers, struct arena *);
/* The connection ended: for FRAMING_EOF that is DONE, otherwise an ERROR unless already DONE. */
enum h1_body_state h1_body_eof(struct h1_body *);

/* -- writing -- */

/* "GET /path HTTP/1.1\r\n" + fields + CRLF into the arena. Writes exactly what it is given; the
 * caller has decided on fields and framing. */
struct slice h1_write_request(struct arena *, struct slice method, struct slice target,
                              const struct fields *);
/* Status line and fields without the empty line at the end, so that the caller can append what
 * varies. */
struct slice h1_write_response_part(struct arena *, unsigned status, struct slice reason,
                                    const struct fields *);
/* Field lines alone: a trailer section without the empty line at its end. */
struct slice h1_write_fields(struct arena *, const struct fields *);
/* Chunk header "1f4\r\n" into `buf` (20 bytes); returns its length. Behind the chunk goes "\r\n",
 * at the end "0\r\n" trailers "\r\n". */
size_t h1_chunk_header(char *buf, size_t chunk_bytes);
