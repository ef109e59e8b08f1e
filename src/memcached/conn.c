#include "memcached/conn.h"

#include "base/assert.h"
#include "base/hash.h"
#include "memcached/conn_read.h"

#include <stdio.h>
#include <stdlib.h>

#define MAGIC     0x6d636331u /* "mcc1" */
#define IOV_COUNT 64
#define COPY_VALUE_BYTES \
    4096 /* shorter values are copied into the text: dearer to send from two places */

static stream_fn conn_on_readable, conn_on_writable;
static timer_fn conn_on_reply_deadline, conn_on_send_deadline;
static turn_end_fn conn_on_turn_end;
static const struct stream_events stream_events = {conn_on_readable, conn_on_writable};

const char *mc_loss_text(enum mc_loss why)
{
    switch (why) {
    case MC_LOSS_NONE: return "none";
    case MC_LOSS_CLOSED: return "connection closed";
    case MC_LOSS_TIMEOUT: return "no reply in time";
    case MC_LOSS_SEND: return "takes no data";
    case MC_LOSS_GARBAGE: return "a reply that was not the one due";
    case MC_LOSS_PROBE: return "does not speak the protocol";
    case MC_LOSS_TLS: return "TLS";
    case MC_LOSS_AUTH: return "user and password (auth) are wrong or missing";
    case MC_LOSS_MEMORY: return "no memory for a value";
    case MC_LOSS_MOVED: return "address changed";
    }
    return "";
}

void mc_conn_init(struct mc_conn *c, struct loop *loop, const struct mc_conf *conf,
                  struct mc_counters *counters, const struct mc_conn_events *events, void *owner)
{
    *c = (struct mc_conn){
        .magic = MAGIC,
        .loop = loop,
        .conf = conf,
        .counters = counters,
        .events = events,
        .owner = owner,
        .item_max_bytes = conf->item_max_bytes,
        .stream.fd = -1,
    };
    mc_ops_init(&c->ops);
    mc_out_init(&c->out);
    turn_end_init(&c->flush, conn_on_turn_end, c);
    timer_init(&c->reply_deadline, conn_on_reply_deadline, c);
    timer_init(&c->send_deadline, conn_on_send_deadline, c);
}

/* Everything but the commands that are due. */
static void shut(struct mc_conn *c)
{
    stream_close(&c->stream, false);
    turn_end_cancel(&c->flush);
    timer_cancel(&c->reply_deadline);
    timer_cancel(&c->send_deadline);
    mc_out_clear(&c->out);
    blob_unref(&c->value);
    free(c->in);
    c->in = NULL;
    c->phase = MC_CONN_CLOSED;
}

void mc_conn_fini(struct mc_conn *c)
{
    shut(c);
    while (mc_ops_count(&c->ops) > 0) {
        struct mc_op op = mc_ops_pop(&c->ops);
        ASSERT(op.get == NULL);
        free(c->protocol != NULL && c->protocol->has_leases ? op.unclaimed : NULL);
    }
    mc_ops_fini(&c->ops);
    mc_out_fini(&c->out);
    c->magic = 0;
}

static struct mc_conn *conn_of(void *owner)
{
    struct mc_conn *c = owner;
    ASSERT(c->magic == MAGIC);
    return c;
}

/* -- opening and ending -- */

void mc_conn_queue_text(struct mc_conn *c, struct slice s)
{
    char *at = mc_out_reserve(&c->out, s.n);
    ASSERT(at != NULL);
    memcpy(at, s.p, s.n);
    mc_out_commit(&c->out, s.n);
    turn_end_schedule(c->loop, &c->flush);
}

/* A store in form only. It has expired before it is there (-1): a server that asks nobody keeps no
 * password. */
static void queue_auth(struct mc_conn *c)
{
    const struct mc_auth *auth = &c->conf->auth;
    char line[MC_COMMAND_MAX];
    int n =
        snprintf(line, sizeof(line), "set auth 0 -1 %zu\r\n", auth->user.n + 1 + auth->password.n);
    mc_conn_queue_text(c, slice_make(line, (size_t)n));
    mc_conn_queue_text(c, auth->user);
    mc_conn_queue_text(c, SLICE(" "));
    mc_conn_queue_text(c, auth->password);
    mc_conn_queue_text(c, SLICE("\r\n"));
}

