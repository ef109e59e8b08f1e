/* The reading half of a connection: bytes become replies, replies find their commands. */
#pragma once

#include "memcached/conn.h"

/* Why the stream is broken. */
enum mc_loss mc_conn_broken(struct mc_conn *);
/* Reads once and handles every reply that is whole. MC_LOSS_NONE: go on; else the caller closes. */
NODISCARD enum mc_loss mc_conn_read(struct mc_conn *);
