/* Ranges of client addresses, as nginx's allow and deny write them. */
#pragma once

#include "net/address.h"

struct address_range {
    uint8_t bytes[16];  /* IPv4: the first four */
    unsigned bits;      /* that count */
    sa_family_t family; /* AF_UNIX: every client of a unix socket */
};

/* `10.0.0.1`, `10.0.0.0/8`, `::1`, `2001:db8::/32`, `unix:`. False: none of these. */
NODISCARD bool address_range_parse(struct slice, struct address_range *out);
/* IPv4 addresses that came over IPv6 (::ffff:10.0.0.1) count as IPv4. */
bool address_range_has(const struct address_range *, const struct address *);