void mc_conn_open(struct mc_conn *c, int fd, struct tls *tls, bool probe_classic)
{
    ASSERT(c->phase == MC_CONN_CLOSED && mc_ops_count(&c->ops) == 0);
    stream_init(&c->stream, c->loop, fd, &stream_events, c);
    if (tls != NULL)
        stream_take_tls(&c->stream, tls);
    stream_want_read(&c->stream, true);
    c->in = malloc(c->conf->read_buffer_bytes);
    ASSERT(c->in != NULL);
    c->in_start = 0;
    c->in_end = 0;
    c->quiet_tail = 0;
    c->late_seq = c->ops.head;
    c->texts_due = 0;
    c->version_n = 0;
    c->blocked = false;
    c->answered = false;
    c->noop_answered = false;
    c->protocol = NULL;
    c->probe_classic = probe_classic;
    c->phase = c->conf->auth.user.n > 0 ? MC_CONN_AUTH : MC_CONN_PROBING;
    c->last_read = loop_now(c->loop);
    if (c->phase == MC_CONN_AUTH)
        queue_auth(c);
    mc_conn_queue_text(c, probe_classic ? SLICE("version\r\n") : SLICE("mn\r\nversion\r\n"));
    timer_set(c->loop, &c->reply_deadline, c->conf->read_timeout_ms);
}

static enum mc_failure failure_of(enum mc_loss why)
{
    switch (why) {
    case MC_LOSS_TIMEOUT:
    case MC_LOSS_SEND: return MC_FAILURE_TIMEOUT;
    case MC_LOSS_GARBAGE:
    case MC_LOSS_PROBE: return MC_FAILURE_INVALID;
    case MC_LOSS_NONE:
    case MC_LOSS_CLOSED:
    case MC_LOSS_TLS:
    case MC_LOSS_AUTH:
    case MC_LOSS_MEMORY:
    case MC_LOSS_MOVED: return MC_FAILURE_ERROR;
    }
    return MC_FAILURE_ERROR;
}

static void fail_pending(struct mc_conn *c, enum mc_loss why, bool has_leases)
{
    while (mc_ops_count(&c->ops) > 0) {
        struct mc_op op = mc_ops_pop(&c->ops);
        if (op.get == NULL) {
            free(has_leases ? op.unclaimed : NULL);
            continue;
        }
        if (mc_op_is_lookup(op.kind))
            mc_count(c->counters, why == MC_LOSS_TIMEOUT ? MC_TIMEOUTS : MC_ERRORS, 1);
        mc_lookup_end(op.get, MC_FAILED, failure_of(why));
    }
}

void mc_conn_close(struct mc_conn *c, enum mc_loss why)
{
    if (c->phase == MC_CONN_CLOSED)
        return;
    bool busy = c->phase != MC_CONN_READY || mc_ops_count(&c->ops) > 0 || c->blocked;
    if (busy)
        mc_conn_note_trouble(c);
    shut(c);
    mc_count(c->counters, MC_LOST, 1);
    if (why == MC_LOSS_GARBAGE)
        mc_count(c->counters, MC_BAD_REPLIES, 1);
    bool has_leases = c->protocol != NULL && c->protocol->has_leases;
    c->events->on_lost(c, why, busy);
    fail_pending(c, why, has_leases);
}

/* -- commands -- */

static void push_op(struct mc_conn *c, struct mc_op op)
{
    op.quiet_before = c->quiet_tail;
    c->quiet_tail = 0;
    (void)mc_ops_push(&c->ops, op);
    if (!timer_is_set(&c->reply_deadline))
        timer_set(c->loop, &c->reply_deadline, op.deadline - loop_now(c->loop));
    turn_end_schedule(c->loop, &c->flush);
}

static char *command_room(struct mc_conn *c)
{
    if (mc_ops_count(&c->ops) >= c->conf->pending_max)
        return NULL;
    return mc_out_reserve(&c->out, MC_COMMAND_MAX);
}

static uint32_t next_opaque(const struct mc_conn *c)
{
    return (uint32_t)(c->ops.tail & MC_OPAQUE_MASK);
}

/* Only the protocol without opaques needs it. */
static uint64_t hash_of_key(const struct mc_conn *c, const struct mc_key *key)
{
    return c->protocol->echoes_opaque ? 0 : hash_checksum(mc_key_slice(key));
}

