#include "store/purge_sync.h"

#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

#define COPIES STORE_SYNC_SERVERS
/* Reads of one exchange: each follows a write that another process's came before, or a copy that
 * somebody was about to make. */
#define READS_MAX 32
/* Names of a copy that are tried for one that another server keeps. */
#define NAMES_MAX  64
#define STUB_S     2
#define KEEP_S     (INT64_C(10) * 365 * 24 * 3600)
#define LOG_FLAGS  2  /* of the item, for people who look at the servers */
#define FULL_READS 30 /* a version is believed for so many exchanges: a server may count anew */

enum copy_state {
    COPY_READING = 1,
    COPY_ABSENT, /* the server has none */
    COPY_SAME,   /* it says what this process knows */
    COPY_FAILED,
};

struct copy {
    struct mc_get get;
    struct purge_sync *sync;
    enum copy_state state;
    size_t server;
    uint64_t version; /* of what was read last; 0: not known */
    uint64_t newest;  /* known to this process when it was the same */
    unsigned reads;   /* of this exchange */
    unsigned unread;  /* exchanges since the value was read */
};

struct purge_sync {
    struct mc_pool *pool;
    struct mc_key_maker *keys;
    struct slice prefix;
    struct slice name; /* of the cache */
    struct purge_book *book;
    struct copy copies[COPIES];
    size_t copies_n;
    unsigned pending;
    struct list riding;  /* store_syncs of the exchange under way */
    struct list waiting; /* of the next one */
};

static mc_get_fn copy_on_answer;

/* -- where the copies are -- */

/* No cache key begins so. */
static void name_copy(struct mc_key_maker *keys, struct slice prefix, struct slice name,
                      unsigned number, struct mc_key *out)
{
    char text[256];
    int n = snprintf(text, sizeof text, "purge log %u %.*s", number, SLICE_ARG(name));
    size_t length = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    mc_key_make(keys, prefix, slice_make(text, length), out);
}

/* A copy that is elsewhere than before is not known. */
static void place_copy(struct copy *c, size_t server, const struct mc_key *key)
{
    if (!slice_eq(mc_key_slice(&c->get.key), mc_key_slice(key)) || c->server != server)
        c->version = 0;
    c->get.key = *key;
    c->server = server;
}

/* The first copy is where its name belongs; the next one has the first name that belongs to another
 * server. The pool's servers may have changed since the last exchange. */
static void place_copies(struct purge_sync *s)
{
    bool any = mc_pool_servers(s->pool) > 0;
    s->copies_n = 0;
    for (unsigned number = 0; any && number < NAMES_MAX && s->copies_n < COPIES; number++) {
        struct mc_key key;
        name_copy(s->keys, s->prefix, s->name, number, &key);
        size_t server = mc_pool_server_of(s->pool, &key);
        if (s->copies_n == 0 || server != s->copies[0].server)
            place_copy(&s->copies[s->copies_n++], server, &key);
    }
}

struct purge_sync *purge_sync_new(struct mc_pool *pool, struct mc_key_maker *keys,
                                  struct slice prefix, struct slice name, struct purge_book *book)
{
    struct purge_sync *s = calloc(1, sizeof(*s));
    ASSERT(s != NULL);
    s->pool = pool;
    s->book = book;
    s->keys = keys;
    s->prefix = prefix;
    s->name = name;
    list_init(&s->riding);
    list_init(&s->waiting);
    for (size_t i = 0; i < COPIES; i++) {
        s->copies[i].sync = s;
        s->copies[i].get.fn = copy_on_answer;
        s->copies[i].get.owner = &s->copies[i];
    }
    return s;
}

size_t purge_sync_copies(struct purge_sync *s, struct mc_key keys[STORE_SYNC_SERVERS])
{
    place_copies(s);
    for (size_t i = 0; i < s->copies_n; i++)
        keys[i] = s->copies[i].get.key;
    return s->copies_n;
}

void purge_sync_free(struct purge_sync **sp)
{
    struct purge_sync *s = *sp;
    *sp = NULL;
    if (s == NULL)
        return;
    ASSERT(list_empty(&s->riding) && list_empty(&s->waiting));
    for (size_t i = 0; i < COPIES; i++)
        if (s->copies[i].state == COPY_READING)
            mc_get_cancel(&s->copies[i].get);
    free(s);
}

/* -- one copy -- */

static void copy_end(struct copy *c, enum copy_state state)
{
    c->state = state;
    c->sync->pending--;
    if (state == COPY_FAILED)
        c->version = 0;
}

static void copy_read(struct copy *c, bool only_version)
{
    c->state = COPY_READING;
    c->reads++;
    c->get.ask = (struct mc_ask){
        .cas = true, .no_value = only_version, .lease_s = only_version ? 0 : STUB_S};
    if (mc_pool_get_first(c->sync->pool, &c->get) != MC_PENDING)
        copy_end(c, COPY_FAILED);
}

/* And looks whether it has got there: a write over a version that is gone leaves the other one. */
static void copy_write(struct copy *c)
{
    struct blob *log = c->reads < READS_MAX ? purge_book_encode(c->sync->book) : NULL;
    bool sent = log != NULL &&
                mc_pool_set_first(c->sync->pool, &c->get.key, log, LOG_FLAGS, KEEP_S, c->version);
    blob_unref(&log);
    if (sent)
        copy_read(c, false);
    else
        copy_end(c, COPY_FAILED);
}

