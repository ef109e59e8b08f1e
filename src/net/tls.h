/* TLS under a stream (OpenSSL): settings that are made once, and connections that read and write
 * where the socket would. Non-blocking; how a connection comes to be is tls_handshake.h's, and
 * nobody but stream.c moves bytes through one. The process ignores SIGPIPE. */
#pragma once

#include "base/attr.h"
#include "base/slice.h"
#include "net/stream.h"

#include <stdbool.h>
#include <stdint.h>

/* -- settings -- */

enum tls_protocol { TLS_PROTOCOL_1_2 = 1 << 0, TLS_PROTOCOL_1_3 = 1 << 1 };

struct tls_conf {
    const char *trusted_certificate; /* file of CA certificates; NULL: the system's */
    const char *certificate;         /* file of ours and its chain; NULL: none */
    const char *certificate_key;
    const char *ciphers; /* of TLS 1.2, in OpenSSL's words */
    unsigned protocols;  /* enum tls_protocol */
    bool verify;         /* the peer's certificate: its chain and its name */
    uint32_t verify_depth;
};

/* For connections that we open, on any thread. Reads the files; keeps the texts of the settings.
 * NULL: `error` says why. */
struct tls_context *tls_context_new(const struct tls_conf *, char *error, size_t cap);
void tls_context_free(struct tls_context **);
bool tls_context_verifies(const struct tls_context *);
/* Made of the same settings, and no file has changed between the two. */
bool tls_context_same(const struct tls_context *, const struct tls_context *);

/* -- what makes the next handshake with the same peer a short one -- */

/* Belongs to the user, for one peer name; zero is none. Must outlive its connections. */
struct tls_session {
    void *resume;
    bool unusable; /* the peer says an error where others make a full handshake: none is offered */
};
void tls_session_forget(struct tls_session *);

/* -- a connection, on one thread -- */

/* As the functions of streams. After STREAM_AGAIN a write has to come again with the same first
 * bytes. A read that ends because `cap` is full may leave bytes that the socket will not announce:
 * tls_has_more. */
NODISCARD enum stream_result tls_read(struct tls *, char *buf, size_t cap, size_t *n);
NODISCARD enum stream_result tls_writev(struct tls *, const struct iovec *iov, int count,
                                        size_t *n);
bool tls_has_more(const struct tls *);
/* An orderly end of what we send; does not wait. */
void tls_shutdown(struct tls *);
/* A look for bytes or the end, while nothing is expected. */
bool tls_has_unread(struct tls *);
/* Why it is broken, in the library's words; a text that stays. NULL: it is not. */
const char *tls_problem(const struct tls *);
/* Does not close the socket. */
void tls_free(struct tls **);
