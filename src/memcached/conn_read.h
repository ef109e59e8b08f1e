/* The reading half of a connection: bytes become replies, replies find their commands. */
#pragma once

#include "memcached/conn.h"

/* What handling a reply leads to. */
enum mc_step {
    MC_STEP_NEXT,    /* look for another reply */
    MC_STEP_MORE,    /* needs more bytes */
    MC_STEP_GARBAGE, /* framing is lost */
    MC_STEP_PROBE,   /* refused by the probe */
    MC_STEP_AUTH,    /* refused by the server */
    MC_STEP_MEMORY,
};

static inline struct slice mc_conn_unread(const struct mc_conn *c)
{
    return slice_make(c->in + c->in_start, c->in_end - c->in_start);
}

/* -- conn_probe.c -- */
enum mc_step mc_conn_probe_reply(struct mc_conn *, const struct mc_reply *);
/* A line of the answer to `stats settings`. */
enum mc_step mc_conn_probe_settings(struct mc_conn *);

/* Why the stream is broken. */
enum mc_loss mc_conn_broken(struct mc_conn *);
/* Text to be sent in the order of its calls, at the end of the turn. In conn.c. */
void mc_conn_queue_text(struct mc_conn *, struct slice);
/* Reads what is there, in one go or two, and handles every reply that is whole. MC_LOSS_NONE: go
 * on; else the caller closes. */
NODISCARD enum mc_loss mc_conn_read(struct mc_conn *);