static bool ask(struct mc_conn *c, struct mc_get *get)
{
    struct slice line = container_of(get, struct mc_text, get)->line;
    char *at = c->quiet_tail == 0 ? command_room(c) : NULL;
    if (at == NULL)
        return false;
    memcpy(at, line.p, line.n);
    at[line.n] = '\r';
    at[line.n + 1] = '\n';
    mc_out_commit(&c->out, line.n + 2);
    get->seq = c->ops.tail;
    c->texts_due++;
    push_op(c, (struct mc_op){.kind = MC_OP_TEXT, .get = get, .deadline = get->deadline});
    return true;
}

bool mc_conn_get(struct mc_conn *c, struct mc_get *get)
{
    ASSERT(c->phase == MC_CONN_READY);
    if (UNLIKELY(get->ask.text))
        return ask(c, get);
    char *at = command_room(c);
    if (at == NULL)
        return false;
    mc_out_commit(&c->out, c->protocol->write_get(at, &get->key, &get->ask, next_opaque(c)));
    get->seq = c->ops.tail;
    bool check = get->ask.no_value && c->protocol->has_leases;
    bool add = get->ask.add > 0 && !c->protocol->has_leases;
    push_op(c, (struct mc_op){.kind = check ? MC_OP_CHECK
                                      : add ? MC_OP_ADD
                                            : MC_OP_GET,
                              .get = get,
                              .deadline = get->deadline,
                              .key_hash = hash_of_key(c, &get->key)});
    return true;
}

/* Nobody waits for the reply any more. A lease that it brings is given back, or others would wait
 * for nothing. */
static void abandon(struct mc_conn *c, struct mc_op *op)
{
    const struct mc_get *get = op->get;
    op->get = NULL;
    if (!c->protocol->has_leases || !mc_op_is_lookup(op->kind))
        return;
    op->unclaimed = malloc(sizeof(*op->unclaimed));
    ASSERT(op->unclaimed != NULL);
    *op->unclaimed = get->key;
}

void mc_conn_forget(struct mc_conn *c, struct mc_get *get)
{
    struct mc_op *op = mc_ops_at(&c->ops, get->seq);
    ASSERT(op->get == get);
    abandon(c, op);
}

/* A change, of whose end `told` hears if it is not NULL. */
static void push_change(struct mc_conn *c, enum mc_op_kind kind, struct mc_get *told)
{
    mono_ms deadline = loop_now(c->loop) + c->conf->read_timeout_ms;
    if (told != NULL)
        told->seq = c->ops.tail;
    push_op(c, (struct mc_op){.kind = kind, .get = told, .deadline = deadline});
}

bool mc_conn_del(struct mc_conn *c, const struct mc_key *key, const struct mc_del_line *line,
                 struct mc_get *told)
{
    ASSERT(c->phase == MC_CONN_READY);
    char *at = command_room(c);
    if (at == NULL)
        return false;
    mc_out_commit(&c->out, c->protocol->write_del(at, key, line, next_opaque(c)));
    push_change(c, MC_OP_DEL, told);
    return true;
}

bool mc_conn_touch(struct mc_conn *c, const struct mc_key *key, uint32_t ttl_s)
{
    ASSERT(c->phase == MC_CONN_READY && c->protocol->has_leases);
    char *at = command_room(c);
    if (at == NULL)
        return false;
    struct mc_ask ask = {.no_value = true, .touch_s = ttl_s};
    mc_out_commit(&c->out, c->protocol->write_get(at, key, &ask, next_opaque(c)));
    push_change(c, MC_OP_CHECK, NULL);
    return true;
}

bool mc_conn_set(struct mc_conn *c, const struct mc_key *key, struct blob *value,
                 struct mc_store_line line, struct mc_get *told)
{
    ASSERT(c->phase == MC_CONN_READY);
    bool copied = value->len <= COPY_VALUE_BYTES;
    size_t text_bytes = MC_COMMAND_MAX + (copied ? value->len : 0) + 2;
    char *at = NULL;
    line.told |= told != NULL;
    if (line.told && mc_ops_count(&c->ops) >= c->conf->pending_max)
        return false;
    if (mc_out_bytes(&c->out) + MC_COMMAND_MAX + value->len <= c->conf->send_buffer_bytes)
        at = mc_out_reserve(&c->out, text_bytes);
    if (at == NULL)
        return false;
    line.value_bytes = value->len;
    line.opaque = next_opaque(c);
    size_t n = c->protocol->write_set(at, key, &line);
    if (copied) {
        memcpy(at + n, value->data, value->len);
        n += value->len;
    }
    mc_out_commit(&c->out, n);
    if (!copied)
        mc_out_value(&c->out, value);
    mc_conn_queue_text(c, SLICE("\r\n"));
    if (line.told)
        push_change(c, MC_OP_SET, told);
    else
        c->quiet_tail++;
    return true;
}

