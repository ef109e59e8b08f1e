/* The intrusive list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/list.h"

struct item {
    int value;
    struct list link;
};

static void assert_values(struct list *head, const int *values, size_t count)
{
    size_t i = 0;
    list_for_each (it, head) {
        assert_true(i < count);
        assert_int_equal(list_entry(it, struct item, link)->value, values[i]);
        assert_ptr_equal(it->next->prev, it);
        i++;
    }
    assert_int_equal(i, count);
}

static void keeps_order(void **state)
{
    (void)state;
    struct list head;
    struct item a = {.value = 1}, b = {.value = 2}, c = {.value = 3}, d = {.value = 4};
    list_init(&head);
    assert_true(list_empty(&head));
    list_push_back(&head, &b.link);
    list_push_back(&head, &d.link);
    list_push_front(&head, &a.link);
    list_insert_before(&d.link, &c.link);
    assert_false(list_empty(&head));
    assert_values(&head, (int[]){1, 2, 3, 4}, 4);
}

static void a_second_removal_does_no_harm(void **state)
{
    (void)state;
    struct list head;
    struct item a = {.value = 1}, b = {.value = 2};
    list_init(&head);
    list_push_back(&head, &a.link);
    list_push_back(&head, &b.link);
    list_remove(&a.link);
    list_remove(&a.link);
    assert_values(&head, (int[]){2}, 1);
    assert_true(list_empty(&a.link));
    list_remove(&b.link);
    assert_true(list_empty(&head));
}

static void the_safe_walk_may_remove(void **state)
{
    (void)state;
    struct list head;
    struct item items[6];
    list_init(&head);
    for (int i = 0; i < 6; i++) {
        items[i].value = i;
        list_push_back(&head, &items[i].link);
    }
    int visited = 0;
    list_for_each_safe (it, &head) {
        if (list_entry(it, struct item, link)->value % 2 == 0) {
            list_remove(it);
        }
        visited++;
    }
    assert_int_equal(visited, 6);
    assert_values(&head, (int[]){1, 3, 5}, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_order),
        cmocka_unit_test(a_second_removal_does_no_harm),
        cmocka_unit_test(the_safe_walk_may_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
