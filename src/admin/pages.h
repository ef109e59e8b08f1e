/* The pages of the admin listener. Private to admin/. */
#pragma once

#include "admin/admin.h"
#include "base/text.h"

typedef void admin_page_fn(const struct admin *, struct arena *, struct text *out);

/* /status: one JSON object; counters of the workers stand at the top under their names. */
admin_page_fn admin_status;
/* /metrics: Prometheus text format 0.0.4. */
admin_page_fn admin_metrics;

/* Sum over all workers. */
uint64_t admin_counter_sum(const struct admin *, enum counter);

/* Tables of main and that of the upstreams' peers, their rows in order. `out` has room for
 * ADMIN_TABLES_MAX + 1; returns how many. */
size_t admin_tables(const struct admin *, struct arena *, struct admin_table *out);

/* A copy of what the control thread has noted. */
struct admin_reload_view {
    uint64_t done;
    uint64_t failed;
    wall_s last;
    struct slice error;
};
struct admin_reload_view admin_reloads_view(struct admin_reloads *, struct arena *);
