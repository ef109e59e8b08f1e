#include "dns_server.h"

#include "net_helpers.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define MESSAGE_MAX  4096
#define HEAD_BYTES   12
#define FLAGS_ANSWER 0x8180
#define FLAG_CUT     0x0200

struct message {
    unsigned char data[MESSAGE_MAX];
    size_t n;
};

static void put(struct message *m, const void *data, size_t n)
{
    assert_true(m->n + n <= sizeof(m->data));
    memcpy(m->data + m->n, data, n);
    m->n += n;
}

static void put_u16(struct message *m, unsigned v)
{
    uint16_t net = htons((uint16_t)v);
    put(m, &net, sizeof(net));
}

static void put_u32(struct message *m, uint32_t v)
{
    uint32_t net = htonl(v);
    put(m, &net, sizeof(net));
}

static void put_name(struct message *m, const char *name)
{
    while (*name != 0) {
        size_t label = strcspn(name, ".");
        unsigned char n = (unsigned char)label;
        put(m, &n, 1);
        put(m, name, label);
        name += label + (name[label] == '.');
    }
    put(m, "", 1);
}

static void put_service(struct message *m, const char *text)
{
    unsigned numbers[3];
    char target[256];
    assert_int_equal(sscanf(text, "%u %u %u %255s", &numbers[0], &numbers[1], &numbers[2], target),
                     4);
    for (size_t i = 0; i < 3; i++)
        put_u16(m, numbers[i]);
    put_name(m, strcmp(target, ".") == 0 ? "" : target);
}

static void put_record(struct message *m, const struct dns_record *r)
{
    if (r->owner != NULL)
        put_name(m, r->owner);
    else
        put_u16(m, 0xc000 | HEAD_BYTES); /* the name of the question */
    put_u16(m, r->type);
    put_u16(m, 1);
    put_u32(m, r->ttl_s);
    size_t length_at = m->n;
    put_u16(m, 0);
    unsigned char address[16];
    if (r->type == DNS_CNAME) {
        put_name(m, r->data);
    } else if (r->type == DNS_SRV) {
        put_service(m, r->data);
    } else {
        int family = r->type == DNS_A ? AF_INET : AF_INET6;
        assert_int_equal(inet_pton(family, r->data, address), 1);
        put(m, address, r->type == DNS_A ? 4 : 16);
    }
    uint16_t length = htons((uint16_t)(m->n - length_at - 2));
    memcpy(m->data + length_at, &length, 2);
}

/* The name and type of a question; returns where the question ends. */
static size_t read_question(const unsigned char *q, size_t n, char *name, unsigned *type)
{
    size_t at = HEAD_BYTES;
    size_t len = 0;
    while (at < n && q[at] != 0) {
        size_t label = q[at++];
        assert_true(at + label < n);
        if (len > 0)
            name[len++] = '.';
        memcpy(name + len, q + at, label);
        len += label;
        at += label;
    }
    name[len] = 0;
    assert_true(at + 5 <= n);
    *type = (unsigned)q[at + 1] << 8 | q[at + 2];
    return at + 5;
}

static const struct dns_row *find_row(const struct dns_server *s, const char *name, unsigned type)
{
    for (size_t i = 0; i < s->row_count; i++)
        if (strcasecmp(s->rows[i].name, name) == 0 && s->rows[i].type == type)
            return &s->rows[i];
    return NULL;
}

/* False: nothing is said. */
static bool make_answer(const struct dns_server *s, const unsigned char *q, size_t n, bool by_tcp,
                        struct message *m)
{
    static const struct dns_row nothing = {.rcode = DNS_NOERROR};
    char name[300];
    unsigned type;
    size_t end = read_question(q, n, name, &type);
    const struct dns_row *row = find_row(s, name, type);
    if (row == NULL)
        row = &nothing;
    bool cut = row->manner == DNS_TRUNCATES && !by_tcp;
    unsigned count = 0;
    while (!cut && count < DNS_RECORDS_MAX && row->records[count].data != NULL)
        count++;
    m->n = 0;
    put(m, q, 2);
    put_u16(m, FLAGS_ANSWER | (cut ? FLAG_CUT : 0) | (unsigned)row->rcode);
    put_u16(m, 1);
    put_u16(m, count);
    put_u32(m, 0);
    put(m, q + HEAD_BYTES, end - HEAD_BYTES);
    for (unsigned i = 0; i < count; i++)
        put_record(m, &row->records[i]);
    if (row->manner == DNS_TALKS_NONSENSE)
        memset(m->data + 2, 0xff, m->n - 2);
    return row->manner != DNS_DROPS;
}

