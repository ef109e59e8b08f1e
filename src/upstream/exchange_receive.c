/* The receiving side of an exchange: bytes are read into counted blobs, heads parsed and content
 * given out where they lie. */
#include "base/assert.h"
#include "base/parse.h"
#include "upstream/exchange_state.h"

#define INTERIM_MAX    32
#define READS_A_TURN   8 /* then others get their turn */
#define KEEP_MARGIN_MS 1000
#define HEAD_BYTES     2048 /* room for a head before a buffer full of content: one read for both */

static struct slice unused(const struct exchange *ex)
{
    return ex->in == NULL ? slice_none()
                          : slice_make(ex->in->data + ex->in_at, ex->in->len - ex->in_at);
}

bool exchange_has_unused(const struct exchange *ex)
{
    return unused(ex).n > 0;
}

/* -- room to read into -- */

/* Nobody else holds bytes of it. */
static bool is_private(const struct blob *b)
{
    return atomic_load_explicit(&b->refs, memory_order_acquire) == 1;
}

/* What is not used yet (the beginning of a head) moves along. */
static bool next_blob(struct exchange *ex)
{
    struct slice rest = unused(ex);
    size_t usual = ex->req.buffer_bytes + HEAD_BYTES;
    size_t cap = usual > 2 * rest.n ? usual : 2 * rest.n;
    struct blob *b = upstream_blob(ex->upstream, cap);
    if (b == NULL) {
        return false;
    }
    if (rest.n > 0) {
        memcpy(b->data, rest.p, rest.n);
    }
    b->len = rest.n;
    upstream_blob_return(ex->upstream, &ex->in);
    ex->in = b;
    ex->in_at = 0;
    return true;
}

/* Goes on behind what was read as long as a quarter is free, so that small pieces share a blob and
 * large content comes in large reads. False: no memory. */
static bool make_room(struct exchange *ex)
{
    struct blob *b = ex->in;
    if (b == NULL) {
        return next_blob(ex);
    }
    bool all_used = ex->in_at == b->len;
    size_t room = b->cap - b->len;
    if (room >= b->cap / 4 || (room > 0 && !all_used)) {
        return room > 0 || next_blob(ex);
    }
    if (all_used && is_private(b)) {
        b->len = 0;
        ex->in_at = 0;
        return true;
    }
    return next_blob(ex);
}

/* -- heads -- */

static bool fail_head(struct exchange *ex, enum h1_result r, const char *what)
{
    bool large = r == H1_HEAD_TOO_LARGE || r == H1_TARGET_TOO_LONG;
    exchange_fail(ex, large ? EXCHANGE_HEAD_TOO_LARGE : EXCHANGE_BAD_HEAD, what);
    return false;
}

static bool receive_interim(struct exchange *ex)
{
    if (++ex->interim > INTERIM_MAX) {
        exchange_fail(ex, EXCHANGE_TOO_MANY_INTERIM, NULL);
        return false;
    }
    if (ex->events->on_interim != NULL) {
        ex->events->on_interim(ex, &ex->head);
    }
    if (ex->state != EXCHANGE_READ_HEAD) {
        return false;
    }
    arena_fini(&ex->arena);
    return true;
}

static bool receive_switch(struct exchange *ex)
{
    if (!ex->req.upgrade || !exchange_is_sent(ex)) {
        return fail_head(ex, H1_BAD, "101 that was not asked for");
    }
    ex->head_blob = blob_ref(ex->in);
    exchange_enter(ex, EXCHANGE_TUNNEL);
    stream_want_read(&ex->conn->stream, false);
    exchange_set_timer(ex);
    ex->events->on_head(ex, &ex->head);
    return false;
}

/* A little less than the origin says, as its clock starts before ours. */
static int64_t keep_ms_of(const struct fields *fields)
{
    struct slice rest = fields_get(fields, FIELD_KEEP_ALIVE);
    struct slice member;
    while (list_member_next(&rest, &member)) {
        struct slice value;
        struct slice name = slice_trim(slice_cut(member, '=', &value));
        uint64_t seconds = 0;
        if (slice_eq_nocase(name, SLICE("timeout")) &&
            parse_u64_saturate(slice_trim(value), INT32_MAX, &seconds)) {
            int64_t ms = (int64_t)seconds * 1000;
            return ms - (ms / 2 < KEEP_MARGIN_MS ? ms / 2 : KEEP_MARGIN_MS);
        }
    }
    return INT64_MAX;
}

