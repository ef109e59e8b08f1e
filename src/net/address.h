/* Socket addresses: parsing of `host:port`, `[::1]:80`, `unix:/path` and printing. */
#pragma once

#include "base/slice.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct address {
    union {
        struct sockaddr sa;
        struct sockaddr_in in4;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
    } u;
    socklen_t len;
};

/* What a configuration or a URL names, before any lookup. Slices point into the text given to
 * endpoint_parse. */
struct endpoint {
    struct slice host; /* name or literal without brackets; empty for unix and for a bare port */
    uint16_t port;     /* 0: none was given, or `:0` was */
    bool has_port;
    bool is_unix;
    struct slice path; /* of a unix socket */
    bool is_literal;   /* host is an IPv4 or IPv6 literal */
};

/* Accepts `8080`, `*:8080`, `host`, `host:8080`, `10.0.0.1:80`, `[::1]:80`, `[::]`, `unix:/path`.
 * False: none of these. */
NODISCARD bool endpoint_parse(struct slice text, struct endpoint *out);
/* Address of a literal host (or a unix path). `*` and a bare port give 0.0.0.0. False: a name, or a
 * path that is too long. */
NODISCARD bool address_from_endpoint(const struct endpoint *, struct address *out);
void address_set_port(struct address *, uint16_t port);
uint16_t address_port(const struct address *); /* 0 for unix */
bool address_eq(const struct address *, const struct address *);

#define ADDRESS_TEXT_MAX 120
/* `10.0.0.1:80`, `[::1]:80`, `unix:/path`; into `buf` of ADDRESS_TEXT_MAX bytes. */
struct slice address_print(const struct address *, char *buf);
/* Only the IP literal, or `unix:`: what nginx shows as $remote_addr. */
struct slice address_print_host(const struct address *, char *buf);
