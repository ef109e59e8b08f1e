/* The other end of a TLS connection, driven by hand, and a certificate for it. */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>

struct tls_server {
    SSL_CTX *context;
    char path[64]; /* its certificate, which is its own CA: for localhost and 127.0.0.1 */
};
void tls_server_init(struct tls_server *);
void tls_server_fini(struct tls_server *);
/* Takes the connected, non-blocking descriptor; it stays open when the SSL is freed. */
SSL *tls_server_accept(struct tls_server *, int fd);
