#include "memcached/out.h"

#include "base/assert.h"

#include <stdlib.h>

#define TEXT_MAX_BYTES  ((size_t)1 << 30) /* never reached: the connection bounds what it queues */
#define TEXT_KEEP_BYTES ((size_t)256 * 1024)

void mc_out_init(struct mc_out *out)
{
    *out = (struct mc_out){0};
    buf_init(&out->text, TEXT_MAX_BYTES);
}

void mc_out_fini(struct mc_out *out)
{
    mc_out_clear(out);
    buf_fini(&out->text);
    free(out->values);
    out->values = NULL;
}

static struct mc_out_value *value_at(const struct mc_out *out, size_t i)
{
    return &out->values[(out->values_head + i) & (out->values_cap - 1)];
}

static void drop_first_value(struct mc_out *out)
{
    blob_unref(&value_at(out, 0)->blob);
    out->values_head++;
    out->values_n--;
}

void mc_out_clear(struct mc_out *out)
{
    while (out->values_n > 0)
        drop_first_value(out);
    out->value_bytes = 0;
    out->text_sent = 0;
    buf_release(&out->text);
}

size_t mc_out_bytes(const struct mc_out *out)
{
    return buf_len(&out->text) + out->value_bytes;
}

char *mc_out_reserve(struct mc_out *out, size_t n)
{
    return buf_reserve(&out->text, n) ? out->text.data + out->text.end : NULL;
}

void mc_out_commit(struct mc_out *out, size_t n)
{
    ASSERT(n <= out->text.cap - out->text.end);
    out->text.end += n;
}

static void grow_values(struct mc_out *out)
{
    size_t cap = out->values_cap == 0 ? 16 : out->values_cap * 2;
    struct mc_out_value *values = calloc(cap, sizeof(*values));
    ASSERT(values != NULL);
    for (size_t i = 0; i < out->values_n; i++)
        values[i] = *value_at(out, i);
    free(out->values);
    out->values = values;
    out->values_cap = cap;
    out->values_head = 0;
}

void mc_out_value(struct mc_out *out, struct blob *blob)
{
    if (out->values_n == out->values_cap)
        grow_values(out);
    out->values_n++;
    *value_at(out, out->values_n - 1) =
        (struct mc_out_value){.at = out->text_sent + buf_len(&out->text), .blob = blob_ref(blob)};
    out->value_bytes += blob->len;
}

static int add_iov(struct iovec *iov, int n, const char *p, size_t bytes)
{
    if (bytes == 0)
        return n;
    iov[n] = (struct iovec){.iov_base = (char *)p, .iov_len = bytes}; /* only read from */
    return n + 1;
}

int mc_out_iov(const struct mc_out *out, struct iovec *iov, int max)
{
    struct slice text = buf_slice(&out->text);
    uint64_t at = out->text_sent;
    int n = 0;
    size_t i = 0;
    for (; i < out->values_n && n + 3 <= max; i++) {
        const struct mc_out_value *value = value_at(out, i);
        size_t before = (size_t)(value->at - at);
        n = add_iov(iov, n, text.p, before);
        n = add_iov(iov, n, value->blob->data + value->sent, value->blob->len - value->sent);
        text = slice_skip(text, before);
        at = value->at;
    }
    return i == out->values_n ? add_iov(iov, n, text.p, text.n) : n;
}

static size_t sent_of_text(struct mc_out *out, size_t n)
{
    size_t part = buf_len(&out->text);
    if (out->values_n > 0)
        part = (size_t)(value_at(out, 0)->at - out->text_sent);
    part = part < n ? part : n;
    buf_consume(&out->text, part);
    out->text_sent += part;
    return part;
}

static size_t sent_of_value(struct mc_out *out, size_t n)
{
    if (out->values_n == 0 || value_at(out, 0)->at != out->text_sent)
        return 0;
    struct mc_out_value *value = value_at(out, 0);
    size_t part = value->blob->len - value->sent;
    part = part < n ? part : n;
    value->sent += part;
    out->value_bytes -= part;
    if (value->sent == value->blob->len)
        drop_first_value(out);
    return part;
}

void mc_out_sent(struct mc_out *out, size_t n)
{
    ASSERT(n <= mc_out_bytes(out));
    while (n > 0) {
        n -= sent_of_text(out, n);
        n -= sent_of_value(out, n);
    }
    if (mc_out_bytes(out) == 0 && out->text.cap > TEXT_KEEP_BYTES)
        buf_release(&out->text);
}
