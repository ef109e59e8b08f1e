/* One request and its response on one connection to one peer, HTTP/1.1. One try: whether to try
 * again is the caller's business. Content of the response is read into counted blobs and given out
 * as slices of them, so that it is never copied on its way to clients and the store. */
#pragma once

#include "base/blob.h"
#include "http/h1.h"
#include "upstream/upstream.h"

enum exchange_error {
    EXCHANGE_OK = 0,
    EXCHANGE_CONNECT_REFUSED, /* RFC 9209 connection_refused and the like */
    EXCHANGE_CONNECT_TIMEOUT, /* connection_timeout */
    EXCHANGE_LOCAL,           /* no descriptor or port here */
    EXCHANGE_STALE,         /* a pooled connection was closed before the first byte of a response */
    EXCHANGE_CLOSED,        /* connection_terminated before a whole head */
    EXCHANGE_WRITE_TIMEOUT, /* connection_write_timeout */
    EXCHANGE_READ_TIMEOUT,  /* connection_read_timeout */
    EXCHANGE_BAD_HEAD,      /* http_protocol_error */
    EXCHANGE_HEAD_TOO_LARGE, /* http_response_header_section_size */
    EXCHANGE_TOO_MANY_INTERIM,
    EXCHANGE_TRUNCATED,   /* http_response_incomplete: content ended before its framing said */
    EXCHANGE_BAD_CONTENT, /* http_response_transfer_coding: broken chunks */
};
const char *exchange_error_text(enum exchange_error);

struct exchange;
/* All are called from the loop, never from within exchange_start/send/resume, and none after
 * exchange_cancel, on_done or on_fail. A callback may call exchange_cancel. on_connected,
 * on_interim and on_writable may be NULL. */
struct exchange_events {
    /* The connection stands (pooled: at the end of the turn); the head goes out next, together with
     * what exchange_send is given now. */
    void (*on_connected)(struct exchange *);
    /* 1xx but 101; its slices are valid for the call. */
    void (*on_interim)(struct exchange *, const struct response_head *);
    /* The final one; its slices are valid while exchange_head_blob is held, the head itself until
     * exchange_cancel. */
    void (*on_head)(struct exchange *, const struct response_head *);
    /* Borrowed: take a blob_ref to keep the bytes. */
    void (*on_content)(struct exchange *, struct blob *, struct slice);
    /* The whole response came; the connection went back to the pool or was closed. */
    void (*on_done)(struct exchange *);
    void (*on_fail)(struct exchange *, enum exchange_error);
    /* After exchange_send said full: there is room again, or nobody wants the rest. */
    void (*on_writable)(struct exchange *);
};

/* What to send and how long to wait. */
struct exchange_request {
    struct slice head; /* ready to send, borrowed until on_head or the end */
    enum http_method method;
    enum framing framing;           /* of the request content: NONE, LENGTH, CHUNKED */
    uint64_t content_length;        /* FRAMING_LENGTH */
    bool upgrade;                   /* a 101 is acceptable */
    const struct h1_limits *limits; /* of the response head */
    const struct address *bind;     /* NULL: any */
    size_t buffer_bytes;            /* size of one content blob (proxy_buffers) */
    size_t send_buffer_bytes;       /* request content held for a slow origin at most */
    int64_t connect_timeout_ms;
    int64_t send_timeout_ms; /* between two writes */
    int64_t read_timeout_ms; /* between two reads */
};

struct exchange *exchange_new(struct upstream *, const struct exchange_events *, void *owner);
/* Starts on `peer`, whose reference it takes (exchange_peer borrows it until exchange_cancel): on
 * an idle pooled connection unless `fresh`. Copies the request but for the head's bytes. */
void exchange_start(struct exchange *, struct peer *, const struct exchange_request *, bool fresh);
/* Ends it at once, closes the connection unless it is done; frees later (loop_bury); clears the
 * pointer. Also the way to free one that has ended. */
void exchange_cancel(struct exchange **);
void *exchange_owner(const struct exchange *);

/* Request content, framed by the exchange as exchange_request says; copied. False: the send buffer
 * is now full; stop until on_writable (what was given has been taken). */
NODISCARD bool exchange_send(struct exchange *, struct slice content);
void exchange_send_end(struct exchange *);
/* Bytes of this request that have left for the peer (head included): 0 means that anything may be
 * retried. */
uint64_t exchange_bytes_sent(const struct exchange *);
uint64_t exchange_bytes_received(const struct exchange *);
bool exchange_reused_connection(const struct exchange *);
struct peer *exchange_peer(const struct exchange *);

/* Stops and continues reading of the response: the client is full / has room. The read timeout
 * rests meanwhile. Content that was read but not given out waits for exchange_resume; on_done still
 * comes when there is none. */
void exchange_pause(struct exchange *);
void exchange_resume(struct exchange *);
/* Trailers of a chunked response, valid from on_done on until exchange_cancel. */
const struct fields *exchange_trailers(const struct exchange *);
/* The blob that holds the response head's bytes; take a reference to keep the head's slices. */
struct blob *exchange_head_blob(const struct exchange *);

/* After on_head with 101: gives the descriptor (non-blocking) and the bytes already read behind the
 * head (valid until exchange_cancel). The exchange is over. */
int exchange_take_fd(struct exchange *, struct slice *early);

/* What exactly was wrong ("bare CR"), for the log; NULL where the text of the error says all.
 * Static text. */
const char *exchange_error_detail(const struct exchange *);
