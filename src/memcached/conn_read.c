#include "memcached/conn_read.h"

#include "base/assert.h"
#include "base/hash.h"

#include <stdlib.h>

/* For so long after a command was lost, what others have won may be what nobody knows of: about as
 * long as a lease lives that is not renewed. */
#define TROUBLE_MS 3000

/* Of what comes behind a large value: a line and little more. */
#define AHEAD_BYTES MC_READ_BUFFER_MIN

/* -- completion -- */

/* What was won and will not be used makes others wait for nothing. */
static void give_back(struct mc_conn *c, const struct mc_key *key, const struct mc_item *item,
                      bool over_value)
{
    const struct mc_del_line line = {.cas = item->cas, .mark = over_value};
    if (item->won && item->cas != 0 && !mc_conn_del(c, key, &line, NULL))
        mc_count(c->counters, MC_ERRORS, 1); /* it ends by itself */
}

static void give_back_unclaimed(struct mc_conn *c, struct mc_key *key, bool over_value)
{
    if (key != NULL)
        give_back(c, key, &c->unclaimed, over_value);
    c->unclaimed = (struct mc_item){0};
    free(key);
}

/* The first one who looks at what is marked stale wins it, whether he has asked for a lease or not.
 */
static void note_lookup(struct mc_conn *c, struct mc_get *get, enum mc_result result)
{
    mc_count(c->counters, result == MC_HIT ? MC_HITS : MC_MISSES, 1);
    if (get->ask.lease_s > 0)
        mc_count(c->counters, MC_LEASES, get->item.won);
    else
        give_back(c, &get->key, &get->item, true);
}

static void complete(struct mc_conn *c, const struct mc_op *op, enum mc_result result,
                     struct blob *blob)
{
    struct mc_get *get = op->get;
    if (get == NULL) {
        blob_unref(&blob);
        if (c->protocol->has_leases && mc_op_is_lookup(op->kind))
            give_back_unclaimed(c, op->unclaimed, result == MC_HIT);
        return;
    }
    if (mc_op_is_lookup(op->kind))
        note_lookup(c, get, result);
    get->blob = blob;
    if (get->place == MC_PLACE_FIRST)
        get->doubtful = get->item.taken && loop_now(c->loop) - c->trouble < TROUBLE_MS;
    mc_lookup_end(get, result, MC_FAILURE_NONE);
}

static void complete_first(struct mc_conn *c, enum mc_result result, struct blob *blob)
{
    struct mc_op op = mc_ops_pop(&c->ops);
    if (op.deadline > loop_now(c->loop))
        c->answered = true; /* a late answer is no sign of health */
    complete(c, &op, result, blob);
}

/* What was said about the item, for the lookup that is due. */
static void note_item(struct mc_conn *c, const struct mc_reply *reply)
{
    struct mc_get *get = mc_ops_at(&c->ops, c->ops.head)->get;
    if (get != NULL)
        get->item = reply->item;
    else
        c->unclaimed = reply->item;
}

/* -- is it the reply that is due? -- */

static bool is_due(const struct mc_conn *c, enum mc_op_kind kind, const struct mc_reply *reply)
{
    if (mc_ops_count(&c->ops) == 0)
        return false;
    const struct mc_op *op = mc_ops_at(&c->ops, c->ops.head);
    if (op->kind != kind)
        return false;
    return !reply->has_opaque || reply->opaque == (c->ops.head & MC_OPAQUE_MASK);
}

static bool is_due_value(const struct mc_conn *c, const struct mc_reply *reply)
{
    if (!is_due(c, MC_OP_GET, reply))
        return false;
    if (c->protocol->echoes_opaque)
        return reply->has_opaque;
    return hash_checksum(reply->key) == mc_ops_at(&c->ops, c->ops.head)->key_hash;
}

/* -- values -- */

/* The value is whole in the buffer: one copy to where it stays. */
static enum mc_step value_in_buffer(struct mc_conn *c, const char *data, size_t bytes)
{
    struct slice tail = c->protocol->value_tail;
    c->large = false;
    if (memcmp(data + bytes, tail.p, tail.n) != 0)
        return MC_STEP_GARBAGE;
    struct blob *blob = NULL;
    const struct mc_get *get = mc_ops_at(&c->ops, c->ops.head)->get;
    if (bytes == 0 && (get == NULL || !get->ask.foreign)) { /* a lease's stub: nothing was stored */
        c->in_start += tail.n;
        complete_first(c, MC_MISS, NULL);
        return MC_STEP_NEXT;
    }
    if (get != NULL) {
        blob = blob_new(bytes);
        if (blob == NULL)
            return MC_STEP_MEMORY;
        memcpy(blob->data, data, bytes);
        blob->len = bytes;
    }
    c->in_start += bytes + tail.n;
    complete_first(c, MC_HIT, blob);
    return MC_STEP_NEXT;
}

