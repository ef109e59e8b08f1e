/* Bytes through an established connection. */
#include "net/tls.h"

#include "base/assert.h"
#include "net/tls_internal.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_BYTES 16384 /* the longest record (RFC 8446 section 5.1) */

const char *tls_take_error(void)
{
    unsigned long error = ERR_peek_error();
    ERR_clear_error();
    return ERR_SYSTEM_ERROR(error) ? strerrordesc_np(ERR_GET_REASON(error))
                                   : ERR_reason_error_string(error);
}

const char *tls_take_problem(SSL *ssl)
{
    long verified = SSL_get_verify_result(ssl);
    const char *reason = tls_take_error();
    if (verified != X509_V_OK && SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE)
        return X509_verify_cert_error_string(verified);
    return reason == NULL ? "connection closed" : reason;
}

/* Of a call that moved nothing. */
static enum stream_result result_of(struct tls *t, int returned)
{
    switch (SSL_get_error(t->ssl, returned)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return STREAM_AGAIN;
    case SSL_ERROR_ZERO_RETURN: return STREAM_EOF;
    default: t->problem = tls_take_problem(t->ssl); return STREAM_ERROR;
    }
}

/* Until the buffer is full or the socket has no more: so that a short read has drained it, as that
 * of a plain socket has. */
enum stream_result tls_read(struct tls *t, char *buf, size_t cap, size_t *n)
{
    enum stream_result result = STREAM_OK;
    size_t total = 0;
    ERR_clear_error();
    while (total < cap && result == STREAM_OK) {
        size_t got = 0;
        int returned = SSL_read_ex(t->ssl, buf + total, cap - total, &got);
        total += got;
        if (returned <= 0)
            result = result_of(t, returned);
    }
    if (total == 0) {
        t->more = false;
        return result;
    }
    t->more = result == STREAM_OK ? SSL_has_pending(t->ssl) != 0 : result != STREAM_AGAIN;
    *n = total;
    return STREAM_OK;
}

/* Position in what is to be written. */
struct cursor {
    const struct iovec *iov;
    int count;
    size_t at; /* in the first one */
};

static void skip(struct cursor *c, size_t n)
{
    while (c->count > 0 && n >= c->iov->iov_len - c->at) {
        n -= c->iov->iov_len - c->at;
        c->iov++;
        c->count--;
        c->at = 0;
    }
    c->at += n;
}

/* The bytes of the next record: where they lie, or copied together where the first piece is short.
 */
static struct slice next_record(struct cursor c, char *copy)
{
    const char *first = (const char *)c.iov->iov_base + c.at;
    size_t left = c.iov->iov_len - c.at;
    if (left >= RECORD_BYTES || c.count == 1)
        return slice_make(first, left < RECORD_BYTES ? left : RECORD_BYTES);
    size_t n = 0;
    while (c.count > 0 && n < RECORD_BYTES) {
        size_t part = c.iov->iov_len - c.at;
        part = part < RECORD_BYTES - n ? part : RECORD_BYTES - n;
        if (part > 0)
            memcpy(copy + n, (const char *)c.iov->iov_base + c.at, part);
        n += part;
        skip(&c, part);
    }
    return slice_make(copy, n);
}

/* A peer that hangs up has mostly said why before. */
static enum stream_result result_of_write(struct tls *t, int returned)
{
    char byte;
    size_t n = 0;
    enum stream_result result = result_of(t, returned);
    if (result == STREAM_ERROR) {
        ERR_clear_error();
        (void)result_of(t, SSL_read_ex(t->ssl, &byte, 1, &n));
    }
    return result;
}

enum stream_result tls_writev(struct tls *t, const struct iovec *iov, int count, size_t *n)
{
    char copy[RECORD_BYTES];
    struct cursor c = {.iov = iov, .count = count};
    enum stream_result result = STREAM_OK;
    size_t total = 0;
    skip(&c, 0);
    ERR_clear_error();
    while (c.count > 0 && result == STREAM_OK) {
        struct slice record = next_record(c, copy);
        size_t sent = 0;
        int returned = SSL_write_ex(t->ssl, record.p, record.n, &sent);
        if (returned <= 0)
            result = result_of_write(t, returned);
        skip(&c, sent);
        total += sent;
    }
    if (total == 0)
        return result;
    *n = total;
    return STREAM_OK;
}

bool tls_has_more(const struct tls *t)
{
    return t->more;
}

void tls_shutdown(struct tls *t)
{
    if (t->problem == NULL)
        (void)SSL_shutdown(t->ssl);
    ERR_clear_error();
}

bool tls_has_unread(struct tls *t)
{
    char byte;
    size_t n = 0;
    ERR_clear_error();
    int returned = SSL_peek_ex(t->ssl, &byte, 1, &n);
    return returned > 0 || result_of(t, returned) != STREAM_AGAIN;
}

const char *tls_problem(const struct tls *t)
{
    return t->problem;
}

void tls_free(struct tls **tls)
{
    struct tls *t = *tls;
    *tls = NULL;
    if (t == NULL)
        return;
    SSL_free(t->ssl);
    free(t);
}
