#include "memcached/copies.h"

#include "base/assert.h"

#include <stdlib.h>

/* A change that the first server was sent; the second one's is made of it. */
struct copy {
    struct mc_get told; /* with the key */
    struct mc_pool *pool;
    struct blob *value; /* NULL: a delete */
    struct mc_store_line line;
    struct list link;
};

/* No more values wait for an answer than may wait to be sent. */
static bool has_room(const struct mc_pool *pool, size_t bytes)
{
    return pool->copies_n < pool->env.conf->pending_max &&
           pool->copies_bytes + bytes <= pool->env.conf->send_buffer_bytes;
}

static struct copy *copy_new(struct mc_pool *pool, const struct mc_key *key, struct blob *value,
                             mc_get_fn *fn)
{
    size_t bytes = value != NULL ? value->len : 0;
    if (!has_room(pool, bytes))
        return NULL;
    struct copy *copy = malloc(sizeof(*copy));
    ASSERT(copy != NULL);
    *copy = (struct copy){.told = {.key = *key, .fn = fn, .owner = copy}, .pool = pool};
    copy->value = value != NULL ? blob_ref(value) : NULL;
    pool->copies_n++;
    pool->copies_bytes += bytes;
    list_push_back(&pool->copies, &copy->link);
    return copy;
}

static void copy_free(struct copy *copy)
{
    struct mc_pool *pool = copy->pool;
    list_remove(&copy->link);
    pool->copies_n--;
    pool->copies_bytes -= copy->value != NULL ? copy->value->len : 0;
    mc_get_cancel(&copy->told);
    blob_unref(&copy->value);
    free(copy);
}

void mc_copies_fini(struct mc_pool *pool)
{
    list_for_each_safe (it, &pool->copies)
        copy_free(list_entry(it, struct copy, link));
}

/* -- stores -- */

/* The second copy lives for `replica_ttl` at most. */
static uint32_t second_exptime(const struct mc_pool *pool, int64_t ttl_s)
{
    int64_t max_s = (pool->env.conf->replica_ttl_ms + 999) / 1000;
    return mc_exptime(ttl_s < max_s ? ttl_s : max_s, loop_wall(pool->env.loop) / 1000);
}

static void copy_on_stored(struct mc_get *told, enum mc_result result)
{
    struct copy *copy = told->owner;
    struct mc_server *second = mc_pool_second(copy->pool, &told->key);
    if (result == MC_HIT)
        (void)mc_server_set(second, &told->key, copy->value, copy->line, NULL);
    else if (result == MC_FAILED && told->failure == MC_FAILURE_INVALID)
        mc_server_del(second, &told->key, (struct mc_del_line){0}); /* the first has lost it */
    copy_free(copy);
}

/* Without the first server: what names a version of its item cannot be stored. */
static bool set_second_alone(struct mc_pool *pool, const struct mc_key *key, struct blob *value,
                             struct mc_store_line line, int64_t ttl_s)
{
    line.exptime = second_exptime(pool, ttl_s);
    return line.cas == 0 && mc_server_set(mc_pool_second(pool, key), key, value, line, NULL);
}

bool mc_copies_set(struct mc_pool *pool, const struct mc_key *key, struct blob *value,
                   struct mc_store_line line, int64_t ttl_s)
{
    struct mc_server *first = mc_pool_first(pool, key);
    if (!mc_server_is_ready(first))
        return set_second_alone(pool, key, value, line, ttl_s);
    struct copy *copy = copy_new(pool, key, value, copy_on_stored);
    if (!mc_server_set(first, key, value, line, copy != NULL ? &copy->told : NULL)) {
        if (copy != NULL)
            copy_free(copy);
        return false;
    }
    if (copy == NULL)
        return true;
    copy->line =
        (struct mc_store_line){.flags = line.flags, .exptime = second_exptime(pool, ttl_s)};
    return true;
}

/* -- deletes -- */

static void copy_on_deleted(struct mc_get *told, enum mc_result result UNUSED)
{
    struct copy *copy = told->owner;
    mc_server_del(mc_pool_second(copy->pool, &told->key), &told->key, (struct mc_del_line){0});
    copy_free(copy);
}

void mc_copies_del(struct mc_pool *pool, const struct mc_key *key)
{
    struct mc_server *first = mc_pool_first(pool, key);
    struct copy *copy = copy_new(pool, key, NULL, copy_on_deleted);
    if (copy != NULL && mc_server_del_told(first, key, (struct mc_del_line){0}, &copy->told))
        return;
    if (copy == NULL)
        mc_server_del(first, key, (struct mc_del_line){0});
    else
        copy_free(copy);
    mc_server_del(mc_pool_second(pool, key), key, (struct mc_del_line){0});
}
