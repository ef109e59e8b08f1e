/* Entries are counted and free what they hold. Leaks are the sanitizer's to find. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cache/store.h"

static struct blob *sealed(void)
{
    const struct stored_meta meta = {.kind = STORED_MARK, .last_modified = -1};
    const struct stored_parts parts = {.key = SLICE("key")};
    struct blob *blob = blob_new(stored_size(&meta, &parts));
    stored_encode(blob, &meta, &parts);
    stored_seal(blob);
    return blob;
}

static void an_entry_owns_its_blob(void **state)
{
    (void)state;
    enum stored_check why;
    struct blob *blob = sealed();
    struct blob *mine = blob_ref(blob);
    struct entry *e = entry_new(blob, SLICE("key"), &why);
    assert_non_null(e);
    assert_int_equal(why, STORED_OK);
    assert_ptr_equal(e->view.key.p, mine->data + 140);
    struct entry *second = entry_ref(e);
    entry_unref(&e);
    assert_null(e);
    assert_int_equal(atomic_load(&mine->refs), 2);
    entry_unref(&second);
    assert_int_equal(atomic_load(&mine->refs), 1);
    entry_unref(&second); /* none any more: no harm */
    blob_unref(&mine);
}

static void an_invalid_blob_is_let_go(void **state)
{
    (void)state;
    enum stored_check why;
    struct blob *blob = sealed();
    struct blob *mine = blob_ref(blob);
    assert_null(entry_new(blob, SLICE("other"), &why));
    assert_int_equal(why, STORED_BAD_KEY);
    assert_int_equal(atomic_load(&mine->refs), 1);
    blob_unref(&mine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_owns_its_blob),
        cmocka_unit_test(an_invalid_blob_is_let_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
