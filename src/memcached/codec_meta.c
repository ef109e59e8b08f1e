/* The meta protocol of memcached 1.6.10 and later (its doc/protocol.txt): mg, ms, md. */
#include "base/parse.h"
#include "memcached/line.h"

static size_t write_get(char *out, const struct mc_key *key, uint32_t opaque)
{
    char *at = mc_put(out, SLICE("mg "));
    at = mc_put(at, mc_key_slice(key));
    at = mc_put(at, SLICE(" v O"));
    at += format_u64(at, opaque);
    at = mc_put(at, SLICE("\r\n"));
    return (size_t)(at - out);
}

static size_t write_del(char *out, const struct mc_key *key, uint32_t opaque)
{
    char *at = mc_put(out, SLICE("md "));
    at = mc_put(at, mc_key_slice(key));
    at = mc_put(at, SLICE(" O"));
    at += format_u64(at, opaque);
    at = mc_put(at, SLICE("\r\n"));
    return (size_t)(at - out);
}

static size_t write_set(char *out, const struct mc_key *key, const struct mc_store_line *line)
{
    char *at = mc_put(out, SLICE("ms "));
    at = mc_put(at, mc_key_slice(key));
    at = mc_put(at, SLICE(" "));
    at += format_u64(at, line->value_bytes);
    at = mc_put(at, SLICE(" T"));
    at += format_u64(at, line->exptime);
    if (line->flags != 0) {
        at = mc_put(at, SLICE(" F"));
        at += format_u64(at, line->flags);
    }
    at = mc_put(at, SLICE(" q\r\n"));
    return (size_t)(at - out);
}

/* The only flag that we ask for. */
static bool read_opaque(struct slice flags, struct mc_reply *reply)
{
    if (flags.n == 0)
        return true;
    uint64_t opaque = 0;
    if (flags.p[0] != 'O' || !mc_line_number(slice_skip(flags, 1), UINT32_MAX, &opaque))
        return false;
    reply->has_opaque = true;
    reply->opaque = (uint32_t)opaque;
    return true;
}

static enum mc_parse read_value(struct slice rest, size_t max, struct mc_reply *reply)
{
    struct slice flags = slice_none();
    uint64_t bytes = 0;
    if (!mc_line_number(slice_cut(rest, ' ', &flags), max, &bytes) || !read_opaque(flags, reply))
        return MC_PARSE_BAD;
    reply->kind = MC_REPLY_VALUE;
    reply->value_bytes = (size_t)bytes;
    return MC_PARSE_OK;
}

static const struct {
    char code[2];
    enum mc_reply_kind kind;
} statuses[] = {
    {{'E', 'N'}, MC_REPLY_MISS},       {{'H', 'D'}, MC_REPLY_DONE},
    {{'N', 'S'}, MC_REPLY_NOT_STORED}, {{'E', 'X'}, MC_REPLY_EXISTS},
    {{'N', 'F'}, MC_REPLY_NOT_FOUND},  {{'M', 'N'}, MC_REPLY_NOOP},
};

static enum mc_parse read_status(struct slice line, struct mc_reply *reply)
{
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        if (memcmp(line.p, statuses[i].code, 2) != 0)
            continue;
        reply->kind = statuses[i].kind;
        return read_opaque(slice_skip(line, 3), reply) ? MC_PARSE_OK : MC_PARSE_BAD;
    }
    return MC_PARSE_BAD;
}

static enum mc_parse parse(struct slice in, size_t value_max_bytes, struct mc_reply *reply)
{
    struct slice line;
    enum mc_parse cut = mc_line_cut(in, &line);
    if (cut != MC_PARSE_OK)
        return cut;
    *reply = (struct mc_reply){.line_bytes = line.n + 2};
    if (slice_starts(line, SLICE("VA ")))
        return read_value(slice_skip(line, 3), value_max_bytes, reply);
    if (line.n == 2 || (line.n > 3 && line.p[2] == ' '))
        return read_status(line, reply);
    return mc_line_common(line, reply) ? MC_PARSE_OK : MC_PARSE_BAD;
}

const struct mc_protocol mc_protocol_meta = {
    .name = "meta",
    .write_get = write_get,
    .write_del = write_del,
    .write_set = write_set,
    .parse = parse,
    .value_tail = SLICE_INIT("\r\n"),
    .echoes_opaque = true,
};
