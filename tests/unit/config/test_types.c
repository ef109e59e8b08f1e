/* Values of every type: what is accepted, what it becomes, and the words for what is not. */
#include "help.h"

#include "http/method.h"

#define TOP "listen: 80\nproxy_pass: http://a\n"

static const struct row {
    const char *name, *line, *message;
} rows[] = {
    {"duration", "proxy_cache_lock_timeout: 1m", ""},
    {"duration that is none", "proxy_cache_lock_timeout: 5x",
     "p.yaml:3:27: proxy_cache_lock_timeout: \"5x\" is not a duration such as 10s (0s to 10m)\n"},
    {"duration above its bound", "proxy_cache_lock_timeout: 11m",
     "p.yaml:3:27: proxy_cache_lock_timeout: \"11m\" is not a duration such as 10s (0s to 10m)\n"},
    {"duration below its bound", "proxy_read_timeout: 0",
     "p.yaml:3:21: proxy_read_timeout: \"0\" is not a duration such as 10s (1ms to 1w)\n"},
    {"duration as a list", "proxy_read_timeout: [1s]",
     "p.yaml:3:21: proxy_read_timeout: a single value is needed, not a list\n"},
    {"duration as a map", "proxy_read_timeout: {a: 1s}",
     "p.yaml:3:21: proxy_read_timeout: a single value is needed, not a map\n"},
    {"nothing", "proxy_read_timeout:", "p.yaml:3:20: proxy_read_timeout: a value is needed\n"},
    {"empty", "proxy_read_timeout: ''", "p.yaml:3:21: proxy_read_timeout: a value is needed\n"},
    {"duration or off", "proxy_cache_heuristic: off", ""},
    {"neither duration nor off", "proxy_cache_heuristic: on",
     "p.yaml:3:24: proxy_cache_heuristic: \"on\" is not off or a duration (0s to 1y)\n"},
    {"size", "client_max_body_size: 10m", ""},
    {"size that is none", "client_max_body_size: -1",
     "p.yaml:3:23: client_max_body_size: \"-1\" is not a size such as 8k (at least 0)\n"},
    {"size in an unknown unit", "client_max_body_size: 1t",
     "p.yaml:3:23: client_max_body_size: \"1t\" is not a size such as 8k (at least 0)\n"},
    {"number", "keepalive_requests: 5", ""},
    {"number that is none", "keepalive_requests: many",
     "p.yaml:3:21: keepalive_requests: \"many\" is not a number (1 to 1000000000)\n"},
    {"number above 32 bits", "keepalive_requests: 4294967297",
     "p.yaml:3:21: keepalive_requests: \"4294967297\" is not a number (1 to 1000000000)\n"},
    {"auto", "workers: auto", ""},
    {"neither auto nor a number", "workers: all",
     "p.yaml:3:10: workers: \"all\" is not auto or a number (1 to 256)\n"},
    {"too many workers", "workers: 257",
     "p.yaml:3:10: workers: \"257\" is not auto or a number (1 to 256)\n"},
    {"count", "max_headers: 0", "p.yaml:3:14: max_headers: \"0\" is not a number (1 to 10000)\n"},
    {"flag", "proxy_cache_status: yes", ""},
    {"flag that is none", "proxy_cache_status: 1",
     "p.yaml:3:21: proxy_cache_status: \"1\" is not on or off\n"},
    {"choice", "proxy_cache_lock: on", ""},
    {"unknown choice", "proxy_cache_lock: world",
     "p.yaml:3:19: proxy_cache_lock: \"world\" is not one of off, host, fleet, on\n"},
    {"bits as words", "proxy_next_upstream: error http_502 non_idempotent", ""},
    {"bits as a list", "proxy_next_upstream: [timeout, http_404]", ""},
    {"no bits", "proxy_next_upstream: off", ""},
    {"off among others", "proxy_next_upstream: error off",
     "p.yaml:3:22: proxy_next_upstream: \"off\" has to stand alone\n"},
    {"unknown bit", "proxy_cache_methods: GET PUT",
     "p.yaml:3:22: proxy_cache_methods: \"PUT\" is not one of GET, HEAD, POST\n"},
    {"no bit", "proxy_cache_methods: []", "p.yaml:3:22: proxy_cache_methods: a value is needed\n"},
    {"path", "pid: /run/x.pid", ""},
    {"line break", "pid: \"a\\nb\"",
     "p.yaml:3:6: pid: control characters and line breaks are not allowed\n"},
    {"buffers", "proxy_buffers: 8 8k", ""},
    {"buffers without a size", "proxy_buffers: 8",
     "p.yaml:3:16: proxy_buffers: a number (1 to 4096) and a size (1k to 1m) are needed, as in "
     "\"16 16k\"\n"},
    {"too small buffers", "large_client_header_buffers: 4 100",
     "p.yaml:3:30: large_client_header_buffers: a number (1 to 4096) and a size (512 to 1m) are "
     "needed, as in \"4 8k\"\n"},
    {"template", "proxy_cache_key: $host$uri", ""},
    {"templates", "proxy_no_cache: $arg_a ${cookie_b}", ""},
    {"templates as a list", "proxy_cache_bypass: [$arg_a, $http_pragma]", ""},
    {"field names", "proxy_hide_header: [X-A, x-b]", ""},
    {"no field name", "proxy_hide_header: [\"X A\"]",
     "p.yaml:3:20: proxy_hide_header: \"X A\" is not the name of a field\n"},
    {"field set by a map", "proxy_set_header: {Host: $proxy_host, X-A: ''}", ""},
    {"field set by lines", "proxy_set_header: [Host $proxy_host, 'X-A a b']", ""},
    {"field name that is none", "proxy_set_header: {'X A': b}",
     "p.yaml:3:20: proxy_set_header: \"X A\" is not the name of a field\n"},
    {"field of the connection", "proxy_set_header: {Connection: ''}",
     "p.yaml:3:20: warning: proxy_set_header: Connection is written by the proxy itself, as the "
     "connection needs it; this has no effect\n"},
    {"ignored fields", "proxy_ignore_headers: [cache-control, Vary]", ""},
    {"arguments of the key: some", "proxy_cache_key_args: {only: [a, b], sort: on}", ""},
    {"arguments of the key: others", "proxy_cache_key_args: {except: utm_* fbclid}", ""},
    {"arguments of the key: none", "proxy_cache_key_args: {only: []}", ""},
    {"arguments of the key: all", "proxy_cache_key_args: off", ""},
    {"arguments of the key: both", "proxy_cache_key_args: {only: a, except: b}",
     "p.yaml:3:23: proxy_cache_key_args: off, or a map with only or except, and sort\n"},
    {"arguments of the key: other word", "proxy_cache_key_args: {but: a}",
     "p.yaml:3:24: proxy_cache_key_args: unknown key \"but\"\n"},
    {"arguments of the key: order", "proxy_cache_key_args: {sort: name}",
     "p.yaml:3:30: proxy_cache_key_args: sort is on or off\n"},
    {"file to store: path", "proxy_store: /var/mirror/$host$uri", ""},
    {"file to store: none", "proxy_store: off", ""},
    {"file to store: of the root", "proxy_store: on",
     "p.yaml:3:14: proxy_store: on needs a root, which there is none of: give the file's path\n"},
    {"file to store: relative", "proxy_store: mirror$uri",
     "p.yaml:3:14: proxy_store: a path begins with \"/\"\n"},
    {"access: nginx", "proxy_store_access: user:rw group:rw all:r", ""},
    {"access: other class", "proxy_store_access: [other:r]",
     "p.yaml:3:21: proxy_store_access: \"other:r\" is not user, group or all with :r or :rw\n"},
    {"access: other right", "proxy_store_access: user:x",
     "p.yaml:3:21: proxy_store_access: \"user:x\" is not user, group or all with :r or :rw\n"},
    {"lifetimes as a map", "proxy_cache_valid: {200: 1d, '301 302': 1h, any: 1m}", ""},
    {"lifetimes as nginx", "proxy_cache_valid: 200 302 10m", ""},
    {"lifetimes as lines", "proxy_cache_valid: [200 302 10m, any 1m]", ""},
    {"lifetime alone", "proxy_cache_valid: 10m", ""},
    {"lifetime missing", "proxy_cache_valid: 200 any",
     "p.yaml:3:20: proxy_cache_valid: \"any\" is not a duration such as 10s\n"},
    {"lifetime of no status", "proxy_cache_valid: {all: 1m}",
     "p.yaml:3:26: proxy_cache_valid: \"all\" is not a status (100 to 599) or any\n"},
    {"lifetime of a status out of range", "proxy_cache_valid: 600 1m",
     "p.yaml:3:20: proxy_cache_valid: \"600\" is not a status (100 to 599) or any\n"},
    {"unknown cache", "proxy_cache: pages",
     "p.yaml:3:14: proxy_cache: there is no cache \"pages\" in caches\n"},
    {"error log with a level", "error_log: /x/e.log info", ""},
    {"error log as a map", "error_log: {path: stderr, level: debug}", ""},
    {"error log of no level", "error_log: stderr loud",
     "p.yaml:3:12: error_log: \"loud\" is not a level (debug, info, notice, warn, error, crit, "
     "alert, emerg)\n"},
    {"access log off", "access_log: off", ""},
    {"access logs", "access_log: [/a.log, '/b.log json', {path: stderr, format: combined}]", ""},
    {"access log of no format", "access_log: /a.log short",
     "p.yaml:3:13: access_log: there is no format \"short\" in log_format\n"},
    {"access log without a path", "access_log: {format: json}",
     "p.yaml:3:13: access_log: a path is needed\n"},
    {"access log with another key", "access_log: {path: a, buffer: 8k}",
     "p.yaml:3:23: access_log: unknown key \"buffer\"\n"},
    {"log format", "log_format: {short: 'escape=json $status'}\naccess_log: /a.log short", ""},
    {"log format of that name", "log_format: {json: $status}",
     "p.yaml:3:14: log_format: \"json\" is there already\n"},
    {"resolver", "resolver: 127.0.0.1 [::1]:5353", ""},
    {"resolver by name", "resolver: dns.internal",
     "p.yaml:3:11: resolver: \"dns.internal\" is not ip or ip:port\n"},
    {"user and group", "user: www-data www-data", ""},
    {"too much of a user", "user: a b c",
     "p.yaml:3:7: user: a user and perhaps a group are needed\n"},
};

