/* What both ways of asking c-ares have in common: opening a channel, putting the question, reading
 * the answer. Private to the resolver. */
#pragma once

#include "net/resolver.h"

#include <ares.h>

#define DNS_TTL_MIN_MS 1000

enum resolver_result dns_result_of_status(int status);

struct dns_answer {
    enum resolver_result result;
    struct address *addresses;         /* IPv4 before IPv6, each once; owned */
    struct resolver_service *services; /* of a question for them; owned */
    size_t count;
    int64_t ttl_ms;
};

/* Servers as in resolver_new; all tries together take a little less than `timeout_ms`. False: a bad
 * list of servers or no memory. */
NODISCARD bool dns_channel_open(ares_channel *, const char *servers, int64_t timeout_ms,
                                ares_sock_state_cb on_socket, void *data);
/* Asks for A and AAAA. `fn` may be called before it returns: then the answer is one of the hosts
 * file, or it is an error. */
void dns_ask(ares_channel, const char *host, ares_addrinfo_callback fn, void *arg);
/* `info` may be NULL. `from_hosts_file`: there is no TTL in it, so the file is asked again after a
 * minute. */
void dns_answer_init(struct dns_answer *, int status, const struct ares_addrinfo *info,
                     uint16_t port, bool from_hosts_file);
/* Asks for SRV. */
void dns_ask_services(ares_channel, const char *name, ares_callback fn, void *arg);
/* `message` is the server's, none where `status` is an error. */
void dns_answer_init_services(struct dns_answer *, int status, const unsigned char *message, int n);
void dns_answer_fini(struct dns_answer *);
/* False: `host` is not an IPv4 or IPv6 literal. */
NODISCARD bool dns_answer_of_literal(struct dns_answer *, struct slice host, uint16_t port);
