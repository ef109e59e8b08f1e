/* Numbers by label: what main gives, and the peers of upstreams. */
#include "admin/pages.h"

#include "base/assert.h"

#include <stdlib.h>

enum peer_column { PEER_UP, PEER_FAILS, PEER_ACTIVE, PEER_COLUMNS };

static const struct admin_column peer_columns[PEER_COLUMNS] = {
    [PEER_UP] = {"up", "Whether the peer is in use (0: marked down)", false},
    [PEER_FAILS] = {"fails", "Failures since its last success", false},
    [PEER_ACTIVE] = {"active", "Exchanges under way", false},
};

struct peer_rows {
    struct arena *arena;
    struct admin_row *rows;
    size_t n;
    size_t cap;
};

static struct admin_row *row_find(const struct peer_rows *rows, struct slice group,
                                  struct slice peer)
{
    for (size_t i = 0; i < rows->n; i++)
        if (slice_eq(rows->rows[i].labels[0], group) && slice_eq(rows->rows[i].labels[1], peer))
            return &rows->rows[i];
    return NULL;
}

static struct admin_row *row_add(struct peer_rows *rows, struct slice group, struct slice peer)
{
    if (rows->n == rows->cap) {
        size_t cap = rows->cap == 0 ? 16 : rows->cap * 2;
        struct admin_row *more = ARENA_ARRAY(rows->arena, struct admin_row, cap);
        for (size_t i = 0; i < rows->n; i++)
            more[i] = rows->rows[i];
        rows->rows = more;
        rows->cap = cap;
    }
    struct admin_row *row = &rows->rows[rows->n++];
    row->labels[0] = arena_dup(rows->arena, group);
    row->labels[1] = arena_dup(rows->arena, peer);
    row->values = ARENA_ARRAY(rows->arena, uint64_t, PEER_COLUMNS);
    return row;
}

/* One address may stand behind several server lines of a group: it is shown once. */
static void peer_on_row(void *arg, struct slice group, struct slice peer, bool down, uint32_t fails,
                        uint32_t active)
{
    struct peer_rows *rows = arg;
    struct admin_row *row = row_find(rows, group, peer);
    if (!row)
        row = row_add(rows, group, peer);
    if (!down)
        row->values[PEER_UP] = 1;
    row->state = row->values[PEER_UP] ? SLICE("up") : SLICE("down");
    row->values[PEER_FAILS] += fails;
    row->values[PEER_ACTIVE] += active;
}

static struct admin_table peer_table(const struct admin *a, struct arena *arena)
{
    struct peer_rows rows = {.arena = arena};
    if (a->health)
        upstream_health_each(a->health, peer_on_row, &rows);
    return (struct admin_table){
        .name = "upstreams",
        .prefix = "mcproxy_upstream_peer",
        .label_names = {"upstream", "peer"},
        .columns = peer_columns,
        .columns_n = PEER_COLUMNS,
        .rows = rows.rows,
        .rows_n = rows.n,
    };
}

static int row_order(const void *a, const void *b)
{
    const struct admin_row *x = a;
    const struct admin_row *y = b;
    int first = slice_cmp(x->labels[0], y->labels[0]);
    return first != 0 ? first : slice_cmp(x->labels[1], y->labels[1]);
}

size_t admin_tables(const struct admin *a, struct arena *arena, struct admin_table *out)
{
    size_t n = a->tables ? a->tables(a->tables_owner, arena, out) : 0;
    ASSERT(n <= ADMIN_TABLES_MAX);
    out[n++] = peer_table(a, arena);
    for (size_t i = 0; i < n; i++)
        if (out[i].rows_n > 1)
            qsort(out[i].rows, out[i].rows_n, sizeof out[i].rows[0], row_order);
    return n;
}

uint64_t admin_counter_sum(const struct admin *a, enum counter id)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < a->workers; i++)
        sum += counter_get(a->counters[i], id);
    return sum;
}