/* What the copy has is learnt; what it lacks is written. */
static void copy_learn(struct copy *c, struct blob *value)
{
    struct purge_book *book = c->sync->book;
    bool lacks = true;
    bool is_log = purge_book_learn(book, blob_slice(value), clock_wall_ms(), &lacks);
    c->version = c->get.item.cas;
    c->unread = 0;
    if (is_log && !lacks) {
        c->newest = purge_book_newest(book);
        copy_end(c, COPY_SAME);
    } else if (is_log) {
        copy_write(c);
    } else {
        copy_end(c, COPY_ABSENT); /* garbage, to be replaced */
    }
}

/* Without a value: the version that is known, or another one. */
static void copy_compare(struct copy *c)
{
    if (c->get.item.cas == c->version)
        copy_end(c, COPY_SAME);
    else
        copy_read(c, false);
}

/* There is none. Who else is about to make one is waited for, a few round trips long. */
static void copy_miss(struct copy *c)
{
    const struct mc_item *item = &c->get.item;
    bool asked = !c->get.ask.no_value; /* with a lease, so that one of all makes it */
    c->version = item->cas;
    if (asked && !item->taken)
        copy_end(c, COPY_ABSENT);
    else if (c->reads < READS_MAX)
        copy_read(c, false);
    else
        copy_end(c, COPY_FAILED);
}

/* -- an exchange -- */

/* A copy whose version is as it was needs no more than that, while this process has nothing new. */
static bool needs_value(struct copy *c)
{
    return c->version == 0 || ++c->unread >= FULL_READS ||
           c->newest != purge_book_newest(c->sync->book);
}

static bool is_under_way(const struct purge_sync *s)
{
    return s->pending > 0;
}

static void run(struct purge_sync *s)
{
    place_copies(s);
    s->pending = (unsigned)s->copies_n;
    for (size_t i = 0; i < s->copies_n; i++) {
        struct copy *c = &s->copies[i];
        c->reads = 0;
        copy_read(c, !needs_value(c));
    }
}

/* Copies that are not there are made once it is known what the others say, and what one of them
 * said is brought to those that were read before it. A log that no server has and this process does
 * not know is made anew. */
static void mend(struct purge_sync *s)
{
    for (size_t i = 0; i < s->copies_n; i++) {
        struct copy *c = &s->copies[i];
        if (c->state == COPY_ABSENT)
            purge_book_begin(s->book, clock_wall_ms());
        else if (c->state != COPY_SAME || c->newest == purge_book_newest(s->book))
            continue;
        s->pending++;
        copy_write(c);
    }
}

static void report(struct purge_sync *s, struct store_sync *to)
{
    to->servers = s->copies_n;
    to->failed_n = 0;
    if (s->copies_n == 0) { /* none has been found yet */
        to->servers = 1;
        to->failed[to->failed_n++] = SLICE("none is known");
    }
    for (size_t i = 0; i < s->copies_n; i++)
        if (s->copies[i].state != COPY_SAME)
            to->failed[to->failed_n++] = mc_pool_server_name(s->pool, s->copies[i].server);
}

/* What every copy that was reached has been seen with. */
static void settle(struct purge_sync *s)
{
    uint64_t newest = 0;
    for (size_t i = 0; i < s->copies_n; i++) {
        const struct copy *c = &s->copies[i];
        if (c->state == COPY_SAME && (newest == 0 || c->newest < newest))
            newest = c->newest;
    }
    if (newest > 0)
        purge_book_settled(s->book, newest);
}

static void move_all(struct list *from, struct list *to)
{
    while (!list_empty(from)) {
        struct list *one = from->next;
        list_remove(one);
        list_push_back(to, one);
    }
}

/* Those who came while it was under way may have brought more: they get one of their own. */
static void finish(struct purge_sync *s)
{
    struct list done;
    list_init(&done);
    settle(s);
    for (;;) {
        list_for_each (it, &s->riding)
            report(s, list_entry(it, struct store_sync, link));
        move_all(&s->riding, &done);
        if (list_empty(&s->waiting))
            break;
        move_all(&s->waiting, &s->riding);
        run(s);
        if (is_under_way(s))
            break;
    }
    while (!list_empty(&done)) {
        struct store_sync *one = list_entry(done.next, struct store_sync, link);
        list_remove(&one->link);
        one->fn(one);
    }
}

static void copy_on_answer(struct mc_get *get, enum mc_result result)
{
    struct copy *c = get->owner;
    struct purge_sync *s = c->sync;
    struct blob *value = get->blob;
    get->blob = NULL;
    if (result == MC_FAILED)
        copy_end(c, COPY_FAILED);
    else if (value != NULL && value->len > 0)
        copy_learn(c, value);
    else if (result == MC_HIT && get->ask.no_value)
        copy_compare(c);
    else
        copy_miss(c);
    blob_unref(&value);
    if (!is_under_way(s))
        mend(s);
    if (!is_under_way(s))
        finish(s);
}

bool purge_sync_start(struct purge_sync *s, struct store_sync *one)
{
    if (is_under_way(s)) {
        list_push_back(&s->waiting, &one->link);
        return true;
    }
    run(s);
    if (is_under_way(s))
        list_push_back(&s->riding, &one->link);
    else
        report(s, one);
    return is_under_way(s);
}

void purge_sync_cancel(struct store_sync *one)
{
    list_remove(&one->link);
}
