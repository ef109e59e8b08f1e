/* Messages as values (RFC 9110 section 6): heads of requests and responses after parsing, before
 * writing. No sockets, no bytes of HTTP/1. */
#pragma once

#include "http/fields.h"
#include "http/method.h"

#include <stdbool.h>
#include <stdint.h>

/* How the content of a message is delimited; decided once. */
enum framing {
    FRAMING_NONE,    /* no content */
    FRAMING_LENGTH,  /* content_length bytes */
    FRAMING_CHUNKED, /* chunked coding, then trailers */
    FRAMING_EOF,     /* until the connection closes: responses only */
};

struct request_head {
    enum http_method method;
    struct slice method_token;
    struct slice target;    /* as received */
    struct slice authority; /* host[:port] from the absolute form or from Host, validated; lower
                               case not applied */
    struct slice host;  /* host part of the authority, lower case, brackets kept for IPv6, without a
                           trailing dot */
    uint16_t port;      /* 0: none was given */
    struct slice path;  /* normalised (http/uri.h), starts with '/'; or "*" for OPTIONS * */
    struct slice query; /* behind '?', normalised; p NULL where there is no '?' */
    uint8_t version_minor; /* of HTTP/1.x: 0 or 1 */
    enum framing framing;
    uint64_t content_length; /* FRAMING_LENGTH */
    bool keep_alive;         /* what the client wants */
    bool expect_continue;
    struct slice upgrade; /* value of Upgrade where Connection names it, else empty */
    struct fields fields;
};

struct response_head {
    uint16_t status;
    struct slice reason;
    uint8_t version_minor;
    enum framing framing;
    uint64_t content_length; /* FRAMING_LENGTH; for answers to HEAD and 304 see has_length */
    bool has_length; /* a Content-Length field was there, even where there is no content (HEAD, 304)
                      */
    bool keep_alive;
    struct fields fields;
};

/* Reason phrase of a status; "" where none is registered. */
struct slice status_reason(unsigned status);
