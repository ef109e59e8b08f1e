#include "memcached/counters.h"

#include "base/attr.h"

static const struct slice names[] = {
    [MC_GETS] = SLICE_INIT("gets"),
    [MC_HITS] = SLICE_INIT("hits"),
    [MC_MISSES] = SLICE_INIT("misses"),
    [MC_UNAVAILABLE] = SLICE_INIT("unavailable"),
    [MC_TIMEOUTS] = SLICE_INIT("timeouts"),
    [MC_ERRORS] = SLICE_INIT("errors"),
    [MC_SETS] = SLICE_INIT("sets"),
    [MC_SET_ERRORS] = SLICE_INIT("set_errors"),
    [MC_SETS_OVERTAKEN] = SLICE_INIT("sets_overtaken"),
    [MC_SETS_DROPPED] = SLICE_INIT("sets_dropped"),
    [MC_SETS_TOO_LONG] = SLICE_INIT("sets_too_long"),
    [MC_SECOND_HITS] = SLICE_INIT("second_hits"),
    [MC_OLD_HITS] = SLICE_INIT("old_hits"),
    [MC_LEASES] = SLICE_INIT("leases"),
    [MC_DELETES] = SLICE_INIT("deletes"),
    [MC_BYTES_IN] = SLICE_INIT("bytes_in"),
    [MC_BYTES_OUT] = SLICE_INIT("bytes_out"),
    [MC_READS] = SLICE_INIT("reads"),
    [MC_WRITES] = SLICE_INIT("writes"),
    [MC_CONNECTS] = SLICE_INIT("connects"),
    [MC_CONNECT_FAILS] = SLICE_INIT("connect_fails"),
    [MC_LOST] = SLICE_INIT("lost_connections"),
    [MC_BAD_REPLIES] = SLICE_INIT("bad_replies"),
    [MC_BREAKER_OPENS] = SLICE_INIT("breaker_opens"),
};
_Static_assert(ARRAY_LEN(names) == MC_COUNTER_N, "each counter has a name");

struct slice mc_counter_name(enum mc_counter which)
{
    return names[which];
}
