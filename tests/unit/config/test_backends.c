/* Groups of origins, pools of memcached servers, caches, and how they find each other. */
#include "help.h"

#define TOP "listen: 80\nproxy_pass: http://app\n"

static const struct row {
    const char *name, *text, *message;
} rows[] = {
    {"group without servers", "upstreams: {app: {keepalive: 3}}\n",
     "p.yaml:3:13: upstream \"app\" has no servers\n"},
    {"group of no servers", "upstreams: {app: {servers: []}}\n",
     "p.yaml:3:28: upstream \"app\" has no servers\n"},
    {"peer that is none", "upstreams: {app: {servers: ['a b=c']}}\n",
     "p.yaml:3:29: unknown directive \"b\"\n"},
    {"peer without a host", "upstreams: {app: {servers: [8080]}}\n",
     "p.yaml:3:29: \"8080\" is not host:port or unix:/path\n"},
    {"peer of any host", "upstreams: {app: {servers: ['*:80']}}\n",
     "p.yaml:3:29: \"*:80\" is not host:port or unix:/path\n"},
    {"peer of port 0", "upstreams: {app: {servers: ['a:0']}}\n",
     "p.yaml:3:29: \"a:0\" is not host:port or unix:/path\n"},
    {"weight out of bounds", "upstreams: {app: {servers: [{address: a, weight: 0}]}}\n",
     "p.yaml:3:50: weight: \"0\" is not a number (1 to 65535)\n"},
    {"unknown option of a peer", "upstreams: {app: {servers: [{address: a, wieght: 2}]}}\n",
     "p.yaml:3:42: unknown directive \"wieght\", did you mean \"weight\"?\n"},
    {"unknown balance", "upstreams: {app: {servers: a, balance: least_conn}}\n",
     "p.yaml:3:40: balance: \"least_conn\" is not one of round_robin\n"},
    {"groups as a list", "upstreams: [app]\n",
     "p.yaml:3:12: upstreams: a map from names to settings is needed, not a list\n"},
    {"group that is no map", "upstreams: {app: a}\n",
     "p.yaml:3:13: upstream \"app\" has no servers\n"
     "p.yaml:3:18: a map of directives is needed here, not a single value\n"},
    {"pool without servers", "memcached_pools: {default: {protocol: meta}}\n",
     "p.yaml:3:19: pool \"default\" has no servers\n"},
    {"pool with a server twice", "memcached: [a, b, a]\n",
     "p.yaml:3:19: \"a\" is in the pool twice\n"},
    {"pool that nobody uses", "memcached_pools: {pages: {servers: a}}\n",
     "p.yaml:3:19: warning: no cache uses the memcached pool \"pages\"\n"},
    {"two default pools", "memcached: a\nmemcached_pools: {default: {servers: b}}\n",
     "p.yaml:3:1: memcached is the pool \"default\", which is in memcached_pools too\n"},
    {"memcached off", "memcached: off\n", ""},
    {"user without a password", "memcached_pools: {default: {servers: a, auth: {user: b}}}\n",
     "p.yaml:3:47: auth: off or a map with user and password_file is needed\n"},
    {"neither user nor password", "memcached_pools: {default: {servers: a, auth: on}}\n",
     "p.yaml:3:47: auth: off or a map with user and password_file is needed\n"},
    {"password in no file",
     "memcached_pools: {default: {servers: a, auth: {user: b, password_file: /dev/null}}}\n",
     "p.yaml:3:72: password_file: cannot use \"/dev/null\": it is no regular file\n"},
    {"unknown pool", "caches: {c: {memcached: pages}}\n",
     "p.yaml:3:25: memcached: there is no pool \"pages\" in memcached_pools\n"},
    {"cache of nothing", "caches: {c: {memory: 0}}\n",
     "p.yaml:3:10: warning: cache \"c\" has neither memory nor a memcached pool: it holds "
     "nothing\n"},
    {"raw values of a pool",
     "memcached_pools: {p: {servers: a}}\nmemcached_pass: p\nmemcached_key: $uri\n", ""},
    {"raw values of an address", "memcached_pass: 'a:1'\nmemcached_key: $uri\n", ""},
    {"raw values of a socket", "memcached_pass: unix:/tmp/x\nmemcached_key: $uri\n", ""},
    {"raw values of nothing", "memcached_pass: pages\nmemcached_key: $uri\n",
     "p.yaml:3:17: \"pages\" is neither a pool in memcached_pools nor host:port nor unix:/path\n"},
    {"raw values of port 0", "memcached_pass: 'a:0'\nmemcached_key: $uri\n",
     "p.yaml:3:17: \"a:0\" is not host:port or unix:/path\n"},
    {"raw values of a variable", "memcached_pass: $host\nmemcached_key: $uri\n",
     "p.yaml:3:17: memcached_pass: variables are not supported here\n"},
    {"raw values without a key", "memcached_pass: 'a:1'\n",
     "p.yaml:1:1: memcached_pass needs memcached_key: how those who write the values make their "
     "keys, as in \"$uri$is_args$args\"\n"},
    {"timeout of nginx's module", "memcached_read_timeout: 1s\n",
     "p.yaml:3:1: unknown directive \"memcached_read_timeout\": it is \"read_timeout\" of a pool "
     "in "
     "memcached_pools\n"},
    {"compression in words", "caches: {c: {compress: gzip}}\n",
     "p.yaml:3:24: compress: on, off or a map is needed\n"},
    {"unknown setting of compression", "caches: {c: {compress: {levle: 1}}}\n",
     "p.yaml:3:25: unknown directive \"levle\", did you mean \"level\"?\n"},
    {"compression beyond its bounds", "caches: {c: {compress: {level: 10, min_length: -1}}}\n",
     "p.yaml:3:32: level: \"10\" is not a number (1 to 9)\n"
     "p.yaml:3:48: min_length: \"-1\" is not a size such as 8k (at least 0)\n"},
    {"type that is none", "caches: {c: {compress: {types: [text]}}}\n",
     "p.yaml:3:32: types: \"text\" is not a media type such as text/css, text/* or *\n"},
    {"type of two stars", "caches: {c: {compress: {types: [text/*+*]}}}\n",
     "p.yaml:3:32: types: \"text/*+*\" is not a media type such as text/css, text/* or *\n"},
    {"type with a parameter", "caches: {c: {compress: {types: ['a/b;c=d']}}}\n",
     "p.yaml:3:32: types: \"a/b;c=d\" is not a media type such as text/css, text/* or *\n"},
    {"any type", "caches: {c: {compress: {types: '*'}}}\n", ""},
    {"prefix with a space", "caches: {c: {key_prefix: 'a b'}}\n",
     "p.yaml:3:26: key_prefix: at most 100 printable bytes without spaces are possible\n"},
};

