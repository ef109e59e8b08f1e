/* A connection of a client, and the codec that turns its bytes into requests and responses into its
 * bytes. The request machine calls the codec through this interface only, so that HTTP/2 can be a
 * second one. An idle connection holds no buffer. */
#pragma once

#include "base/buf.h"
#include "http/h1.h"
#include "net/stream.h"
#include "proxy/out.h"
#include "proxy/worker.h"

struct client;
struct request;

/* A response head to be sent: ready text for HTTP/1, in order: `stored` (status line and fields as
 * they lie in the store, or empty), then `lines` (further complete field lines, or the whole head
 * where `stored` is empty). The codec adds Connection, framing and the empty line. */
struct response_text {
    uint16_t status;
    struct slice stored;
    struct blob *stored_blob; /* holds `stored`; NULL: copy */
    struct slice lines;
    enum framing framing;    /* of the content that will follow: NONE, LENGTH, or CHUNKED for an
                                unknown length */
    uint64_t content_length; /* FRAMING_LENGTH, or NONE with has_length */
    bool has_length; /* write Content-Length (not on 204, 1xx; on 304 and HEAD only where it is
                        known) */
    bool length_in_stored;      /* `stored` has the Content-Length line already */
    struct slice upgrade;       /* 101: the protocol */
    struct slice content_range; /* 206 and 416 made of a response as it arrives; already in `lines`
                                   when the codec gets it */
};

struct client_codec {
    void (*send_interim)(struct client *, struct request *, uint16_t status, const struct fields *);
    void (*send_head)(struct client *, struct request *, const struct response_text *);
    /* Content in the framing that the head announced. `blob` NULL: `bytes` are copied. */
    void (*send_content)(struct client *, struct request *, struct blob *, struct slice bytes);
    /* The response is whole. request.trailers go behind chunked content, nowhere else. */
    void (*send_end)(struct client *, struct request *);
    /* The response cannot be finished: the client must see that it is cut (closed without its end,
     * RST where the length is not announced). */
    void (*abort)(struct client *, struct request *);
    /* Request content was taken: read on. */
    void (*read_on)(struct client *, struct request *);
    /* 100 (Continue) if the client waits for it. */
    void (*send_continue)(struct client *, struct request *);
};

struct client {
    uint32_t magic;
    uint32_t holds;  /* itself while open, and each request that remembers it */
    uint8_t state;   /* enum client_state, private to client.c */
    uint8_t waiting; /* which deadline the timer stands for, private */
    bool keep_alive;
    bool eof;         /* the client has closed its side */
    bool in_callback; /* a callback of this connection runs: it settles at its end */
    bool resume;      /* look at `in` again */
    bool closing;     /* close when all is written */
    bool chunked;     /* framing of the response under way */
    bool until_close;
    bool http_1_0;
    bool expects_continue;
    struct stream stream;
    struct worker *worker;
    struct worker_conf *wconf;
    const struct listen_conf *listen;
    const struct client_codec *codec;
    struct list node;   /* worker's clients */
    struct list idle;   /* worker's idle_clients */
    struct timer timer; /* the one wait of the moment */
    struct address peer;
    struct address local;
    struct request *request; /* under way */
    struct buf in;           /* bytes read and not yet used: a part of a head, pipelined requests */
    size_t scanned;          /* of `in`, for the end of the head */
    struct h1_body body;     /* content of the request under way */
    struct out_queue queue;
    size_t drained;    /* content read after the answer, which nobody wants */
    uint32_t requests; /* read on this connection */
    int64_t accepted_us;
    mono_ms
        body_since; /* client_body_min_rate is counted from here: reading has not stopped since */
    uint64_t body_bytes; /* content that came since */
    bool body_held;      /* reading has stopped: the origin is slower than the client */
    uint64_t serial;     /* $connection */
};

/* Takes an accepted descriptor. */
void client_accept(struct worker *, struct worker_conf *, const struct listen_conf *, int fd,
                   const struct address *peer, const struct address *local);
static inline bool client_is_open(const struct client *c)
{
    return stream_is_open(&c->stream);
}
/* Bytes that the socket has not taken yet: while there are any, hold content back until
 * request_on_client_writable. */
size_t client_queued(const struct client *);
/* Writes what was gathered as far as the socket takes it. False: the connection is lost. */
bool client_flush(struct client *);
/* Around work on a request that no callback of this connection started: client_leave writes what
 * was gathered, goes on with pipelined requests and sets the deadline. Nest freely. */
bool client_enter(struct client *);
void client_leave(struct client *, bool entered);
/* The response is out and logged: next request or close. Called by the request's last step. */
void client_request_ended(struct client *);
/* Closes at once, with a RST if `reset`; a request under way ends without an answer. */
void client_close(struct client *, bool reset);
/* Hands the descriptor to a tunnel; the connection is closed as far as this object goes. Bytes
 * already read are in
 * `*early`, in the arena. -1: the connection was lost. */
int client_take_fd(struct client *, struct arena *, struct slice *early);
/* The memory of the object outlives its connection while it is held. */
struct client *client_hold(struct client *);
void client_release(struct client **);