bool dns_server_answer(struct dns_server *s)
{
    unsigned char q[1024];
    struct message m;
    struct address from = {.len = sizeof(from.u)};
    ssize_t n = recvfrom(s->udp, q, sizeof(q), 0, &from.u.sa, &from.len);
    assert_true(n >= 0);
    if (n == 0)
        return false;
    s->asked++;
    if (make_answer(s, q, (size_t)n, false, &m))
        assert_int_equal(sendto(s->udp, m.data, m.n, 0, &from.u.sa, from.len), m.n);
    return true;
}

static void on_datagram(struct fd_watch *w, bool readable UNUSED, bool writable UNUSED)
{
    (void)dns_server_answer(w->owner);
}

static void close_tcp(struct dns_server *s)
{
    if (s->tcp < 0)
        return;
    fd_watch_stop(&s->tcp_watch);
    close(s->tcp);
    s->tcp = -1;
}

static void on_tcp_question(struct fd_watch *w, bool readable UNUSED, bool writable UNUSED)
{
    struct dns_server *s = w->owner;
    unsigned char q[1024];
    struct message m;
    ssize_t n = recv(s->tcp, q, sizeof(q), 0);
    if (n <= 0) {
        close_tcp(s);
        return;
    }
    /* Several questions may come in one segment; each is a length and a message. */
    for (ssize_t at = 0; at + 2 < n;) {
        size_t length = (size_t)q[at] << 8 | q[at + 1];
        assert_true(at + 2 + (ssize_t)length <= n);
        s->asked_tcp++;
        if (make_answer(s, q + at + 2, length, true, &m)) {
            uint16_t net = htons((uint16_t)m.n);
            assert_int_equal(send(s->tcp, &net, 2, MSG_NOSIGNAL | MSG_MORE), 2);
            assert_int_equal(send(s->tcp, m.data, m.n, MSG_NOSIGNAL), m.n);
        }
        at += 2 + (ssize_t)length;
    }
}

static void on_tcp_connection(struct fd_watch *w, bool readable UNUSED, bool writable UNUSED)
{
    struct dns_server *s = w->owner;
    close_tcp(s);
    s->tcp = accept(s->listening, NULL, NULL);
    assert_true(s->tcp >= 0);
    fd_watch_start(s->loop, &s->tcp_watch, s->tcp, true, false, on_tcp_question, s);
}

void dns_server_open(struct dns_server *s, struct loop *loop, const struct dns_row *rows,
                     size_t count)
{
    struct address at;
    memset(s, 0, sizeof(*s));
    s->loop = loop;
    s->rows = rows;
    s->row_count = count;
    s->tcp = -1;
    s->listening = test_listen(NULL, 5, &at);
    s->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(s->udp >= 0);
    assert_int_equal(bind(s->udp, &at.u.sa, at.len), 0);
    (void)snprintf(s->address, sizeof(s->address), "127.0.0.1:%u", address_port(&at));
    if (loop == NULL)
        return;
    fd_watch_start(loop, &s->udp_watch, s->udp, true, false, on_datagram, s);
    fd_watch_start(loop, &s->listen_watch, s->listening, true, false, on_tcp_connection, s);
}

void dns_server_close(struct dns_server *s)
{
    if (s->loop != NULL) {
        fd_watch_stop(&s->udp_watch);
        fd_watch_stop(&s->listen_watch);
        close_tcp(s);
    }
    close(s->udp);
    close(s->listening);
}
