/* Which server and which location take a request, by nginx's rules. */
#pragma once

#include "proxy/proxy_conf.h"
#include "proxy/request.h"

/* By request.head.host: an exact name, the longest `*.suffix`, the longest `prefix.*`, the first
 * regular expression in order, else the default server. A regular expression leaves its captures in
 * the request. */
const struct server_conf *route_server(const struct listen_conf *, struct request *);
/* The name by which it is found; NULL: by none. */
const struct server_name *route_server_name(const struct listen_conf *, struct request *);
/* By request.head.path: `=` at once; else the longest prefix is remembered, with what is nested in
 * it, and the first regular expression that matches wins over it unless the prefix is `^~`. Without
 * a match the server's own settings. A regular expression leaves its captures in the request. */
const struct location_conf *route_location(const struct server_conf *, struct request *);