static bool receive_final(struct exchange *ex)
{
    if (!exchange_is_sent(ex)) {
        exchange_stop_sending(ex); /* it has been answered without the rest */
    }
    if (fields_has(&ex->head.fields, FIELD_KEEP_ALIVE)) {
        ex->keep_ms = keep_ms_of(&ex->head.fields);
    }
    h1_body_init(&ex->body, ex->head.framing, ex->head.content_length);
    ex->head_blob = blob_ref(ex->in);
    exchange_enter(ex, EXCHANGE_READ_CONTENT);
    ex->events->on_head(ex, &ex->head);
    return true;
}

bool exchange_receive_head(struct exchange *ex)
{
    struct slice bytes = unused(ex);
    if (bytes.n == 0) {
        return false;
    }
    size_t end = h1_head_end(bytes, &ex->scanned);
    if (end == 0) {
        enum h1_result r = h1_head_room(bytes, &ex->limits);
        return r == H1_OK ? false : fail_head(ex, r, "response head too large");
    }
    struct h1_error error;
    enum h1_result r = h1_parse_response(slice_take(bytes, end), &ex->limits, ex->req.method,
                                         &ex->arena, &ex->head, &error);
    if (r != H1_OK) {
        return fail_head(ex, r, error.what);
    }
    ex->in_at += end;
    ex->scanned = 0;
    if (ex->head.status == 101) {
        return receive_switch(ex);
    }
    return ex->head.status < 200 ? receive_interim(ex) : receive_final(ex);
}

/* -- content -- */

/* One run of content, or the end. Bytes behind the end stay unused, which keeps the connection out
 * of the pool. */
bool exchange_receive_content(struct exchange *ex)
{
    struct slice in = unused(ex);
    struct slice content;
    enum h1_body_state state = h1_body_next(&ex->body, &in, &content, &ex->trailers, &ex->arena);
    ex->in_at = ex->in->len - in.n;
    if (content.n > 0) {
        ex->events->on_content(ex, ex->in, content);
        if (ex->state != EXCHANGE_READ_CONTENT) {
            return false;
        }
    }
    switch (state) {
    case H1_BODY_MORE: return exchange_has_unused(ex);
    case H1_BODY_DONE: exchange_finish(ex); return false;
    case H1_BODY_ERROR: exchange_fail(ex, EXCHANGE_BAD_CONTENT, ex->body.error); return false;
    }
    return false;
}

/* -- reading -- */

static void receive_end(struct exchange *ex, bool orderly)
{
    if (ex->state == EXCHANGE_READ_HEAD) {
        bool stale = ex->reused && ex->bytes_received == 0;
        exchange_fail(ex, stale ? EXCHANGE_STALE : EXCHANGE_CLOSED, NULL);
    } else if (orderly && h1_body_eof(&ex->body) == H1_BODY_DONE) {
        exchange_finish(ex);
    } else {
        exchange_fail(ex, EXCHANGE_TRUNCATED, ex->body.error);
    }
}

/* True: there may be more in the socket. A short read has emptied it, which saves the one that
 * would only say so. */
static bool read_once(struct exchange *ex)
{
    if (!make_room(ex)) {
        exchange_fail(ex, EXCHANGE_LOCAL, "no memory for the response");
        return false;
    }
    struct blob *b = ex->in;
    size_t room = b->cap - b->len;
    size_t n = 0;
    switch (stream_read(&ex->conn->stream, b->data + b->len, room, &n)) {
    case STREAM_OK: break;
    case STREAM_AGAIN: return false;
    case STREAM_EOF: receive_end(ex, true); return false;
    case STREAM_ERROR: receive_end(ex, false); return false;
    }
    b->len += n;
    ex->bytes_received += n;
    upstream_count(&ex->upstream->counters.bytes_received, n);
    exchange_receive(ex);
    return n == room;
}

void exchange_on_readable(struct exchange *ex)
{
    if (ex->state == EXCHANGE_CONNECT) {
        /* Nothing was asked yet, so it is closed or not in step with us. */
        exchange_fail(ex, EXCHANGE_STALE, NULL);
        return;
    }
    for (int i = 0; i < READS_A_TURN && exchange_is_under_way(ex) && !ex->paused; i++) {
        if (!read_once(ex)) {
            break;
        }
    }
    if (exchange_is_under_way(ex)) {
        exchange_set_timer(ex);
    }
}

void exchange_pause(struct exchange *ex)
{
    ex->paused = true;
    if (ex->conn != NULL && exchange_is_under_way(ex)) {
        stream_want_read(&ex->conn->stream, false);
        exchange_set_timer(ex);
    }
}

void exchange_resume(struct exchange *ex)
{
    if (!ex->paused) {
        return;
    }
    ex->paused = false;
    if (ex->conn != NULL && exchange_is_under_way(ex)) {
        stream_want_read(&ex->conn->stream, true);
        turn_end_schedule(ex->upstream->loop, &ex->kick); /* goes on with what was read before */
    }
}
