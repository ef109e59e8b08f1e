/* One pipelined connection to a memcached server: commands of a loop turn leave in one write,
 * replies are matched in order and by opaque, and a reply that is not the one due ends the
 * connection. Opened by its server (server.h) with a connected descriptor; knows nothing of names
 * and retries. */
#pragma once

#include "memcached/codec.h"
#include "memcached/lookup.h"
#include "memcached/ops.h"
#include "memcached/out.h"
#include "memcached/pool.h"
#include "net/stream.h"

/* Why a connection ended. */
enum mc_loss {
    MC_LOSS_NONE = 0,
    MC_LOSS_CLOSED,  /* by the server, or reset */
    MC_LOSS_TIMEOUT, /* a reply was due and nothing came */
    MC_LOSS_SEND,    /* the server takes no more bytes */
    MC_LOSS_GARBAGE, /* a reply that was not the one due */
    MC_LOSS_PROBE,   /* the probe was answered by no memcached that we can talk to */
    MC_LOSS_TLS,     /* as stream_problem says */
    MC_LOSS_AUTH,    /* the server wants a user and password other than ours */
    MC_LOSS_MEMORY,  /* no memory for a value */
    MC_LOSS_MOVED,   /* the server's name has other addresses now */
};
const char *mc_loss_text(enum mc_loss);

enum mc_conn_phase {
    MC_CONN_CLOSED,
    MC_CONN_AUTH,             /* user and password are sent, the answer is due */
    MC_CONN_PROBING,          /* the first answer to the probe is due */
    MC_CONN_PROBING_VERSION,  /* `mn` is answered, the version is due */
    MC_CONN_PROBING_SETTINGS, /* the lines of `stats settings` are due */
    MC_CONN_READY,
};

#define MC_VERSION_MAX 64

struct mc_conn;
struct mc_conn_events {
    /* The probe is answered, commands may be given. */
    void (*on_ready)(struct mc_conn *);
    /* Lookups were answered (once per read). */
    void (*on_answers)(struct mc_conn *);
    /* Lookups have run into their deadline while others were answered. May close. */
    void (*on_late)(struct mc_conn *);
    /* Closed; `busy`: with replies due or the probe under way. Pending lookups fail after this has
     * returned. */
    void (*on_lost)(struct mc_conn *, enum mc_loss, bool busy);
};

struct mc_conn {
    uint32_t magic;
    enum mc_conn_phase phase;
    struct loop *loop;
    const struct mc_conf *conf;
    struct mc_counters *counters;
    const struct mc_conn_events *events; /* static table of the server */
    void *owner;                         /* of the server */
    struct stream stream;
    const struct mc_protocol *protocol; /* decided when ready */
    bool probe_classic;                 /* asked for the version only */
    bool noop_answered;                 /* by the probe */
    size_t item_max_bytes; /* what the server takes: conf's, or less where it says so; known before
                              the first connection too */
    struct mc_ops ops;
    const char *tls_problem; /* of MC_LOSS_TLS */
    uint32_t texts_due;      /* of MC_OP_TEXT among them */
    uint64_t late_seq;       /* commands before it have had their deadline */
    uint32_t quiet_tail;     /* quiet stores behind the last command that is answered */
    struct mc_out out;
    bool blocked; /* waits until the server takes more */
    bool answered;
    struct turn_end flush;
    struct timer reply_deadline; /* of the oldest command, or of the probe */
    struct timer send_deadline;
    mono_ms last_read;
    mono_ms trouble;          /* when a command was last lost or late, on any connection */
    struct mc_item unclaimed; /* what was said to a lookup that nobody waits for */
    char *in;                 /* conf->read_buffer_bytes, while open */
    size_t in_start;
    size_t in_end;
    struct blob *value; /* a large one, read to where it stays; NULL: none under way */
    size_t value_bytes; /* of it, without the protocol's tail */
    bool large;         /* the last value was one */
    uint8_t version_n;
    char version[MC_VERSION_MAX]; /* what the probe was told, cut */
};

void mc_conn_init(struct mc_conn *, struct loop *, const struct mc_conf *, struct mc_counters *,
                  const struct mc_conn_events *, void *owner);
/* No lookup may be pending. */
void mc_conn_fini(struct mc_conn *);
/* Takes the connected descriptor, and `tls` where that is what goes over it (NULL: not), and sends
 * user and password, where there are any, and the probe: `mn` and `version`, or only the latter
 * with `probe_classic`. */
void mc_conn_open(struct mc_conn *, int fd, struct tls *tls, bool probe_classic);
/* Ends the connection if it is open: on_lost, then every pending lookup fails. Not from a lookup's
 * callback. */
void mc_conn_close(struct mc_conn *, enum mc_loss why);

static inline bool mc_conn_is_ready(const struct mc_conn *c)
{
    return c->phase == MC_CONN_READY;
}
/* Only when ready. False: too much is pending. `get->deadline` is set. */
NODISCARD bool mc_conn_get(struct mc_conn *, struct mc_get *);
/* Some reply is missing, and with it the news of a lease, maybe: for a while, nobody should wait
 * for what another one has won here. */
static inline void mc_conn_note_trouble(struct mc_conn *c)
{
    c->trouble = loop_now(c->loop);
}
/* Of a lookup that is pending here. */
void mc_conn_forget(struct mc_conn *, struct mc_get *);
/* `told` (NULL: nobody) hears of the end as a lookup does: MC_HIT when it was done, MC_MISS when
 * there was no such item. */
NODISCARD bool mc_conn_del(struct mc_conn *, const struct mc_key *, const struct mc_del_line *,
                           struct mc_get *told);
/* Only where the protocol has leases. */
NODISCARD bool mc_conn_touch(struct mc_conn *, const struct mc_key *, uint32_t ttl_s);
/* False: the buffer is full. `told` as for mc_conn_del; MC_MISS is "not the item that was to be
 * replaced". */
NODISCARD bool mc_conn_set(struct mc_conn *, const struct mc_key *, struct blob *,
                           struct mc_store_line, struct mc_get *told);
