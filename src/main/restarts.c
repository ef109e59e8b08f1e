#include "main/restarts.h"

#include <stdbool.h>

int64_t restarts_after_crash(struct restarts *r, mono_ms now)
{
    unsigned slot = r->n % RESTARTS_FREE;
    /* The window slides over the waits as well: they must not make the loop look slower. */
    int64_t window_ms = RESTARTS_WINDOW_MS + RESTARTS_FREE * r->wait_ms;
    bool loops = r->n >= RESTARTS_FREE && now - r->at[slot] < window_ms;
    r->at[slot] = now;
    r->n++;
    if (!loops)
        r->wait_ms = 0;
    else if (r->wait_ms == 0)
        r->wait_ms = RESTARTS_MIN_MS;
    else
        r->wait_ms = r->wait_ms * 2 < RESTARTS_MAX_MS ? r->wait_ms * 2 : RESTARTS_MAX_MS;
    return r->wait_ms;
}