static void values(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[512];
        snprintf(text, sizeof(text), TOP "%s\n", rows[i].line);
        expect_messages(rows[i].name, text, rows[i].message);
    }
}

static void unknown_variable(void **state)
{
    (void)state;
    char messages[4096];
    struct config *c = load_with_messages(TOP "proxy_cache_key: $hots\n", messages);
    assert_null(c);
    assert_memory_equal(messages, "p.yaml:3:18: proxy_cache_key: ", 30);
    assert_non_null(strstr(messages, "hots"));
    assert_non_null(strstr(messages, "host"));
}

static const struct return_row {
    const char *name, *value;
    unsigned status;
    const char *text; /* NULL: none */
} return_rows[] = {
    {"status", "404", 404, NULL},
    {"text", "200 hello $host", 200, "hello $host"},
    {"text with a line break", "\"200 ok\\n\"", 200, "ok\n"},
    {"redirect", "301 https://$host$request_uri", 301, "https://$host$request_uri"},
    {"URL alone", "https://example.com/", 302, "https://example.com/"},
    {"URL with the scheme as a variable", "$scheme://example.com/", 302, "$scheme://example.com/"},
    {"list", "[301, 'https://a/']", 301, "https://a/"},
    {"list of one", "[204]", 204, NULL},
    {"map", "{status: 200, text: 'a b'}", 200, "a b"},
    {"map of a redirect", "{status: 307, location: /x}", 307, "/x"},
};

