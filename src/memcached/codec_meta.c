/* The meta protocol of memcached 1.6.10 and later (its doc/protocol.txt): mg, ms, md. */
#include "base/parse.h"
#include "memcached/line.h"

/* ` <flag><number>` */
static char *put_flag(char *at, char flag, uint64_t number)
{
    *at++ = ' ';
    *at++ = flag;
    return at + format_u64(at, number);
}

static size_t write_get(char *out, const struct mc_key *key, const struct mc_ask *ask,
                        uint32_t opaque)
{
    char *at = mc_put(out, SLICE("mg "));
    at = mc_put(at, mc_key_slice(key));
    if (!ask->no_value)
        at = mc_put(at, SLICE(" v"));
    if (ask->cas)
        at = mc_put(at, SLICE(" c"));
    if (ask->origin || ask->foreign)
        at = mc_put(at, SLICE(" f"));
    if (ask->origin)
        at = mc_put(at, SLICE(" t"));
    if (ask->lease_s > 0)
        at = put_flag(at, 'N', ask->lease_s);
    if (ask->lease_s > 0 && ask->refresh_s > 0)
        at = put_flag(at, 'R', ask->refresh_s);
    if (ask->touch_s > 0)
        at = put_flag(at, 'T', ask->touch_s);
    at = put_flag(at, 'O', opaque);
    at = mc_put(at, SLICE("\r\n"));
    return (size_t)(at - out);
}

static size_t write_del(char *out, const struct mc_key *key, const struct mc_del_line *line,
                        uint32_t opaque)
{
    char *at = mc_put(out, SLICE("md "));
    at = mc_put(at, mc_key_slice(key));
    if (line->mark)
        at = mc_put(at, SLICE(" I"));
    if (line->cas != 0)
        at = put_flag(at, 'C', line->cas);
    at = put_flag(at, 'O', opaque);
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
    if (line->cas != 0)
        at = put_flag(at, 'C', line->cas);
    if (line->add)
        at = mc_put(at, SLICE(" ME"));
    if (line->told)
        at = put_flag(at, 'O', line->opaque);
    at = mc_put(at, line->told ? SLICE("\r\n") : SLICE(" q\r\n"));
    return (size_t)(at - out);
}

static bool read_opaque(struct slice number, struct mc_reply *reply)
{
    uint64_t opaque = 0;
    if (reply->has_opaque || !mc_line_number(number, UINT32_MAX, &opaque))
        return false;
    reply->has_opaque = true;
    reply->opaque = (uint32_t)opaque;
    return true;
}

static bool read_item_flags(struct slice number, struct mc_item *item)
{
    uint64_t flags = 0;
    bool ok = mc_line_number(number, UINT32_MAX, &flags);
    item->flags = (uint32_t)flags;
    return ok;
}

static bool read_ttl(struct slice number, struct mc_item *item)
{
    uint64_t ttl_s = 0;
    bool for_ever = slice_eq(number, SLICE("-1"));
    bool ok = for_ever || mc_line_number(number, INT32_MAX, &ttl_s);
    item->ttl_s = for_ever ? -1 : (int32_t)ttl_s;
    return ok;
}

/* Only those that we ask for. */
static bool read_flag(struct slice flag, struct mc_reply *reply)
{
    if (flag.n == 0)
        return false;
    struct slice value = slice_skip(flag, 1);
    switch (flag.p[0]) {
    case 'O': return read_opaque(value, reply);
    case 'c': return mc_line_number(value, UINT64_MAX, &reply->item.cas);
    case 'f': return read_item_flags(value, &reply->item);
    case 't': return read_ttl(value, &reply->item);
    case 'W': reply->item.won = true; return value.n == 0;
    case 'Z': reply->item.taken = true; return value.n == 0;
    case 'X': reply->item.stale = true; return value.n == 0;
    default: return false;
    }
}

/* Separated by one space each. */
static bool read_flags(struct slice flags, struct mc_reply *reply)
{
    if (flags.n > 0 && flags.p[flags.n - 1] == ' ')
        return false;
    while (flags.n > 0) {
        if (!read_flag(slice_cut(flags, ' ', &flags), reply))
            return false;
    }
    return true;
}

static enum mc_parse read_value(struct slice rest, size_t max, struct mc_reply *reply)
{
    struct slice flags = slice_none();
    uint64_t bytes = 0;
    if (!mc_line_number(slice_cut(rest, ' ', &flags), max, &bytes) || !read_flags(flags, reply))
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
        return read_flags(slice_skip(line, 3), reply) ? MC_PARSE_OK : MC_PARSE_BAD;
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
    .has_leases = true,
    .tells_failures = true,
    .echoes_opaque = true,
};