/* What the buffer has of it is copied, the rest will be read to where it stays. */
static enum mc_step value_begins(struct mc_conn *c, size_t bytes)
{
    c->value = blob_new(bytes + c->protocol->value_tail.n);
    if (c->value == NULL)
        return MC_STEP_MEMORY;
    c->value_bytes = bytes;
    c->large = true;
    struct slice part = mc_conn_unread(c);
    memcpy(c->value->data, part.p, part.n);
    c->value->len = part.n;
    c->in_start = c->in_end;
    return MC_STEP_MORE;
}

static enum mc_step value_ends(struct mc_conn *c)
{
    struct slice tail = c->protocol->value_tail;
    struct blob *blob = c->value;
    if (blob->len < blob->cap)
        return MC_STEP_MORE;
    if (memcmp(blob->data + c->value_bytes, tail.p, tail.n) != 0)
        return MC_STEP_GARBAGE;
    blob->len = c->value_bytes;
    c->value = NULL;
    complete_first(c, MC_HIT, blob);
    return MC_STEP_NEXT;
}

static enum mc_step on_value(struct mc_conn *c, const struct mc_reply *reply)
{
    if (!is_due_value(c, reply))
        return MC_STEP_GARBAGE;
    size_t total = reply->value_bytes + c->protocol->value_tail.n;
    struct slice rest = slice_skip(mc_conn_unread(c), reply->line_bytes);
    if (rest.n < total && total <= c->conf->read_buffer_bytes / 4)
        return MC_STEP_MORE; /* the line stays and is parsed again */
    c->in_start += reply->line_bytes;
    note_item(c, reply);
    if (rest.n < total)
        return value_begins(c, reply->value_bytes);
    return value_in_buffer(c, rest.p, reply->value_bytes);
}

/* -- other replies -- */

static bool is_first(const struct mc_conn *c, enum mc_op_kind kind)
{
    return mc_ops_count(&c->ops) > 0 && mc_ops_at(&c->ops, c->ops.head)->kind == kind;
}

static enum mc_step on_checked(struct mc_conn *c, enum mc_result result,
                               const struct mc_reply *reply)
{
    if ((result == MC_HIT && !reply->has_opaque) || !is_due(c, MC_OP_CHECK, reply))
        return MC_STEP_GARBAGE;
    c->in_start += reply->line_bytes;
    note_item(c, reply);
    complete_first(c, result, NULL);
    return MC_STEP_NEXT;
}

static enum mc_step on_status(struct mc_conn *c, enum mc_op_kind kind, enum mc_result result,
                              const struct mc_reply *reply)
{
    if (!is_due(c, kind, reply))
        return MC_STEP_GARBAGE;
    c->in_start += reply->line_bytes;
    complete_first(c, result, NULL);
    return MC_STEP_NEXT;
}

static enum mc_step on_number(struct mc_conn *c, const struct mc_reply *reply)
{
    if (!is_due(c, MC_OP_ADD, reply))
        return MC_STEP_GARBAGE;
    struct blob *blob = blob_new(reply->text.n);
    if (blob == NULL)
        return MC_STEP_MEMORY;
    memcpy(blob->data, reply->text.p, reply->text.n);
    blob->len = reply->text.n;
    c->in_start += reply->line_bytes;
    complete_first(c, MC_HIT, blob);
    return MC_STEP_NEXT;
}

/* A quiet store speaks only when it failed, and by some protocols not even then. Takes one of those
 * that stand before the next reply; false: there is none. */
static bool blame_store(struct mc_conn *c, enum mc_counter why)
{
    uint32_t *quiet = &c->quiet_tail;
    if (mc_ops_count(&c->ops) > 0)
        quiet = &mc_ops_at(&c->ops, c->ops.head)->quiet_before;
    if (*quiet == 0 || !c->protocol->tells_failures)
        return false;
    (*quiet)--;
    mc_count(c->counters, why, 1);
    return true;
}

/* A store that is told of is answered with its opaque, where there are such; without, no quiet
 * store speaks of this. */
