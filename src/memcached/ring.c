#include "memcached/ring.h"

#include "base/assert.h"

#include <math.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#define KETAMA_POINTS     160 /* per server of mean weight */
#define KETAMA_PER_DIGEST 4
#define NGINX_POINTS      160 /* per unit of weight */

struct ring_point {
    uint32_t value;
    uint32_t server;
};

/* One placement: how its table is made and at which of its points a key is. */
struct placement {
    bool (*build)(struct mc_ring *, const struct mc_conf *);
    size_t (*find)(struct mc_ring *, const struct mc_key *); /* index of the key's point */
};

struct mc_ring {
    const struct placement *placement;
    size_t servers_n;
    struct ring_point
        *points; /* sorted; for modulo one per server, value: sum of the weights up to it */
    size_t points_n;
    EVP_MD *md5;
    EVP_MD_CTX *digest;
};

/* -- what they share -- */

static int point_order(const void *a, const void *b)
{
    const struct ring_point *x = a;
    const struct ring_point *y = b;
    return (x->value > y->value) - (x->value < y->value);
}

/* Index of the first point that is not below `value`; points_n where there is none. */
static size_t lower_bound(const struct mc_ring *ring, uint32_t value)
{
    size_t low = 0;
    size_t high = ring->points_n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ring->points[middle].value < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t find_on_circle(const struct mc_ring *ring, uint32_t value)
{
    size_t i = lower_bound(ring, value);
    return i == ring->points_n ? 0 : i;
}

static uint64_t weight_sum(const struct mc_conf *conf)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < conf->servers_n; i++)
        sum += conf->servers[i].weight;
    return sum;
}

/* The name of a server without its port: the host, or the path of a unix socket. */
static struct slice server_host(const struct mc_server_conf *server)
{
    return server->endpoint.is_unix ? server->endpoint.path : server->endpoint.host;
}

static void make_room(struct mc_ring *ring, size_t points)
{
    ring->points = calloc(points, sizeof(*ring->points));
    ASSERT(ring->points != NULL);
}

/* -- libmemcached, MEMCACHED_DISTRIBUTION_CONSISTENT_KETAMA_WEIGHTED (its hosts.cc) -- */

static void md5(struct mc_ring *ring, struct slice s, uint8_t out[16])
{
    ASSERT(EVP_DigestInit_ex2(ring->digest, ring->md5, NULL) == 1);
    ASSERT(EVP_DigestUpdate(ring->digest, s.p, s.n) == 1);
    ASSERT(EVP_DigestFinal_ex(ring->digest, out, NULL) == 1);
}

