/* Which peer is next: smooth weighted round robin. Each turn every candidate gains its weight and
 * the chosen one loses the sum, so that weights 5, 1, 1 give a a b a c a a and not a a a a a b c.
 */
#include "upstream/group.h"

static bool is_tried(const struct pick_state *s, const struct peer *p)
{
    return (s->tried[p->index / 64] >> (p->index % 64) & 1) != 0;
}

static void set_tried(struct pick_state *s, const struct peer *p)
{
    s->tried[p->index / 64] |= UINT64_C(1) << (p->index % 64);
    s->tries++;
}

/* max_conns is looked at, not reserved: workers that choose in the same instant may pass it by one
 * each. */
static bool is_candidate(const struct peer *p, const struct pick_state *s, mono_ms now)
{
    return !p->down && !is_tried(s, p) && !health_is_down(p->health, now) &&
           (p->max_conns == 0 || p->health->active < p->max_conns);
}

static struct peer *best_of(struct upstream *u, const struct pick_state *s, bool backup,
                            mono_ms now)
{
    struct peer *best = NULL;
    int64_t total = 0;
    list_for_each (it, &u->peers) {
        struct peer *p = list_entry(it, struct peer, node);
        if (p->backup != backup || !is_candidate(p, s, now)) {
            continue;
        }
        p->current_weight += p->effective_weight;
        total += p->effective_weight;
        if (p->effective_weight < p->weight) {
            p->effective_weight++;
        }
        if (best == NULL || p->current_weight > best->current_weight) {
            best = p;
        }
    }
    if (best != NULL) {
        best->current_weight -= total;
    }
    return best;
}

/* True: nobody was left, now there are some. When there is nothing better than peers that are
 * marked down, a request is not refused for it, and the first success brings a peer back. */
static bool forgive_all(struct upstream *u, const struct pick_state *s, mono_ms now)
{
    bool untried = false;
    list_for_each (it, &u->peers) {
        const struct peer *p = list_entry(it, struct peer, node);
        if (p->down) {
            continue;
        }
        if (!health_is_down(p->health, now)) {
            return false;
        }
        untried |= !is_tried(s, p);
    }
    if (!untried) {
        return false;
    }
    list_for_each (it, &u->peers) {
        health_forgive(list_entry(it, struct peer, node)->health);
    }
    return true;
}

static struct peer *choose(struct upstream *u, const struct pick_state *s, mono_ms now)
{
    struct peer *best = best_of(u, s, false, now);
    return best != NULL ? best : best_of(u, s, true, now);
}

struct peer *upstream_pick(struct upstream *u, struct pick_state *s, mono_ms now)
{
    struct peer *p = choose(u, s, now);
    if (p == NULL && forgive_all(u, s, now)) {
        p = choose(u, s, now);
    }
    if (p == NULL) {
        return NULL;
    }
    set_tried(s, p);
    health_chosen(p->health, now);
    peer_picked(p);
    return p;
}