static void texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[512];
        snprintf(text, sizeof(text), TOP "%s", rows[i].text);
        expect_messages(rows[i].name, text, rows[i].message);
    }
}

static void peers(void **state)
{
    (void)state;
    struct config *c = load_ok(
        TOP "upstreams:\n  app:\n    keepalive: 5\n    keepalive_timeout: 2s\n    servers:\n"
            "      - 10.0.0.1:3000\n"
            "      - {address: '10.0.0.2:3000', weight: 2, max_fails: 3, fail_timeout: 1m, "
            "max_conns: 9, backup: on}\n"
            "      - app.internal weight=4 down\n"
            "      - unix:/run/app.sock\n");
    const struct upstream_conf *u = &c->proxy.upstreams[root_of(c, 0)->upstream];
    expect_slice(u->name, "app");
    assert_int_equal(u->keepalive, 5);
    assert_int_equal(u->keepalive_timeout_ms, 2000);
    assert_int_equal(u->keepalive_requests, 1000);
    assert_int_equal(u->keepalive_time_ms, 3600000);
    assert_int_equal(u->servers_n, 4);
    const struct peer_conf *p = u->servers;
    assert_int_equal(p[0].endpoint.port, 3000);
    assert_int_equal(p[0].weight, 1);
    assert_int_equal(p[0].max_fails, 1);
    assert_int_equal(p[0].fail_timeout_ms, 10000);
    assert_int_equal(p[1].weight, 2);
    assert_int_equal(p[1].max_fails, 3);
    assert_int_equal(p[1].fail_timeout_ms, 60000);
    assert_int_equal(p[1].max_conns, 9);
    assert_true(p[1].backup);
    assert_false(p[1].down);
    assert_int_equal(p[2].weight, 4);
    assert_true(p[2].down);
    assert_int_equal(p[2].endpoint.port, 80);
    expect_slice(p[2].endpoint.host, "app.internal");
    assert_true(p[3].endpoint.is_unix);
    config_unref(&c);
}

