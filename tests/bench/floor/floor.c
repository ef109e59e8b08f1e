/* The loop that all floors share, and the plain one: read, look for the end of the head, one write
 * of a prepared response. */
#include "floor.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

_Noreturn void floor_fail(const char *what)
{
    perror(what);
    exit(1);
}

uint64_t floor_number(const char *text)
{
    uint64_t value = 0;
    for (const char *p = text; *p != '\0'; p++) {
        if (*p < '0' || *p > '9' || value > UINT32_MAX) {
            errno = EINVAL;
            floor_fail(text);
        }
        value = value * 10 + (uint64_t)(*p - '0');
    }
    return value;
}

bool floor_request_complete(const char *bytes, size_t n)
{
    return memmem(bytes, n, "\r\n\r\n", 4) != NULL;
}

size_t floor_head(char *to, size_t size, size_t content_n)
{
    int n = snprintf(to, size,
                     "HTTP/1.1 200 OK\r\nServer: floor\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
                     "Content-Type: application/octet-stream\r\nContent-Length: %zu\r\n"
                     "Cache-Control: max-age=36000\r\nAge: 1\r\n\r\n",
                     content_n);
    return (size_t)n;
}

static void skip_written(struct iovec *v, size_t written)
{
    for (; written >= v->iov_len && written > 0; v++) {
        written -= v->iov_len;
        v->iov_len = 0;
    }
    v->iov_base = (char *)v->iov_base + written;
    v->iov_len -= written;
}

bool floor_write(int fd, struct iovec *v, int n)
{
    size_t left = 0;
    for (int i = 0; i < n; i++) {
        left += v[i].iov_len;
    }
    while (left > 0) {
        ssize_t done = writev(fd, v, n);
        if (done < 0 && errno != EAGAIN) {
            return false;
        }
        if (done < 0) {
            poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, 1000);
            continue;
        }
        left -= (size_t)done;
        if (left > 0) {
            skip_written(v, (size_t)done);
        }
    }
    return true;
}

void floor_watch(struct floor *f, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(f->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        floor_fail("epoll_ctl");
    }
}

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

int floor_connect(struct floor *f, uint16_t port)
{
    struct sockaddr_in to = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || fd >= FDS_MAX || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
        floor_fail("connect");
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    fcntl(fd, F_SETFL, O_NONBLOCK);
    floor_watch(f, fd);
    return fd;
}

static int listen_at(uint16_t port)
{
    struct sockaddr_in at = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)); /* inherited */
    if (bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(fd, 4096) != 0) {
        floor_fail("listen");
    }
    return fd;
}

static void accept_all(struct floor *f, int listen_fd)
{
    for (;;) {
        int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK);
        if (fd < 0) {
            return;
        }
        if (fd >= FDS_MAX) {
            close(fd);
            continue;
        }
        floor_watch(f, fd);
        if (f->mode->on_accept != NULL) {
            f->mode->on_accept(f, fd);
        }
    }
}

static void drop(struct floor *f, int fd)
{
    if (f->mode->on_close != NULL) {
        f->mode->on_close(f, fd);
    }
    close(fd);
}

static void read_from(struct floor *f, int fd)
{
    char bytes[READ_BYTES];
    struct iovec room = {bytes, sizeof(bytes)};
    if (f->mode->room != NULL) {
        room = f->mode->room(f, fd, room);
    }
    ssize_t n = read(fd, room.iov_base, room.iov_len);
    if (n < 0 && errno == EAGAIN) {
        return;
    }
    if (n <= 0 || !f->mode->on_bytes(f, fd, room.iov_base, (size_t)n)) {
        drop(f, fd);
    }
}

static _Noreturn void run(struct floor *f, int listen_fd)
{
    struct epoll_event events[512];
    for (;;) {
        int n = epoll_wait(f->epoll_fd, events, 512, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == listen_fd) {
                accept_all(f, fd);
            } else {
                read_from(f, fd);
            }
        }
        if (f->mode->on_turn_end != NULL) {
            f->mode->on_turn_end(f);
        }
    }
}

/* -- the plain floor -- */

struct reply {
    char *bytes;
    size_t n;
};

static void *reply_start(struct floor *f, char **arguments)
{
    (void)f;
    size_t content_n = floor_number(arguments[0]);
    struct reply *r = malloc(sizeof(*r));
    char *bytes = malloc(512 + content_n);
    if (r == NULL || bytes == NULL) {
        floor_fail("malloc");
    }
    size_t head_n = floor_head(bytes, 512, content_n);
    memset(bytes + head_n, 'x', content_n);
    *r = (struct reply){bytes, head_n + content_n};
    return r;
}

static bool reply_on_bytes(struct floor *f, int fd, char *bytes, size_t n)
{
    const struct reply *r = f->state;
    if (!floor_request_complete(bytes, n)) {
        return true;
    }
    ssize_t done = write(fd, r->bytes, r->n);
    if (done == (ssize_t)r->n) {
        return true;
    }
    size_t sent = done < 0 ? 0 : (size_t)done;
    struct iovec rest = {r->bytes + sent, r->n - sent};
    return floor_write(fd, &rest, 1);
}

const struct mode mode_reply = {
    .name = "reply",
    .arguments = "CONTENT_BYTES",
    .arguments_n = 1,
    .start = reply_start,
    .on_bytes = reply_on_bytes,
};

/* -- start -- */

static const struct mode *mode_named(const char *name, int arguments_n)
{
    static const struct mode *const modes[] = {&mode_reply, &mode_memcached, &mode_relay};
    for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
        if (strcmp(modes[i]->name, name) == 0 && modes[i]->arguments_n == arguments_n) {
            return modes[i];
        }
    }
    for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
        fprintf(stderr, "usage: floor PORT %s %s\n", modes[i]->name, modes[i]->arguments);
    }
    exit(2);
}

int main(int argc, char **argv)
{
    const struct mode *mode = mode_named(argc > 2 ? argv[2] : "", argc - 3);
    struct floor f = {.epoll_fd = epoll_create1(0), .mode = mode};
    signal(SIGPIPE, SIG_IGN);
    int listen_fd = listen_at((uint16_t)floor_number(argv[1]));
    floor_watch(&f, listen_fd);
    f.state = mode->start(&f, argv + 3);
    run(&f, listen_fd);
}
