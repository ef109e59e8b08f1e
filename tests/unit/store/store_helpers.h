/* Entries to be stored and lookups that note their end, for the tests of stores that may be
 * pending. */
#pragma once

#include "cache/store.h"
#include "memcached/mc_helpers.h"

/* A response of that key with the content, fresh for `lifetime_s`. */
struct entry *entry_of(const char *key, const char *content, wall_ms received_ms,
                       int64_t lifetime_s);
struct cache_key cache_key_of(const char *key);

struct lookup {
    struct store_get get;
    int calls;
    enum store_result result;
};
/* The callback of a lookup that a test has filled itself. */
store_get_fn lookup_on_get;
void lookup_start(struct store *, struct lookup *, const char *key);
void lookup_start_wanting(struct store *, struct lookup *, const char *key, struct store_want);
/* Turns the loop until it has ended. */
void lookup_until_done(struct rig *, struct lookup *);
/* Starts it and turns the loop until it has ended. */
enum store_result lookup(struct rig *, struct store *, struct lookup *, const char *key);
/* Fails where the hit isn't this; gives the entry back. */
void lookup_expect(struct lookup *, enum store_tier, const char *content);
