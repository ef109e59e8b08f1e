/* The hash table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/map.h"

#include <stdio.h>

struct item {
    struct map_node node;
    char key[16];
    bool visited;
};

#define ITEMS 1000

static void fill(struct map *m, struct item *items)
{
    for (size_t i = 0; i < ITEMS; i++) {
        snprintf(items[i].key, sizeof(items[i].key), "key-%zu", i);
        items[i].visited = false;
        struct slice key = slice_of(items[i].key);
        assert_null(map_find(m, key, hash_seeded(key, 1)));
        map_insert(m, &items[i].node, key, hash_seeded(key, 1));
    }
}

static void an_empty_map_finds_nothing(void **state)
{
    (void)state;
    struct map m;
    map_init(&m);
    assert_null(map_find(&m, SLICE("a"), 1));
    assert_null(map_find_hash(&m, 1));
    map_each(&m, NULL, NULL);
    map_fini(&m);
}

static void finds_what_was_inserted_while_it_grows(void **state)
{
    (void)state;
    static struct item items[ITEMS];
    struct map m;
    map_init(&m);
    fill(&m, items);
    assert_int_equal(m.count, ITEMS);
    assert_true(m.mask + 1 >= ITEMS); /* chains stay short */
    for (size_t i = 0; i < ITEMS; i++) {
        struct slice key = slice_of(items[i].key);
        assert_ptr_equal(map_find(&m, key, hash_seeded(key, 1)), &items[i].node);
    }
    map_fini(&m);
    assert_int_equal(m.count, 0);
}

static void removes_only_the_given_node(void **state)
{
    (void)state;
    static struct item items[ITEMS];
    struct map m;
    map_init(&m);
    fill(&m, items);
    for (size_t i = 0; i < ITEMS; i += 2) {
        map_remove(&m, &items[i].node);
    }
    assert_int_equal(m.count, ITEMS / 2);
    for (size_t i = 0; i < ITEMS; i++) {
        struct slice key = slice_of(items[i].key);
        assert_ptr_equal(map_find(&m, key, hash_seeded(key, 1)),
                         i % 2 == 0 ? NULL : &items[i].node);
    }
    map_fini(&m);
}

static void equal_hashes_are_told_apart_by_the_key(void **state)
{
    (void)state;
    struct map m;
    struct map_node a, b;
    map_init(&m);
    map_insert(&m, &a, SLICE("a"), 7);
    map_insert(&m, &b, SLICE("b"), 7);
    assert_ptr_equal(map_find(&m, SLICE("a"), 7), &a);
    assert_ptr_equal(map_find(&m, SLICE("b"), 7), &b);
    assert_null(map_find(&m, SLICE("c"), 7));
    assert_null(map_find(&m, SLICE("a"), 7 + 16)); /* same bucket, other hash */
    assert_ptr_equal(map_find_hash(&m, 7), &b);    /* the newest of them */
    assert_null(map_find_hash(&m, 7 + 16));
    map_remove(&m, &a);
    assert_null(map_find(&m, SLICE("a"), 7));
    assert_ptr_equal(map_find(&m, SLICE("b"), 7), &b);
    map_fini(&m);
}

static void a_second_node_of_a_key_shadows_the_first_after_growth_too(void **state)
{
    (void)state;
    static struct item items[ITEMS];
    struct map m;
    struct map_node older, newer;
    map_init(&m);
    map_insert(&m, &older, SLICE("twice"), 5);
    map_insert(&m, &newer, SLICE("twice"), 5);
    assert_ptr_equal(map_find(&m, SLICE("twice"), 5), &newer);
    fill(&m, items);
    assert_ptr_equal(map_find(&m, SLICE("twice"), 5), &newer);
    map_remove(&m, &newer);
    assert_ptr_equal(map_find(&m, SLICE("twice"), 5), &older);
    map_fini(&m);
}

struct visit {
    struct map *map;
    size_t count;
};

static void visit_and_remove_half(struct map_node *node, void *arg)
{
    struct visit *v = arg;
    struct item *item = container_of(node, struct item, node);
    assert_false(item->visited);
    item->visited = true;
    if (v->count++ % 2 == 0) {
        map_remove(v->map, node);
        node->next =
            (struct map_node *)item; /* as after a free: the walk does not look here again */
    }
}

static void each_visits_all_once_and_may_remove(void **state)
{
    (void)state;
    static struct item items[ITEMS];
    struct map m;
    map_init(&m);
    fill(&m, items);
    struct visit v = {.map = &m};
    map_each(&m, visit_and_remove_half, &v);
    assert_int_equal(v.count, ITEMS);
    assert_int_equal(m.count, ITEMS / 2);
    map_fini(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_map_finds_nothing),
        cmocka_unit_test(finds_what_was_inserted_while_it_grows),
        cmocka_unit_test(removes_only_the_given_node),
        cmocka_unit_test(equal_hashes_are_told_apart_by_the_key),
        cmocka_unit_test(a_second_node_of_a_key_shadows_the_first_after_growth_too),
        cmocka_unit_test(each_visits_all_once_and_may_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
