/* What the files of a fetch share: fetch.c (states, life, the response), fetch_lookup.c (the pool),
 * fetch_lease.c (the fleet), fetch_head.c (the request to the origin), fetch_try.c (one try),
 * fetch_index.c (the vary index), fetch_variants.c (tags of other variants), fetch_uses.c
 * (min_uses), fetch_parts.c (ranges), fetch_post.c (responses to POST), fetch_mirror.c
 * (proxy_store), fetch_store.c (deciding, storing). */
#pragma once

#include "cache/policy.h"
#include "proxy/fetch.h"
#include "proxy/reply.h"
#include "upstream/exchange.h"

struct fetch {
    uint32_t magic;
    struct list node; /* worker's fetches */
    enum fetch_state state;
    bool running;
    bool given_up; /* nobody wants it any more */
    bool again;    /* something happened while a step ran */
    struct worker *worker;
    struct request *r; /* held: its head, arena, location and keys */
    bool request_live; /* it still waits for this fetch */
    bool background;
    struct flight_writer *writer;

    /* the pool */
    bool look;
    bool looked;
    bool lookup_done;
    enum store_result lookup_result;
    struct store_get get;
    struct entry *stale; /* to be validated, or served where the origin fails */
    struct entry *part;  /* its beginning is stored: the origin is asked for the rest only */
    bool part_tried;
    bool variants_asked; /* or not to be */
    bool validating;     /* the origin is asked whether it still holds */

    /* the fleet (fetch_lease.c) */
    struct store_lease lease; /* the right to fetch, while it is held */
    struct store_lease seen;  /* what another process holds, as the last lookup saw it */
    struct store_lease lost;  /* to be taken from it with the next lookup */
    struct timer poll;        /* the next look while waiting; the renewal of the lease later */
    bool poll_due;
    uint32_t polls;
    uint32_t claims;
    mono_ms waiting_since;
    mono_ms seen_since;
    mono_ms lease_since; /* won */

    /* the origin */
    bool may_store; /* as far as the request goes */
    struct slice head_text;
    struct exchange *exchange;
    struct upstream *upstream;
    struct pick_state picked;
    struct pick_state picked_before;
    bool fresh; /* not on a pooled connection */
    bool connected;
    bool send_full;
    bool send_ended;
    bool failed;
    enum exchange_error error;
    mono_ms started;
    int64_t try_started_us;
    uint32_t tries;
    struct upstream_try *try;

    /* the response */
    bool has_head;
    const struct response_head *head; /* the exchange's, until it is cancelled */
    bool done;
    wall_ms request_time;
    uint64_t purge_seq; /* the newest purge then */
    struct flight_response *response;
    struct stored_meta meta;
    enum store_verdict verdict;
    struct slice trailers; /* to be stored: field lines */
    struct cache_key store_key;
    bool collecting;             /* it is being stored: collected whole by the flight, */
    struct store_fill *fill;     /* or in chunks on its way */
    struct entry *manifest;      /* of these, once all of them have come */
    struct mirror *mirror;       /* the file of proxy_store that is being written, or NULL */
    struct part_look *part_look; /* in the pool, for a part that answers a range; else NULL */
    struct fetch_uses *uses;     /* where proxy_cache_min_uses is counted in the pool, else NULL */
    struct fetch_index *index;   /* of a response that varies, else NULL */

    /* fetch_make_request's, not cleared before: most lookups in the pool need no origin */
    struct request_head asked; /* as sent: HEAD becomes GET where the response fills the cache */
    struct exchange_request out;
};

/* -- fetch.c -- */
/* Updates the store behind the answer to `r`: the fetch has `stale` to validate and takes the
 * lease, unless somebody is fetching the key already. */
void fetch_behind(struct request *r, struct entry *stale, struct store_lease *lease);
void fetch_run(struct fetch *);
/* Of the table in fetch.c: the next state, or FETCH_STAY. */
typedef enum fetch_state fetch_step_fn(struct fetch *);

/* -- fetch_lookup.c -- */
fetch_step_fn fetch_step_lookup, fetch_step_wait;

/* Asks the store by `f->get`, which this fills from `get`. False: pending; when the answer comes,
 * lookup_done is set and the fetch runs. */
bool fetch_look(struct fetch *, const struct store_get *);

/* -- fetch_uses.c: proxy_cache_min_uses, counted over all processes -- */
/* Asks for the count, in the same write as the lookup that follows. */
void fetch_ask_uses(struct fetch *);
/* False: the answer is still due. */
bool fetch_uses_known(const struct fetch *);
/* Nothing was found: may the response not be stored yet? */
bool fetch_uses_too_few(const struct fetch *);
void fetch_leave_uses(struct fetch *);

/* -- fetch_index.c -- */
/* Of a response that is to be stored and varies: the index of its URL stands, and lists it, before
 * anybody hears of it. Sets store_key, or stops collecting. */
fetch_step_fn fetch_step_index;
/* The variant `e` was renewed: the index must list it, and live as long. False: it cannot. */
bool fetch_extend_index(struct fetch *, const struct entry *e);
/* Gives up what is held for it. */
void fetch_leave_index(struct fetch *);

/* -- fetch_try.c -- */
fetch_step_fn fetch_step_pick, fetch_step_connect, fetch_step_send, fetch_step_read_head,
    fetch_step_retry;
/* What a client is answered when nothing else is left. */
enum reply fetch_reply_of(enum exchange_error);
/* The condition of proxy_next_upstream (enum next_upstream) that an error or a status is; 0: none.
 */
unsigned fetch_bit_of_error(enum exchange_error);
unsigned fetch_bit_of_status(unsigned status);
/* Counts this try; may another one follow it? Then the request's content starts again. */
bool fetch_may_try_next(struct fetch *, unsigned bit);
/* The exchange is over, or about to be cancelled: its bytes and times are final. */
void fetch_note_try_end(struct fetch *);