static enum mc_step on_not_stored(struct mc_conn *c, enum mc_counter why,
                                  const struct mc_reply *reply)
{
    bool told = is_first(c, MC_OP_SET) && reply->has_opaque == c->protocol->echoes_opaque;
    if (told && is_due(c, MC_OP_SET, reply)) {
        mc_count(c->counters, why, 1);
        return on_status(c, MC_OP_SET, MC_MISS, reply);
    }
    c->in_start += reply->line_bytes;
    return !reply->has_opaque && blame_store(c, why) ? MC_STEP_NEXT : MC_STEP_GARBAGE;
}

/* Framing is intact: "out of memory", "object too large for cache". */
static enum mc_step on_server_error(struct mc_conn *c, const struct mc_reply *reply)
{
    c->in_start += reply->line_bytes;
    if (blame_store(c, MC_SET_ERRORS))
        return MC_STEP_NEXT;
    if (mc_ops_count(&c->ops) == 0)
        return MC_STEP_GARBAGE;
    struct mc_op op = mc_ops_pop(&c->ops);
    if (op.kind == MC_OP_SET || op.get != NULL)
        mc_count(c->counters, op.kind == MC_OP_SET ? MC_SET_ERRORS : MC_ERRORS, 1);
    if (op.get != NULL)
        mc_lookup_end(op.get, MC_FAILED, MC_FAILURE_INVALID);
    else if (c->protocol->has_leases)
        free(op.unclaimed);
    return MC_STEP_NEXT;
}

static enum mc_step on_done(struct mc_conn *c, const struct mc_reply *reply)
{
    if (is_first(c, MC_OP_CHECK))
        return on_checked(c, MC_HIT, reply);
    bool set = is_first(c, MC_OP_SET);
    if (set && reply->has_opaque != c->protocol->echoes_opaque)
        return MC_STEP_GARBAGE;
    return on_status(c, set ? MC_OP_SET : MC_OP_DEL, MC_HIT, reply);
}

/* Of a change that names a version, or of a delete. */
static enum mc_step on_other_item(struct mc_conn *c, const struct mc_reply *reply)
{
    if (is_first(c, MC_OP_ADD))
        return on_status(c, MC_OP_ADD, MC_MISS, reply);
    bool of_store = c->protocol->has_leases && (!reply->has_opaque || is_first(c, MC_OP_SET));
    return of_store ? on_not_stored(c, MC_SETS_OVERTAKEN, reply)
                    : on_status(c, MC_OP_DEL, MC_MISS, reply);
}

static enum mc_step on_reply(struct mc_conn *c, const struct mc_reply *reply)
{
    switch (reply->kind) {
    case MC_REPLY_VALUE: return on_value(c, reply);
    case MC_REPLY_MISS:
        return is_first(c, MC_OP_CHECK) ? on_checked(c, MC_MISS, reply)
                                        : on_status(c, MC_OP_GET, MC_MISS, reply);
    case MC_REPLY_DONE: return on_done(c, reply);
    case MC_REPLY_EXISTS:
    case MC_REPLY_NOT_FOUND: return on_other_item(c, reply);
    case MC_REPLY_NUMBER: return on_number(c, reply);
    case MC_REPLY_NOT_STORED: return on_not_stored(c, MC_SET_ERRORS, reply);
    case MC_REPLY_SERVER_ERROR: return on_server_error(c, reply);
    case MC_REPLY_NOOP:
    case MC_REPLY_VERSION:
    case MC_REPLY_ERROR:
    case MC_REPLY_CLIENT_ERROR: return MC_STEP_GARBAGE;
    }
    return MC_STEP_GARBAGE;
}

/* -- text, as it comes -- */

static bool text_is_due(const struct mc_conn *c)
{
    return c->texts_due > 0 && mc_ops_count(&c->ops) > 0 &&
           mc_ops_at(&c->ops, c->ops.head)->kind == MC_OP_TEXT;
}

/* One line of it; nobody may be waiting any more. */
static enum mc_step on_text(struct mc_conn *c)
{
    struct slice in = mc_conn_unread(c);
    size_t n = slice_find(in, '\n') + 1;
    if (n > in.n)
        return in.n > MC_LINE_MAX ? MC_STEP_GARBAGE : MC_STEP_MORE;
    struct slice line = slice_take(in, n);
    struct mc_get *get = mc_ops_at(&c->ops, c->ops.head)->get;
    if (get != NULL && !buf_append(&container_of(get, struct mc_text, get)->reply, line))
        return MC_STEP_GARBAGE;
    bool more = slice_starts(line, SLICE("STAT "));
    c->in_start += n;
    if (more)
        return MC_STEP_NEXT;
    c->texts_due--;
    complete_first(c, MC_HIT, NULL);
    return MC_STEP_NEXT;
}

/* -- reading -- */

