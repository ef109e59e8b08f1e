#include "memcached/ops.h"

#include "base/assert.h"

#include <stdlib.h>

void mc_ops_init(struct mc_ops *ops)
{
    *ops = (struct mc_ops){.head = 1, .tail = 1};
}

void mc_ops_fini(struct mc_ops *ops)
{
    free(ops->ring);
    ops->ring = NULL;
    ops->cap = 0;
}

static void grow(struct mc_ops *ops)
{
    struct mc_ops wider = *ops;
    wider.cap = ops->cap == 0 ? 64 : ops->cap * 2;
    wider.ring = calloc(wider.cap, sizeof(*wider.ring));
    ASSERT(wider.ring != NULL);
    for (uint64_t seq = ops->head; seq != ops->tail; seq++)
        *mc_ops_at(&wider, seq) = *mc_ops_at(ops, seq);
    free(ops->ring);
    *ops = wider;
}

uint64_t mc_ops_push(struct mc_ops *ops, struct mc_op op)
{
    if (mc_ops_count(ops) == ops->cap)
        grow(ops);
    *mc_ops_at(ops, ops->tail) = op;
    return ops->tail++;
}

struct mc_op mc_ops_pop(struct mc_ops *ops)
{
    ASSERT(mc_ops_count(ops) > 0);
    return *mc_ops_at(ops, ops->head++);
}
