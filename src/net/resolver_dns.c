#include "net/resolver_dns.h"

#include "base/assert.h"

#include <stdlib.h>

#define DNS_PORT     53
#define SERVERS_MAX  16
#define TTL_HOSTS_MS 60000
/* c-ares doubles its timeout with every round: four rounds over all servers take 1 + 2 + 4 + 8
 * times the first one. */
#define TRIES        4
#define TRIES_WEIGHT 20

/* Before main, while there is one thread: c-ares counts its users without a lock. */
__attribute__((constructor)) static void init_library(void)
{
    (void)ares_library_init(ARES_LIB_INIT_ALL);
}

const char *resolver_result_text(enum resolver_result r)
{
    switch (r) {
    case RESOLVER_OK: return "found";
    case RESOLVER_NOT_FOUND: return "host not found";
    case RESOLVER_TIMEOUT: return "name lookup timed out";
    case RESOLVER_FAILED: return "name lookup failed";
    }
    return "";
}

/* `10.0.0.1`, `10.0.0.1:53`, `[::1]:53`; c-ares' own parser takes nonsense for a port. */
static bool parse_server(struct slice text, struct ares_addr_port_node *out)
{
    struct endpoint endpoint;
    struct address address;
    if (!endpoint_parse(slice_trim(text), &endpoint) || !endpoint.is_literal ||
        !address_from_endpoint(&endpoint, &address))
        return false;
    *out = (struct ares_addr_port_node){.family = address.u.sa.sa_family};
    out->udp_port = endpoint.has_port ? endpoint.port : DNS_PORT;
    out->tcp_port = out->udp_port;
    if (out->family == AF_INET)
        out->addr.addr4 = address.u.in4.sin_addr;
    else
        memcpy(&out->addr.addr6, &address.u.in6.sin6_addr, sizeof(out->addr.addr6));
    return true;
}

/* How many there are in the list; 0: it is a bad one. */
static int parse_servers(const char *text, struct ares_addr_port_node *out)
{
    struct slice rest = slice_of(text);
    int count = 0;
    do {
        struct slice one = slice_cut(rest, ',', &rest);
        if (count == SERVERS_MAX || !parse_server(one, &out[count]))
            return 0;
        if (count > 0)
            out[count - 1].next = &out[count];
        count++;
    } while (rest.n > 0);
    return count;
}

/* How many /etc/resolv.conf names. */
static int count_system_servers(void)
{
    ares_channel channel;
    if (ares_init(&channel) != ARES_SUCCESS)
        return 0;
    int count = 0;
    struct ares_addr_port_node *list = NULL;
    if (ares_get_servers_ports(channel, &list) == ARES_SUCCESS) {
        for (struct ares_addr_port_node *s = list; s != NULL; s = s->next)
            count++;
        ares_free_data(list);
    }
    ares_destroy(channel);
    return count;
}

bool dns_channel_open(ares_channel *channel, const char *servers, int64_t timeout_ms,
                      ares_sock_state_cb on_socket, void *data)
{
    struct ares_addr_port_node list[SERVERS_MAX];
    int count = servers == NULL ? count_system_servers() : parse_servers(servers, list);
    if (count == 0)
        return false;
    int64_t first_ms = timeout_ms / TRIES_WEIGHT / count;
    struct ares_options options = {
        .flags = servers == NULL ? 0 : ARES_FLAG_NOSEARCH,
        .timeout = first_ms < 1 ? 1 : (int)first_ms,
        .tries = TRIES,
        .lookups = "fb",
        .sock_state_cb = on_socket,
        .sock_state_cb_data = data,
    };
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
               (on_socket == NULL ? 0 : ARES_OPT_SOCK_STATE_CB);
    if (ares_init_options(channel, &options, mask) != ARES_SUCCESS)
        return false;
    if (servers == NULL || ares_set_servers_ports(*channel, list) == ARES_SUCCESS)
        return true;
    ares_destroy(*channel);
    return false;
}