static void pools(void **state)
{
    (void)state;
    struct config *c = load_ok(
        TOP
        "memcached: ['a:11212', b]\n"
        "memcached_pools: {pages: {servers: [{address: c, weight: 3}], distribution: modulo, "
        "protocol: "
        "classic, read_timeout: 20ms, max_item: 2m, max_fails: 9}}\n"
        "caches: {pages: {memory: 1g, memcached: pages, key_prefix: 'x:', max_object: 1m}, lone: "
        "{memcached: off}}\n"
        "locations: {/p: {proxy_cache: pages}, /l: {proxy_cache: lone}, /o: {proxy_cache: off}, "
        "/n: "
        "{proxy_cache: on}}\n");
    assert_int_equal(c->pools_n, 2);
    const struct mc_conf *pages = &c->pools[0];
    const struct mc_conf *dflt = &c->pools[1];
    expect_slice(pages->name, "pages");
    assert_int_equal(pages->distribution, MC_MODULO);
    assert_int_equal(pages->protocol, MC_PROTOCOL_CLASSIC);
    assert_int_equal(pages->read_timeout_ms, 20);
    assert_int_equal(pages->item_max_bytes, 2 << 20);
    assert_int_equal(pages->breaker_fails, 9);
    assert_int_equal(pages->servers[0].weight, 3);
    expect_slice(dflt->name, "default");
    assert_int_equal(dflt->servers_n, 2);
    assert_int_equal(dflt->servers[0].endpoint.port, 11212);
    assert_int_equal(dflt->servers[1].weight, 1);
    const struct mc_conf standard = mc_conf_default();
    assert_int_equal(dflt->read_timeout_ms, standard.read_timeout_ms);
    assert_int_equal(dflt->connect_timeout_ms, standard.connect_timeout_ms);
    assert_int_equal(dflt->send_timeout_ms, standard.send_timeout_ms);
    assert_int_equal(dflt->breaker_fails, standard.breaker_fails);
    assert_int_equal(dflt->breaker_probe_ms, standard.breaker_probe_ms);
    assert_int_equal(dflt->pending_max, standard.pending_max);
    assert_int_equal(dflt->read_buffer_bytes, standard.read_buffer_bytes);
    assert_int_equal(dflt->send_buffer_bytes, standard.send_buffer_bytes);
    assert_int_equal(dflt->item_max_bytes, standard.item_max_bytes);
    assert_int_equal(dflt->distribution, standard.distribution);
    assert_int_equal(dflt->protocol, standard.protocol);
    config_unref(&c);
}

static void compression(void **state)
{
    (void)state;
    struct config *c = load_ok(TOP "caches: {a: {compress: on}, b: {compress: {level: 9, types: "
                                   "[text/html]}}, c: {compress: {zstd: off}}, d: {}}\n");
    const struct cache_store_conf *caches = c->proxy.caches;
    assert_true(caches[0].compress.on);
    assert_int_equal(caches[0].compress.level, 3);
    assert_int_equal(caches[0].compress.min_bytes, 1024);
    assert_true(caches[0].compress.types_n > 5);
    assert_true(caches[1].compress.on);
    assert_int_equal(caches[1].compress.level, 9);
    assert_int_equal(caches[1].compress.types_n, 1);
    expect_slice(caches[1].compress.types[0], "text/html");
    assert_false(caches[2].compress.on);
    assert_false(caches[3].compress.on);
    config_unref(&c);
}

