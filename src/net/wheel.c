#include "net/wheel.h"

#include "base/assert.h"

void wheel_init(struct wheel *w, mono_ms now)
{
    w->start = now;
    w->tick = 0;
    w->next_tick = WHEEL_NO_TICK;
    for (int level = 0; level < WHEEL_LEVELS; level++) {
        w->used[level] = 0;
        for (int slot = 0; slot < WHEEL_SLOTS; slot++)
            list_init(&w->slots[level][slot]);
    }
}

/* The first tick that is not before `at`. */
static int64_t tick_not_before(const struct wheel *w, mono_ms at)
{
    return (at - w->start + WHEEL_TICK_MS - 1) / WHEEL_TICK_MS;
}

static int64_t tick_reached(const struct wheel *w, mono_ms now)
{
    return (now - w->start) / WHEEL_TICK_MS;
}

/* The level is that of the highest digit (base 64) in which the tick differs from the present one,
 * so each slot of a level lies in the future and all of a level lie before all of the next. */
static void wheel_link(struct wheel *w, struct timer *t)
{
    int64_t tick = tick_not_before(w, t->at);
    if (tick <= w->tick)
        tick = w->tick + 1;
    int level = (63 - __builtin_clzll((uint64_t)(tick ^ w->tick))) / WHEEL_BITS;
    ASSERT(level < WHEEL_LEVELS);
    int shift = level * WHEEL_BITS;
    int slot = (int)((tick >> shift) & (WHEEL_SLOTS - 1));
    t->due_tick = (tick >> shift) << shift;
    list_push_back(&w->slots[level][slot], &t->node);
    w->used[level] |= UINT64_C(1) << slot;
    if (t->due_tick < w->next_tick)
        w->next_tick = t->due_tick;
}

void wheel_set(struct wheel *w, struct timer *t, mono_ms at, mono_ms now)
{
    t->at = at;
    if (!list_empty(&t->node)) {
        if (tick_not_before(w, at) >= t->due_tick)
            return;
        list_remove(&t->node);
    }
    int64_t reached = tick_reached(w, now);
    if (reached > w->tick && reached < w->next_tick)
        w->tick = reached; /* nothing lies between: the timer gets the slot that it would have had
                              in an idle wheel */
    wheel_link(w, t);
}

/* First tick of the earliest slot in use, and which one it is. */
static int64_t wheel_first(const struct wheel *w, int *level_out, int *slot_out)
{
    for (int level = 0; level < WHEEL_LEVELS; level++) {
        if (w->used[level] == 0)
            continue;
        int slot = __builtin_ctzll(w->used[level]);
        int shift = level * WHEEL_BITS;
        int64_t turn = (w->tick >> shift) >> WHEEL_BITS;
        *level_out = level;
        *slot_out = slot;
        return ((turn << WHEEL_BITS) + slot) << shift;
    }
    return WHEEL_NO_TICK;
}

/* Moves the timers of the earliest slot that is due by `until` to `due`. False: there is none;
 * next_tick is then exact. */
static bool wheel_take(struct wheel *w, int64_t until, struct list *due)
{
    int level = 0;
    int slot = 0;
    int64_t first = wheel_first(w, &level, &slot);
    w->next_tick = first;
    if (first > until)
        return false;
    w->tick = first;
    w->used[level] &= ~(UINT64_C(1) << slot);
    struct list *from = &w->slots[level][slot];
    list_push_front(from, due);
    list_remove(from);
    return true;
}

void wheel_run(struct wheel *w, mono_ms now)
{
    int64_t until = tick_reached(w, now);
    struct list due;
    list_init(&due);
    while (wheel_take(w, until, &due)) {
        while (!list_empty(&due)) {
            struct timer *t = list_entry(due.next, struct timer, node);
            list_remove(&t->node);
            if (tick_not_before(w, t->at) > w->tick)
                wheel_link(w, t);
            else
                t->fn(t);
        }
    }
}

int64_t wheel_wait_ms(const struct wheel *w, mono_ms now)
{
    if (w->next_tick == WHEEL_NO_TICK)
        return -1;
    int64_t ms = w->start + w->next_tick * WHEEL_TICK_MS - now;
    return ms > 0 ? ms : 0;
}
