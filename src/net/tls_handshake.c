#include "net/tls_handshake.h"

#include "base/assert.h"
#include "net/address.h"
#include "net/tls_internal.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <unistd.h>

static timer_fn handshake_on_deadline;

void tls_handshake_init(struct tls_handshake *h, struct loop *loop, tls_handshake_fn *fn,
                        void *owner)
{
    *h = (struct tls_handshake){.loop = loop, .fn = fn, .owner = owner, .fd = -1};
    ev_init(&h->io, NULL);
    timer_init(&h->deadline, handshake_on_deadline, h);
}

static void stop(struct tls_handshake *h)
{
    ev_io_stop(loop_ev(h->loop), &h->io);
    timer_cancel(&h->deadline);
}

void tls_handshake_cancel(struct tls_handshake *h)
{
    if (h->tls == NULL)
        return;
    stop(h);
    tls_free(&h->tls);
    (void)close(h->fd);
    h->fd = -1;
}

/* -- ends -- */

static void finish(struct tls_handshake *h)
{
    struct tls *tls = h->tls;
    int fd = h->fd;
    stop(h);
    h->tls = NULL;
    h->fd = -1;
    tls->more = SSL_has_pending(tls->ssl) != 0;
    h->fn(h, fd, tls, NULL);
}

static void fail(struct tls_handshake *h, const char *problem)
{
    tls_handshake_cancel(h);
    h->fn(h, -1, NULL, problem);
}

static void handshake_on_deadline(struct timer *t)
{
    fail(t->owner, "handshake timed out");
}

/* The peer has sent an alert, and the session that we offered is all that it can have disliked for
 * the first time. */
static void note_stumble(struct tls_handshake *h)
{
    struct tls_session *session = SSL_get_app_data(h->tls->ssl);
    unsigned long error = ERR_peek_error();
    bool alert = ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) >= SSL_AD_REASON_OFFSET;
    if (!alert || session == NULL || session->resume == NULL)
        return;
    h->stumbled = true;
    session->unusable = true;
    tls_session_forget(session);
}

/* -- steps -- */

static void wait_for(struct tls_handshake *h, int events)
{
    ev_io_stop(loop_ev(h->loop), &h->io);
    ev_io_set(&h->io, h->fd, events);
    ev_io_start(loop_ev(h->loop), &h->io);
}

static void on_ready(struct ev_loop *ev UNUSED, ev_io *io, int revents UNUSED)
{
    struct tls_handshake *h = container_of(io, struct tls_handshake, io);
    SSL *ssl = h->tls->ssl;
    if (h->bad_name) {
        fail(h, "the name is too long");
        return;
    }
    ERR_clear_error();
    int returned = SSL_do_handshake(ssl);
    if (returned == 1) {
        finish(h);
        return;
    }
    switch (SSL_get_error(ssl, returned)) {
    case SSL_ERROR_WANT_READ: wait_for(h, EV_READ); break;
    case SSL_ERROR_WANT_WRITE: wait_for(h, EV_WRITE); break;
    default:
        note_stumble(h);
        fail(h, tls_take_problem(ssl));
        break;
    }
}

/* The name that the certificate has to have, and that the peer is told. */
static bool set_peer(SSL *ssl, const struct tls_peer *peer)
{
    char name[256];
    struct address address;
    struct endpoint endpoint = {.host = peer->name};
    if (peer->name.n == 0)
        return true;
    if (!slice_to_cstr(peer->name, name, sizeof(name)))
        return false;
    if (address_from_endpoint(&endpoint, &address))
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, name) == 1 &&
           (!peer->send_name || SSL_set_tlsext_host_name(ssl, name) == 1);
}

static SSL *make_ssl(struct tls_context *context, int fd, struct tls_session *session)
{
    SSL *ssl = SSL_new(tls_context_ssl(context));
    ASSERT(ssl != NULL && SSL_set_fd(ssl, fd) == 1);
    SSL_set_connect_state(ssl);
    if (session == NULL || session->unusable)
        return ssl;
    SSL_set_app_data(ssl, session);
    if (session->resume != NULL)
        (void)SSL_set_session(ssl, session->resume);
    return ssl;
}

/* The first step is made when the socket is writable, which it is: so nothing calls back before
 * this returns. */
void tls_handshake_start(struct tls_handshake *h, struct tls_context *context, int fd,
                         const struct tls_peer *peer, struct tls_session *session,
                         int64_t timeout_ms)
{
    ASSERT(h->tls == NULL);
    h->tls = calloc(1, sizeof(*h->tls));
    ASSERT(h->tls != NULL);
    h->tls->ssl = make_ssl(context, fd, session);
    h->stumbled = false;
    h->bad_name = !set_peer(h->tls->ssl, peer);
    h->fd = fd;
    ev_io_init(&h->io, on_ready, fd, EV_WRITE);
    ev_io_start(loop_ev(h->loop), &h->io);
    timer_set(h->loop, &h->deadline, timeout_ms);
}
