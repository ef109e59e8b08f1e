/* What the files of a flight share: flight_table.c (who finds it), flight.c (its life and its
 * readers) and flight_writer.c. */
#pragma once

#include "base/map.h"
#include "proxy/changes.h"
#include "proxy/flight.h"

#include <stdatomic.h>

#define FLIGHT_SHARDS   64
#define SHORT_KEY_BYTES 128

struct flight_shard {
    pthread_mutex_t lock;
    struct map map;
};

struct flight_table {
    _Atomic size_t kept;   /* bytes of content in all flights */
    _Atomic size_t budget; /* for what is collected */
    struct changes changes;
    struct flight_shard shards[FLIGHT_SHARDS];
};

/* One place of the table that a flight is found in. */
struct listing {
    struct map_node node;
    struct flight *flight;
    bool listed;
    char *key; /* own copy; NULL: never listed */
};

struct flight {
    struct flight_table *table;
    bool alone; /* in no table: its leader and its writer are on one thread, and nobody locks */
    pthread_mutex_t lock; /* of all that follows; taken inside a shard's lock, never around one */
    unsigned refs;
    enum flight_state state;
    bool shared;
    bool collect;
    bool passed; /* listed, but its beginning is gone */
    int error;
    enum flight_entry_from from;
    struct flight_response *response;
    struct entry *entry;
    struct arena arena;
    struct flight_piece *pieces; /* content, by number from `first` on */
    size_t pieces_n;
    size_t pieces_cap;
    uint64_t first;
    uint64_t length; /* content so far */
    struct slice trailers;
    size_t window;
    mono_ms second_at; /* 0: never */
    uint64_t uri_hash;
    uint64_t begun; /* among the changes; 0: not yet */
    struct list readers;
    struct flight_writer *writer;
    struct flight_reader first_reader; /* memory of the leader, */
    struct flight_writer only_writer;  /* and of the writer: most flights have no other users */
    struct listing base;
    struct listing variant;
    char short_key[SHORT_KEY_BYTES]; /* of `base`; a longer one is allocated */
};

static inline void flight_lock(struct flight *f)
{
    if (!f->alone)
        pthread_mutex_lock(&f->lock);
}

static inline void flight_unlock(struct flight *f)
{
    if (!f->alone)
        pthread_mutex_unlock(&f->lock);
}

/* -- flight_table.c -- */
/* Nobody joins from now on. Before the head stands called by the writer alone. */
void flight_hide(struct flight *);

/* -- flight.c; `here` is the loop of the calling thread -- */
struct flight *flight_new(struct flight_table *, bool alone, struct loop *here);
/* Gives up one reference and the lock. */
void flight_unlock_unref(struct flight *, struct loop *here);
/* With the lock held, unless nobody else knows the flight. */
struct flight_reader *flight_reader_new(struct flight *, struct loop *, flight_progress_fn *,
                                        void *owner);
/* All that follow: with the lock held. */
void flight_tell_reader(struct flight_reader *, struct loop *here);
void flight_tell_readers(struct flight *, struct loop *here);
bool flight_window_is_full(const struct flight *);
/* Drops content that every reader has passed, where the store does not want it. */
void flight_trim(struct flight *);