enum mc_loss mc_conn_broken(struct mc_conn *c)
{
    c->tls_problem = stream_problem(&c->stream);
    return c->tls_problem == NULL ? MC_LOSS_CLOSED : MC_LOSS_TLS;
}

static enum mc_step next_reply(struct mc_conn *c)
{
    if (c->value != NULL)
        return value_ends(c);
    if (c->phase == MC_CONN_PROBING_SETTINGS)
        return mc_conn_probe_settings(c);
    struct mc_reply reply;
    bool probing = c->phase != MC_CONN_READY;
    if (UNLIKELY(c->texts_due > 0) && text_is_due(c))
        return on_text(c);
    const struct mc_protocol *protocol = probing ? &mc_protocol_meta : c->protocol;
    if (c->phase == MC_CONN_AUTH)
        protocol = &mc_protocol_classic;
    switch (protocol->parse(mc_conn_unread(c), c->conf->item_max_bytes, &reply)) {
    case MC_PARSE_OK: return probing ? mc_conn_probe_reply(c, &reply) : on_reply(c, &reply);
    case MC_PARSE_MORE: return MC_STEP_MORE;
    case MC_PARSE_BAD: return probing ? MC_STEP_PROBE : MC_STEP_GARBAGE;
    }
    return MC_STEP_GARBAGE;
}

static enum mc_loss handle_replies(struct mc_conn *c)
{
    enum mc_step step = MC_STEP_NEXT;
    while (step == MC_STEP_NEXT && (c->value != NULL || c->in_start < c->in_end))
        step = next_reply(c);
    switch (step) {
    case MC_STEP_NEXT:
    case MC_STEP_MORE: return MC_LOSS_NONE;
    case MC_STEP_GARBAGE: return MC_LOSS_GARBAGE;
    case MC_STEP_PROBE: return MC_LOSS_PROBE;
    case MC_STEP_AUTH: return MC_LOSS_AUTH;
    case MC_STEP_MEMORY: return MC_LOSS_MEMORY;
    }
    return MC_LOSS_GARBAGE;
}

/* A reply that is cut moves to the front; its whole line and a value that waits for its end always
 * fit. */
static void compact(struct mc_conn *c)
{
    struct slice rest = mc_conn_unread(c);
    if (c->in_start > 0 && rest.n > 0)
        memmove(c->in, rest.p, rest.n);
    c->in_start = 0;
    c->in_end = rest.n;
}

/* Behind a large value probably comes another one, which is not to be copied out of the buffer. */
static struct iovec buffer_room(const struct mc_conn *c)
{
    size_t room = c->conf->read_buffer_bytes - c->in_end;
    return (struct iovec){c->in + c->in_end, c->large && c->in_end == 0 ? AHEAD_BYTES : room};
}

static struct iovec value_room(const struct mc_conn *c)
{
    struct blob *value = c->value;
    if (value == NULL)
        return (struct iovec){NULL, 0};
    return (struct iovec){value->data + value->len, value->cap - value->len};
}

static void note_read(struct mc_conn *c, size_t n, size_t value_room_bytes)
{
    size_t of_value = n < value_room_bytes ? n : value_room_bytes;
    mc_count(c->counters, MC_BYTES_IN, n);
    c->last_read = loop_now(c->loop);
    if (of_value > 0)
        c->value->len += of_value;
    c->in_end += n - of_value;
}

/* The rest of a large value goes to where it stays, what follows it to the buffer. `*full`: there
 * may be more. */
static enum mc_loss read_once(struct mc_conn *c, bool *full)
{
    compact(c);
    ASSERT(c->in_end < c->conf->read_buffer_bytes);
    const struct iovec room[] = {value_room(c), buffer_room(c)};
    size_t first = c->value == NULL ? 1 : 0;
    size_t n = 0;
    mc_count(c->counters, MC_READS, 1);
    switch (stream_readv(&c->stream, room + first, (int)(ARRAY_LEN(room) - first), &n)) {
    case STREAM_OK: note_read(c, n, room[0].iov_len); break;
    case STREAM_AGAIN: break;
    case STREAM_EOF: return MC_LOSS_CLOSED;
    case STREAM_ERROR: return mc_conn_broken(c);
    }
    *full = n == room[0].iov_len + room[1].iov_len;
    return handle_replies(c);
}

enum mc_loss mc_conn_read(struct mc_conn *c)
{
    bool value_is_new = c->value == NULL;
    bool full = false;
    enum mc_loss loss = read_once(c, &full);
    if (loss == MC_LOSS_NONE && full && c->large && value_is_new)
        loss = read_once(c, &full);
    return loss;
}
