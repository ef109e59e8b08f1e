/* Targets, authorities and URIs. A normalised target has no dot segment and is its own normal form.
 * The first byte chooses merge_slashes. */
#include "base/arena.h"
#include "base/assert.h"
#include "http/uri.h"

static void check_path(struct slice path, bool merge_slashes)
{
    ASSERT(path.n > 0 && path.p[0] == '/');
    struct slice rest = slice_skip(path, 1);
    while (rest.n > 0) {
        struct slice segment = slice_cut(rest, '/', &rest);
        ASSERT(!slice_eq(segment, SLICE(".")) && !slice_eq(segment, SLICE("..")));
        ASSERT(!merge_slashes || segment.n > 0 || rest.n == 0);
    }
    for (size_t i = 0; i < path.n; i++) {
        ASSERT(path.p[i] > ' ' && path.p[i] < 0x7f && path.p[i] != '?' && path.p[i] != '#');
    }
}

static void check_target(struct slice target, bool merge_slashes, struct arena *arena)
{
    struct slice path;
    struct slice query;
    struct slice path_again;
    struct slice query_again;
    if (!uri_normalise(target, merge_slashes, arena, &path, &query)) {
        return;
    }
    check_path(path, merge_slashes);
    struct slice joined = path;
    if (query.p != NULL) {
        joined = arena_concat(arena, arena_concat(arena, path, SLICE("?")), query);
    }
    ASSERT(uri_normalise(joined, merge_slashes, arena, &path_again, &query_again));
    ASSERT(slice_eq(path, path_again) && slice_eq(query, query_again) &&
           (query.p == NULL) == (query_again.p == NULL));
}

static void check_authority(struct slice text, struct arena *arena)
{
    struct slice host;
    struct slice again;
    uint16_t port;
    uint16_t no_port;
    if (authority_parse(text, arena, &host, &port)) {
        ASSERT(host.n > 0 && host.n <= text.n);
        ASSERT(authority_parse(host, arena, &again, &no_port) && slice_eq(host, again) &&
               no_port == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 1) {
        return 0;
    }
    struct slice text = slice_make((const char *)data + 1, n - 1);
    struct arena arena;
    struct uri uri;
    arena_init(&arena, NULL);
    check_target(text, (data[0] & 1) != 0, &arena);
    check_authority(text, &arena);
    if (uri_parse(text, &uri)) {
        ASSERT(uri.scheme.n > 0 && uri.authority.n > 0);
        ASSERT(uri.scheme.n + uri.authority.n + uri.rest.n <= text.n);
    }
    ASSERT(uri_decode(text, &arena).n <= text.n);
    arena_fini(&arena);
    return 0;
}
