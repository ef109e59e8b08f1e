/* What a server is, before it is asked for anything: user and password, `mn` and `version`, or
 * `version` alone; then its limit of an item. */
#include "memcached/conn_read.h"
#include "memcached/settings.h"

static void ready(struct mc_conn *c, const struct mc_protocol *protocol)
{
    c->protocol = protocol;
    c->phase = MC_CONN_READY;
}

/* Of a memcached that says which one it is; what else speaks its protocol need not know it. */
static void ask_settings(struct mc_conn *c)
{
    c->protocol = &mc_protocol_meta;
    c->phase = MC_CONN_PROBING_SETTINGS;
    mc_conn_queue_text(c, SLICE("stats settings\r\n"));
}

static enum mc_step on_version(struct mc_conn *c, bool noop_answered, const struct mc_reply *reply)
{
    if (reply->kind != MC_REPLY_VERSION)
        return MC_STEP_PROBE;
    bool known = mc_version_has_meta(reply->text);
    c->version_n = (uint8_t)(reply->text.n < MC_VERSION_MAX ? reply->text.n : MC_VERSION_MAX);
    memcpy(c->version, reply->text.p, c->version_n);
    switch (c->conf->protocol) {
    case MC_PROTOCOL_AUTO:
        if (known && noop_answered)
            ask_settings(c);
        else
            ready(c, &mc_protocol_classic);
        return MC_STEP_NEXT;
    case MC_PROTOCOL_META:
        if (known)
            ask_settings(c);
        else
            ready(c, &mc_protocol_meta);
        return MC_STEP_NEXT;
    case MC_PROTOCOL_CLASSIC: ready(c, &mc_protocol_classic); return MC_STEP_NEXT;
    }
    return MC_STEP_PROBE;
}

/* The answer to user and password is "STORED", to anything of somebody unknown an error. */
enum mc_step mc_conn_probe_reply(struct mc_conn *c, const struct mc_reply *reply)
{
    c->in_start += reply->line_bytes;
    if (reply->kind == MC_REPLY_CLIENT_ERROR &&
        (c->phase == MC_CONN_AUTH || slice_eq(reply->text, SLICE("unauthenticated"))))
        return MC_STEP_AUTH;
    if (c->phase == MC_CONN_AUTH) {
        c->phase = MC_CONN_PROBING;
        return reply->kind == MC_REPLY_DONE ? MC_STEP_NEXT : MC_STEP_PROBE;
    }
    if (c->phase == MC_CONN_PROBING && !c->probe_classic) {
        bool unknown = reply->kind == MC_REPLY_ERROR && c->conf->protocol == MC_PROTOCOL_AUTO;
        c->noop_answered = reply->kind == MC_REPLY_NOOP;
        c->phase = MC_CONN_PROBING_VERSION;
        return c->noop_answered || unknown ? MC_STEP_NEXT : MC_STEP_PROBE;
    }
    return on_version(c, c->noop_answered, reply);
}

enum mc_step mc_conn_probe_settings(struct mc_conn *c)
{
    size_t item_max = c->item_max_bytes;
    size_t line_bytes = 0;
    switch (mc_settings_line(mc_conn_unread(c), &item_max, &line_bytes)) {
    case MC_SETTINGS_MORE: return MC_STEP_MORE;
    case MC_SETTINGS_BAD: return MC_STEP_PROBE;
    case MC_SETTINGS_END: ready(c, c->protocol); break;
    case MC_SETTINGS_LINE: break;
    }
    c->in_start += line_bytes;
    c->item_max_bytes = item_max < c->conf->item_max_bytes ? item_max : c->conf->item_max_bytes;
    return MC_STEP_NEXT;
}
