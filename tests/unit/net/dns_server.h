/* A scripted DNS server on 127.0.0.1 (UDP, and TCP on the same port) for tests of the resolver. */
#pragma once

#include "net/loop.h"

#include <stddef.h>
#include <stdint.h>

enum dns_type { DNS_A = 1, DNS_CNAME = 5, DNS_AAAA = 28, DNS_SRV = 33 };
enum dns_rcode { DNS_NOERROR = 0, DNS_SERVFAIL = 2, DNS_NXDOMAIN = 3, DNS_REFUSED = 5 };
enum dns_manner { DNS_ANSWERS = 0, DNS_DROPS, DNS_TALKS_NONSENSE, DNS_TRUNCATES };

#define DNS_RECORDS_MAX 80

struct dns_record {
    const char *owner; /* NULL: the name asked for */
    enum dns_type type;
    const char *data; /* an address, a name, or "priority weight port target" */
    uint32_t ttl_s;
};

/* What is said when `name` is asked for records of `type`; anything else gets an answer without
 * records. */
struct dns_row {
    const char *name;
    enum dns_type type;
    enum dns_rcode rcode;
    enum dns_manner manner;
    struct dns_record records[DNS_RECORDS_MAX]; /* up to the first without data */
};

struct dns_server {
    struct loop *loop; /* NULL: driven by dns_server_answer */
    struct fd_watch udp_watch;
    struct fd_watch listen_watch;
    struct fd_watch tcp_watch;
    int udp;
    int listening;
    int tcp; /* -1: no connection */
    char address[32];
    const struct dns_row *rows;
    size_t row_count;
    int asked;     /* questions that came by UDP */
    int asked_tcp; /* and by TCP */
};

void dns_server_open(struct dns_server *, struct loop *, const struct dns_row *rows, size_t count);
void dns_server_close(struct dns_server *);
/* Takes one question from the UDP socket, waiting for it, and answers it. False: an empty datagram
 * came. */
bool dns_server_answer(struct dns_server *);