/* -- writing -- */

static void wait_until_writable(struct mc_conn *c)
{
    c->blocked = true;
    stream_want_write(&c->stream, true);
    timer_set(c->loop, &c->send_deadline, c->conf->send_timeout_ms);
}

/* One write; what it leaves waits until the server takes more. */
static enum mc_loss flush(struct mc_conn *c)
{
    struct iovec iov[IOV_COUNT];
    int count = mc_out_iov(&c->out, iov, IOV_COUNT);
    size_t n = 0;
    mc_count(c->counters, MC_WRITES, 1);
    switch (stream_writev(&c->stream, iov, count, &n)) {
    case STREAM_OK: break;
    case STREAM_AGAIN: break;
    case STREAM_EOF:
    case STREAM_ERROR: return mc_conn_broken(c);
    }
    mc_count(c->counters, MC_BYTES_OUT, n);
    mc_out_sent(&c->out, n);
    if (mc_out_bytes(&c->out) > 0)
        wait_until_writable(c);
    return MC_LOSS_NONE;
}

static void run_flush(struct mc_conn *c)
{
    if (c->blocked || mc_out_bytes(&c->out) == 0)
        return;
    enum mc_loss loss = flush(c);
    if (loss != MC_LOSS_NONE)
        mc_conn_close(c, loss);
}

static void conn_on_turn_end(struct turn_end *t)
{
    run_flush(conn_of(t->owner));
}

static void conn_on_writable(struct stream *s)
{
    struct mc_conn *c = conn_of(s->owner);
    c->blocked = false;
    timer_cancel(&c->send_deadline);
    run_flush(c);
}

static void conn_on_send_deadline(struct timer *t)
{
    mc_conn_close(conn_of(t->owner), MC_LOSS_SEND);
}

/* -- reading -- */

static void conn_on_readable(struct stream *s)
{
    struct mc_conn *c = conn_of(s->owner);
    enum mc_conn_phase before = c->phase;
    enum mc_loss loss = mc_conn_read(c);
    if (loss != MC_LOSS_NONE) {
        mc_conn_close(c, loss);
        return;
    }
    if (c->answered) {
        c->answered = false;
        c->events->on_answers(c);
    }
    if (before != MC_CONN_READY && c->phase == MC_CONN_READY) {
        timer_cancel(&c->reply_deadline);
        c->events->on_ready(c);
    }
}

/* -- deadlines -- */

/* Lookups whose time is up fail now; their replies will be read and dropped. True: there were
 * commands like that. */
static bool expire(struct mc_conn *c, mono_ms now)
{
    bool any = false;
    if (c->late_seq < c->ops.head)
        c->late_seq = c->ops.head;
    while (c->late_seq != c->ops.tail && mc_ops_at(&c->ops, c->late_seq)->deadline <= now) {
        struct mc_op *op = mc_ops_at(&c->ops, c->late_seq++);
        struct mc_get *get = op->get;
        any = true;
        if (get == NULL)
            continue;
        if (mc_op_is_lookup(op->kind))
            mc_count(c->counters, MC_TIMEOUTS, 1);
        abandon(c, op);
        mc_lookup_end(get, MC_FAILED, MC_FAILURE_TIMEOUT);
    }
    return any;
}

/* Set anew only when it fires: an answer in time costs no timer call. */
static void conn_on_reply_deadline(struct timer *t)
{
    struct mc_conn *c = conn_of(t->owner);
    mono_ms now = loop_now(c->loop);
    if (c->phase != MC_CONN_READY) {
        mc_conn_close(c, MC_LOSS_TIMEOUT);
        return;
    }
    if (mc_ops_count(&c->ops) == 0)
        return;
    mono_ms oldest = mc_ops_at(&c->ops, c->ops.head)->deadline;
    if (oldest <= now && now - c->last_read >= c->conf->read_timeout_ms) {
        mc_conn_close(c, MC_LOSS_TIMEOUT);
        return;
    }
    bool late = expire(c, now);
    if (c->late_seq != c->ops.tail)
        oldest = mc_ops_at(&c->ops, c->late_seq)->deadline;
    else
        oldest = now + c->conf->read_timeout_ms; /* replies are still due: does anything come? */
    timer_set(c->loop, &c->reply_deadline, oldest - now);
    if (late) {
        mc_conn_note_trouble(c);
        c->events->on_late(c);
    }
}
