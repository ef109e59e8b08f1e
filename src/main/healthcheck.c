/* --healthcheck: one request to /healthz, for container engines that have no curl in the image. */
#include "main/commands.h"
#include "net/address.h"
#include "net/resolver.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#define TIMEOUT_S 3

struct target {
    struct address address;
    struct slice path;
};

static int fail(const char *what)
{
    (void)fprintf(stderr, "mcproxy: healthcheck: %s\n", what);
    return EXIT_FAILURE;
}

/* An address that is listened on everywhere is asked on this machine. */
static void make_local(struct address *a)
{
    if (a->u.sa.sa_family == AF_INET && a->u.in4.sin_addr.s_addr == htonl(INADDR_ANY))
        a->u.in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (a->u.sa.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->u.in6.sin6_addr))
        a->u.in6.sin6_addr = in6addr_loopback;
}

static bool target_of_config(const char *path, struct target *out)
{
    struct config *config = command_load(path);
    if (!config)
        return false;
    bool found = false;
    for (size_t i = 0; i < config->proxy.listens_n && !found; i++) {
        found = config->proxy.listens[i].admin;
        out->address = config->proxy.listens[i].address;
    }
    make_local(&out->address);
    out->path = SLICE("/healthz");
    if (!found)
        (void)fail("there is no admin listener in the configuration");
    config_unref(&config);
    return found;
}

static bool look_up(struct slice authority, struct address *out)
{
    struct endpoint e;
    int64_t ttl_ms;
    if (!endpoint_parse(authority, &e))
        return false;
    if (e.is_unix || e.is_literal) {
        if (!address_from_endpoint(&e, out))
            return false;
    } else if (e.host.n == 0 ||
               resolver_lookup_now(e.host, e.port, NULL, TIMEOUT_S * 1000, out, 1, &ttl_ms) == 0) {
        return false;
    }
    if (!e.is_unix)
        address_set_port(out, e.has_port ? e.port : 80);
    return true;
}

static bool target_of_url(const char *text, struct target *out)
{
    struct slice url = slice_of(text);
    out->path = SLICE("/healthz");
    if (slice_starts(url, SLICE("unix:")))
        return look_up(url, &out->address);
    if (!slice_starts(url, SLICE("http://")))
        return false;
    url = slice_skip(url, 7);
    size_t slash = slice_find(url, '/');
    if (slash < url.n)
        out->path = slice_skip(url, slash);
    return look_up(slice_take(url, slash), &out->address);
}

static int connect_to(const struct address *a)
{
    struct timeval timeout = {.tv_sec = TIMEOUT_S};
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

static bool send_request(int fd, struct slice path)
{
    char request[1024];
    int n = snprintf(request, sizeof request,
                     "GET %.*s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                     SLICE_ARG(path));
    return n > 0 && n < (int)sizeof request && send(fd, request, (size_t)n, MSG_NOSIGNAL) == n;
}

/* The status line as far as it is needed. */
static bool answers_200(int fd)
{
    char head[13];
    size_t n = 0;
    while (n < sizeof head) {
        ssize_t more = recv(fd, head + n, sizeof head - n, 0);
        if (more <= 0)
            return false;
        n += (size_t)more;
    }
    return slice_eq(slice_make(head, n), SLICE("HTTP/1.1 200 "));
}

int command_healthcheck(const char *path, const char *url)
{
    struct target target = {0};
    if (url && !target_of_url(url, &target))
        return fail("the URL is not http://address[:port][/path] or unix:/path, or has no address");
    if (!url && !target_of_config(path, &target))
        return EXIT_FAILURE;
    int fd = connect_to(&target.address);
    if (fd < 0)
        return fail("cannot connect");
    bool ok = send_request(fd, target.path) && answers_200(fd);
    (void)close(fd);
    return ok ? EXIT_SUCCESS : fail("the answer is not 200");
}
