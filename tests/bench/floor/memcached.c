/* The floor of a hit in memcached: every request becomes a look-up of its path, all look-ups of one
 * turn of the loop leave in one write on one connection, and each value goes to its client by one
 * writev behind a prepared head. */
#include "floor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OUT_BYTES = 4 << 20, IN_BYTES = 8 << 20 };

struct lookups {
    int fd; /* the connection to memcached */
    char *out;
    size_t out_n;
    char *in;
    size_t in_n;
    char head[512]; /* all values have the same length */
    size_t head_n;
    unsigned asked, answered; /* positions in `clients`, modulo FDS_MAX */
    int clients[FDS_MAX];
};

static void *memcached_start(struct floor *f, char **arguments)
{
    struct lookups *l = calloc(1, sizeof(*l));
    if (l != NULL) {
        l->out = malloc(OUT_BYTES);
        l->in = malloc(IN_BYTES);
    }
    if (l == NULL || l->out == NULL || l->in == NULL) {
        floor_fail("malloc");
    }
    l->head_n = floor_head(l->head, sizeof(l->head), floor_number(arguments[0]));
    l->fd = floor_connect(f, (uint16_t)floor_number(arguments[1]));
    return l;
}

static void append(struct lookups *l, const char *bytes, size_t n)
{
    memcpy(l->out + l->out_n, bytes, n);
    l->out_n += n;
}

static bool ask(struct lookups *l, int client, char *request, size_t n)
{
    const char *path = request + sizeof("GET ") - 1;
    const char *end = n > 4 ? memchr(path, ' ', n - 4) : NULL;
    if (end == NULL || l->out_n + n + 8 > OUT_BYTES) {
        return false;
    }
    append(l, "mg ", 3);
    append(l, path, (size_t)(end - path));
    append(l, " v\r\n", 4);
    l->clients[l->asked++ % FDS_MAX] = client;
    return true;
}

/* Length of the answer at `bytes` if it is complete, else 0; *value gets its value. */
static size_t answer_at(char *bytes, size_t n, struct iovec *value)
{
    char *end = memchr(bytes, '\n', n);
    if (end == NULL) {
        return 0;
    }
    if (memcmp(bytes, "VA ", 3) != 0) {
        fprintf(stderr, "memcached answered %.*s\n", (int)(end - bytes), bytes);
        exit(1);
    }
    size_t value_n = 0;
    for (const char *p = bytes + 3; *p >= '0' && *p <= '9'; p++) {
        value_n = value_n * 10 + (size_t)(*p - '0');
    }
    *value = (struct iovec){end + 1, value_n};
    size_t whole = (size_t)(end + 1 - bytes) + value_n + 2;
    return whole <= n ? whole : 0;
}

static bool relay_answers(struct lookups *l)
{
    size_t at = 0;
    for (;;) {
        struct iovec value;
        size_t whole = answer_at(l->in + at, l->in_n - at, &value);
        if (whole == 0) {
            break;
        }
        /* A client that has left meanwhile is no matter: its next request will not come. */
        struct iovec v[2] = {{l->head, l->head_n}, value};
        (void)!floor_write(l->clients[l->answered++ % FDS_MAX], v, 2);
        at += whole;
    }
    l->in_n -= at;
    memmove(l->in, l->in + at, l->in_n);
    return l->in_n < IN_BYTES;
}

/* Answers are read to where the incomplete one before them ends. */
static struct iovec memcached_room(struct floor *f, int fd, struct iovec common)
{
    struct lookups *l = f->state;
    return fd == l->fd ? (struct iovec){l->in + l->in_n, IN_BYTES - l->in_n} : common;
}

static bool memcached_on_bytes(struct floor *f, int fd, char *bytes, size_t n)
{
    struct lookups *l = f->state;
    if (fd == l->fd) {
        l->in_n += n;
        return relay_answers(l);
    }
    return !floor_request_complete(bytes, n) || ask(l, fd, bytes, n);
}

static void memcached_on_close(struct floor *f, int fd)
{
    const struct lookups *l = f->state;
    if (fd == l->fd) {
        floor_fail("memcached closed");
    }
}

static void memcached_on_turn_end(struct floor *f)
{
    struct lookups *l = f->state;
    struct iovec out = {l->out, l->out_n};
    if (l->out_n > 0 && !floor_write(l->fd, &out, 1)) {
        floor_fail("memcached");
    }
    l->out_n = 0;
}

const struct mode mode_memcached = {
    .name = "memcached",
    .arguments = "CONTENT_BYTES MEMCACHED_PORT",
    .arguments_n = 2,
    .start = memcached_start,
    .room = memcached_room,
    .on_bytes = memcached_on_bytes,
    .on_close = memcached_on_close,
    .on_turn_end = memcached_on_turn_end,
};
