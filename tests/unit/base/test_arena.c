/* Arenas and the pool that keeps their blocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"

/* Only there in a program that AddressSanitizer has instrumented. */
extern int __asan_address_is_poisoned(const volatile void *) __attribute__((weak));

static void allocations_are_aligned_and_apart(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, NULL);
    char *last = NULL;
    for (size_t n = 0; n < 3000; n += 7) {
        char *p = arena_alloc(&a, n);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        memset(p, 0x5a, n);
        if (last != NULL) {
            assert_int_equal(*last, 1);
        }
        if (n > 0) {
            last = p + n - 1;
            *last = 1;
        }
        arena_dup(&a, SLICE("odd")); /* the next one has to be aligned again */
    }
    arena_fini(&a);
}

static void zalloc_clears_a_recycled_block(void **state)
{
    (void)state;
    struct arena_pool pool;
    struct arena a;
    arena_pool_init(&pool, 1);
    arena_init(&a, &pool);
    char *dirty = arena_alloc(&a, 1000);
    memset(dirty, 0xff, 1000);
    arena_fini(&a);
    char *p = arena_zalloc(&a, 1000);
    assert_ptr_equal(p, dirty);
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(p[i], 0);
    }
    arena_fini(&a);
    arena_pool_fini(&pool);
}

static void new_and_array_are_typed_and_zeroed(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, NULL);
    struct slice *one = ARENA_NEW(&a, struct slice);
    uint64_t *many = ARENA_ARRAY(&a, uint64_t, 1000);
    assert_null(one->p);
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(many[i], 0);
    }
    arena_fini(&a);
}

static void large_requests_leave_the_current_block_in_use(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, NULL);
    char *first = arena_alloc(&a, 16);
    size_t before = a.used_bytes;
    assert_int_equal(before, ARENA_BLOCK_BYTES);
    char *large = arena_alloc(&a, 100000);
    memset(large, 1, 100000);
    assert_true(a.used_bytes >= before + 100000);
    char *next = arena_alloc(&a, 16);
    assert_in_range((uintptr_t)next, (uintptr_t)first + 16, (uintptr_t)first + 64);
    arena_fini(&a);
    assert_int_equal(a.used_bytes, 0);
}

/* All sizes around the end of a block. */
static void any_size_near_the_block_size_works(void **state)
{
    (void)state;
    struct arena_pool pool;
    arena_pool_init(&pool, 2);
    for (size_t n = ARENA_BLOCK_BYTES - 80; n < ARENA_BLOCK_BYTES + 40; n++) {
        struct arena a;
        arena_init(&a, &pool);
        memset(arena_alloc(&a, n), 1, n);
        memset(arena_alloc(&a, 1), 2, 1);
        memset(arena_alloc(&a, n), 3, n);
        arena_fini(&a);
    }
    arena_pool_fini(&pool);
}

static void pool_keeps_standard_blocks_up_to_its_bound(void **state)
{
    (void)state;
    struct arena_pool pool;
    struct arena a;
    arena_pool_init(&pool, 2);
    arena_init(&a, &pool);
    for (int i = 0; i < 4; i++) {
        arena_alloc(&a, 3000);
    }
    arena_alloc(&a, 2 * ARENA_BLOCK_BYTES);
    arena_fini(&a);
    assert_int_equal(pool.kept, 2);
    arena_alloc(&a, 3000);
    assert_int_equal(pool.kept, 1);
    arena_fini(&a);
    assert_int_equal(pool.kept, 2);
    arena_pool_fini(&pool);
    assert_int_equal(pool.kept, 0);
    assert_null(pool.free);
}

static void large_blocks_are_not_kept(void **state)
{
    (void)state;
    struct arena_pool pool;
    struct arena a;
    arena_pool_init(&pool, 2);
    arena_init(&a, &pool);
    arena_alloc(&a, 2 * ARENA_BLOCK_BYTES);
    arena_fini(&a);
    assert_int_equal(pool.kept, 0);
    arena_pool_fini(&pool);
}

static void copies_end_with_a_nul(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, NULL);
    char source[] = "abc";
    struct slice s = arena_dup(&a, slice_make(source, 3));
    source[0] = 'x';
    assert_int_equal(s.n, 3);
    assert_string_equal(s.p, "abc");
    struct slice none = arena_dup(&a, slice_none());
    assert_int_equal(none.n, 0);
    assert_string_equal(none.p, "");
    struct slice both = arena_concat(&a, s, SLICE("\0de"));
    assert_true(slice_eq(both, SLICE("abc\0de")));
    assert_int_equal(both.p[both.n], 0);
    const struct slice parts[] = {SLICE("a"), slice_none(), SLICE("bc"), SLICE("d")};
    assert_string_equal(arena_join(&a, parts, ARRAY_LEN(parts)).p, "abcd");
    assert_string_equal(arena_join(&a, parts, 0).p, "");
    arena_fini(&a);
}

static void printf_of_any_length(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, NULL);
    for (int n = 0; n < 6000; n += 51) {
        struct slice s = arena_printf(&a, "%*d", n, 7);
        assert_int_equal(s.n, n == 0 ? 1 : n);
        assert_int_equal(strlen(s.p), s.n);
        assert_int_equal(s.p[s.n - 1], '7');
    }
    arena_fini(&a);
}

static void unused_bytes_are_poisoned_for_the_address_sanitizer(void **state)
{
    (void)state;
    if (__asan_address_is_poisoned == NULL) {
        return; /* another build: nothing is poisoned and nobody would look */
    }
    struct arena_pool pool;
    struct arena a;
    arena_pool_init(&pool, 1);
    arena_init(&a, &pool);
    char *p = arena_alloc(&a, 24);
    arena_alloc(&a, 24);
    assert_false(__asan_address_is_poisoned(p + 23));
    assert_true(__asan_address_is_poisoned(p + 24));
    arena_fini(&a);
    assert_int_equal(pool.kept, 1);
    assert_true(__asan_address_is_poisoned(p));
    arena_pool_fini(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_are_aligned_and_apart),
        cmocka_unit_test(zalloc_clears_a_recycled_block),
        cmocka_unit_test(new_and_array_are_typed_and_zeroed),
        cmocka_unit_test(large_requests_leave_the_current_block_in_use),
        cmocka_unit_test(any_size_near_the_block_size_works),
        cmocka_unit_test(pool_keeps_standard_blocks_up_to_its_bound),
        cmocka_unit_test(large_blocks_are_not_kept),
        cmocka_unit_test(copies_end_with_a_nul),
        cmocka_unit_test(printf_of_any_length),
        cmocka_unit_test(unused_bytes_are_poisoned_for_the_address_sanitizer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
