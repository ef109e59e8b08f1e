/* The process's part in the logs of purges of its caches: one worker reads them, first before
 * anything is served with a configuration, then every memory_revalidate, also while nothing is
 * asked for. So what another proxy has purged is known here after that time and one memcached
 * timeout. */
#pragma once

#include "cache/store.h"
#include "net/loop.h"

/* Of one cache of one configuration; in one worker. */
struct purge_reader {
    struct loop *loop;
    struct store *store;
    int64_t interval_ms;
    struct store_sync sync;
    bool reading;
    struct timer timer;
    void (*on_first)(void *owner); /* once, behind the first read; NULL then */
    void *owner;
};

/* Starts reading; `on_first` is called, before this returns or later, whatever the first read
 * gives. Keeps `store` until purge_reader_stop. */
void purge_reader_start(struct purge_reader *, struct loop *, struct store *, int64_t revalidate_ms,
                        void (*on_first)(void *owner), void *owner);
/* Does nothing where it was not started. */
void purge_reader_stop(struct purge_reader *);
