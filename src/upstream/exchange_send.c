/* The sending side of an exchange: the head and the content given so far go out in one writev at
 * the end of the turn. */
#include "base/assert.h"
#include "upstream/exchange_state.h"

bool exchange_has_unsent(const struct exchange *ex)
{
    return !ex->send_stopped && (ex->head_left.n > 0 || buf_len(&ex->out) > 0);
}

bool exchange_is_sent(const struct exchange *ex)
{
    return !ex->send_stopped && ex->content_ended && !exchange_has_unsent(ex);
}

void exchange_stop_sending(struct exchange *ex)
{
    ex->send_stopped = true;
    ex->head_left = slice_none();
    buf_release(&ex->out);
    if (ex->conn != NULL) {
        stream_want_write(&ex->conn->stream, false);
    }
    ex->send_blocked = false;
    if (ex->send_full) {
        turn_end_schedule(ex->upstream->loop, &ex->kick); /* calls on_writable */
    }
}

/* -- writing -- */

static void sent(struct exchange *ex, size_t n)
{
    ex->bytes_sent += n;
    upstream_count(&ex->upstream->counters.bytes_sent, n);
    size_t of_head = n < ex->head_left.n ? n : ex->head_left.n;
    ex->head_left = slice_skip(ex->head_left, of_head);
    buf_consume(&ex->out, n - of_head);
}

static enum stream_result write_once(struct exchange *ex)
{
    struct slice parts[2] = {ex->head_left, buf_slice(&ex->out)};
    struct iovec iov[2];
    int count = 0;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (parts[i].n > 0) {
            iov[count++] = (struct iovec){.iov_base = (char *)parts[i].p, .iov_len = parts[i].n};
        }
    }
    size_t n = 0;
    enum stream_result r = stream_writev(&ex->conn->stream, iov, count, &n);
    if (r == STREAM_OK) {
        sent(ex, n);
    }
    return r;
}

static void write_unsent(struct exchange *ex)
{
    switch (write_once(ex)) {
    case STREAM_OK:
    case STREAM_AGAIN: break;
    case STREAM_EOF:
    case STREAM_ERROR:
        /* The origin does not read on, but it may have answered before it closed: reading tells. */
        exchange_stop_sending(ex);
        return;
    }
    if (exchange_has_unsent(ex)) {
        ex->send_blocked = true;
        stream_want_write(&ex->conn->stream, true);
    }
}

void exchange_flush(struct exchange *ex)
{
    if (!exchange_is_under_way(ex)) {
        return;
    }
    if (ex->out_of_memory) {
        exchange_fail(ex, EXCHANGE_LOCAL, "no memory for request content");
        return;
    }
    if (exchange_has_unsent(ex) && !ex->send_blocked) {
        write_unsent(ex);
    }
    if (ex->send_full && buf_len(&ex->out) <= ex->req.send_buffer_bytes / 2) {
        ex->send_full = false;
        if (ex->events->on_writable != NULL) {
            ex->events->on_writable(ex);
        }
    }
}

void exchange_on_writable(struct exchange *ex)
{
    ex->send_blocked = false;
    exchange_flush(ex);
    if (exchange_is_under_way(ex)) {
        exchange_set_timer(ex);
    }
}

/* -- content -- */

static void put(struct exchange *ex, struct slice bytes)
{
    if (!buf_append(&ex->out, bytes)) {
        ex->out_of_memory = true;
    }
}

static void put_chunk(struct exchange *ex, struct slice content)
{
    char header[20];
    put(ex, slice_make(header, h1_chunk_header(header, content.n)));
    put(ex, content);
    put(ex, SLICE("\r\n"));
}

/* Never more than was declared: the origin would take the rest for another request. */
static void put_part(struct exchange *ex, struct slice content)
{
    struct slice part =
        slice_take(content, content.n < ex->content_left ? content.n : (size_t)ex->content_left);
    put(ex, part);
    ex->content_left -= part.n;
    ex->content_ended = ex->content_left == 0;
}

static void flush_later(struct exchange *ex)
{
    if (ex->state == EXCHANGE_READ_HEAD && !ex->send_blocked) {
        turn_end_schedule(ex->upstream->loop, &ex->kick);
    }
}

static bool takes_content(const struct exchange *ex)
{
    return !ex->send_stopped && !ex->content_ended &&
           (ex->state == EXCHANGE_CONNECT || ex->state == EXCHANGE_READ_HEAD);
}

bool exchange_send(struct exchange *ex, struct slice content)
{
    if (!takes_content(ex) || content.n == 0) {
        return true; /* nobody wants it any more */
    }
    if (ex->req.framing == FRAMING_CHUNKED) {
        put_chunk(ex, content);
    } else {
        put_part(ex, content);
    }
    flush_later(ex);
    ex->send_full = buf_len(&ex->out) >= ex->req.send_buffer_bytes;
    return !ex->send_full;
}

void exchange_send_end(struct exchange *ex)
{
    if (!takes_content(ex)) {
        return;
    }
    ASSERT(ex->req.framing == FRAMING_CHUNKED); /* else less was given than was declared */
    put(ex, SLICE("0\r\n\r\n"));
    ex->content_ended = true;
    flush_later(ex);
}
