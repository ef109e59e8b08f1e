/* Choice of the server and of the location, against nginx's rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/request_fixture.h"
#include "proxy/route.h"

#include <stdlib.h>

static int make(void **state)
{
    *state = request_fixture_new();
    return 0;
}

static int drop(void **state)
{
    struct request_fixture *f = *state;
    request_fixture_free(&f);
    return 0;
}

static struct regex *regex(const char *pattern)
{
    char error[256];
    struct regex *r = regex_new(slice_of(pattern), false, error);
    if (!r)
        fail_msg("%s: %s", pattern, error);
    return r;
}

/* -- servers -- */

static void a_server_is_found_by_its_name(void **state)
{
    struct request_fixture *f = *state;
    static const struct location_conf root;
    static const char *const server_names[] = {"default",     "exact",  "suffix",
                                               "long-suffix", "prefix", "long-prefix",
                                               "regex",       "regex2", "none"};
    struct server_conf servers[ARRAY_LEN(server_names)];
    for (size_t i = 0; i < ARRAY_LEN(server_names); i++)
        servers[i] = (struct server_conf){.name = slice_of(server_names[i]), .root = &root};
    struct regex *app = regex("^(?<app>[a-z]+)\\.example\\.net$");
    struct regex *any = regex("example");
    /* The order is not the one of precedence. */
    const struct server_name names[] = {
        {NAME_REGEX, SLICE_INIT(""), app, &servers[6]},
        {NAME_REGEX, SLICE_INIT(""), any, &servers[7]},
        {NAME_PREFIX, SLICE_INIT("www."), NULL, &servers[4]},
        {NAME_PREFIX, SLICE_INIT("www.example."), NULL, &servers[5]},
        {NAME_SUFFIX, SLICE_INIT(".example.com"), NULL, &servers[2]},
        {NAME_SUFFIX, SLICE_INIT(".deep.example.com"), NULL, &servers[3]},
        {NAME_EXACT, SLICE_INIT("www.example.com"), NULL, &servers[1]},
        {NAME_EXACT, SLICE_INIT(""), NULL, &servers[8]},
    };
    static const char *const rows[][2] = {
        {"www.example.com", "exact"},
        {"a.example.com", "suffix"},
        {"a.b.example.com", "suffix"},
        {"x.deep.example.com", "long-suffix"},
        {"www.deep.example.com", "long-suffix"},
        {"www.example.org", "long-prefix"},
        {"www.other.org", "prefix"},
        {"shop.example.net", "regex"},
        {"shop1.example.net", "regex2"},
        {"example.com", "regex2"},
        {".example.com", "regex2"},
        {"www.", "default"},
        {"nothing.org", "default"},
        {"", "none"},
    };
    f->listen = (struct listen_conf){
        .default_server = &servers[0], .names = names, .names_n = ARRAY_LEN(names)};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        f->request.head.host = slice_of(rows[i][0]);
        const struct server_conf *s = route_server(&f->listen, &f->request);
        if (!slice_eq(s->name, slice_of(rows[i][1])))
            fail_msg("%s: %.*s instead of %s", rows[i][0], SLICE_ARG(s->name), rows[i][1]);
    }
    regex_free(&app);
    regex_free(&any);
}

static void a_servers_expression_leaves_its_captures(void **state)
{
    struct request_fixture *f = *state;
    struct regex *app = regex("^(?<app>[a-z]+)\\.test$");
    const struct server_name name = {NAME_REGEX, SLICE_INIT(""), app, &f->server};
    f->listen = (struct listen_conf){.names = &name, .names_n = 1};
    f->request.head.host = SLICE("shop.test");
    assert_ptr_equal(route_server(&f->listen, &f->request), &f->server);
    assert_ptr_equal(f->request.name_captures_of, app);
    assert_ptr_equal(f->request.captures_of, app);
    assert_true(slice_eq(f->request.name_captures[1], SLICE("shop")));
    assert_true(slice_eq(f->request.captures[1], SLICE("shop")));
    regex_free(&app);
}

/* -- locations -- */

/* A location of the tests: its pattern is its name. Nested ones follow, one deeper. */
struct row {
    int depth;
    enum location_match match;
    const char *pattern;
};

struct tree {
    struct location_conf locations[32];
    const struct location_conf *children[32][32];
    const struct location_conf *top[32];
    struct location_conf root;
    struct server_conf server;
};