/* -- fetch_lease.c: one fetch per key among all processes that share a pool -- */
void fetch_lease_init(struct fetch *);
/* What the lookup asks for: the lease, or at least a version to store over. */
struct store_want fetch_want(struct fetch *);
/* The lookup has answered: what it won, and what it saw of others. */
void fetch_take_lease(struct fetch *);
enum fetch_turn {
    TURN_OURS,  /* nobody else is fetching, or nobody is waited for any more */
    TURN_WAIT,  /* another process is */
    TURN_CLAIM, /* look again, with what was seen taken from whoever has it */
};
/* Whose turn it is to fetch what was not found, or found stale (`e`, else NULL). */
enum fetch_turn fetch_turn(struct fetch *, const struct entry *e);
/* Until the next look at what the other process does. */
void fetch_wait(struct fetch *);
/* Stores with the lease where it is the key's, else over the version that the lookup has seen. */
void fetch_put(struct fetch *, struct entry *, int64_t ttl_s);
/* Nothing was or will be stored. */
void fetch_release_lease(struct fetch *);

/* -- fetch_head.c -- */
/* Fills head_text and out. */
void fetch_make_request(struct fetch *);
/* For `n` bytes of what the request asks for, from `first` on, as long as it is what `if_range`
 * names. Text in the request's arena. */
void fetch_make_range_request(struct request *, uint64_t first, uint64_t n, struct slice if_range,
                              struct exchange_request *out);

/* -- fetch_fill.c: content too large to be kept as a whole goes into the store in chunks as it
 * arrives -- */
/* With `more` bytes or in all, is it that large? Then it begins, where the store has chunks. */
void fetch_fill_if_large(struct fetch *, uint64_t more);
/* False: the origin has to wait. */
bool fetch_fill_has_room(const struct fetch *);
void fetch_fill_add(struct fetch *, struct slice content);
/* The whole has come, and `manifest` (takes the reference) describes it. */
void fetch_fill_end(struct fetch *, struct entry *manifest);
/* False: the store has not taken all of it yet. When it has, the manifest is put. */
bool fetch_fill_is_over(struct fetch *);
/* Will not be stored: what is collected and what lies in chunks is forgotten. */
void fetch_stop_storing(struct fetch *);
/* Gives the fill up, if there is one. */
void fetch_fill_free(struct fetch *);
/* Readers or the store have made room, or the last reader has left. */
void fetch_on_room(struct fetch *);

/* -- fetch_parts.c -- */
/* A range that would be passed on: asks the pool for a part that holds it, in the same write as the
 * lookup that follows. */
void fetch_ask_part(struct fetch *);
/* False: the answer is still due. */
bool fetch_part_known(const struct fetch *);
/* The whole is not stored. The part that answers instead (borrowed), or NULL. */
struct entry *fetch_part_found(struct fetch *);
/* Stores a part, over what was seen in its place; false where none was looked for. */
bool fetch_put_part(struct fetch *, struct entry *, int64_t ttl_s);
void fetch_leave_part(struct fetch *);
/* Does the response answer the client's range, whether or not the origin was asked for one? It is
 * for nobody else then. */
bool fetch_is_part(const struct fetch *);
/* Of a 206 that passes by: is it stored as a part? Sets meta and store_key. */
enum store_verdict fetch_judge_part(struct fetch *);
/* The response that was being collected broke off: what is there is stored as a part. */
void fetch_store_beginning(struct fetch *);
/* Where the beginning is stored: adds the fields that ask for the rest. */
void fetch_ask_rest(struct fetch *, struct fields *out);
/* False: the head that came is of use to nobody, the whole has to be asked for. Else `head` is that
 * of the whole. */
bool fetch_take_rest(struct fetch *);
/* The head is published: gives the readers the beginning that was stored. */
void fetch_put_beginning(struct fetch *);

/* -- fetch_variants.c -- */
/* Of a variant that is not stored: adds the tags of those that are. False: there are none. */
bool fetch_ask_variants(struct fetch *, struct fields *out);
/* A 304 to that: `stale` is the variant that it is about. False: none of ours. */
bool fetch_select_variant(struct fetch *);

/* -- fetch_mirror.c -- */
/* The head is there: opens the file where there is one to be written. */
void fetch_begin_mirror(struct fetch *);
/* The response is complete. */
void fetch_end_mirror(struct fetch *);

/* -- fetch_post.c -- */
/* Is the answer to this POST stored as what a GET gets? Then the fetch has its key and store. */
bool fetch_fills_get(struct fetch *);

/* -- fetch_store.c -- */
/* Fills `response` from the head that came; the verdict, and what is needed to store it. */
void fetch_take_head(struct fetch *, const struct response_head *);
/* Tells the flight: with the vary index stored first, or a mark that this key is not shared. */
void fetch_publish(struct fetch *);
/* All content is there: gives the trailers to the flight, and to what is stored. */
void fetch_take_trailers(struct fetch *);
/* The whole response is there (RFC 9111 section 3.3): puts it into the store. */
void fetch_store_response(struct fetch *);
/* The same with the content that is there, under another head. */
void fetch_store_as(struct fetch *, const struct response_head *);
/* Is this the 200 to a HEAD that tells of the response that is stored (RFC 9111 section 4.3.5)? */
bool fetch_head_agrees(const struct fetch *, const struct response_head *);
/* A 304 to our own validation, or such a 200: the renewed entry (one reference), and for whom it
 * is. NULL: no memory. */
struct entry *fetch_freshen(struct fetch *, const struct response_head *, enum flight_entry_from *);
