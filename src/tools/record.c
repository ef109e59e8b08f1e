#include "tools/record.h"

#include "base/parse.h"
#include "store/pack.h"

/* Answers of the first server after which its neighbour is asked. */
#define AFTER_ANY (MC_FAILURE_ERROR | MC_FAILURE_TIMEOUT | MC_FAILURE_INVALID | MC_NEXT_NOT_FOUND)

static const char *kind_text(enum stored_kind kind)
{
    switch (kind) {
    case STORED_RESPONSE: return "response";
    case STORED_VARY: return "vary index";
    case STORED_MARK: return "hit-for-miss mark";
    case STORED_CODED: return "coded form of a response";
    }
    return "";
}

const char *record_text(const struct record *r)
{
    switch (r->state) {
    case RECORD_NONE: return "nothing is stored";
    case RECORD_UNANSWERED: return "the server does not answer";
    case RECORD_STUB: return "nothing yet: a proxy holds the lease and fetches it";
    case RECORD_INVALID: return "no stored response of this version and key";
    case RECORD_FOUND: return kind_text(r->entry->view.meta.kind);
    }
    return "";
}

bool record_key(struct slice prefix, const struct cache_key *key, struct mc_key *out)
{
    struct mc_key_maker *maker = mc_key_maker_new();
    if (!maker)
        return false;
    mc_key_make(maker, prefix, key->bytes, out);
    mc_key_maker_free(&maker);
    return true;
}

/* The number behind `name=` in `ME key exp=-30 la=2 …`. */
static int64_t debug_number(struct slice line, struct slice name)
{
    struct slice rest = line;
    while (rest.n > 0) {
        struct slice word = slice_cut(rest, ' ', &rest);
        struct slice value;
        int64_t n = 0;
        if (slice_eq(slice_cut(word, '=', &value), name) && parse_i64(value, &n))
            return n;
    }
    return RECORD_UNKNOWN;
}

static struct slice ask_about(struct tool *t, struct mc_pool *pool, const struct record *r,
                              const char *command, const char *flags)
{
    struct slice line =
        arena_printf(&t->arena, "%s %.*s%s", command, SLICE_ARG(mc_key_slice(&r->mc_key)), flags);
    struct slice reply = tool_ask(t, pool, r->server, line);
    struct slice first = slice_none();
    return tool_line_next(&reply, &first) ? first : slice_none();
}

/* Before the look, which counts as a use. */
static void look_at_use(struct tool *t, struct mc_pool *pool, struct record *r)
{
    struct slice line = ask_about(t, pool, r, "me", "");
    r->idle_s = debug_number(line, SLICE("la"));
    r->item_bytes = debug_number(line, SLICE("size"));
}

static void take_value(struct record *r, struct mc_get *get, enum mc_result result)
{
    r->item = get->item;
    if (get->item.ttl_s != 0)
        r->ttl_s = get->item.ttl_s;
    r->from_second = result == MC_HIT && get->place == MC_PLACE_SECOND;
    switch (result) {
    case MC_PENDING:
    case MC_FAILED: r->state = RECORD_UNANSWERED; return;
    case MC_MISS: r->state = get->item.cas != 0 ? RECORD_STUB : RECORD_NONE; return;
    case MC_HIT: break;
    }
    struct pack *pack = pack_new();
    r->entry = pack_entry(pack, get->blob, r->key.bytes, &r->invalid);
    pack_free(&pack);
    r->state = r->entry ? RECORD_FOUND : RECORD_INVALID;
}

static bool speaks_meta(const struct mc_pool *pool, size_t server)
{
    struct mc_server_facts facts;
    mc_pool_server_facts(pool, server, &facts);
    return facts.protocol && slice_eq(slice_of(facts.protocol), SLICE("meta"));
}

/* False: there is no digest. */
static bool find_place(struct mc_pool *pool, struct slice prefix, struct record *r)
{
    if (!record_key(prefix, &r->key, &r->mc_key))
        return false;
    r->server = mc_pool_server_of(pool, &r->mc_key);
    if (!mc_pool_second_of(pool, &r->mc_key, &r->second))
        r->second = r->server;
    return true;
}

void record_look(struct tool *t, struct mc_pool *pool, struct slice prefix,
                 const struct cache_key *key, struct record *r)
{
    *r = (struct record){.state = RECORD_UNANSWERED,
                         .key = *key,
                         .ttl_s = RECORD_UNKNOWN,
                         .idle_s = RECORD_UNKNOWN,
                         .item_bytes = RECORD_UNKNOWN};
    if (!find_place(pool, prefix, r))
        return;
    bool tells = tool_ask(t, pool, r->server, SLICE("version")).p && speaks_meta(pool, r->server);
    if (tells)
        look_at_use(t, pool, r);
    struct mc_get get = {.key = r->mc_key, .ask = {.cas = true, .origin = true}, .next = AFTER_ANY};
    take_value(r, &get, tool_get(t, pool, &get));
    if (r->item.won) /* the connection gives it back: it has arrived before we end */
        (void)tool_ask(t, pool, r->server, SLICE("version"));
}

uint64_t record_count(struct tool *t, struct mc_pool *pool, struct slice prefix,
                      const struct cache_key *key)
{
    struct mc_get get = {.next = AFTER_ANY};
    uint64_t count = 0;
    if (!record_key(prefix, key, &get.key) || tool_get(t, pool, &get) != MC_HIT)
        return 0;
    bool is_number = parse_u64(slice_trim(blob_slice(get.blob)), UINT64_MAX, &count);
    blob_unref(&get.blob);
    return is_number ? count : 0;
}

void record_fini(struct record *r)
{
    entry_unref(&r->entry);
}
