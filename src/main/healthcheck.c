/* --healthcheck: one request to /healthz, for container engines that have no curl in the image. */
#include "main/commands.h"
#include "net/resolver.h"
#include "tools/http_call.h"

#include <stdio.h>
#include <stdlib.h>

struct target {
    struct address address;
    struct slice path;
};

static int fail(const char *what)
{
    (void)fprintf(stderr, "mcproxy: healthcheck: %s\n", what);
    return EXIT_FAILURE;
}

static bool target_of_config(const char *path, struct target *out)
{
    struct config *config = command_load(path);
    if (!config)
        return false;
    bool found = admin_call_address(config, &out->address);
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
               resolver_lookup_now(e.host, e.port, NULL, HTTP_CALL_TIMEOUT_S * 1000, out, 1,
                                   &ttl_ms) == 0) {
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

int command_healthcheck(const char *path, const char *url)
{
    struct target target = {0};
    if (url && !target_of_url(url, &target))
        return fail("the URL is not http://address[:port][/path] or unix:/path, or has no address");
    if (!url && !target_of_config(path, &target))
        return EXIT_FAILURE;
    struct arena_pool arenas;
    struct arena arena;
    arena_pool_init(&arenas, 1);
    arena_init(&arena, &arenas);
    unsigned status =
        admin_call(&target.address, SLICE("GET"), target.path, slice_none(), &arena, NULL);
    arena_fini(&arena);
    arena_pool_fini(&arenas);
    if (status == 0)
        return fail("there is no answer");
    return status == 200 ? EXIT_SUCCESS : fail("the answer is not 200");
}
