/* Tables for the status pages of what the admin folder does not know: memory tiers and memcached
 * servers, summed over the workers. */
#pragma once

#include "admin/admin.h"
#include "main/thread.h"

struct numbers {
    struct shared *shared;
    struct thread *threads;
    size_t threads_n;
};

/* The owner is a struct numbers. */
admin_tables_fn numbers_tables;
