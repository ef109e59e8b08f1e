/* What several tests of net/ need: sockets on loopback, turns until something has happened. */
#pragma once

#include "net/address.h"
#include "net/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>

#include <cmocka.h>

/* Long enough that only a defect reaches it. */
#define PATIENCE_MS 10000

struct address test_address(const char *text);
/* Blocking and listening on a free port of 127.0.0.1, or on `at`. */
int test_listen(const struct address *at, int backlog, struct address *bound);
/* Both ends of a TCP connection over loopback, non-blocking. */
void test_tcp_pair(int out[2]);
/* Turns the loop until `*flag` is not 0; fails the test when that does not happen. */
void test_turn_until(struct loop *, const int *flag);
/* Waits for a descriptor without a loop. */
void test_wait_readable(int fd);
/* Leaves no descriptor to be had; the limit before is put into `saved`. */
void test_exhaust_fds(struct rlimit *saved);
