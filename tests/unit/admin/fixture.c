#include "admin/fixture.h"

#include "base/assert.h"

#include <stdlib.h>

static const struct admin_column memory_columns[] = {
    {"bytes", "Bytes held", false},
    {"hits", "Lookups that found it", true},
};
static const struct admin_column server_columns[] = {{"gets", "Lookups", true}};

static uint64_t *values(struct arena *arena, uint64_t a, uint64_t b)
{
    uint64_t *v = ARENA_ARRAY(arena, uint64_t, 2);
    v[0] = a;
    v[1] = b;
    return v;
}

/* Rows on purpose not in order. */
static size_t tables(void *owner UNUSED, struct arena *arena, struct admin_table *out)
{
    struct admin_row *memory = ARENA_ARRAY(arena, struct admin_row, 2);
    memory[0] = (struct admin_row){.labels = {SLICE("pages")}, .values = values(arena, 10, 1)};
    memory[1] = (struct admin_row){.labels = {SLICE("app")}, .values = values(arena, 20, 2)};
    struct admin_row *servers = ARENA_ARRAY(arena, struct admin_row, 3);
    servers[0] = (struct admin_row){
        .labels = {SLICE("p2"), SLICE("c:1")}, .state = SLICE("up"), .values = values(arena, 3, 0)};
    servers[1] = (struct admin_row){.labels = {SLICE("p1"), SLICE("b:1")},
                                    .state = SLICE("down"),
                                    .values = values(arena, 4, 0)};
    servers[2] = (struct admin_row){.labels = {SLICE("p1"), SLICE("a\"1")},
                                    .state = SLICE("up"),
                                    .values = values(arena, 5, 0)};
    out[0] = (struct admin_table){.name = "memory",
                                  .prefix = "mcproxy_memory",
                                  .label_names = {"cache"},
                                  .columns = memory_columns,
                                  .columns_n = ARRAY_LEN(memory_columns),
                                  .rows = memory,
                                  .rows_n = 2};
    out[1] = (struct admin_table){.name = "memcached",
                                  .prefix = "mcproxy_memcached",
                                  .label_names = {"pool", "server"},
                                  .columns = server_columns,
                                  .columns_n = ARRAY_LEN(server_columns),
                                  .rows = servers,
                                  .rows_n = 3};
    return 2;
}

struct fixture *fixture_new(void)
{
    struct fixture *f = calloc(1, sizeof *f);
    ASSERT(f);
    f->counters[0] = &f->first;
    f->counters[1] = &f->second;
    admin_reloads_init(&f->reloads);
    arena_init(&f->arena, NULL);
    f->admin = (struct admin){
        .version = "1.2.3",
        .pid = 42,
        .started = 1000000000,
        .started_mono = clock_mono_ms() - 5500,
        .counters = f->counters,
        .workers = 2,
        .reloads = &f->reloads,
        .health = upstream_health_new(),
        .tables = tables,
    };
    return f;
}

void fixture_free(struct fixture *f)
{
    upstream_health_free(&f->admin.health);
    admin_reloads_fini(&f->reloads);
    arena_fini(&f->arena);
    free(f);
}

const char *fixture_page(struct fixture *f,
                         void (*page)(const struct admin *, struct arena *, struct text *))
{
    struct text t;
    text_init(&t);
    page(&f->admin, &f->arena, &t);
    ASSERT(!t.failed);
    struct slice copy = arena_dup(&f->arena, buf_slice(&t.buf));
    text_fini(&t);
    return copy.p;
}
