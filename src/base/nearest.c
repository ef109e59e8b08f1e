#include "base/nearest.h"

#define NAME_MAX_BYTES 48 /* longer ones resemble nothing */

static size_t min2(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours that make `a` of `b` (optimal string
 * alignment). */
static size_t distance(struct slice a, struct slice b)
{
    size_t rows[3][NAME_MAX_BYTES + 1];
    for (size_t j = 0; j <= b.n; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a.n; i++) {
        size_t *row = rows[i % 3];
        const size_t *up = rows[(i - 1) % 3];
        const size_t *up2 = rows[(i + 1) % 3]; /* i - 2 */
        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t cost = a.p[i - 1] == b.p[j - 1] ? 0 : 1;
            row[j] = min2(up[j - 1] + cost, min2(up[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1]) {
                row[j] = min2(row[j], up2[j - 2] + 1);
            }
        }
    }
    return rows[a.n % 3][b.n];
}

struct nearest nearest_to(struct slice name)
{
    return (struct nearest){.name = name,
                            .best_distance = name.n / 3 + 1}; /* from here on it is another word */
}

void nearest_offer(struct nearest *n, struct slice candidate)
{
    if (n->name.n > NAME_MAX_BYTES || candidate.n > NAME_MAX_BYTES)
        return;
    size_t d = distance(n->name, candidate);
    if (d >= n->best_distance)
        return;
    n->best_distance = d;
    n->best = candidate;
}
