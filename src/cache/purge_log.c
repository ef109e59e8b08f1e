/* The log as bytes, all numbers little endian:
 *
 *      0 u64 magic         16 u64 newest     32 u64 soft_floor   48 u32 names
 *      8 u64 checksum      24 u64 floor      40 u64 names_from   52 u32 prefixes
 *
 *     56 names: u64 hash, u64 mark; then prefixes: u64 mark, u8 bytes, text
 *
 * A mark is the number shifted left by one, with the lowest bit set where the purge is soft. */
#include "cache/purge_log.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/le.h"

#define MAGIC       UINT64_C(0x31676f6c7072706d) /* "mprplog1" */
#define HEAD_BYTES  56
#define AT_CHECKSUM 8
#define AT_REST     16 /* the checksum is over all bytes from here */

void purge_log_init(struct purge_log *log)
{
    log->newest = 0;
    log->floor = 0;
    log->soft_floor = 0;
    log->names_from = 0;
    log->names_n = 0;
    log->prefixes_n = 0;
}

uint64_t purge_log_next(const struct purge_log *log, uint64_t now_us)
{
    return now_us > log->newest ? now_us : log->newest + 1;
}

static void raise_to(uint64_t *bound, uint64_t seq)
{
    if (seq > *bound)
        *bound = seq;
}

/* A purge that a bound tells of as well. */
static bool is_covered(const struct purge_log *log, uint64_t seq, bool soft)
{
    return seq <= log->floor || (soft && seq <= log->soft_floor);
}

/* -- names -- */

/* Names of different kinds have different hashes. */
static uint64_t name_hash(enum purge_kind kind, struct slice value)
{
    static const uint64_t salts[] = {
        [PURGE_ALL] = 0,
        [PURGE_PREFIX] = 0,
        [PURGE_HOST] = UINT64_C(0x9e3779b97f4a7c15),
        [PURGE_URL] = UINT64_C(0xc2b2ae3d27d4eb4f),
        [PURGE_KEY] = UINT64_C(0x165667b19e3779f9),
        [PURGE_TAG] = UINT64_C(0xd6e8feb86659fd93),
    };
    return hash_checksum(value) ^ salts[kind];
}

static int name_order(const struct purge_name *a, uint64_t hash, bool soft)
{
    if (a->hash != hash)
        return a->hash < hash ? -1 : 1;
    return (int)a->soft - (int)soft;
}

/* The first one that is not before (hash, soft). */
static size_t name_place(const struct purge_log *log, uint64_t hash, bool soft)
{
    size_t low = 0;
    size_t high = log->names_n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (name_order(&log->names[middle], hash, soft) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Its index, names_n where it is not there. */
static size_t name_index(const struct purge_log *log, uint64_t hash, bool soft)
{
    size_t at = name_place(log, hash, soft);
    bool found = at < log->names_n && name_order(&log->names[at], hash, soft) == 0;
    return found ? at : log->names_n;
}

static struct purge_name *name_find(struct purge_log *log, uint64_t hash, bool soft)
{
    size_t at = name_index(log, hash, soft);
    return at < log->names_n ? &log->names[at] : NULL;
}

static void name_remove(struct purge_log *log, struct purge_name *name)
{
    size_t behind = log->names_n - (size_t)(name - log->names) - 1;
    memmove(name, name + 1, behind * sizeof(*name));
    log->names_n--;
}

/* Of names that the bounds tell of nothing else is to be known. */
static void prune_names(struct purge_log *log)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < log->names_n; i++) {
        const struct purge_name *name = &log->names[i];
        if (name->seq > log->names_from && !is_covered(log, name->seq, name->soft))
            log->names[kept++] = *name;
    }
    log->names_n = kept;
}

/* A quarter goes at once, oldest first, so that a full log is not searched for each purge. */
static void drop_old_names(struct purge_log *log)
{
    uint64_t low = UINT64_MAX;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < log->names_n; i++)
        low = log->names[i].seq < low ? log->names[i].seq : low;
    for (uint32_t i = 0; i < log->names_n; i++)
        sum += (log->names[i].seq - low) / log->names_n;
    raise_to(&log->names_from, low + sum / 2);
    prune_names(log);
}

static void name_insert(struct purge_log *log, uint64_t hash, bool soft, uint64_t seq)
{
    size_t at = name_place(log, hash, soft);
    memmove(&log->names[at + 1], &log->names[at], (log->names_n - at) * sizeof(log->names[0]));
    log->names[at] = (struct purge_name){hash, seq, soft};
    log->names_n++;
}

