/* One fetch of one key under way, and the requests that wait for it or read along (collapsing). The
 * writer is a fetch; readers are requests on any worker. States go forward only: pending -> head ->
 * complete | broken      pending -> entry | released | broken A reader is told by its on_progress,
 * on its own worker's loop, and then looks. All calls are safe from any thread; a flight lives
 * while its writer or a reader holds it.
 *
 * Backpressure: the fetch stops reading the origin while the reader that is furthest ahead has more
 * than `window` bytes before it (and none are wanted by the store), so a single client that has
 * stopped reading holds the window and no more. Content that is not collected for the store is
 * dropped once every reader has passed it; then the slowest reader counts. */
#pragma once

#include "base/arena.h"
#include "base/blob.h"
#include "base/list.h"
#include "cache/store.h"
#include "http/message.h"
#include "net/loop.h"

#include <pthread.h>

struct flight_table;

enum flight_state {
    FLIGHT_PENDING,
    FLIGHT_HEAD,     /* the response head stands; content is arriving */
    FLIGHT_COMPLETE, /* all content is there */
    FLIGHT_ENTRY,    /* a stored response answers (out of the pool, or validated by a 304) */
    FLIGHT_RELEASED, /* not to be shared: each reader fetches for itself; the first reader has the
                        response */
    FLIGHT_BROKEN,   /* failed: before a head `error` says how; after it, readers must show the
                        truncation */
};

/* Everything about the response that readers need; immutable once published. */
struct flight_response {
    struct response_head head; /* fields in the flight's arena, bytes in head_blob */
    struct blob *head_blob;
    wall_ms request_time;
    wall_ms response_time;
    int64_t passed_age_s; /* Age when it arrived */
    bool stored;          /* is being collected for the store */
    bool conditional; /* the clients' own conditions were not forwarded: they are evaluated here */
    struct stored_meta meta; /* where stored: its age and lifetime */
    struct slice vary;       /* spec, empty none */
    struct slice variant;    /* values of those fields: who asks for another variant looks again */
    struct slice peer;       /* $upstream_addr */
    const char *detail;      /* why not stored, for Cache-Status; NULL none */
    uint64_t purge_seq; /* of stored_meta, and stored_parts' tags: whether it was purged since */
    struct slice tags;
};

struct flight;
struct flight_reader;
typedef void flight_progress_fn(struct flight_reader *);
typedef void flight_writer_fn(void *owner);

/* Heap, owned by flight.c: outlives its user by as long as a message to it is on its way. */
struct flight_reader {
    struct list node;
    struct flight *flight;
    struct loop *loop;
    flight_progress_fn *on_progress;
    void *owner; /* NULL once it has left */
    struct loop_msg msg;
    struct turn_end turn_end;
    bool notified; /* a message or turn_end is on its way; under the flight's lock */
    bool posted;   /* it is a message, which cannot be called back */
    bool leader;
    bool late; /* a flight of this key is being stored whose beginning is gone: it cannot be joined
                */
    bool released;
    uint64_t chunk;  /* next piece of content by number */
    uint64_t offset; /* content bytes taken */
};

struct flight_table *flight_table_new(void);
void flight_table_free(struct flight_table **);
/* Content that all flights together may keep for the store; beyond it new content is passed on
 * without being stored. From any thread. */
void flight_table_set_budget(struct flight_table *, size_t bytes);

/* The URI whose cache key has this hash was changed: what flies for it is given to those who wait
 * already, to nobody else, and is not to be stored. */
void flight_table_changed(struct flight_table *, uint64_t uri_hash);

/* A reader of the flight of `key`, or of a new one: then `*leader` is true and the caller starts
 * the fetch and calls flight_attach_writer before it returns to the loop. With `alone` a flight
 * that is in no table (nobody joins); so it is where the key's flight cannot be joined any more,
 * and `late` is set. Never NULL. */
struct flight_reader *flight_join(struct flight_table *t, const struct cache_key *key, bool alone,
                                  struct loop *loop, flight_progress_fn *on_progress, void *owner,
                                  bool *leader);
/* From `at` on the next one who joins leads a flight of its own, if this one has no head yet
 * (proxy_cache_lock_age). */
void flight_second_from(struct flight_reader *leader, mono_ms at);
/* What it brings is out of date for who comes from now on: they do not join it. From FLIGHT_HEAD
 * on.
 */
void flight_unlist(struct flight_reader *);
/* Is there a flight for the key? (for background revalidation: do not start a second one) */
bool flight_exists(struct flight_table *, const struct cache_key *);
/* The reader is gone; its callback will not come. Clears the pointer. */
void flight_leave(struct flight_reader **);

