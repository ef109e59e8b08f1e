/* What the files of TLS share. */
#pragma once

#include "net/tls.h"

#include <openssl/ssl.h>

struct tls {
    SSL *ssl;
    const char *problem; /* NULL: none */
    bool more;           /* bytes or an end that the socket will not announce */
};

SSL_CTX *tls_context_ssl(const struct tls_context *);
/* The first of the library's queue of errors, or NULL; empties the queue. */
const char *tls_take_error(void);
/* Of the failure of a connection that has just happened: what is wrong with the peer's certificate,
 * or the first error. */
const char *tls_take_problem(SSL *);
