/* Lists of spare objects, one for each size. */
#include "base/spares.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1 /* the name that gcc gives it */
#endif
#endif

struct spare {
    struct spare *next;
};

void spares_init(struct spares *s, unsigned keep_max)
{
    *s = (struct spares){.keep_max = keep_max};
#ifdef __SANITIZE_ADDRESS__
    s->keep_max = 0;
#endif
}

void spares_fini(struct spares *s)
{
    for (size_t i = 0; i < ARRAY_LEN(s->first); i++) {
        while (s->first[i] != NULL) {
            struct spare *next = s->first[i]->next;
            free(s->first[i]);
            s->first[i] = next;
        }
        s->kept[i] = 0;
    }
}

static size_t list_of(size_t n)
{
    ASSERT(n > 0 && n <= SPARES_MAX_BYTES);
    return (n - 1) / SPARES_STEP_BYTES;
}

void *spares_take(struct spares *s, size_t n)
{
    size_t i = list_of(n);
    struct spare *p = s->first[i];
    if (p == NULL) {
        p = malloc((i + 1) * SPARES_STEP_BYTES);
        ASSERT(p != NULL);
    } else {
        s->first[i] = p->next;
        s->kept[i]--;
    }
    return p;
}

void *spares_ztake(struct spares *s, size_t n)
{
    return memset(spares_take(s, n), 0, n);
}

void spares_give(struct spares *s, void *memory, size_t n)
{
    size_t i = list_of(n);
    if (s->kept[i] >= s->keep_max) {
        free(memory);
        return;
    }
    struct spare *p = memory;
    p->next = s->first[i];
    s->first[i] = p;
    s->kept[i]++;
}