static void returns(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(return_rows); i++) {
        const struct return_row *r = &return_rows[i];
        char text[256];
        print_message("  %s\n", r->name);
        snprintf(text, sizeof(text), "listen: 80\nreturn: %s\n", r->value);
        struct config *c = load_ok(text);
        const struct location_conf *conf = root_of(c, 0);
        assert_int_equal(conf->handler, HANDLER_RETURN);
        assert_int_equal(conf->return_status, r->status);
        if (r->text == NULL) {
            assert_null(conf->return_text);
        } else {
            expect_template(conf->return_text, r->text);
        }
        config_unref(&c);
    }
}

static const struct row bad_returns[] = {
    {"no status", "hello", "p.yaml:2:9: return: \"hello\" is not a status (200 to 599) or a URL\n"},
    {"closing", "444", "p.yaml:2:9: return: 444 (closing without an answer) is not supported\n"},
    {"interim", "100", "p.yaml:2:9: return: \"100\" is not a status (200 to 599) or a URL\n"},
    {"nothing", "", "p.yaml:2:8: return: \"\" is not a status (200 to 599) or a URL\n"},
    {"redirect to nowhere", "301", "p.yaml:2:9: return: 301 needs a URL\n"},
    {"redirect with a line break", "\"301 /a\\nX-A: b\"",
     "p.yaml:2:9: return: a URL cannot have line breaks\n"},
    {"location of no redirect", "{status: 200, location: /x}",
     "p.yaml:2:9: return: a location goes with 301, 302, 303, 307 and 308\n"},
    {"text and location", "{status: 301, location: /x, text: a}",
     "p.yaml:2:9: return: a status and a text or location are needed\n"},
    {"unknown key", "{code: 200}", "p.yaml:2:10: return: unknown key \"code\"\n"},
    {"list of three", "[200, a, b]",
     "p.yaml:2:9: return: a status and a text or location are needed\n"},
    {"empty list", "[]", "p.yaml:2:9: return: a status and a text or location are needed\n"},
};

