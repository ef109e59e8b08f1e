#include "main/purging.h"

#include "cache/purge.h"

#define INTERVAL_MS 1000 /* where entries in memory are never checked otherwise */
#define UNKNOWN_MS  50   /* until the log has been read once: nothing out of the pool is used */

static void reader_ended(struct purge_reader *r)
{
    void (*on_first)(void *owner) = r->on_first;
    bool known = purge_book_is_known(r->store->purges);
    r->reading = false;
    timer_set(r->loop, &r->timer,
              known || r->interval_ms < UNKNOWN_MS ? r->interval_ms : UNKNOWN_MS);
    r->on_first = NULL;
    if (on_first)
        on_first(r->owner);
}

static void reader_on_sync(struct store_sync *sync)
{
    reader_ended(sync->owner);
}

static void reader_read(struct purge_reader *r)
{
    r->sync = (struct store_sync){.fn = reader_on_sync, .owner = r};
    r->reading = store_sync(r->store, &r->sync);
    if (!r->reading)
        reader_ended(r);
}

static void reader_on_timer(struct timer *t)
{
    reader_read(t->owner);
}

void purge_reader_start(struct purge_reader *r, struct loop *loop, struct store *store,
                        int64_t revalidate_ms, void (*on_first)(void *owner), void *owner)
{
    *r = (struct purge_reader){
        .loop = loop,
        .store = store,
        .interval_ms = revalidate_ms > 0 ? revalidate_ms : INTERVAL_MS,
        .on_first = on_first,
        .owner = owner,
    };
    timer_init(&r->timer, reader_on_timer, r);
    reader_read(r);
}

void purge_reader_stop(struct purge_reader *r)
{
    if (!r->store)
        return;
    timer_cancel(&r->timer);
    if (r->reading)
        store_cancel_sync(r->store, &r->sync);
    r->store = NULL;
}
