/* Commands whose replies are due, in order: a ring that is found by sequence number. Quiet stores
 * have no place of their own, only a count before the next command that is answered. */
#pragma once

#include "base/attr.h"
#include "base/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mc_get;
struct mc_key;

/* Lookups, then changes. */
enum mc_op_kind {
    MC_OP_GET,
    MC_OP_CHECK, /* a lookup without the value */
    MC_OP_DEL,
    MC_OP_SET, /* one whose success is answered too */
    MC_OP_TEXT /* a tool's command, answered by text */
};
static inline bool mc_op_is_lookup(enum mc_op_kind kind)
{
    return kind == MC_OP_GET || kind == MC_OP_CHECK;
}

struct mc_op {
    struct mc_get *get; /* NULL: nobody waits for it any more */
    mono_ms deadline;
    union {
        uint64_t key_hash; /* hash_checksum, where the protocol echoes keys instead of opaques */
        struct mc_key *unclaimed; /* where it has leases: the key of a lookup that nobody waits for,
                                     to give back what it wins; owned, NULL: none */
    };
    uint32_t quiet_before; /* quiet stores sent between the command before and this one */
    enum mc_op_kind kind;
};

struct mc_ops {
    struct mc_op *ring;
    size_t cap;    /* power of two */
    uint64_t head; /* sequence number of the first one that is due; from 1 on */
    uint64_t tail; /* of the next one to come */
};

#define MC_OPAQUE_MASK 0xffff /* as many as may be pending: no two of them share one */

void mc_ops_init(struct mc_ops *);
void mc_ops_fini(struct mc_ops *);
static inline size_t mc_ops_count(const struct mc_ops *ops)
{
    return (size_t)(ops->tail - ops->head);
}
/* `seq` must be among those that are due. Moves when the ring grows. */
static inline struct mc_op *mc_ops_at(const struct mc_ops *ops, uint64_t seq)
{
    return &ops->ring[seq & (ops->cap - 1)];
}
/* Returns the sequence number. */
uint64_t mc_ops_push(struct mc_ops *, struct mc_op);
/* Takes the first one out; there must be one. */
struct mc_op mc_ops_pop(struct mc_ops *);