static void returns_that_are_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad_returns); i++) {
        char text[256];
        snprintf(text, sizeof(text), "listen: 80\nreturn: %s\nlocations: {/: {return: 200}}\n",
                 bad_returns[i].line);
        expect_messages(bad_returns[i].name, text, bad_returns[i].message);
    }
}

/* The values land where they should, in the unit of the field. */
static void fields(void **state)
{
    (void)state;
    struct config *c = load_ok(
        TOP "proxy_read_timeout: 250ms\nclient_max_body_size: 2k\nworkers: 3\nuser: a b\n"
            "proxy_cache_heuristic: 2m\nproxy_cache_stale_if_error: 1h\nmax_headers: 7\n"
            "large_client_header_buffers: 4 2k\nproxy_buffers: 3 4k\nproxy_cache_lock: off\n"
            "proxy_next_upstream: error http_404\nproxy_ignore_headers: Vary\n"
            "proxy_cache_methods: POST\nproxy_hide_header: X-A\nproxy_no_cache: $arg_a $arg_b\n"
            "proxy_cache_valid: ['200 301 10m', any 5s]\nresolver: [127.0.0.1, '127.0.0.2:5353']\n"
            "error_log: /e.log warn\npid: /p.pid\nworker_shutdown_timeout: 7s\n"
            "client_body_min_rate: 5k\nkeepalive_requests: 9\nmerge_slashes: on\n");
    const struct location_conf *conf = root_of(c, 0);
    const struct server_conf *server = c->proxy.servers[0];
    assert_int_equal(conf->read_timeout_ms, 250);
    assert_int_equal(conf->client_max_body_bytes, 2048);
    assert_int_equal(conf->client_body_min_rate, 5120);
    assert_int_equal(conf->keepalive_requests, 9);
    assert_int_equal(c->main.workers, 3);
    assert_string_equal(c->main.user, "a");
    assert_string_equal(c->main.group, "b");
    assert_string_equal(c->main.error_log, "/e.log");
    assert_int_equal(c->main.error_log_level, LOG_WARN);
    assert_string_equal(c->main.pid_path, "/p.pid");
    assert_string_equal(c->proxy.resolvers, "127.0.0.1,127.0.0.2:5353");
    assert_int_equal(c->proxy.shutdown_timeout_ms, 7000);
    assert_int_equal(conf->rules.heuristic_max_s, 120);
    assert_int_equal(conf->rules.stale_if_error_s, 3600);
    assert_int_equal(conf->rules.stale_while_revalidate_s, 0);
    assert_int_equal(server->field_count, 7);
    assert_int_equal(server->line_bytes, 2048);
    assert_int_equal(server->head_bytes, 8192);
    assert_true(server->merge_slashes);
    assert_int_equal(conf->buffers_n, 3);
    assert_int_equal(conf->buffer_bytes, 4096);
    assert_int_equal(conf->lock, CACHE_LOCK_OFF);
    assert_int_equal(conf->next_upstream, NEXT_ERROR | NEXT_404);
    assert_int_equal(conf->rules.ignore, IGNORE_VARY);
    assert_int_equal(conf->rules.methods, 1 << METHOD_POST);
    assert_int_equal(conf->hide_n, 1);
    expect_slice(conf->hide[0], "x-a");
    assert_int_equal(conf->no_cache_n, 2);
    expect_template(conf->no_cache[1], "$arg_b");
    assert_int_equal(conf->rules.valid_n, 3);
    assert_int_equal(conf->rules.valid[0].status, 200);
    assert_int_equal(conf->rules.valid[1].status, 301);
    assert_int_equal(conf->rules.valid[1].lifetime_s, 600);
    assert_int_equal(conf->rules.valid[2].status, 0);
    assert_int_equal(conf->rules.valid[2].lifetime_s, 5);
    config_unref(&c);
}

static void lifetime_alone_is_for_three_statuses(void **state)
{
    (void)state;
    struct config *c = load_ok(TOP "proxy_cache_valid: 10m\n");
    const struct cache_conf *rules = &root_of(c, 0)->rules;
    const uint16_t statuses[] = {200, 301, 302};
    assert_int_equal(rules->valid_n, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(rules->valid[i].status, statuses[i]);
        assert_int_equal(rules->valid[i].lifetime_s, 600);
    }
    config_unref(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),  cmocka_unit_test(unknown_variable),
        cmocka_unit_test(returns), cmocka_unit_test(returns_that_are_wrong),
        cmocka_unit_test(fields),  cmocka_unit_test(lifetime_alone_is_for_three_statuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
