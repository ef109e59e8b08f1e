#include "dns_script.h"

#include "upstream_helpers.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HEADER_BYTES 12 /* RFC 1035 section 4.1.1 */
#define TYPE_A       1
#define SERVFAIL     2

/* Behind the question's name, type and class; 0: there is no whole question. */
static size_t question_end(const unsigned char *msg, size_t n)
{
    size_t at = HEADER_BYTES;
    while (at < n && msg[at] != 0) {
        at += 1 + (size_t)msg[at];
    }
    return at + 5 <= n ? at + 5 : 0;
}

static size_t put_address(unsigned char *at, int last, int ttl_s)
{
    const unsigned char record[] = {0xc0,
                                    HEADER_BYTES,
                                    0,
                                    TYPE_A,
                                    0,
                                    1,
                                    0,
                                    0,
                                    (unsigned char)(ttl_s >> 8),
                                    (unsigned char)ttl_s,
                                    0,
                                    4,
                                    127,
                                    0,
                                    0,
                                    (unsigned char)last};
    memcpy(at, record, sizeof(record));
    return sizeof(record);
}

/* Makes the question an answer; returns its length. */
static size_t answer(struct dns_script *d, unsigned char *msg, size_t end)
{
    bool is_a = msg[end - 3] == TYPE_A;
    unsigned char count = 0;
    size_t n = end;
    d->asked += is_a;
    for (size_t i = 0; is_a && !d->fails && i < DNS_ADDRESSES_MAX && d->last[i] != 0; i++) {
        n += put_address(msg + n, d->last[i], d->ttl_s);
        count++;
    }
    msg[2] |= 0x80; /* a response */
    msg[3] = d->fails ? 0x80 | SERVFAIL : 0x80;
    memset(msg + 6, 0, 6);
    msg[7] = count;
    return n;
}

static void *serve(void *arg)
{
    struct dns_script *d = arg;
    for (;;) {
        unsigned char msg[1024];
        struct sockaddr_in from;
        socklen_t from_n = sizeof(from);
        ssize_t n = recvfrom(d->fd, msg, 512, 0, (struct sockaddr *)&from, &from_n);
        if (n <= 0) {
            return NULL; /* dns_script_close */
        }
        size_t end = question_end(msg, (size_t)n);
        if (end > 0 && !d->silent) {
            size_t said = answer(d, msg, end);
            (void)sendto(d->fd, msg, said, 0, (struct sockaddr *)&from, from_n);
        }
    }
}

void dns_script_open(struct dns_script *d)
{
    memset(d, 0, sizeof(*d));
    d->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t at_n = sizeof(at);
    assert_int_equal(bind(d->fd, (struct sockaddr *)&at, at_n), 0);
    assert_int_equal(getsockname(d->fd, (struct sockaddr *)&at, &at_n), 0);
    snprintf(d->address, sizeof(d->address), "127.0.0.1:%d", ntohs(at.sin_port));
    assert_int_equal(pthread_create(&d->thread, NULL, serve, d), 0);
}

void dns_script_close(struct dns_script *d)
{
    struct sockaddr_in at;
    socklen_t at_n = sizeof(at);
    assert_int_equal(getsockname(d->fd, (struct sockaddr *)&at, &at_n), 0);
    assert_int_equal(sendto(d->fd, "", 0, 0, (struct sockaddr *)&at, at_n), 0);
    assert_int_equal(pthread_join(d->thread, NULL), 0);
    close(d->fd);
}

void dns_script_set(struct dns_script *d, int first, int second, int third, int ttl_s)
{
    d->last[0] = first;
    d->last[1] = second;
    d->last[2] = third;
    d->ttl_s = ttl_s;
}