static struct tree *tree_new(const struct row *rows, size_t n)
{
    struct tree *t = calloc(1, sizeof *t);
    size_t parents[8] = {0};
    assert_true(n <= 32);
    t->root.pattern = SLICE("root");
    t->server = (struct server_conf){.root = &t->root, .locations = t->top};
    for (size_t i = 0; i < n; i++) {
        struct location_conf *l = &t->locations[i];
        *l = (struct location_conf){.match = rows[i].match,
                                    .pattern = slice_of(rows[i].pattern),
                                    .children = t->children[i]};
        if (rows[i].match == MATCH_REGEX)
            l->regex = regex(rows[i].pattern);
        parents[rows[i].depth] = i;
        if (rows[i].depth == 0) {
            t->top[t->server.locations_n++] = l;
        } else {
            size_t parent = parents[rows[i].depth - 1];
            t->children[parent][t->locations[parent].children_n++] = l;
        }
    }
    return t;
}

static void tree_free(struct tree *t)
{
    for (size_t i = 0; i < ARRAY_LEN(t->locations); i++)
        regex_free(&t->locations[i].regex);
    free(t);
}

static void assert_location(struct request_fixture *f, const struct tree *t, const char *path,
                            const char *expected)
{
    f->request.head.path = slice_of(path);
    const struct location_conf *l = route_location(&t->server, &f->request);
    if (!slice_eq(l->pattern, slice_of(expected)))
        fail_msg("%s: %.*s instead of %s", path, SLICE_ARG(l->pattern), expected);
}

static void a_location_is_found_as_in_nginx(void **state)
{
    struct request_fixture *f = *state;
    static const struct row rows[] = {
        {0, MATCH_PREFIX, "/"},
        {0, MATCH_EXACT, "/exact"},
        {0, MATCH_PREFIX, "/exact"},
        {0, MATCH_PREFIX, "/docs/"},
        {0, MATCH_PREFIX, "/docs/deep/"},
        {0, MATCH_FIRM, "/images/"},
        {0, MATCH_PREFIX, "/images/raw/"},
        {0, MATCH_REGEX, "\\.(gif|jpg)$"},
        {0, MATCH_REGEX, "\\.jpg$"},
        {0, MATCH_NAMED, "@named"},
    };
    static const char *const paths[][2] = {
        {"/", "/"},
        {"/index.html", "/"},
        {"/exact", "/exact"},
        {"/exactly", "/exact"},
        {"/docs", "/"},
        {"/docs/", "/docs/"},
        {"/docs/a", "/docs/"},
        {"/docs/deep/a", "/docs/deep/"},
        {"/docs/a.jpg", "\\.(gif|jpg)$"},
        {"/images/a.gif", "/images/"},
        {"/images/raw/a.gif", "\\.(gif|jpg)$"}, /* the longest prefix is not the firm one */
        {"/DOCS/", "/"},
        {"@named", "root"},
        {"*", "root"},
    };
    struct tree *t = tree_new(rows, ARRAY_LEN(rows));
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        assert_location(f, t, paths[i][0], paths[i][1]);
    tree_free(t);
}

static void an_exact_location_beats_a_prefix_of_the_same_text(void **state)
{
    struct request_fixture *f = *state;
    static const struct row rows[] = {{0, MATCH_PREFIX, "/a"}, {0, MATCH_EXACT, "/a"}};
    struct tree *t = tree_new(rows, ARRAY_LEN(rows));
    f->request.head.path = SLICE("/a");
    assert_ptr_equal(route_location(&t->server, &f->request), t->top[1]);
    tree_free(t);
}

static void locations_nest(void **state)
{
    struct request_fixture *f = *state;
    static const struct row rows[] = {
        {0, MATCH_PREFIX, "/a/"},
        {1, MATCH_PREFIX, "/a/b/"},
        {2, MATCH_REGEX, "\\.css$"},
        {1, MATCH_EXACT, "/a/x"},
        {1, MATCH_REGEX, "\\.png$"},
        {0, MATCH_FIRM, "/f/"},
        {1, MATCH_PREFIX, "/f/g/"},
        {1, MATCH_REGEX, "\\.js$"},
        {0, MATCH_REGEX, "\\.(png|html|js)$"},
        {1, MATCH_PREFIX, "/r/"},
        {0, MATCH_PREFIX, "/i/"},
        {1, MATCH_FIRM, "/i/j/"},
    };
    static const char *const paths[][2] = {
        {"/a/1", "/a/"},
        {"/a/x", "/a/x"},
        {"/a/b/1", "/a/b/"},
        {"/a/b/1.css", "\\.css$"},          /* two levels down */
        {"/a/b/1.png", "\\.png$"},          /* of the level above, before the server's */
        {"/a/1.html", "\\.(png|html|js)$"}, /* the server's, after a nested prefix */
        {"/a/b/1.html", "\\.(png|html|js)$"},
        {"/f/1.html", "/f/"}, /* firm: none of the server's */
        {"/f/g/1.html", "/f/g/"},
        {"/f/1.js", "\\.js$"}, /* but its own */
        {"/r/1.html", "/r/"},  /* nested in the expression's location */
        {"/q/1.html", "\\.(png|html|js)$"},
        {"/i/j/1.html", "\\.(png|html|js)$"}, /* firm on its own level only */
        {"/none", "root"},
    };
    struct tree *t = tree_new(rows, ARRAY_LEN(rows));
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        assert_location(f, t, paths[i][0], paths[i][1]);
    tree_free(t);
}

