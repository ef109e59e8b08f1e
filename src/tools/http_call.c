#include "tools/http_call.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/parse.h"

#include <sys/time.h>
#include <unistd.h>

struct address http_call_local(const struct address *listen)
{
    struct address a = *listen;
    if (a.u.sa.sa_family == AF_INET && a.u.in4.sin_addr.s_addr == htonl(INADDR_ANY))
        a.u.in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (a.u.sa.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a.u.in6.sin6_addr))
        a.u.in6.sin6_addr = in6addr_loopback;
    return a;
}

static int connect_to(const struct address *a)
{
    struct timeval timeout = {.tv_sec = HTTP_CALL_TIMEOUT_S};
    int fd = socket(a->u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    bool ok = setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) == 0 &&
              setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) == 0 &&
              connect(fd, &a->u.sa, a->len) == 0;
    if (ok)
        return fd;
    (void)close(fd);
    return -1;
}

static bool send_all(int fd, struct slice bytes)
{
    while (bytes.n > 0) {
        ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        bytes = slice_skip(bytes, (size_t)n);
    }
    return true;
}

#define STATUS_LINE_BYTES 13 /* `HTTP/1.1 200 ` */

/* Until the proxy closes, or as much as is wanted. */
static void receive(int fd, struct buf *in, size_t wanted)
{
    char bytes[4096];
    mono_ms end = clock_mono_ms() + HTTP_CALL_TIMEOUT_S * 1000;
    while (buf_len(in) < wanted && clock_mono_ms() < end) {
        ssize_t n = recv(fd, bytes, sizeof bytes, 0);
        if (n <= 0 || !buf_append(in, slice_make(bytes, (size_t)n)))
            return;
    }
}

static unsigned status_of(struct slice answer)
{
    uint64_t status = 0;
    bool is = slice_starts(answer, SLICE("HTTP/1.1 ")) &&
              parse_u64(slice_take(slice_skip(answer, 9), 3), 999, &status);
    return is ? (unsigned)status : 0;
}

unsigned http_call(const struct address *address, struct slice head, struct slice content,
                   struct arena *arena, struct slice *answer)
{
    int fd = connect_to(address);
    if (fd < 0)
        return 0;
    struct buf in;
    buf_init(&in, HTTP_CALL_ANSWER_MAX);
    if (send_all(fd, head) && send_all(fd, content))
        receive(fd, &in, answer ? HTTP_CALL_ANSWER_MAX : STATUS_LINE_BYTES);
    (void)close(fd);
    unsigned status = status_of(buf_slice(&in));
    if (answer)
        *answer = arena_dup(arena, buf_slice(&in));
    buf_fini(&in);
    return status;
}

/* -- the admin listener -- */

bool admin_call_address(const struct config *config, struct address *out)
{
    for (size_t i = 0; i < config->proxy.listens_n; i++) {
        if (!config->proxy.listens[i].admin)
            continue;
        *out = http_call_local(&config->proxy.listens[i].address);
        return true;
    }
    return false;
}

unsigned admin_call(const struct address *address, struct slice method, struct slice path,
                    struct slice content, struct arena *arena, struct slice *answer)
{
    struct slice framing = slice_none();
    if (content.n > 0)
        framing = arena_printf(arena, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                               content.n);
    struct slice head = arena_printf(
        arena, "%.*s %.*s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%.*s\r\n",
        SLICE_ARG(method), SLICE_ARG(path), SLICE_ARG(framing));
    unsigned status = http_call(address, head, content, arena, answer);
    if (answer)
        *answer = slice_skip(*answer, slice_find_slice(*answer, SLICE("\r\n\r\n")) + 4);
    return status;
}