static void caches_and_their_pools(void **state)
{
    (void)state;
    struct config *c = load_ok(
        TOP "memcached: a\nmemcached_pools: {pages: {servers: c}}\n"
            "caches: {pages: {memory: 1g, memcached: pages, key_prefix: 'x:', max_object: 1m}, "
            "lone: {memcached: off}}\n"
            "locations: {/p: {proxy_cache: pages}, /l: {proxy_cache: lone}, /o: {proxy_cache: "
            "off}, /n: {proxy_cache: on}}\n");
    const struct cache_store_conf *caches = c->proxy.caches;
    assert_int_equal(c->proxy.caches_n, 3);
    assert_int_equal(caches[0].memory_bytes, 1 << 30);
    assert_int_equal(caches[0].pool, 0);
    expect_slice(caches[0].key_prefix, "x:");
    assert_int_equal(caches[0].max_object_bytes, 1 << 20);
    assert_int_equal(caches[1].pool, -1);
    assert_int_equal(caches[2].pool, 1);
    const struct location_conf *pages = location_of(c, 0, "/p");
    assert_int_equal(pages->cache, 0);
    assert_int_equal(pages->rules.max_object_bytes, 1 << 20);
    assert_int_equal(location_of(c, 0, "/l")->cache, 1);
    assert_false(location_of(c, 0, "/o")->cache_on);
    assert_int_equal(location_of(c, 0, "/n")->cache, 2);
    assert_int_equal(location_of(c, 0, "/n")->rules.max_object_bytes, 8 << 20);
    config_unref(&c);
}

/* Memory is not given to a cache that nothing is proxied through. */
static void default_cache_is_made_only_when_it_is_used(void **state)
{
    (void)state;
    struct config *c = load_ok("listen: 80\nreturn: 200\n");
    assert_int_equal(c->proxy.caches_n, 0);
    assert_false(root_of(c, 0)->cache_on);
    config_unref(&c);
    c = load_ok(TOP "caches: {a: {}}\nproxy_cache: a\n");
    assert_int_equal(c->proxy.caches_n, 1);
    config_unref(&c);
}

static void same_address_is_one_upstream(void **state)
{
    (void)state;
    struct config *c =
        load_ok(TOP "locations: {/a: {proxy_pass: 'http://x:1'}, /b: {proxy_pass: 'http://x:1/y'}, "
                    "/c: {proxy_pass: 'http://x:2'}}\n");
    assert_int_equal(c->proxy.upstreams_n, 3);
    assert_int_equal(location_of(c, 0, "/a")->upstream, location_of(c, 0, "/b")->upstream);
    assert_int_not_equal(location_of(c, 0, "/a")->upstream, location_of(c, 0, "/c")->upstream);
    assert_int_equal(c->proxy.upstreams[1].keepalive, 64);
    config_unref(&c);
}

static void log_files_are_distinct(void **state)
{
    (void)state;
    struct config *c =
        load_ok(TOP "log_format: {short: 'escape=json $status'}\n"
                    "access_log: [/a.log, /b.log short]\n"
                    "locations: {/x: {access_log: /b.log json}, /y: {access_log: off}}\n");
    const struct location_conf *root = root_of(c, 0);
    assert_int_equal(c->proxy.log_files_n, 2);
    expect_slice(c->proxy.log_files[1], "/b.log");
    assert_int_equal(root->logs[0].file, 0);
    assert_int_equal(root->logs[1].file, 1);
    expect_template(root->logs[1].format, "$status");
    assert_int_equal(location_of(c, 0, "/x")->logs[0].file, 1);
    assert_int_equal(location_of(c, 0, "/y")->logs_n, 0);
    config_unref(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(peers),
        cmocka_unit_test(pools),
        cmocka_unit_test(compression),
        cmocka_unit_test(caches_and_their_pools),
        cmocka_unit_test(default_cache_is_made_only_when_it_is_used),
        cmocka_unit_test(same_address_is_one_upstream),
        cmocka_unit_test(log_files_are_distinct),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
