/* Listeners, names and locations of servers. */
#include "help.h"

static const struct row {
    const char *name, *text, *message;
} rows[] = {
    /* listen */
    {"port out of range", "listen: 65536\nreturn: 200\n",
     "p.yaml:1:9: listen: \"65536\" is not a port, ip:port, [ipv6]:port or unix:/path\n"},
    {"a name to listen on", "listen: localhost:80\nreturn: 200\n",
     "p.yaml:1:9: listen: \"localhost:80\" is not a port, ip:port, [ipv6]:port or unix:/path\n"},
    {"options as in nginx", "listen: '80 default_server backlog=5 rcvbuf=8k'\nreturn: 200\n", ""},
    {"unknown option", "listen: '80 ssl'\nreturn: 200\n",
     "p.yaml:1:9: unknown directive \"ssl\"\n"},
    {"option twice", "listen: '80 backlog=1 backlog=2'\nreturn: 200\n",
     "p.yaml:1:9: \"backlog\" is given twice\n"},
    {"option out of bounds", "listen: {address: 80, backlog: 0}\nreturn: 200\n",
     "p.yaml:1:32: backlog: \"0\" is not a number (1 to 65535)\n"},
    {"map without an address", "listen: {backlog: 5}\nreturn: 200\n",
     "p.yaml:1:9: listen: an address is needed\n"},
    {"nothing", "listen:\nreturn: 200\n",
     "p.yaml:1:8: listen: an address or a map is needed, not nothing\n"},
    {"list in a list", "listen: [[80]]\nreturn: 200\n",
     "p.yaml:1:10: listen: an address or a map is needed, not a list\n"},
    {"address twice in a server", "listen: [80, '*:80']\nreturn: 200\n",
     "p.yaml:1:14: listen: 0.0.0.0:80 is given twice; first in line 1\n"},
    {"two default servers",
     "servers:\n- {listen: 80 default_server, return: 200}\n- {listen: 80 default_server, return: "
     "200}\n",
     "p.yaml:3:12: listen: a second default_server for 0.0.0.0:80; the first is in line 2\n"},
    {"options that differ",
     "servers:\n- {listen: 80 backlog=5, return: 200}\n- {listen: 80 backlog=6, return: 200}\n",
     "p.yaml:3:12: listen: other options for 0.0.0.0:80 stand in line 2\n"},
    {"options in one of two",
     "servers:\n- {listen: 80, return: 200}\n- {listen: 80 backlog=6, return: 200}\n", ""},
    {"admin on a server's address", "listen: 80\nreturn: 200\nadmin: 80\n",
     "p.yaml:3:8: listen: 0.0.0.0:80 is in use otherwise; first in line 1\n"},
    {"admin of nothing", "listen: 80\nreturn: 200\nadmin: {}\n",
     "p.yaml:3:8: listen is missing, for example listen: 8080\n"},
    {"unknown in admin", "listen: 80\nreturn: 200\nadmin: {listen: 81, allow: all}\n",
     "p.yaml:3:21: unknown directive \"allow\"\n"},
    /* server_name */
    {"names",
     "listen: 80\nreturn: 200\nserver_name: a.test *.b.test .c.test www.d.* '~^x$' _ \"\"\n",
     "p.yaml:3:14: server_name: \"'~^x$'\" is not a name, *.name, .name, name.* or ~regex\n"
     "p.yaml:3:14: server_name: \"\"\"\" is not a name, *.name, .name, name.* or ~regex\n"},
    {"star in the middle", "listen: 80\nreturn: 200\nserver_name: [ok, a.*.test]\n",
     "p.yaml:3:19: server_name: \"a.*.test\" is not a name, *.name, .name, name.* or ~regex\n"},
    {"bad regular expression", "listen: 80\nreturn: 200\nserver_name: '~('\n",
     "p.yaml:3:14: \"(\" is not a regular expression: missing closing parenthesis at offset 1\n"},
    {"same name on one address",
     "servers:\n- {listen: 80, server_name: a.test, return: 200}\n- {listen: 80, server_name: "
     "A.test, return: 200}\n",
     "p.yaml:3:29: warning: server_name \"a.test\" is on 0.0.0.0:80 already, in another server: "
     "ignored "
     "here\n"},
    {"same name on two addresses",
     "servers:\n- {listen: 80, server_name: a.test, return: 200}\n- {listen: 81, server_name: "
     "a.test, return: 200}\n",
     ""},
    {"same name twice in a server", "listen: 80\nreturn: 200\nserver_name: [a.test, a.test]\n", ""},
    /* locations */
    {"no path", "listen: 80\nlocations: {a: {return: 200}}\n",
     "p.yaml:2:13: location \"a\" has to begin with /, = /, ^~ /, ~ or ~*\n"},
    {"exact of no path", "listen: 80\nlocations: {'= a': {return: 200}}\n",
     "p.yaml:2:13: location \"= a\" has to begin with /, = /, ^~ /, ~ or ~*\n"},
    {"named", "listen: 80\nlocations: {'@a': {return: 200}}\n",
     "p.yaml:2:13: named locations are not supported\n"},
    {"twice", "listen: 80\nlocations:\n  '= /a': {return: 200}\n  =/a: {return: 200}\n",
     "p.yaml:4:3: location \"=/a\" is given twice; first in line 3\n"},
    {"twice as two kinds of prefix",
     "listen: 80\nlocations: {/a: {return: 200}, '^~ /a': {return: 200}}\n",
     "p.yaml:2:32: location \"^~ /a\" is given twice; first in line 2\n"},
    {"exact and prefix", "listen: 80\nlocations: {/a: {return: 200}, '= /a': {return: 200}}\n", ""},
    {"bad expression", "listen: 80\nlocations: {'~ [': {return: 200}}\n",
     "p.yaml:2:13: \"[\" is not a regular expression: missing terminating ] for character class at "
     "offset 1\n"},
    {"outside", "listen: 80\nlocations: {/a: {return: 200, locations: {/b: {}}}}\n",
     "p.yaml:2:43: location \"/b\": it is outside of the location that it is nested in\n"},
    {"in an exact one", "listen: 80\nlocations: {'= /a': {return: 200, locations: {/a/b: {}}}}\n",
     "p.yaml:2:47: location \"/a/b\": nothing can be nested in an exact location\n"},
    {"locations as a list", "listen: 80\nlocations: [/a]\n",
     "p.yaml:2:12: locations: a map from paths to settings is needed, not a list\n"},
    {"location that is no map", "listen: 80\nlocations: {/a: b}\n",
     "p.yaml:2:17: a map of directives is needed here, not a single value\n"},
    /* proxy_pass */
    {"https", "listen: 80\nproxy_pass: https://a\n",
     "p.yaml:2:13: proxy_pass: \"https://a\": https to an origin is not supported\n"},
    {"no scheme", "listen: 80\nproxy_pass: 127.0.0.1:80\n",
     "p.yaml:2:13: proxy_pass: \"127.0.0.1:80\": it has to begin with http://\n"},
    {"variable", "listen: 80\nproxy_pass: http://$host\n",
     "p.yaml:2:13: proxy_pass: \"http://$host\": variables are not supported here\n"},
    {"no host", "listen: 80\nproxy_pass: http:///a\n",
     "p.yaml:2:13: \"\" is not host:port or unix:/path\n"},
    {"bad port", "listen: 80\nproxy_pass: http://a:99999\n",
     "p.yaml:2:13: \"a:99999\" is not host:port or unix:/path\n"},
    {"query", "listen: 80\nproxy_pass: http://a/b?c\n",
     "p.yaml:2:13: proxy_pass: \"http://a/b?c\": a URI with ?, # or spaces is not supported\n"},
    {"URI in a regular expression", "listen: 80\nlocations: {~ a: {proxy_pass: 'http://a/'}}\n",
     "p.yaml:2:31: proxy_pass: a URI is not possible in a location of a regular expression\n"},
};