/* -- readers -- */
enum flight_state flight_state(struct flight_reader *);
/* From FLIGHT_HEAD or COMPLETE on. */
const struct flight_response *flight_response(const struct flight_reader *);
/* Where the entry of FLIGHT_ENTRY came from. */
enum flight_entry_from {
    ENTRY_FROM_POOL,
    ENTRY_VALIDATED,  /* the origin answered 304 */
    ENTRY_FOR_LEADER, /* the same, with what only who asked may have: the others look again */
    ENTRY_STALE,      /* the origin failed and stale-if-error allows it */
};
/* Of FLIGHT_ENTRY: borrowed from the flight. */
struct entry *flight_entry(const struct flight_reader *, enum flight_entry_from *);
/* A head was published, whatever became of it afterwards. */
bool flight_has_response(const struct flight_reader *);
/* All content is there and none was taken by this reader: its length is then known, whatever the
 * origin's framing. */
bool flight_whole(struct flight_reader *, uint64_t *length);
/* The writer's own words on FLIGHT_BROKEN before a head: an index of proxy/reply.h's table. */
int flight_error(const struct flight_reader *);

struct flight_piece {
    struct blob *blob; /* one reference for the caller */
    struct slice bytes;
};
/* Takes up to `max` pieces of content behind the reader's place and moves it on. `*end`: after
 * these the content is complete. */
size_t flight_take(struct flight_reader *, struct flight_piece *pieces, size_t max, bool *end);
/* Once the content is known to be complete: the field lines behind it. Borrowed from the flight. */
struct slice flight_trailers(const struct flight_reader *);

/* -- the writer -- */
/* `wake` runs on the writer's loop: readers have made room, or the last one has left. */
struct flight_writer {
    struct flight *flight;
    struct loop *loop;
    flight_writer_fn *wake;
    void *owner;
    struct loop_msg msg;
    struct turn_end turn_end;
    bool notified;
    bool posted;
    bool blocked; /* was told that the window is full */
};
/* Takes a reference for the writer. */
struct flight_writer *flight_attach_writer(struct flight_reader *leader, struct loop *,
                                           flight_writer_fn *wake, void *owner);
/* Before the origin is asked; `uri_hash` is that of the URI's cache key, of whatever variant. */
void flight_begin(struct flight_writer *, uint64_t uri_hash);
/* Was the URI changed since then? */
bool flight_is_outdated(struct flight_writer *);
/* Arena for the response that will be published; the writer's until then. */
struct arena *flight_arena(struct flight_writer *);
/* Publishes a response. Not shared: the flight leaves the table and all readers but the leader see
 * FLIGHT_RELEASED. Shared but not collected: it leaves the table too, those who wait read along.
 * `window` bounds content ahead of the readers; `collect` keeps all of it for the store. */
void flight_publish_head(struct flight_writer *, struct flight_response *, bool shared,
                         bool collect, size_t window);
/* Appends content; takes its own reference. False: the window is full, stop until `wake`. */
NODISCARD bool flight_append(struct flight_writer *, struct blob *, struct slice);
/* All flights together keep as much as they may. */
bool flight_over_budget(struct flight_writer *);
/* Stops collecting: the content is not stored. */
void flight_stop_collecting(struct flight_writer *);
/* Stops collecting, as the content is being stored on its way: the flight stays in the table, for
 * those who come too late to know of it. */
void flight_pass_on(struct flight_writer *);
/* Copies the collected content, `n` bytes of it, to `to`. */
void flight_collected(struct flight_writer *, char *to, size_t n);
/* What was collected, piece by piece. */
typedef void flight_content_fn(void *arg, struct slice content);
void flight_each_collected(struct flight_writer *, flight_content_fn *, void *arg);
/* Of the content so far. */
uint64_t flight_length(struct flight_writer *);
/* Before FLIGHT_COMPLETE; field lines in the flight's arena. */
void flight_put_trailers(struct flight_writer *, struct slice);
bool flight_window_full(struct flight_writer *);
size_t flight_readers(struct flight_writer *);
/* Ends it: nobody joins from now on. flight_end takes FLIGHT_COMPLETE or FLIGHT_BROKEN or
 * FLIGHT_RELEASED (readers, the leader too, go their own ways). */
void flight_end(struct flight_writer **, enum flight_state, int error);
/* Ends with a stored response; takes its own reference. */
void flight_end_entry(struct flight_writer **, struct entry *, enum flight_entry_from);
/* Sends everyone but the leader away before there is a head: responses of this key are known not to
 * be shared. */
void flight_release_others(struct flight_writer *);
/* Lists the flight under the key of its variant too, so that who knows the vary index finds it. */
void flight_list_variant(struct flight_writer *, const struct cache_key *);
