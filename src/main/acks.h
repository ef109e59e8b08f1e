/* The control thread waits until all workers have done what it has asked of them. */
#pragma once

#include "base/attr.h"

#include <stdatomic.h>
#include <stdbool.h>

struct acks {
    atomic_uint pending;
    int fd; /* eventfd: readable once none is pending */
};

NODISCARD bool acks_init(struct acks *);
void acks_fini(struct acks *);
/* The control thread: `n` acks are to come. */
void acks_expect(struct acks *, unsigned n);
/* A worker, from any thread. */
void acks_give(struct acks *);
/* The control thread, when `fd` is readable: all have come. */
void acks_take(struct acks *);
/* Blocks until all have come. */
void acks_wait(struct acks *);
