#include "tls_server.h"

#include "net_helpers.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void add_extension(X509 *x, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(e);
    assert_int_equal(X509_add_ext(x, e, -1), 1);
    X509_EXTENSION_free(e);
}

static X509 *certificate_of(EVP_PKEY *key)
{
    X509 *x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509_set_pubkey(x, key);
    add_extension(x, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
    add_extension(x, NID_basic_constraints, "critical,CA:TRUE");
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    return x;
}

void tls_server_init(struct tls_server *server)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = certificate_of(key);
    server->context = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate(server->context, certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(server->context, key), 1);
    SSL_CTX_set_mode(server->context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    (void)snprintf(server->path, sizeof(server->path), "/tmp/tls_server.XXXXXX");
    FILE *out = fdopen(mkstemp(server->path), "w");
    assert_int_equal(PEM_write_X509(out, certificate), 1);
    (void)fclose(out);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

void tls_server_fini(struct tls_server *server)
{
    SSL_CTX_free(server->context);
    (void)unlink(server->path);
}

SSL *tls_server_accept(struct tls_server *server, int fd)
{
    SSL *ssl = SSL_new(server->context);
    SSL_set_fd(ssl, fd);
    SSL_set_accept_state(ssl);
    return ssl;
}