static void texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        expect_messages(rows[i].name, rows[i].text, rows[i].message);
    }
}

static void addresses(void **state)
{
    (void)state;
    struct config *c = load_ok(
        "servers:\n"
        "- {listen: [8080, '[::]:8080', 'unix:/tmp/s', '127.0.0.1'], return: 200}\n"
        "- {listen: {address: 8080, default_server: on, backlog: 5, sndbuf: 8k}, return: 404}\n"
        "admin: ['127.0.0.1:81', 'unix:/tmp/a']\n");
    static const char *const expected[] = {"0.0.0.0:8080", "[::]:8080",    "unix:/tmp/s",
                                           "127.0.0.1:80", "127.0.0.1:81", "unix:/tmp/a"};
    assert_int_equal(c->proxy.listens_n, ARRAY_LEN(expected));
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        expect_slice(c->proxy.listens[i].text, expected[i]);
        assert_int_equal(c->proxy.listens[i].admin, i >= 4);
    }
    const struct listen_conf *listens = c->proxy.listens;
    assert_ptr_equal(listens[0].default_server, c->proxy.servers[1]);
    assert_ptr_equal(listens[1].default_server, c->proxy.servers[0]);
    assert_int_equal(listens[0].backlog, 5);
    assert_int_equal(listens[0].sndbuf, 8192);
    assert_int_equal(listens[1].backlog, 511);
    assert_int_equal(listens[4].default_server->root->handler, HANDLER_ADMIN);
    assert_int_equal(listens[4].default_server->root->logs_n, 0);
    assert_false(listens[4].default_server->root->cache_on);
    assert_int_equal(c->proxy.servers_n, 2);
    config_unref(&c);
}