void dns_ask(ares_channel channel, const char *host, ares_addrinfo_callback fn, void *arg)
{
    struct ares_addrinfo_hints hints = {
        .ai_flags = ARES_AI_NOSORT, /* sorting opens a socket for each address */
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
    };
    ares_getaddrinfo(channel, host, NULL, &hints, fn, arg);
}

enum resolver_result dns_result_of_status(int status)
{
    switch (status) {
    case ARES_SUCCESS: return RESOLVER_OK;
    case ARES_ENODATA:
    case ARES_ENOTFOUND:
    case ARES_EBADNAME: return RESOLVER_NOT_FOUND;
    case ARES_ETIMEOUT: return RESOLVER_TIMEOUT;
    default: return RESOLVER_FAILED;
    }
}

static bool address_of_node(const struct ares_addrinfo_node *n, uint16_t port, struct address *out)
{
    if (n->ai_addrlen > sizeof(out->u))
        return false;
    memset(out, 0, sizeof(*out));
    memcpy(&out->u, n->ai_addr, n->ai_addrlen);
    out->len = n->ai_addrlen;
    address_set_port(out, port);
    return true;
}

static void add_address(struct dns_answer *a, const struct address *new)
{
    for (size_t i = 0; i < a->count; i++)
        if (address_eq(&a->addresses[i], new))
            return;
    if (a->count < RESOLVER_ADDRESSES_MAX)
        a->addresses[a->count++] = *new;
}

static void add_family(struct dns_answer *a, const struct ares_addrinfo *info, int family,
                       uint16_t port)
{
    for (const struct ares_addrinfo_node *n = info->nodes; n != NULL; n = n->ai_next) {
        struct address address;
        if (n->ai_family == family && address_of_node(n, port, &address))
            add_address(a, &address);
    }
}

/* The smallest of the addresses and of the aliases that lead to them, in seconds. */
static int smallest_ttl_s(const struct ares_addrinfo *info)
{
    int ttl_s = INT32_MAX;
    for (const struct ares_addrinfo_node *n = info->nodes; n != NULL; n = n->ai_next)
        if (n->ai_ttl < ttl_s)
            ttl_s = n->ai_ttl;
    for (const struct ares_addrinfo_cname *c = info->cnames; c != NULL; c = c->next)
        if (c->ttl < ttl_s)
            ttl_s = c->ttl;
    return ttl_s;
}

static void alloc_addresses(struct dns_answer *a, size_t count)
{
    a->addresses = calloc(count, sizeof(*a->addresses));
    ASSERT(a->addresses != NULL);
}

void dns_answer_init(struct dns_answer *a, int status, const struct ares_addrinfo *info,
                     uint16_t port, bool from_hosts_file)
{
    *a = (struct dns_answer){.result = dns_result_of_status(status), .ttl_ms = DNS_TTL_MIN_MS};
    if (a->result != RESOLVER_OK || info == NULL)
        return;
    alloc_addresses(a, RESOLVER_ADDRESSES_MAX);
    add_family(a, info, AF_INET, port);
    add_family(a, info, AF_INET6, port);
    if (a->count == 0)
        a->result = RESOLVER_NOT_FOUND;
    int64_t ttl_ms = from_hosts_file ? TTL_HOSTS_MS : (int64_t)smallest_ttl_s(info) * 1000;
    a->ttl_ms = ttl_ms < DNS_TTL_MIN_MS ? DNS_TTL_MIN_MS : ttl_ms;
}

void dns_answer_fini(struct dns_answer *a)
{
    free(a->addresses);
    free(a->services);
    a->addresses = NULL;
    a->services = NULL;
    a->count = 0;
}

bool dns_answer_of_literal(struct dns_answer *a, struct slice host, uint16_t port)
{
    struct endpoint endpoint = {.host = host, .port = port};
    struct address address;
    if (host.n == 0 || slice_eq(host, SLICE("*")) || !address_from_endpoint(&endpoint, &address))
        return false;
    *a = (struct dns_answer){.result = RESOLVER_OK, .count = 1, .ttl_ms = TTL_HOSTS_MS};
    alloc_addresses(a, 1);
    a->addresses[0] = address;
    return true;
}
