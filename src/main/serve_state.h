/* What the control thread of the serving process holds. Shared by serve.c (life, commands) and
 * apply.c (configurations). */
#pragma once

#include "admin/admin.h"
#include "main/channel.h"
#include "main/numbers.h"
#include "main/serve.h"
#include "main/sockets.h"
#include "main/thread.h"

struct serve {
    const struct serve_args *args;
    struct log *log;
    struct shared shared;
    struct thread *threads;
    unsigned threads_n;
    const struct counters **counters; /* of each thread's worker */
    struct config *config;            /* the one in use; NULL before the first */
    struct admin_reloads reloads;
    struct admin admin;
    struct numbers numbers;
    unsigned commands; /* a bit per channel_type: to be carried out */
    bool orphan;       /* the supervisor is gone */
};

/* Reads what has come from the supervisor into `commands`. */
void serve_read_commands(struct serve *);
/* Sends `m` and waits for the answer of that type; commands that come before it are kept. `*fd` as
 * channel_receive gives it. False: the supervisor is gone. */
NODISCARD bool serve_ask(struct serve *, const struct channel_msg *m, enum channel_type answer_type,
                         struct channel_msg *answer, int *fd);
/* Every worker takes the step; waits until all have answered. */
void serve_all(struct serve *, thread_step_fn *);

/* -- apply.c -- */

/* Opens what the configuration listens on, looks up names, and prepares each worker (directly,
 * while they do not run yet). False: `error` (ADMIN_ERROR_BYTES) says why, and nothing has changed.
 */
NODISCARD bool apply_prepare(struct serve *, struct config *, bool running, char *error);
/* The prepared configuration is used from now on; takes a reference. */
void apply_use(struct serve *, struct config *);
/* Workers close what `p` (NULL: nothing) does not listen on, and the supervisor gives it up. */
void apply_drop_sockets(struct serve *, const struct proxy_conf *p);
/* HUP: loads the file again and uses it, or tells what is wrong with it. */
void apply_reload(struct serve *);
