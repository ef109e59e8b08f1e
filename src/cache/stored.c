/* The format of a stored response. The fixed head, all numbers little endian:
 *
 *      0 u32 magic          32 i64 received_ms  80 u64 content_length    116 u32 key bytes
 *      4 u16 version        40 i64 initial_age  88 i64 last_modified     120 u32 vary bytes
 *      6 u16 head bytes     48 i64 lifetime_s   96 u64 generation        124 u32 etag bytes
 *      8 u64 checksum       56 i64 swr_s       104 u64 purge_seq         128 u32 tags bytes
 *     16 u64 total bytes    64 i64 sie_s       112 u32 chunk_bytes       132 u32 head text bytes
 *     24 u16 kind           72 i64 keep_s                                136 u32 trailer bytes
 *     26 u16 status
 *     28 u32 flags          140 the parts: key, vary, etag, tags, head text, trailers, content
 */
#include "cache/stored.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/le.h"

#define MAGIC      0x7872706dU /* "mprx" */
#define VERSION    3
#define HEAD_BYTES 140

#define AT_CHECKSUM 8
#define AT_TOTAL    16 /* the checksum is over all bytes from here */

/* Bounds of the numbers, so that no sum or product of them overflows. */
#define SECONDS_MAX (INT64_C(1) << 33)
#define TIME_MAX_MS (INT64_C(1) << 50)

const char *stored_check_text(enum stored_check check)
{
    switch (check) {
    case STORED_OK: return "ok";
    case STORED_BAD_VERSION: return "unknown version";
    case STORED_BAD_LENGTH: return "wrong length";
    case STORED_BAD_CHECKSUM: return "wrong checksum";
    case STORED_BAD_KEY: return "other key";
    }
    return "unknown";
}

/* -- writing -- */

/* Of the content that stands behind the head. */
static uint64_t content_bytes(const struct stored_meta *m)
{
    return stored_is_manifest(m) ? 0 : m->content_length;
}

size_t stored_size(const struct stored_meta *m, const struct stored_parts *p)
{
    return HEAD_BYTES + p->key.n + p->vary.n + p->etag.n + p->tags.n + p->head.n + p->trailers.n +
           content_bytes(m);
}

static void put_meta(char **at, const struct stored_meta *m)
{
    le_put_u16(at, (uint16_t)m->kind);
    le_put_u16(at, m->status);
    le_put_u32(at, m->flags);
    le_put_i64(at, m->received_ms);
    le_put_i64(at, m->initial_age_s);
    le_put_i64(at, m->lifetime_s);
    le_put_i64(at, m->swr_s);
    le_put_i64(at, m->sie_s);
    le_put_i64(at, m->keep_s);
    le_put_u64(at, m->content_length);
    le_put_i64(at, m->last_modified);
    le_put_u64(at, m->generation);
    le_put_u64(at, m->purge_seq);
    le_put_u32(at, m->chunk_bytes);
}

static void put_length(char **at, struct slice part)
{
    ASSERT(part.n <= UINT32_MAX);
    le_put_u32(at, (uint32_t)part.n);
}

static void put_bytes(char **at, struct slice part)
{
    if (part.n > 0) {
        memcpy(*at, part.p, part.n);
        *at += part.n;
    }
}

char *stored_encode(struct blob *blob, const struct stored_meta *meta, const struct stored_parts *p)
{
    const struct slice parts[] = {p->key, p->vary, p->etag, p->tags, p->head, p->trailers};
    size_t total = stored_size(meta, p);
    ASSERT(blob->cap >= total);
    char *at = blob->data;
    le_put_u32(&at, MAGIC);
    le_put_u16(&at, VERSION);
    le_put_u16(&at, HEAD_BYTES);
    le_put_u64(&at, 0); /* stored_seal's */
    le_put_u64(&at, total);
    put_meta(&at, meta);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        put_length(&at, parts[i]);
    ASSERT(at == blob->data + HEAD_BYTES);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        put_bytes(&at, parts[i]);
    return at;
}

static uint64_t checksum_of(const char *record, size_t total)
{
    return hash_checksum(slice_make(record + AT_TOTAL, total - AT_TOTAL));
}

void stored_seal(struct blob *blob)
{
    const char *from = blob->data + AT_TOTAL;
    uint64_t total = le_take_u64(&from);
    ASSERT(total >= HEAD_BYTES && total <= blob->cap);
    char *at = blob->data + AT_CHECKSUM;
    le_put_u64(&at, checksum_of(blob->data, total));
    blob->len = total;
}

uint64_t stored_checksum(struct slice record)
{
    ASSERT(record.n >= HEAD_BYTES);
    const char *at = record.p + AT_CHECKSUM;
    return le_take_u64(&at);
}

/* -- reading -- */

static void take_meta(const char **at, struct stored_meta *m)
{
    m->kind = (enum stored_kind)le_take_u16(at);
    m->status = le_take_u16(at);
    m->flags = le_take_u32(at);
    m->received_ms = le_take_i64(at);
    m->initial_age_s = le_take_i64(at);
    m->lifetime_s = le_take_i64(at);
    m->swr_s = le_take_i64(at);
    m->sie_s = le_take_i64(at);
    m->keep_s = le_take_i64(at);
    m->content_length = le_take_u64(at);
    m->last_modified = le_take_i64(at);
    m->generation = le_take_u64(at);
    m->purge_seq = le_take_u64(at);
    m->chunk_bytes = le_take_u32(at);
}