static void names_in_the_order_of_search(void **state)
{
    (void)state;
    struct config *c = load_ok(
        "servers:\n"
        "- {listen: 80, server_name: ['~^a(?<n>.)', www.b.*, '*.c.test'], return: '200 $n'}\n"
        "- {listen: [80, 81], server_name: [.long.c.test, Ex.test, w.b.*, '~z'], return: 200}\n");
    static const struct {
        enum name_kind kind;
        const char *text;
        size_t server;
    } expected[] = {
        {NAME_EXACT, "ex.test", 1},       {NAME_EXACT, "long.c.test", 1},
        {NAME_SUFFIX, ".long.c.test", 1}, {NAME_SUFFIX, ".c.test", 0},
        {NAME_PREFIX, "www.b.", 0},       {NAME_PREFIX, "w.b.", 1},
        {NAME_REGEX, "~^a(?<n>.)", 0},    {NAME_REGEX, "~z", 1},
    };
    const struct listen_conf *listen = &c->proxy.listens[0];
    assert_int_equal(listen->names_n, ARRAY_LEN(expected));
    for (size_t i = 0; i < 2; i++) { /* the order of exact names does not matter */
        assert_int_equal(listen->names[i].kind, NAME_EXACT);
    }
    for (size_t i = 2; i < ARRAY_LEN(expected); i++) {
        assert_int_equal(listen->names[i].kind, expected[i].kind);
        expect_slice(listen->names[i].text, expected[i].text);
        assert_ptr_equal(listen->names[i].server, c->proxy.servers[expected[i].server]);
        assert_int_equal(listen->names[i].regex != NULL, expected[i].kind == NAME_REGEX);
    }
    assert_int_equal(c->proxy.listens[1].names_n, 5);
    expect_slice(c->proxy.servers[0]->name, "~^a(?<n>.)");
    config_unref(&c);
}

static void locations(void **state)
{
    (void)state;
    struct config *c =
        load_ok("listen: 80\nreturn: 404\nlocations:\n"
                "  '= /a': {}\n  ^~ /b: {}\n  /c: {}\n  '~ ^/(?<id>d)': {return: '200 $id $1'}\n"
                "  '~* e': {locations: {'~ f': {return: 201}}}\n");
    static const struct {
        enum location_match match;
        const char *pattern;
    } expected[] = {{MATCH_EXACT, "/a"},
                    {MATCH_FIRM, "/b"},
                    {MATCH_PREFIX, "/c"},
                    {MATCH_REGEX, "^/(?<id>d)"},
                    {MATCH_REGEX, "e"}};
    const struct server_conf *server = c->proxy.servers[0];
    assert_int_equal(server->locations_n, ARRAY_LEN(expected));
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        assert_int_equal(server->locations[i]->match, expected[i].match);
        expect_slice(server->locations[i]->pattern, expected[i].pattern);
    }
    struct slice captures[REGEX_CAPTURES_MAX];
    assert_true(regex_match(server->locations[4]->regex, SLICE("/E"), captures));
    assert_false(regex_match(server->locations[3]->regex, SLICE("/D"), captures));
    assert_int_equal(server->locations[4]->children_n, 1);
    assert_int_equal(server->locations[4]->children[0]->return_status, 201);
    assert_int_equal(server->locations[0]->return_status, 404);
    config_unref(&c);
}

static const struct pass_row {
    const char *url, *host;
    uint16_t port;
    const char *path, *peer;
    uint16_t peer_port;
} pass_rows[] = {
    {"http://a", "a", 80, NULL, "a", 80},
    {"http://a:80/", "a", 80, "/", "a:80", 80},
    {"http://a:3000/b/c", "a:3000", 3000, "/b/c", "a:3000", 3000},
    {"http://[::1]:81", "[::1]:81", 81, NULL, "[::1]:81", 81},
    {"http://unix:/tmp/a.sock", "localhost", 0, NULL, "unix:/tmp/a.sock", 0},
    {"http://unix:/tmp/a.sock:/b/", "localhost", 0, "/b/", "unix:/tmp/a.sock", 0},
    {"http://group/x", "group", 80, "/x", "g1:1", 1},
};

static void proxy_pass(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pass_rows); i++) {
        const struct pass_row *r = &pass_rows[i];
        char text[256];
        print_message("  %s\n", r->url);
        snprintf(text, sizeof(text),
                 "listen: 80\nupstreams: {group: {servers: 'g1:1'}}\nproxy_pass: %s\n", r->url);
        struct config *c = load_ok(text);
        const struct location_conf *conf = root_of(c, 0);
        const struct upstream_conf *upstream = &c->proxy.upstreams[conf->upstream];
        expect_slice(conf->proxy_host, r->host);
        assert_int_equal(conf->proxy_port, r->port);
        assert_int_equal(conf->pass_uri, r->path != NULL);
        expect_slice(conf->pass_path, r->path == NULL ? "" : r->path);
        assert_int_equal(upstream->servers_n, 1);
        expect_slice(upstream->servers[0].text, r->peer);
        assert_int_equal(upstream->servers[0].endpoint.port, r->peer_port);
        config_unref(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(addresses),
        cmocka_unit_test(names_in_the_order_of_search),
        cmocka_unit_test(locations),
        cmocka_unit_test(proxy_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