static uint32_t little_endian(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* How many digests of four points a server gets; in single precision, as there. */
static uint32_t ketama_digests(const struct mc_conf *conf, uint32_t weight)
{
    float share = (float)weight / (float)weight_sum(conf);
    float points = share * KETAMA_POINTS / KETAMA_PER_DIGEST * (float)conf->servers_n;
    return (uint32_t)floorf((float)((double)points + 0.0000000001));
}

static size_t ketama_name(char *buf, size_t cap, const struct mc_server_conf *server, uint32_t i)
{
    struct slice host = server_host(server);
    unsigned port = server->endpoint.port;
    bool bare = !server->endpoint.is_unix && (port == 0 || port == MC_DEFAULT_PORT);
    int n = bare ? snprintf(buf, cap, "%.*s-%u", SLICE_ARG(host), i)
                 : snprintf(buf, cap, "%.*s:%u-%u", SLICE_ARG(host), port, i);
    return (size_t)n < cap ? (size_t)n : cap - 1;
}

static void ketama_add(struct mc_ring *ring, const struct mc_server_conf *server, uint32_t index,
                       uint32_t digests)
{
    char name[512];
    uint8_t out[16];
    for (uint32_t i = 0; i < digests; i++) {
        md5(ring, slice_make(name, ketama_name(name, sizeof(name), server, i)), out);
        for (size_t word = 0; word < KETAMA_PER_DIGEST; word++)
            ring->points[ring->points_n++] =
                (struct ring_point){.value = little_endian(out + 4 * word), .server = index};
    }
}

static bool ketama_build(struct mc_ring *ring, const struct mc_conf *conf)
{
    ring->md5 = EVP_MD_fetch(NULL, "MD5", NULL);
    ring->digest = EVP_MD_CTX_new();
    if (ring->md5 == NULL || ring->digest == NULL)
        return false;
    size_t points = 0;
    for (size_t i = 0; i < conf->servers_n; i++)
        points += (size_t)ketama_digests(conf, conf->servers[i].weight) * KETAMA_PER_DIGEST;
    ASSERT(points > 0); /* the heaviest server has at least the mean's share */
    make_room(ring, points);
    for (size_t i = 0; i < conf->servers_n; i++)
        ketama_add(ring, &conf->servers[i], (uint32_t)i,
                   ketama_digests(conf, conf->servers[i].weight));
    qsort(ring->points, ring->points_n, sizeof(*ring->points), point_order);
    return true;
}

static size_t ketama_find(struct mc_ring *ring, const struct mc_key *key)
{
    uint8_t out[16];
    md5(ring, mc_key_slice(key), out);
    return find_on_circle(ring, little_endian(out));
}

/* -- nginx: `hash $key consistent` and `hash $key` (ngx_http_upstream_hash_module.c) -- */

/* The reflected CRC-32 of IEEE 802.3, four bits at a time; `crc` continues an unfinished one. */
static uint32_t crc32_update(uint32_t crc, struct slice s)
{
    static const uint32_t table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    for (size_t i = 0; i < s.n; i++) {
        crc ^= (uint8_t)s.p[i];
        crc = table[crc & 15] ^ (crc >> 4);
        crc = table[crc & 15] ^ (crc >> 4);
    }
    return crc;
}

static uint32_t crc32_of(struct slice s)
{
    return ~crc32_update(UINT32_MAX, s);
}

/* The port as the configuration spells it: nothing where it gives none. */
static struct slice nginx_port(const struct mc_server_conf *server, char buf[8])
{
    if (server->endpoint.is_unix || server->endpoint.port == 0)
        return slice_none();
    return slice_make(buf, (size_t)snprintf(buf, 8, "%u", (unsigned)server->endpoint.port));
}

static void nginx_add(struct mc_ring *ring, const struct mc_server_conf *server, uint32_t index)
{
    char port[8];
    uint32_t base = crc32_update(UINT32_MAX, server_host(server));
    base = crc32_update(base, slice_make("\0", 1));
    base = crc32_update(base, nginx_port(server, port));
    uint32_t previous = 0;
    for (uint32_t i = 0; i < server->weight * NGINX_POINTS; i++) {
        char chained[4] = {(char)previous, (char)(previous >> 8), (char)(previous >> 16),
                           (char)(previous >> 24)};
        previous = ~crc32_update(base, slice_make(chained, sizeof(chained)));
        ring->points[ring->points_n++] = (struct ring_point){.value = previous, .server = index};
    }
}

/* Of equal points the first stays. */
static void drop_equal_points(struct mc_ring *ring)
{
    size_t kept = 0;
    for (size_t i = 1; i < ring->points_n; i++)
        if (ring->points[i].value != ring->points[kept].value)
            ring->points[++kept] = ring->points[i];
    ring->points_n = kept + 1;
}

static bool nginx_build(struct mc_ring *ring, const struct mc_conf *conf)
{
    make_room(ring, (size_t)weight_sum(conf) * NGINX_POINTS);
    for (size_t i = 0; i < conf->servers_n; i++)
        nginx_add(ring, &conf->servers[i], (uint32_t)i);
    qsort(ring->points, ring->points_n, sizeof(*ring->points), point_order);
    drop_equal_points(ring);
    return true;
}

/* It hashes the variable's value, before its memcached module escapes that. */
static uint32_t nginx_hash(const struct mc_key *key)
{
    char buf[MC_KEY_MAX];
    return crc32_of(mc_key_unescape(key, buf));
}

static size_t nginx_find(struct mc_ring *ring, const struct mc_key *key)
{
    return find_on_circle(ring, nginx_hash(key));
}

static bool modulo_build(struct mc_ring *ring, const struct mc_conf *conf)
{
    make_room(ring, conf->servers_n);
    uint32_t sum = 0;
    for (size_t i = 0; i < conf->servers_n; i++) {
        sum += conf->servers[i].weight;
        ring->points[ring->points_n++] = (struct ring_point){.value = sum, .server = (uint32_t)i};
    }
    return true;
}

static size_t modulo_find(struct mc_ring *ring, const struct mc_key *key)
{
    uint32_t total = ring->points[ring->points_n - 1].value;
    uint32_t hash = (nginx_hash(key) >> 16) & 0x7fff;
    return lower_bound(ring, hash % total + 1);
}

/* -- */

static const struct placement placements[] = {
    [MC_KETAMA] = {ketama_build, ketama_find},
    [MC_NGINX] = {nginx_build, nginx_find},
    [MC_MODULO] = {modulo_build, modulo_find},
};

struct mc_ring *mc_ring_new(const struct mc_conf *conf)
{
    ASSERT(conf->servers_n > 0 && conf->servers_n <= MC_SERVERS_MAX);
    struct mc_ring *ring = calloc(1, sizeof(*ring));
    ASSERT(ring != NULL);
    ring->placement = &placements[conf->distribution];
    ring->servers_n = conf->servers_n;
    if (!ring->placement->build(ring, conf))
        mc_ring_free(&ring);
    return ring;
}

void mc_ring_free(struct mc_ring **ring_p)
{
    struct mc_ring *ring = *ring_p;
    if (ring == NULL)
        return;
    EVP_MD_CTX_free(ring->digest);
    EVP_MD_free(ring->md5);
    free(ring->points);
    free(ring);
    *ring_p = NULL;
}

static bool is_among(const uint32_t *servers, size_t n, uint32_t server)
{
    for (size_t i = 0; i < n; i++)
        if (servers[i] == server)
            return true;
    return false;
}

/* Around the ring from a point on; at last those that weigh so little that they have no point. */
static size_t nth_server(const struct mc_ring *ring, size_t point, size_t nth)
{
    uint32_t first = ring->points[point].server;
    uint32_t seen[MC_SERVERS_MAX] = {first};
    size_t n = 1;
    for (size_t i = 1; i < ring->points_n + ring->servers_n && n <= nth; i++) {
        uint32_t server = i < ring->points_n
                              ? ring->points[(point + i) % ring->points_n].server
                              : (uint32_t)((first + i - ring->points_n) % ring->servers_n);
        if (!is_among(seen, n, server))
            seen[n++] = server;
    }
    return seen[n - 1];
}

size_t mc_ring_pick(struct mc_ring *ring, const struct mc_key *key, size_t nth)
{
    if (ring->servers_n == 1)
        return 0;
    size_t point = ring->placement->find(ring, key);
    return nth == 0 ? ring->points[point].server : nth_server(ring, point, nth);
}
