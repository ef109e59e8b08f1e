/* Inheritance, defaults, the short form, and directives that are not where they belong. */
#include "help.h"

#include <stdlib.h>

static void defaults(void **state)
{
    (void)state;
    struct config *c = load_ok("listen: 80\nproxy_pass: http://a\n");
    const struct server_conf *server = c->proxy.servers[0];
    const struct location_conf *root = server->root;
    assert_int_equal(server->line_bytes, 8192);
    assert_int_equal(server->head_bytes, 32768);
    assert_int_equal(server->field_count, 100);
    assert_false(server->merge_slashes);
    assert_false(server->underscores_in_headers);
    assert_int_equal(server->client_header_timeout_ms, 10000);
    assert_int_equal(root->connect_timeout_ms, 5000);
    assert_int_equal(root->send_timeout_ms, 60000);
    assert_int_equal(root->read_timeout_ms, 60000);
    assert_int_equal(root->next_upstream, NEXT_ERROR | NEXT_TIMEOUT);
    assert_int_equal(root->buffers_n, 16);
    assert_int_equal(root->buffer_bytes, 16384);
    assert_int_equal(root->upstream_head_bytes, 65536);
    assert_int_equal(root->client_max_body_bytes, 1 << 20);
    assert_int_equal(root->client_body_timeout_ms, 30000);
    assert_int_equal(root->client_send_timeout_ms, 30000);
    assert_int_equal(root->keepalive_timeout_ms, 60000);
    assert_int_equal(root->keepalive_requests, 10000);
    assert_true(root->cache_on);
    assert_true(root->cache_status);
    assert_int_equal(root->lock, CACHE_LOCK_FLEET);
    assert_int_equal(root->lock_timeout_ms, 5000);
    assert_int_equal(root->min_uses, 1);
    assert_int_equal(root->rules.valid_n, 0);
    assert_int_equal(root->rules.heuristic_max_s, 86400);
    assert_int_equal(root->rules.max_object_bytes, 8 << 20);
    assert_int_equal(root->rules.vary_fields_max, 8);
    expect_template(root->cache_key, "$scheme$host$uri$is_args$args");
    assert_true(root->pass_host);
    assert_int_equal(root->set_headers_n, 3);
    expect_slice(root->set_headers[0].name, "X-Forwarded-For");
    assert_int_equal(root->logs_n, 1);
    expect_slice(root->logs[0].path, "stdout");
    assert_int_equal(c->main.workers, 0);
    assert_null(c->main.user);
    assert_null(c->main.pid_path);
    assert_string_equal(c->main.error_log, "stderr");
    assert_int_equal(c->main.error_log_level, LOG_NOTICE);
    assert_int_equal(c->proxy.worker_connections, 16384);
    assert_int_equal(c->proxy.shutdown_timeout_ms, 30000);
    assert_null(c->proxy.resolvers);
    assert_int_equal(c->proxy.caches_n, 1);
    expect_slice(c->proxy.caches[0].name, "default");
    assert_int_equal(c->proxy.caches[0].memory_bytes, 64 << 20);
    assert_int_equal(c->proxy.caches[0].pool, -1);
    assert_int_equal(c->pools_n, 0);
    config_unref(&c);
}

static const char inheriting[] = "proxy_read_timeout: 1s\n"
                                 "proxy_set_header: {X-A: top, X-B: top, Host: top}\n"
                                 "access_log: [/a.log, /b.log]\n"
                                 "proxy_cache_valid: {200: 1m}\n"
                                 "proxy_hide_header: [X-Top]\n"
                                 "max_headers: 50\n"
                                 "servers:\n"
                                 "  - listen: 80\n"
                                 "    proxy_pass: http://a/base/\n"
                                 "    proxy_read_timeout: 2s\n"
                                 "    max_headers: 60\n"
                                 "    locations:\n"
                                 "      /plain/: {}\n"
                                 "      /empty/:\n"
                                 "      /own/:\n"
                                 "        proxy_read_timeout: 3s\n"
                                 "        proxy_set_header: {X-A: own}\n"
                                 "        access_log: off\n"
                                 "        proxy_cache_valid: off\n"
                                 "        proxy_hide_header: []\n"
                                 "        locations:\n"
                                 "          /own/deep/: {proxy_cache: off}\n"
                                 "      /other/: {proxy_pass: 'http://b:81/'}\n"
                                 "  - listen: 81\n"
                                 "    return: 404\n";

