/* The reading half of a connection: bytes become replies, replies find their commands. */
#pragma once

#include "memcached/conn.h"

/* Why the stream is broken. */
enum mc_loss mc_conn_broken(struct mc_conn *);
/* Text to be sent in the order of its calls, at the end of the turn. In conn.c. */
void mc_conn_queue_text(struct mc_conn *, struct slice);
/* Reads what is there, in one go or two, and handles every reply that is whole. MC_LOSS_NONE: go
 * on; else the caller closes. */
NODISCARD enum mc_loss mc_conn_read(struct mc_conn *);
