#include "proxy/counters.h"

const struct counter_row *counter_row(enum counter id)
{
    static const struct counter_row rows[COUNTER_COUNT] = {
#define X(id, name, prometheus, labels, help) [COUNTER_##id] = {name, prometheus, labels, help},
        COUNTER_TABLE(X)
#undef X
    };
    return &rows[id];
}