static void lower_levels_inherit_or_replace_whole(void **state)
{
    (void)state;
    struct config *c = load_ok(inheriting);
    const struct location_conf *plain = location_of(c, 0, "/plain/");
    const struct location_conf *own = location_of(c, 0, "/own/");
    assert_int_equal(root_of(c, 0)->read_timeout_ms, 2000);
    assert_int_equal(root_of(c, 1)->read_timeout_ms, 1000);
    assert_int_equal(c->proxy.servers[0]->field_count, 60);
    assert_int_equal(c->proxy.servers[1]->field_count, 50);
    assert_int_equal(plain->read_timeout_ms, 2000);
    assert_int_equal(location_of(c, 0, "/empty/")->read_timeout_ms, 2000);
    assert_int_equal(plain->set_headers_n, 3);
    assert_false(plain->pass_host);
    assert_int_equal(plain->logs_n, 2);
    assert_int_equal(plain->rules.valid_n, 1);
    assert_int_equal(plain->hide_n, 1);
    assert_int_equal(own->read_timeout_ms, 3000);
    assert_int_equal(own->set_headers_n, 1);
    assert_true(own->pass_host);
    assert_int_equal(own->logs_n, 0);
    assert_int_equal(own->rules.valid_n, 0);
    assert_int_equal(own->hide_n, 0);
    assert_int_equal(own->children_n, 1);
    assert_int_equal(own->children[0]->read_timeout_ms, 3000);
    assert_false(own->children[0]->cache_on);
    assert_true(own->cache_on);
    config_unref(&c);
}

/* A location without a handler of its own uses that of the block around it; the URI part then still
 * replaces the prefix that it was written for. */
static void handlers_are_inherited(void **state)
{
    (void)state;
    struct config *c = load_ok(inheriting);
    const struct location_conf *plain = location_of(c, 0, "/plain/");
    const struct location_conf *other = location_of(c, 0, "/other/");
    assert_int_equal(plain->handler, HANDLER_PROXY);
    assert_true(plain->pass_uri);
    expect_slice(plain->pass_path, "/base/");
    assert_int_equal(plain->pass_prefix_n, 1);
    assert_int_equal(other->pass_prefix_n, 7);
    assert_int_not_equal(other->upstream, plain->upstream);
    expect_slice(other->proxy_host, "b:81");
    assert_int_equal(other->proxy_port, 81);
    expect_slice(plain->proxy_host, "a");
    assert_int_equal(plain->proxy_port, 80);
    assert_int_equal(root_of(c, 1)->handler, HANDLER_RETURN);
    config_unref(&c);
}

static const char *const same[][2] = {
    {"listen: 8080\nproxy_pass: http://127.0.0.1:3000\n",
     "servers:\n  - listen: 8080\n    proxy_pass: http://127.0.0.1:3000\n"},
    {"listen: [80, 81]\nserver_name: a.test\nlocations: {/x: {return: 404}}\nkeepalive_requests: "
     "5\n"
     "memcached: [a, b]\nadmin: 9180\n",
     "memcached_pools: {default: {servers: [{address: a}, {address: b, weight: 1}]}}\n"
     "admin: {listen: {address: 9180}}\n"
     "servers: [{listen: [{address: 80}, {address: 81}], server_name: a.test, keepalive_requests: "
     "5, locations: {/x: {return: 404}}}]\n"},
};

static void short_form_is_the_long_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(same); i++) {
        char messages[2][4096];
        struct config *a = load_with_messages(same[i][0], messages[0]);
        struct config *b = load_with_messages(same[i][1], messages[1]);
        char *text_a = effective_text(a);
        char *text_b = effective_text(b);
        assert_string_equal(text_a, text_b);
        free(text_a);
        free(text_b);
        config_unref(&a);
        config_unref(&b);
    }
}

