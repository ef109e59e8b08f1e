#include "store/store_helpers.h"

struct entry *entry_of(const char *key, const char *content, wall_ms received_ms,
                       int64_t lifetime_s)
{
    struct stored_meta meta = {
        .kind = STORED_RESPONSE,
        .status = 200,
        .received_ms = received_ms,
        .lifetime_s = lifetime_s,
        .content_length = strlen(content),
        .last_modified = -1,
    };
    struct slice k = slice_of(key);
    const struct stored_parts parts = {.key = k, .head = SLICE("HTTP/1.1 200 OK\r\n")};
    struct blob *blob = blob_new(stored_size(&meta, &parts));
    assert_non_null(blob);
    memcpy(stored_encode(blob, &meta, &parts), content, strlen(content));
    stored_seal(blob);
    enum stored_check why;
    struct entry *entry = entry_new(blob, k, &why);
    assert_non_null(entry);
    return entry;
}

struct cache_key cache_key_of(const char *key)
{
    return (struct cache_key){.bytes = slice_of(key), .hash = hash_seeded(slice_of(key), 1)};
}

void lookup_on_get(struct store_get *get, enum store_result result)
{
    struct lookup *l = get->owner;
    l->calls++;
    l->result = result;
}

void lookup_start(struct store *store, struct lookup *l, const char *key)
{
    lookup_start_wanting(store, l, key, (struct store_want){0});
}

void lookup_start_wanting(struct store *store, struct lookup *l, const char *key,
                          struct store_want want)
{
    *l = (struct lookup){
        .get = {.key = cache_key_of(key), .want = want, .fn = lookup_on_get, .owner = l}};
    l->result = store_get(store, &l->get);
    assert_int_equal(l->calls, 0);
}

enum store_result lookup(struct rig *rig, struct store *store, struct lookup *l, const char *key)
{
    lookup_start(store, l, key);
    lookup_until_done(rig, l);
    return l->result;
}

void lookup_until_done(struct rig *rig, struct lookup *l)
{
    mono_ms end = clock_mono_ms() + PATIENCE_MS;
    while (l->result == STORE_PENDING && clock_mono_ms() < end)
        loop_turn(rig->loop, 100);
    assert_int_not_equal(l->result, STORE_PENDING);
}

void lookup_expect(struct lookup *l, enum store_tier tier, const char *content)
{
    assert_int_equal(l->result, STORE_HIT);
    assert_int_equal(l->get.tier, tier);
    assert_non_null(l->get.entry);
    assert_true(slice_eq(l->get.entry->view.content, slice_of(content)));
    entry_unref(&l->get.entry);
}
