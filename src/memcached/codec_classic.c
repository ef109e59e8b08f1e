/* The classic text protocol: get, set … noreply, delete. For routers and for servers older than the
 * meta commands. It has no opaque: a value names its key. */
#include "base/parse.h"
#include "memcached/line.h"

static size_t write_get(char *out, const struct mc_key *key, const struct mc_ask *ask,
                        uint32_t opaque)
{
    (void)ask;
    (void)opaque;
    char *at = mc_put(out, SLICE("get "));
    at = mc_put(at, mc_key_slice(key));
    at = mc_put(at, SLICE("\r\n"));
    return (size_t)(at - out);
}

static size_t write_del(char *out, const struct mc_key *key, const struct mc_del_line *line,
                        uint32_t opaque)
{
    (void)line;
    (void)opaque;
    char *at = mc_put(out, SLICE("delete "));
    at = mc_put(at, mc_key_slice(key));
    at = mc_put(at, SLICE("\r\n"));
    return (size_t)(at - out);
}

static size_t write_set(char *out, const struct mc_key *key, const struct mc_store_line *line)
{
    char *at = mc_put(out, line->add ? SLICE("add ") : SLICE("set "));
    at = mc_put(at, mc_key_slice(key));
    at = mc_put(at, SLICE(" "));
    at += format_u64(at, line->flags);
    at = mc_put(at, SLICE(" "));
    at += format_u64(at, line->exptime);
    at = mc_put(at, SLICE(" "));
    at += format_u64(at, line->value_bytes);
    at = mc_put(at, line->told ? SLICE("\r\n") : SLICE(" noreply\r\n"));
    return (size_t)(at - out);
}

/* `<key> <flags> <bytes>` */
static enum mc_parse read_value(struct slice rest, size_t max, struct mc_reply *reply)
{
    reply->key = slice_cut(rest, ' ', &rest);
    struct slice flags = slice_cut(rest, ' ', &rest);
    uint64_t number = 0;
    uint64_t bytes = 0;
    if (reply->key.n == 0 || !mc_line_number(flags, UINT32_MAX, &number) ||
        !mc_line_number(rest, max, &bytes))
        return MC_PARSE_BAD;
    reply->kind = MC_REPLY_VALUE;
    reply->item.flags = (uint32_t)number;
    reply->value_bytes = (size_t)bytes;
    return MC_PARSE_OK;
}

static const struct {
    struct slice word;
    enum mc_reply_kind kind;
} statuses[] = {
    {SLICE_INIT("END"), MC_REPLY_MISS},      {SLICE_INIT("STORED"), MC_REPLY_DONE},
    {SLICE_INIT("DELETED"), MC_REPLY_DONE},  {SLICE_INIT("NOT_STORED"), MC_REPLY_NOT_STORED},
    {SLICE_INIT("EXISTS"), MC_REPLY_EXISTS}, {SLICE_INIT("NOT_FOUND"), MC_REPLY_NOT_FOUND},
};

static enum mc_parse parse(struct slice in, size_t value_max_bytes, struct mc_reply *reply)
{
    struct slice line;
    enum mc_parse cut = mc_line_cut(in, &line);
    if (cut != MC_PARSE_OK)
        return cut;
    *reply = (struct mc_reply){.line_bytes = line.n + 2};
    if (slice_starts(line, SLICE("VALUE ")))
        return read_value(slice_skip(line, 6), value_max_bytes, reply);
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        if (!slice_eq(line, statuses[i].word))
            continue;
        reply->kind = statuses[i].kind;
        return MC_PARSE_OK;
    }
    return mc_line_common(line, reply) ? MC_PARSE_OK : MC_PARSE_BAD;
}

const struct mc_protocol mc_protocol_classic = {
    .name = "classic",
    .write_get = write_get,
    .write_del = write_del,
    .write_set = write_set,
    .parse = parse,
    .value_tail = SLICE_INIT("\r\nEND\r\n"),
    .has_leases = false,
    .tells_failures = false,
    .echoes_opaque = false,
};
