/* Settings of TLS, made into what the library wants. */
#include "base/assert.h"
#include "net/tls_internal.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define FILES 3

/* What changes with a file's content. */
struct stamp {
    dev_t dev;
    ino_t ino;
    struct timespec changed;
};

struct tls_context {
    SSL_CTX *ssl;
    struct tls_conf conf;
    struct stamp stamps[FILES];
};

SSL_CTX *tls_context_ssl(const struct tls_context *c)
{
    return c->ssl;
}

bool tls_context_verifies(const struct tls_context *c)
{
    return c->conf.verify;
}

/* -- is it the same? -- */

static struct stamp stamp_of(const char *path)
{
    struct stat st;
    if (path == NULL || stat(path, &st) != 0)
        return (struct stamp){0};
    return (struct stamp){st.st_dev, st.st_ino, st.st_ctim};
}

static bool is_same_stamp(const struct stamp *a, const struct stamp *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->changed.tv_sec == b->changed.tv_sec &&
           a->changed.tv_nsec == b->changed.tv_nsec;
}

static bool is_same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : slice_eq(slice_of(a), slice_of(b));
}

static bool is_same_conf(const struct tls_conf *a, const struct tls_conf *b)
{
    return is_same_text(a->trusted_certificate, b->trusted_certificate) &&
           is_same_text(a->certificate, b->certificate) &&
           is_same_text(a->certificate_key, b->certificate_key) &&
           is_same_text(a->ciphers, b->ciphers) && a->protocols == b->protocols &&
           a->verify == b->verify && a->verify_depth == b->verify_depth;
}

bool tls_context_same(const struct tls_context *a, const struct tls_context *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    bool same = is_same_conf(&a->conf, &b->conf);
    for (size_t i = 0; i < FILES; i++)
        same = same && is_same_stamp(&a->stamps[i], &b->stamps[i]);
    return same;
}

/* -- sessions -- */

void tls_session_forget(struct tls_session *session)
{
    SSL_SESSION_free(session->resume);
    session->resume = NULL;
}

/* The library calls this for each ticket that a server sends. Returns 1: it is ours now. */
static int on_session(SSL *ssl, SSL_SESSION *made)
{
    struct tls_session *session = SSL_get_app_data(ssl);
    if (session == NULL)
        return 0;
    tls_session_forget(session);
    session->resume = made;
    return 1;
}

/* -- making -- */

/* A key with a passphrase is an error, not a question on the terminal. */
static int no_passphrase(char *buf UNUSED, int size UNUSED, int writing UNUSED, void *arg UNUSED)
{
    return 0;
}

static void set_manners(SSL_CTX *ssl)
{
    SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    /* Without renegotiation a read never waits for a write, nor a write for a read. */
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_read_ahead(ssl, 1); /* a record takes one system call, not two */
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ssl, on_session);
    SSL_CTX_set_default_passwd_cb(ssl, no_passphrase);
}

static bool set_protocols(SSL_CTX *ssl, unsigned protocols)
{
    int min = (protocols & TLS_PROTOCOL_1_2) != 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
    int max = (protocols & TLS_PROTOCOL_1_3) != 0 ? TLS1_3_VERSION : TLS1_2_VERSION;
    return SSL_CTX_set_min_proto_version(ssl, min) == 1 &&
           SSL_CTX_set_max_proto_version(ssl, max) == 1;
}

static bool set_trusted(SSL_CTX *ssl, const struct tls_conf *conf)
{
    SSL_CTX_set_verify(ssl, conf->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_verify_depth(ssl, (int)conf->verify_depth);
    if (conf->trusted_certificate == NULL)
        return SSL_CTX_set_default_verify_paths(ssl) == 1;
    return SSL_CTX_load_verify_file(ssl, conf->trusted_certificate) == 1;
}

static bool set_certificate(SSL_CTX *ssl, const struct tls_conf *conf)
{
    return conf->certificate == NULL ||
           SSL_CTX_use_certificate_chain_file(ssl, conf->certificate) == 1;
}

static bool set_key(SSL_CTX *ssl, const struct tls_conf *conf)
{
    return conf->certificate == NULL ||
           (SSL_CTX_use_PrivateKey_file(ssl, conf->certificate_key, SSL_FILETYPE_PEM) == 1 &&
            SSL_CTX_check_private_key(ssl) == 1);
}

static bool set_ciphers(SSL_CTX *ssl, const char *ciphers)
{
    return ciphers == NULL || SSL_CTX_set_cipher_list(ssl, ciphers) == 1;
}

/* The name of the setting that is wrong, or NULL. */
static const char *set_all(SSL_CTX *ssl, const struct tls_conf *conf)
{
    set_manners(ssl);
    if (!set_protocols(ssl, conf->protocols))
        return "protocols";
    if (!set_ciphers(ssl, conf->ciphers))
        return "ciphers";
    if (!set_trusted(ssl, conf))
        return "trusted_certificate";
    if (!set_certificate(ssl, conf))
        return "certificate";
    return set_key(ssl, conf) ? NULL : "certificate_key";
}

static void say_error(const char *what, char *error, size_t cap)
{
    const char *reason = tls_take_error();
    (void)snprintf(error, cap, "%s: %s", what, reason == NULL ? "it cannot be used" : reason);
}

struct tls_context *tls_context_new(const struct tls_conf *conf, char *error, size_t cap)
{
    ERR_clear_error();
    SSL_CTX *ssl = SSL_CTX_new(TLS_client_method());
    ASSERT(ssl != NULL);
    const char *wrong = set_all(ssl, conf);
    if (wrong != NULL) {
        say_error(wrong, error, cap);
        SSL_CTX_free(ssl);
        return NULL;
    }
    ERR_clear_error();
    struct tls_context *c = calloc(1, sizeof(*c));
    ASSERT(c != NULL);
    c->ssl = ssl;
    c->conf = *conf;
    const char *const files[FILES] = {conf->trusted_certificate, conf->certificate,
                                      conf->certificate_key};
    for (size_t i = 0; i < FILES; i++)
        c->stamps[i] = stamp_of(files[i]);
    return c;
}

void tls_context_free(struct tls_context **context)
{
    struct tls_context *c = *context;
    *context = NULL;
    if (c == NULL)
        return;
    SSL_CTX_free(c->ssl);
    free(c);
}
