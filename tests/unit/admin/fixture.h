/* An admin of two workers with a memory tier and a memcached server, as main would give them. */
#pragma once

#include "admin/admin.h"
#include "base/text.h"

struct fixture {
    struct counters first;
    struct counters second;
    const struct counters *counters[2];
    struct admin_reloads reloads;
    struct admin admin;
    struct arena arena;
};

struct fixture *fixture_new(void);
void fixture_free(struct fixture *);
/* The page as text with a NUL behind it, in the arena. */
const char *fixture_page(struct fixture *,
                         void (*page)(const struct admin *, struct arena *, struct text *));