static void name_add(struct purge_log *log, uint64_t hash, bool soft, uint64_t seq)
{
    struct purge_name *hard = name_find(log, hash, false);
    struct purge_name *same = soft ? name_find(log, hash, true) : hard;
    bool is_told =
        seq <= log->names_from || is_covered(log, seq, soft) || (hard != NULL && seq <= hard->seq);
    if (is_told)
        return;
    if (same != NULL) {
        raise_to(&same->seq, seq);
    } else {
        if (log->names_n == PURGE_NAMES_MAX)
            drop_old_names(log);
        if (seq > log->names_from)
            name_insert(log, hash, soft, seq);
    }
    struct purge_name *softer = soft ? NULL : name_find(log, hash, true);
    if (softer != NULL && softer->seq <= seq)
        name_remove(log, softer);
}

/* -- prefixes -- */

static struct slice prefix_text(const struct purge_prefix *prefix)
{
    return slice_make(prefix->text, prefix->n);
}

static int prefix_order(const struct purge_prefix *a, struct slice text, bool soft)
{
    size_t n = a->n < text.n ? a->n : text.n;
    int order = n > 0 ? memcmp(a->text, text.p, n) : 0;
    if (order != 0)
        return order;
    if (a->n != text.n)
        return a->n < text.n ? -1 : 1;
    return (int)a->soft - (int)soft;
}

/* The first one that is not before (text, soft). */
static size_t prefix_place(const struct purge_log *log, struct slice text, bool soft)
{
    size_t at = 0;
    while (at < log->prefixes_n && prefix_order(&log->prefixes[at], text, soft) < 0)
        at++;
    return at;
}

/* Its index, prefixes_n where it is not there. */
static size_t prefix_index(const struct purge_log *log, struct slice text, bool soft)
{
    size_t at = prefix_place(log, text, soft);
    bool found = at < log->prefixes_n && prefix_order(&log->prefixes[at], text, soft) == 0;
    return found ? at : log->prefixes_n;
}

static struct purge_prefix *prefix_find(struct purge_log *log, struct slice text, bool soft)
{
    size_t at = prefix_index(log, text, soft);
    return at < log->prefixes_n ? &log->prefixes[at] : NULL;
}

static void prefix_remove(struct purge_log *log, struct purge_prefix *prefix)
{
    size_t behind = log->prefixes_n - (size_t)(prefix - log->prefixes) - 1;
    memmove(prefix, prefix + 1, behind * sizeof(*prefix));
    log->prefixes_n--;
}

static void prune_prefixes(struct purge_log *log)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < log->prefixes_n; i++) {
        const struct purge_prefix *prefix = &log->prefixes[i];
        if (!is_covered(log, prefix->seq, prefix->soft))
            log->prefixes[kept++] = *prefix;
    }
    log->prefixes_n = kept;
}

/* The oldest one becomes a purge of everything before it. */
static void drop_old_prefix(struct purge_log *log)
{
    const struct purge_prefix *oldest = &log->prefixes[0];
    for (uint32_t i = 1; i < log->prefixes_n; i++)
        if (log->prefixes[i].seq < oldest->seq)
            oldest = &log->prefixes[i];
    raise_to(oldest->soft ? &log->soft_floor : &log->floor, oldest->seq);
    prune_prefixes(log);
}

static void prefix_insert(struct purge_log *log, struct slice text, bool soft, uint64_t seq)
{
    size_t at = prefix_place(log, text, soft);
    memmove(&log->prefixes[at + 1], &log->prefixes[at],
            (log->prefixes_n - at) * sizeof(log->prefixes[0]));
    struct purge_prefix *prefix = &log->prefixes[at];
    prefix->seq = seq;
    prefix->soft = soft;
    prefix->n = (uint8_t)text.n;
    memcpy(prefix->text, text.p, text.n);
    log->prefixes_n++;
}

static void prefix_add(struct purge_log *log, struct slice text, bool soft, uint64_t seq)
{
    ASSERT(text.n > 0 && text.n <= PURGE_PREFIX_BYTES_MAX);
    struct purge_prefix *hard = prefix_find(log, text, false);
    struct purge_prefix *same = soft ? prefix_find(log, text, true) : hard;
    if (is_covered(log, seq, soft) || (hard != NULL && seq <= hard->seq))
        return;
    if (same != NULL) {
        raise_to(&same->seq, seq);
    } else {
        if (log->prefixes_n == PURGE_PREFIXES_MAX)
            drop_old_prefix(log);
        if (!is_covered(log, seq, soft))
            prefix_insert(log, text, soft, seq);
    }
    struct purge_prefix *softer = soft ? NULL : prefix_find(log, text, true);
    if (softer != NULL && softer->seq <= seq)
        prefix_remove(log, softer);
}

/* -- the whole -- */

static void prune(struct purge_log *log)
{
    prune_names(log);
    prune_prefixes(log);
}

