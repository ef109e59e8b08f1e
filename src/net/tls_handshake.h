/* From a connected socket to TLS, with a deadline. */
#pragma once

#include "net/tls.h"

/* Who is meant to be at the other end. */
struct tls_peer {
    struct slice name; /* host name or IP literal, checked where the context verifies */
    bool send_name;    /* SNI (RFC 6066 section 3); never for an IP literal */
};

struct tls_handshake;
/* Called exactly once, never before tls_handshake_start has returned and never after
 * tls_handshake_cancel. Takes `fd` and `tls`, for stream_init and stream_take_tls; or `tls` is
 * NULL, the socket is closed, and `problem` says why in words that stay. */
typedef void tls_handshake_fn(struct tls_handshake *, int fd, struct tls *tls, const char *problem);

/* Embedded in its user; may be started again after it has called back. */
struct tls_handshake {
    ev_io io;
    struct timer deadline;
    struct loop *loop;
    tls_handshake_fn *fn;
    void *owner;
    struct tls *tls; /* NULL: none under way */
    bool stumbled;
    bool bad_name; /* of the peer: too long for any certificate */
    int fd;
};

void tls_handshake_init(struct tls_handshake *, struct loop *, tls_handshake_fn *, void *owner);
/* Takes the descriptor (connected, non-blocking). `session` (may be NULL) is used and renewed, for
 * as long as the connection lives. Where the peer stumbles over it, as servers do that want
 * certificates and have no session context, `stumbled` is set when the callback comes: the next
 * handshake will be without, and may begin at once. */
void tls_handshake_start(struct tls_handshake *, struct tls_context *, int fd,
                         const struct tls_peer *, struct tls_session *session, int64_t timeout_ms);
void tls_handshake_cancel(struct tls_handshake *);
