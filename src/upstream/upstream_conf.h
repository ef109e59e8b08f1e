/* Settings of a group of origins. Filled by the configuration; immutable afterwards. */
#pragma once

#include "base/slice.h"
#include "net/address.h"

#include <stdbool.h>
#include <stdint.h>

enum balance { BALANCE_ROUND_ROBIN };

/* One server line of an upstream; a name may stand for several peers. */
struct peer_conf {
    struct slice
        text; /* as configured: "10.0.0.1:3000", "app.internal:3000", "unix:/run/app.sock" */
    struct endpoint endpoint;
    uint32_t weight;    /* 1 … */
    uint32_t max_fails; /* 0: never marked down */
    int64_t fail_timeout_ms;
    uint32_t max_conns; /* connections under way per worker process; 0 no limit */
    bool backup;
    bool down;
};

struct upstream_conf {
    struct slice name; /* of the group; for an implicit one the authority of proxy_pass */
    const struct peer_conf *servers;
    size_t servers_n;
    enum balance balance;
    uint32_t keepalive;           /* idle connections kept per worker; 0 none */
    uint32_t keepalive_requests;  /* on one connection */
    int64_t keepalive_timeout_ms; /* idle */
    int64_t keepalive_time_ms;    /* whole life */
};