void purge_log_add(struct purge_log *log, const struct purge_scope *scope, bool soft, uint64_t seq)
{
    ASSERT(seq < PURGE_SEQ_MAX);
    raise_to(&log->newest, seq);
    switch (scope->kind) {
    case PURGE_ALL:
        raise_to(soft ? &log->soft_floor : &log->floor, seq);
        prune(log);
        break;
    case PURGE_PREFIX: prefix_add(log, scope->value, soft, seq); break;
    case PURGE_HOST:
    case PURGE_URL:
    case PURGE_KEY:
    case PURGE_TAG: name_add(log, name_hash(scope->kind, scope->value), soft, seq); break;
    }
}

void purge_log_merge(struct purge_log *log, const struct purge_log *other)
{
    raise_to(&log->newest, other->newest);
    raise_to(&log->floor, other->floor);
    raise_to(&log->soft_floor, other->soft_floor);
    raise_to(&log->names_from, other->names_from);
    prune(log);
    for (uint32_t i = 0; i < other->names_n; i++)
        name_add(log, other->names[i].hash, other->names[i].soft, other->names[i].seq);
    for (uint32_t i = 0; i < other->prefixes_n; i++) {
        const struct purge_prefix *prefix = &other->prefixes[i];
        prefix_add(log, prefix_text(prefix), prefix->soft, prefix->seq);
    }
}

/* `theirs`: the number that the other log has for the same, 0 where it has none. */
struct renumbering {
    uint64_t from;
    uint64_t newest; /* of the other log */
    uint64_t seq;
    bool any;
};

static void renumber_one(struct renumbering *r, uint64_t *ours, uint64_t theirs)
{
    if (*ours < r->from || *ours <= theirs || *ours > r->newest)
        return;
    *ours = r->seq;
    r->any = true;
}

void purge_log_renumber(struct purge_log *log, const struct purge_log *other, uint64_t from,
                        uint64_t seq)
{
    struct renumbering r = {from, other->newest, seq, false};
    renumber_one(&r, &log->floor, other->floor);
    renumber_one(&r, &log->soft_floor, other->soft_floor);
    for (uint32_t i = 0; i < log->names_n; i++) {
        struct purge_name *name = &log->names[i];
        size_t at = name_index(other, name->hash, name->soft);
        renumber_one(&r, &name->seq, at < other->names_n ? other->names[at].seq : 0);
    }
    for (uint32_t i = 0; i < log->prefixes_n; i++) {
        struct purge_prefix *prefix = &log->prefixes[i];
        size_t at = prefix_index(other, prefix_text(prefix), prefix->soft);
        renumber_one(&r, &prefix->seq, at < other->prefixes_n ? other->prefixes[at].seq : 0);
    }
    if (r.any)
        raise_to(&log->newest, seq);
}

/* -- what it says of one response -- */

/* What is found adds up here. */
struct finding {
    const struct purge_log *log;
    uint64_t since;
    bool hard;
    uint64_t soft_seq;
};

static void find_name(struct finding *f, enum purge_kind kind, struct slice value)
{
    const struct purge_log *log = f->log;
    uint64_t hash = name_hash(kind, value);
    for (size_t at = name_place(log, hash, false); at < log->names_n && log->names[at].hash == hash;
         at++) {
        const struct purge_name *name = &log->names[at];
        if (name->seq > f->since && name->soft)
            raise_to(&f->soft_seq, name->seq);
        f->hard = f->hard || (name->seq > f->since && !name->soft);
    }
}

static void find_names(struct finding *f, const struct purge_subject *subject)
{
    struct slice tags = slice_none();
    struct slice url = slice_cut(subject->tags, ' ', &tags);
    find_name(f, PURGE_KEY, subject->key);
    find_name(f, PURGE_URL, url);
    find_name(f, PURGE_HOST, slice_take(url, slice_find(url, '/')));
    while (!f->hard && tags.n > 0)
        find_name(f, PURGE_TAG, slice_cut(tags, ' ', &tags));
}

static void find_prefixes(struct finding *f, const struct purge_subject *subject)
{
    struct slice url = slice_take(subject->tags, slice_find(subject->tags, ' '));
    for (uint32_t i = 0; i < f->log->prefixes_n; i++) {
        const struct purge_prefix *prefix = &f->log->prefixes[i];
        if (prefix->seq <= f->since || !slice_starts(url, prefix_text(prefix)))
            continue;
        if (prefix->soft)
            raise_to(&f->soft_seq, prefix->seq);
        else
            f->hard = true;
    }
}

