#include "proxy/time_cache.h"

#include <string.h>
#include <time.h>

/* The process keeps the C locale, so the names of months are English. */
static void fill(struct time_cache *c, wall_s second)
{
    time_t t = (time_t)second;
    struct tm tm;
    char text[64] = "";
    if (!localtime_r(&t, &tm))
        memset(&tm, 0, sizeof tm);
    (void)strftime(text, sizeof text, "%d/%b/%Y:%H:%M:%S %z", &tm);
    memcpy(c->local, text, sizeof c->local);
    (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S%z", &tm);
    memcpy(c->iso8601, text, 22);
    c->iso8601[22] = ':';
    memcpy(c->iso8601 + 23, text + 22, 2);
    c->second = second;
    c->filled = true;
}

static void refresh(struct time_cache *c, wall_ms now)
{
    wall_s second = now / 1000;
    if (!c->filled || c->second != second)
        fill(c, second);
}

struct slice time_cache_local(struct time_cache *c, wall_ms now)
{
    refresh(c, now);
    return slice_make(c->local, sizeof c->local);
}

struct slice time_cache_iso8601(struct time_cache *c, wall_ms now)
{
    refresh(c, now);
    return slice_make(c->iso8601, sizeof c->iso8601);
}
