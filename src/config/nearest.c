/* The directive whose name resembles a misspelt one most. */
#include "base/nearest.h"

#include "config/directives.h"

struct slice directive_nearest(struct slice name, unsigned scopes)
{
    struct nearest nearest = nearest_to(name);
    for (size_t i = 0; i < directive_count(); i++) {
        if ((directive_at(i)->scope & scopes) != 0)
            nearest_offer(&nearest, slice_of(directive_at(i)->name));
    }
    return nearest.best;
}
