/* Floors: servers that do the least that can be done for a request, as marks for what is measured
 * beside them. One thread, epoll, no HTTP beyond the empty line that ends a head. Good enough for
 * wrk, which neither pipelines nor splits a request; for nothing else. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

enum { FDS_MAX = 65536, READ_BYTES = 65536 };

struct floor {
    int epoll_fd;
    const struct mode *mode;
    void *state; /* of the mode, made by its start */
};

/* What a mode does. A slot may be NULL, but for on_bytes. */
struct mode {
    const char *name;
    const char *arguments;
    int arguments_n;
    void *(*start)(struct floor *, char **arguments);
    void (*on_accept)(struct floor *, int fd);
    /* Where the bytes of `fd` shall be read to; `common` serves where they are dealt with at once.
     */
    struct iovec (*room)(struct floor *, int fd, struct iovec common);
    /* Bytes came from `fd`; false closes it. */
    bool (*on_bytes)(struct floor *, int fd, char *bytes, size_t n);
    void (*on_close)(struct floor *, int fd);
    /* All events of one turn of the loop are dealt with. */
    void (*on_turn_end)(struct floor *);
};

extern const struct mode mode_reply, mode_memcached, mode_relay;

/* Connected, without delay and non-blocking, watched for reading. Ends the program when that fails.
 */
int floor_connect(struct floor *, uint16_t port);
void floor_watch(struct floor *, int fd);

/* Writes all, waiting where it must; the vectors are used up. False when the connection is gone. */
bool floor_write(int fd, struct iovec *, int n);

/* Head of a response with `content_n` bytes; returns its length. */
size_t floor_head(char *to, size_t size, size_t content_n);

uint64_t floor_number(const char *text);
bool floor_request_complete(const char *bytes, size_t n);
_Noreturn void floor_fail(const char *what);
