/* The admin listener: /status (JSON), /metrics (Prometheus text) and /healthz, read from counters
 * that the workers write, and POST /purge. Answered by whichever worker has the connection. */
#pragma once

#include "base/clock.h"
#include "proxy/worker.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

/* -- reloads, as told by the control thread -- */

#define ADMIN_ERROR_BYTES 512

struct admin_reloads {
    _Atomic uint64_t done;
    _Atomic uint64_t failed;
    pthread_mutex_t lock; /* of what follows */
    wall_s last;          /* when the last attempt ended; 0: there was none */
    size_t error_n;       /* 0: the last attempt was good */
    char error[ADMIN_ERROR_BYTES];
};
void admin_reloads_init(struct admin_reloads *);
void admin_reloads_fini(struct admin_reloads *);
/* `error` empty: the new configuration is in use. Else it is kept, cut where it is too long. */
void admin_reloads_note(struct admin_reloads *, struct slice error, wall_s now);

/* -- numbers of parts that this folder does not know: memory tiers, memcached servers -- */

struct admin_column {
    const char *name; /* "hits" */
    const char *help;
    bool counter; /* only grows; else a gauge */
};
#define ADMIN_LABELS 2
struct admin_row {
    struct slice labels[ADMIN_LABELS];
    struct slice state; /* one word for /status; empty: none */
    uint64_t *values;   /* by columns */
};
struct admin_table {
    const char *name;                      /* member of /status */
    const char *prefix;                    /* of its metrics: "mcproxy_memory" */
    const char *label_names[ADMIN_LABELS]; /* NULL behind the last one */
    const struct admin_column *columns;
    size_t columns_n;
    struct admin_row *rows; /* no two with the same labels; put into order before they are shown */
    size_t rows_n;
};
#define ADMIN_TABLES_MAX 4
/* Fills at most ADMIN_TABLES_MAX tables for this moment, in the arena; returns how many. From any
 * worker's thread. */
typedef size_t admin_tables_fn(void *owner, struct arena *, struct admin_table *out);

/* -- the whole -- */

/* Everything is borrowed from main for as long as workers run. */
struct admin {
    const char *version;
    pid_t pid;
    wall_s started;
    mono_ms started_mono;
    const struct counters *const *counters; /* of each worker */
    size_t workers;
    struct admin_reloads *reloads;
    struct upstream_health *health;
    admin_tables_fn *tables;
    void *tables_owner;
};

/* The admin_fn of workers; `owner` is the struct admin. Only GET and HEAD (405), and POST for
 * /purge, which no web page may send (Origin: 403); only for a Host
 * that no foreign name can be: an IP literal, localhost, a server_name of the listener, or any on a
 * unix socket (403), so that a page whose name was made to point here learns nothing (DNS
 * rebinding). */
admin_fn admin_handle;