static bool within(int64_t v, int64_t min, int64_t max)
{
    return v >= min && v <= max;
}

static bool manifest_in_bounds(const struct stored_meta *m)
{
    return m->kind == STORED_RESPONSE && m->chunk_bytes <= STORED_CHUNK_BYTES_MAX &&
           m->generation != 0 && m->content_length > 0 &&
           m->content_length <= STORED_CONTENT_BYTES_MAX;
}

static bool meta_in_bounds(const struct stored_meta *m)
{
    bool has_status = m->kind == STORED_RESPONSE || m->kind == STORED_CODED;
    return within(m->kind, STORED_RESPONSE, STORED_CODED) &&
           (!has_status || within(m->status, 200, 999)) && within(m->received_ms, 0, TIME_MAX_MS) &&
           within(m->initial_age_s, 0, SECONDS_MAX) && within(m->lifetime_s, 0, SECONDS_MAX) &&
           within(m->swr_s, 0, SECONDS_MAX) && within(m->sie_s, 0, SECONDS_MAX) &&
           within(m->keep_s, 0, SECONDS_MAX) && within(m->last_modified, -1, TIME_MAX_MS) &&
           (!stored_is_manifest(m) || manifest_in_bounds(m));
}

static enum stored_check check_prefix(struct slice bytes)
{
    if (bytes.n < HEAD_BYTES) {
        return STORED_BAD_LENGTH;
    }
    const char *at = bytes.p;
    bool known = le_take_u32(&at) == MAGIC;
    known = le_take_u16(&at) == VERSION && known;
    known = le_take_u16(&at) == HEAD_BYTES && known;
    return known ? STORED_OK : STORED_BAD_VERSION;
}

/* Cuts the parts out of `rest`, which is all behind the fixed head. False: their lengths and the
 * content's do not add up to it. */
static bool take_parts(const char *lengths, struct slice rest, struct stored_view *out)
{
    struct slice *parts[] = {&out->key,  &out->vary, &out->etag,
                             &out->tags, &out->head, &out->trailers};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        uint32_t n = le_take_u32(&lengths);
        if (n > rest.n) {
            return false;
        }
        *parts[i] = slice_take(rest, n);
        rest = slice_skip(rest, n);
    }
    out->content = rest;
    return rest.n == content_bytes(&out->meta);
}

enum stored_check stored_parse(struct slice bytes, struct slice key, struct stored_view *out)
{
    enum stored_check prefix = check_prefix(bytes);
    if (prefix != STORED_OK) {
        return prefix;
    }
    const char *at = bytes.p + AT_CHECKSUM;
    uint64_t checksum = le_take_u64(&at);
    uint64_t total = le_take_u64(&at);
    take_meta(&at, &out->meta);
    if (total != bytes.n || !take_parts(at, slice_skip(bytes, HEAD_BYTES), out)) {
        return STORED_BAD_LENGTH;
    }
    if (checksum != checksum_of(bytes.p, bytes.n)) {
        return STORED_BAD_CHECKSUM;
    }
    bool misplaced = out->trailers.n > 0 && out->meta.kind != STORED_RESPONSE;
    if (misplaced || !meta_in_bounds(&out->meta)) {
        return STORED_BAD_LENGTH;
    }
    return key.p == NULL || slice_eq(key, out->key) ? STORED_OK : STORED_BAD_KEY;
}

/* -- fields -- */

/* The next line without its CRLF. */
static bool line_next(struct slice *rest, struct slice *line)
{
    if (slice_empty(*rest)) {
        return false;
    }
    struct slice with_cr = slice_cut(*rest, '\n', rest);
    bool has_cr = with_cr.n > 0 && with_cr.p[with_cr.n - 1] == '\r';
    *line = slice_take(with_cr, with_cr.n - (has_cr ? 1 : 0));
    return true;
}

/* The next line that has a name; the status line has none, its '/' is in no token. */
static bool named_line_next(struct slice *rest, struct slice *name, struct slice *value)
{
    struct slice line;
    while (line_next(rest, &line)) {
        size_t colon = slice_find(line, ':');
        bool is_status = slice_starts(line, SLICE("HTTP/"));
        if (colon > 0 && colon < line.n && !is_status) {
            *name = slice_take(line, colon);
            *value = slice_trim(slice_skip(line, colon + 1));
            return true;
        }
    }
    return false;
}

bool stored_field_next(struct slice *rest, struct field *out)
{
    if (!named_line_next(rest, &out->name, &out->value)) {
        return false;
    }
    out->id = field_id_of(out->name);
    return true;
}

struct slice stored_field(const struct stored_view *view, struct slice name)
{
    struct slice rest = view->head;
    struct slice found;
    struct slice value;
    while (named_line_next(&rest, &found, &value)) {
        if (slice_eq_nocase(found, name)) {
            return value;
        }
    }
    return slice_none();
}