static const struct row {
    const char *name, *text, *message;
} rows[] = {
    {"misspelt", "listen: 80\nproxy_pass: http://a\nproxy_chache_valid: 1m\n",
     "p.yaml:3:1: unknown directive \"proxy_chache_valid\", did you mean \"proxy_cache_valid\"?\n"},
    {"swapped letters", "listen: 80\nproxy_pass: http://a\nwokrers: 1\n",
     "p.yaml:3:1: unknown directive \"wokrers\", did you mean \"workers\"?\n"},
    {"like nothing", "listen: 80\nproxy_pass: http://a\nfrobnicate: 1\n",
     "p.yaml:3:1: unknown directive \"frobnicate\"\n"},
    {"nginx's word", "worker_processes: 4\nlisten: 80\nproxy_pass: http://a\n",
     "p.yaml:1:1: unknown directive \"worker_processes\": mcproxy calls it \"workers\"\n"},
    {"of another level", "listen: 80\nproxy_pass: http://a\nlocations: {/: {workers: 3}}\n",
     "p.yaml:3:17: \"workers\" does not belong here; it belongs to: top level\n"},
    {"of two other levels", "listen: 80\nproxy_pass: http://a\nweight: 3\n",
     "p.yaml:3:1: \"weight\" does not belong here; it belongs to: servers of an upstream, servers "
     "of a "
     "pool\n"},
    {"of the server in a location",
     "listen: 80\nproxy_pass: http://a\nlocations: {/: {max_headers: 3}}\n",
     "p.yaml:3:17: \"max_headers\" does not belong here; it belongs to: top level, servers\n"},
    {"unknown in a cache", "listen: 80\nproxy_pass: http://a\ncaches: {default: {memmory: 1m}}\n",
     "p.yaml:3:20: unknown directive \"memmory\", did you mean \"memory\"?\n"},
    {"two handlers", "listen: 80\nproxy_pass: http://a\nreturn: 200\n",
     "p.yaml:3:1: proxy_pass and return exclude each other; the first is in line 2\n"},
    {"short form beside servers",
     "listen: 80\nproxy_pass: http://a\nservers: [{listen: 81, return: 200}]\n",
     "p.yaml:1:1: \"listen\" has to stand in a server, because there is \"servers\" in line 3\n"
     "p.yaml:2:1: \"proxy_pass\" has to stand in a server, because there is \"servers\" in line "
     "3\n"},
    {"server that is no map", "servers: [a]\n",
     "p.yaml:1:11: a map of directives is needed here, not a single value\n"
     "p.yaml:1:11: listen is missing, for example listen: 8080\n"},
    {"servers that are no list", "servers: {listen: 80}\n",
     "p.yaml:1:10: servers: a list of servers is needed, not a map\n"},
    {"no servers", "servers: []\n",
     "p.yaml:1:10: servers: a list of servers is needed, not an empty one\n"},
    {"server without an answer", "listen: 80\n",
     "p.yaml:1:1: warning: this server has neither proxy_pass nor return nor locations: it answers "
     "404\n"},
    {"location without an answer", "listen: 80\nlocations: {/a: {}, /b: {return: 200}}\n",
     "p.yaml:2:13: warning: location \"/a\" has neither proxy_pass nor return: it answers 404\n"},
};

static void misplaced(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        expect_messages(rows[i].name, rows[i].text, rows[i].message);
    }
}

static void counted(void **state)
{
    (void)state;
    struct config *c = load_ok("listen: 80\nproxy_pass: http://a\n");
    struct config *second = config_ref(c);
    config_unref(&c);
    assert_null(c);
    assert_int_equal(second->proxy.servers_n, 1);
    config_unref(&second);
    config_unref(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(lower_levels_inherit_or_replace_whole),
        cmocka_unit_test(handlers_are_inherited),
        cmocka_unit_test(short_form_is_the_long_one),
        cmocka_unit_test(misplaced),
        cmocka_unit_test(counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
