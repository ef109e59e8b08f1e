/* How a server gets and keeps its connection: name lookup, dial, attempts apart, the breaker's
 * failures, what the log says. */
#pragma once

#include "memcached/server.h"

void mc_server_connect_init(struct mc_server *);
void mc_server_connect_fini(struct mc_server *);
/* Looks the name up where that is due, and connects. */
void mc_server_attempt(struct mc_server *);
/* The connection was closed instead of an answer to the probe. True: the next attempt is due at
 * once, for a router that closes on a command that it does not know. */
NODISCARD bool mc_server_mn_closed(struct mc_server *);
/* The probe was answered. */
void mc_server_up(struct mc_server *);
/* A failure that the breaker counts; the waiting lookups fail, the next attempt is scheduled. */
void mc_server_failed(struct mc_server *, const char *why);
/* The same; `problem` is what the TLS library says. */
void mc_server_failed_tls(struct mc_server *, const char *problem);
/* The connection went without a failure: as soon as an attempt is due. */
void mc_server_reconnect(struct mc_server *);
bool mc_server_is_connecting(const struct mc_server *);

/* In server.c. */
void mc_server_fail_waiting(struct mc_server *);