enum purge_verdict purge_log_match(const struct purge_log *log, const struct purge_subject *subject,
                                   uint64_t since, uint64_t *soft_seq)
{
    struct finding f = {.log = log, .since = since, .hard = since < log->floor};
    if (since < log->soft_floor)
        f.soft_seq = log->soft_floor;
    if (!f.hard)
        find_prefixes(&f, subject);
    if (!f.hard && log->names_n > 0)
        find_names(&f, subject);
    *soft_seq = f.soft_seq;
    if (f.hard)
        return PURGE_HARD;
    if (since < log->names_from)
        return PURGE_UNKNOWN;
    return f.soft_seq > 0 ? PURGE_SOFT : PURGE_NONE;
}

/* -- bytes -- */

static uint64_t mark_of(uint64_t seq, bool soft)
{
    return seq << 1 | (soft ? 1 : 0);
}

size_t purge_log_encode(const struct purge_log *log, char *out)
{
    char *at = out;
    le_put_u64(&at, MAGIC);
    le_put_u64(&at, 0);
    le_put_u64(&at, log->newest);
    le_put_u64(&at, log->floor);
    le_put_u64(&at, log->soft_floor);
    le_put_u64(&at, log->names_from);
    le_put_u32(&at, log->names_n);
    le_put_u32(&at, log->prefixes_n);
    for (uint32_t i = 0; i < log->names_n; i++) {
        le_put_u64(&at, log->names[i].hash);
        le_put_u64(&at, mark_of(log->names[i].seq, log->names[i].soft));
    }
    for (uint32_t i = 0; i < log->prefixes_n; i++) {
        const struct purge_prefix *prefix = &log->prefixes[i];
        le_put_u64(&at, mark_of(prefix->seq, prefix->soft));
        *at++ = (char)prefix->n;
        memcpy(at, prefix->text, prefix->n);
        at += prefix->n;
    }
    size_t n = (size_t)(at - out);
    char *checksum = out + AT_CHECKSUM;
    le_put_u64(&checksum, hash_checksum(slice_make(out + AT_REST, n - AT_REST)));
    return n;
}

static bool take_names(const char **at, const char *end, uint32_t n, struct purge_log *out)
{
    if (n > PURGE_NAMES_MAX || (size_t)(end - *at) < (size_t)n * 16)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t hash = le_take_u64(at);
        uint64_t mark = le_take_u64(at);
        bool soft = (mark & 1) != 0;
        if (i > 0 && name_order(&out->names[i - 1], hash, soft) >= 0)
            return false;
        out->names[i] = (struct purge_name){hash, mark >> 1, soft};
    }
    out->names_n = n;
    return true;
}

static bool take_prefix(const char **at, const char *end, struct purge_log *out)
{
    if (end - *at < 9)
        return false;
    uint64_t mark = le_take_u64(at);
    uint8_t n = (uint8_t) * (*at)++;
    struct slice text = slice_make(*at, n);
    bool soft = (mark & 1) != 0;
    uint32_t i = out->prefixes_n;
    if (n == 0 || end - *at < n || (i > 0 && prefix_order(&out->prefixes[i - 1], text, soft) >= 0))
        return false;
    out->prefixes[i].seq = mark >> 1;
    out->prefixes[i].soft = soft;
    out->prefixes[i].n = n;
    memcpy(out->prefixes[i].text, text.p, n);
    *at += n;
    out->prefixes_n++;
    return true;
}

static bool seqs_are_bounded(const struct purge_log *log)
{
    bool ok = log->newest < PURGE_SEQ_MAX && log->floor <= log->newest &&
              log->soft_floor <= log->newest && log->names_from <= log->newest;
    for (uint32_t i = 0; i < log->names_n && ok; i++)
        ok = log->names[i].seq <= log->newest;
    for (uint32_t i = 0; i < log->prefixes_n && ok; i++)
        ok = log->prefixes[i].seq <= log->newest;
    return ok;
}

bool purge_log_decode(struct slice bytes, struct purge_log *out)
{
    const char *at = bytes.p;
    const char *end = bytes.p + bytes.n;
    purge_log_init(out);
    if (bytes.n < HEAD_BYTES || le_take_u64(&at) != MAGIC ||
        le_take_u64(&at) != hash_checksum(slice_skip(bytes, AT_REST)))
        return false;
    out->newest = le_take_u64(&at);
    out->floor = le_take_u64(&at);
    out->soft_floor = le_take_u64(&at);
    out->names_from = le_take_u64(&at);
    uint32_t names_n = le_take_u32(&at);
    uint32_t prefixes_n = le_take_u32(&at);
    if (prefixes_n > PURGE_PREFIXES_MAX || !take_names(&at, end, names_n, out))
        return false;
    for (uint32_t i = 0; i < prefixes_n; i++)
        if (!take_prefix(&at, end, out))
            return false;
    return at == end && seqs_are_bounded(out);
}