static void a_locations_expression_leaves_its_captures(void **state)
{
    struct request_fixture *f = *state;
    static const struct row rows[] = {
        {0, MATCH_PREFIX, "/"},
        {0, MATCH_REGEX, "^/none/(.*)$"},
        {0, MATCH_REGEX, "^/(u)?ser/([0-9]+)/(?<rest>.*)$"},
    };
    struct tree *t = tree_new(rows, ARRAY_LEN(rows));
    f->request.captures[1] = SLICE("of the name");
    assert_location(f, t, "/x", "/");
    assert_true(slice_eq(f->request.captures[1], SLICE("of the name")));
    assert_location(f, t, "/ser/12/a/b", "^/(u)?ser/([0-9]+)/(?<rest>.*)$");
    assert_ptr_equal(f->request.captures_of, t->top[2]->regex);
    assert_null(f->request.captures[1].p);
    assert_true(slice_eq(f->request.captures[2], SLICE("12")));
    assert_true(slice_eq(f->request.captures[3], SLICE("a/b")));
    assert_null(f->request.captures[4].p);
    tree_free(t);
}

/* -- expressions -- */

static void a_broken_expression_is_explained(void **state)
{
    (void)state;
    char error[256] = "";
    assert_null(regex_new(SLICE("a(b"), false, error));
    assert_string_equal(error, "missing closing parenthesis at offset 3");
}

static void expressions_give_up_instead_of_backtracking_forever(void **state)
{
    (void)state;
    struct slice captures[REGEX_CAPTURES_MAX];
    struct regex *r = regex("^(a+)+$");
    char subject[41];
    memset(subject, 'a', 40);
    subject[40] = '!';
    assert_false(regex_match(r, slice_make(subject, 41), captures));
    assert_true(regex_match(r, slice_make(subject, 40), captures));
    regex_free(&r);
}

static void expressions_know_their_groups(void **state)
{
    (void)state;
    struct slice captures[REGEX_CAPTURES_MAX];
    struct regex *r = regex("(?<one>a)(b)(?<late>c)(d)(e)(f)(g)(h)(i)(?<tenth>j)(k)");
    assert_int_equal(regex_group(r, SLICE("one")), 1);
    assert_int_equal(regex_group(r, SLICE("late")), 3);
    assert_int_equal(regex_group(r, SLICE("tenth")), -1); /* more than are kept */
    assert_int_equal(regex_group(r, SLICE("none")), -1);
    assert_true(slice_eq(regex_group_name(r, 0), SLICE("late")));
    assert_true(slice_eq(regex_group_name(r, 1), SLICE("one")));
    assert_true(slice_eq(regex_group_name(r, 2), SLICE("tenth")));
    assert_null(regex_group_name(r, 3).p);
    assert_true(regex_match(r, SLICE("abcdefghijk"), captures));
    assert_true(slice_eq(captures[9], SLICE("i")));
    regex_free(&r);
    char error[256];
    r = regex_new(SLICE("^$"), true, error);
    assert_true(regex_match(r, slice_none(), captures));
    regex_free(&r);
    r = regex_new(SLICE("ABC"), true, error);
    assert_true(regex_match(r, SLICE("xabc"), captures));
    assert_true(slice_eq(captures[0], SLICE("abc")));
    regex_free(&r);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
    const struct CMUnitTest tests[] = {
        TEST(a_server_is_found_by_its_name),
        TEST(a_servers_expression_leaves_its_captures),
        TEST(a_location_is_found_as_in_nginx),
        TEST(an_exact_location_beats_a_prefix_of_the_same_text),
        TEST(locations_nest),
        TEST(a_locations_expression_leaves_its_captures),
        TEST(a_broken_expression_is_explained),
        TEST(expressions_give_up_instead_of_backtracking_forever),
        TEST(expressions_know_their_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
