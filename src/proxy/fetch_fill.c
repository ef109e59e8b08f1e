/* Content too large to be kept as a whole goes into the store in chunks as it arrives. Its manifest
 * is put when the store has all of them, so what is broken, or purged meanwhile, is never found.
 *
 * Who comes while this goes on, behind the beginning, is told by the flight: he fetches for himself
 * at once, and does not store (flight.h: `late`). Other processes wait as for any lease. */
#include "cache/freshness.h"
#include "proxy/fetch_internal.h"

#define FILLS_MAX 64 /* of one worker at a time: each has some chunks in memory */

bool fetch_fill_has_room(const struct fetch *f)
{
    return !f->fill || f->fill->state != FILL_FULL;
}

static void lose(struct fetch *f)
{
    counter_add(&f->worker->counters, COUNTER_FILLS_LOST, 1);
    fetch_stop_storing(f);
}

static void fill_on_change(struct store_fill *fill)
{
    struct fetch *f = fill->owner;
    if (f->state == FETCH_STORE) {
        fetch_run(f);
        return;
    }
    if (fill->state == FILL_LOST)
        lose(f);
    fetch_on_room(f);
}

/* -- beginning -- */

static bool is_large(const struct fetch *f, uint64_t bytes)
{
    const struct request *r = f->r;
    const struct cache_store_conf *c = &r->wconf->conf->caches[r->location->cache];
    uint64_t max = (uint64_t)c->memory_max_object_bytes;
    if (c->memory_bytes > 0 && c->memory_bytes / 2 < max)
        max = c->memory_bytes / 2;
    return bytes > max;
}

static void add_collected(void *fill, struct slice content)
{
    (void)store_fill_append(fill, content);
}

static void begin(struct fetch *f)
{
    if (f->worker->fills >= FILLS_MAX)
        return;
    f->fill = store_fill(f->r->store, f->store_key.bytes, f->meta.generation,
                         freshness_store_ttl_s(&f->meta));
    if (!f->fill)
        return;
    f->worker->fills++;
    f->fill->on_change = fill_on_change;
    f->fill->owner = f;
    flight_each_collected(f->writer, add_collected, f->fill);
    flight_pass_on(f->writer);
    if (f->fill->state == FILL_LOST)
        lose(f);
}

void fetch_fill_if_large(struct fetch *f, uint64_t more)
{
    if (f->r->raw) /* a raw value is one item */
        return;
    if (!f->fill && is_large(f, flight_length(f->writer) + more))
        begin(f);
}

/* -- going on -- */

void fetch_fill_add(struct fetch *f, struct slice content)
{
    if (store_fill_append(f->fill, content) == FILL_LOST)
        lose(f);
}

void fetch_fill_free(struct fetch *f)
{
    if (!f->fill)
        return;
    f->worker->fills--;
    store_fill_free(&f->fill);
}

void fetch_stop_storing(struct fetch *f)
{
    f->collecting = false;
    fetch_fill_free(f);
    if (f->writer)
        flight_stop_collecting(f->writer);
    fetch_release_lease(f);
}

/* -- the end -- */

void fetch_fill_end(struct fetch *f, struct entry *manifest)
{
    f->manifest = manifest;
    (void)store_fill_end(f->fill);
}

bool fetch_fill_is_over(struct fetch *f)
{
    if (!f->fill)
        return true;
    switch (f->fill->state) {
    case FILL_ROOM:
    case FILL_FULL: return false;
    case FILL_LOST: lose(f); return true;
    case FILL_WHOLE: break;
    }
    fetch_fill_free(f);
    fetch_put(f, f->manifest, freshness_store_ttl_s(&f->manifest->view.meta));
    counter_add(&f->worker->counters, COUNTER_CACHE_STORED, 1);
    return true;
}
