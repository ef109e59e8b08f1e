/* A DNS server on loopback that says the same of every name: as many IPv4 addresses as its script
 * has. The script may change between turns. */
#pragma once

#include "net/loop.h"

#include <pthread.h>
#include <stdatomic.h>

#define DNS_ADDRESSES_MAX 8

struct dns_script {
    _Atomic int last[DNS_ADDRESSES_MAX]; /* 127.0.0.x of each address; 0: no more */
    _Atomic int ttl_s;
    _Atomic bool fails;  /* says SERVFAIL */
    _Atomic bool silent; /* says nothing */
    atomic_int asked;    /* questions for IPv4 addresses */
    char address[32];    /* of the server, for resolver_new */
    int fd;
    pthread_t thread;
};

/* Begins to serve, in a thread of its own. */
void dns_script_open(struct dns_script *);
void dns_script_close(struct dns_script *);
/* Up to three addresses; 0: none. */
void dns_script_set(struct dns_script *, int first, int second, int third, int ttl_s);
