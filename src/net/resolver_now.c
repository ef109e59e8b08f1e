#include "base/clock.h"
#include "net/resolver_dns.h"

#include <poll.h>

struct lookup {
    bool starting;
    bool answered;
    uint16_t port;
    struct dns_answer answer;
};

static void on_answer(void *arg, int status, int timeouts UNUSED, struct ares_addrinfo *info)
{
    struct lookup *l = arg;
    l->answered = true;
    dns_answer_init(&l->answer, status, info, l->port, l->starting);
    if (info != NULL)
        ares_freeaddrinfo(info);
}

/* Waits until c-ares has something to do, or `wait_ms`. */
static void wait_and_process(ares_channel channel, int64_t wait_ms)
{
    ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
    struct pollfd fds[ARES_GETSOCK_MAXNUM];
    unsigned bits = (unsigned)ares_getsock(channel, sockets, ARES_GETSOCK_MAXNUM);
    nfds_t count = 0;
    for (int i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
        bool read = (bits >> i & 1) != 0;
        bool write = (bits >> (i + ARES_GETSOCK_MAXNUM) & 1) != 0;
        if (read || write)
            fds[count++] = (struct pollfd){
                .fd = sockets[i],
                .events = (short)((read ? POLLIN : 0) | (write ? POLLOUT : 0)),
            };
    }
    struct timeval tv;
    if (ares_timeout(channel, NULL, &tv) != NULL) {
        int64_t retry_ms = (int64_t)tv.tv_sec * 1000 + tv.tv_usec / 1000 + 1;
        if (retry_ms < wait_ms)
            wait_ms = retry_ms;
    }
    int ready = poll(fds, count, (int)wait_ms);
    for (nfds_t i = 0; ready > 0 && i < count; i++) {
        bool write = (fds[i].revents & POLLOUT) != 0;
        bool read = (fds[i].revents & ~POLLOUT) != 0;
        ares_process_fd(channel, read ? fds[i].fd : ARES_SOCKET_BAD,
                        write ? fds[i].fd : ARES_SOCKET_BAD);
    }
    ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static void ask_and_wait(struct lookup *l, const char *name, const char *servers,
                         int64_t timeout_ms)
{
    ares_channel channel;
    if (!dns_channel_open(&channel, servers, timeout_ms, NULL, NULL))
        return;
    mono_ms deadline = clock_mono_ms() + timeout_ms;
    l->starting = true;
    dns_ask(channel, name, on_answer, l);
    l->starting = false;
    for (int64_t left = timeout_ms; !l->answered && left > 0; left = deadline - clock_mono_ms())
        wait_and_process(channel, left);
    ares_destroy(channel); /* answers what is still open, as a failure */
}

size_t resolver_lookup_now(struct slice host, uint16_t port, const char *servers,
                           int64_t timeout_ms, struct address *out, size_t max, int64_t *ttl_ms)
{
    struct lookup lookup = {.port = port};
    char name[256];
    if (!dns_answer_of_literal(&lookup.answer, host, port) && host.n > 0 &&
        slice_to_cstr(host, name, sizeof(name)))
        ask_and_wait(&lookup, name, servers, timeout_ms);
    size_t count = lookup.answer.count < max ? lookup.answer.count : max;
    if (count > 0) {
        memcpy(out, lookup.answer.addresses, count * sizeof(*out));
        *ttl_ms = lookup.answer.ttl_ms;
    }
    dns_answer_fini(&lookup.answer);
    return count;
}
