/* What a POST /purge says: the first line is its query, the rest its content, read as a form and as
 * JSON. */
#include "admin/purge_form.h"
#include "base/assert.h"

static void parse(struct slice query, struct slice type, struct slice content, struct arena *arena)
{
    struct slice wrong = slice_none();
    const struct purge_order *order = purge_form_parse(query, type, content, arena, &wrong);
    if (order == NULL)
        ASSERT(wrong.n > 0);
    else
        ASSERT(order->urls_n + order->scopes_n > 0 &&
               order->urls_n + order->scopes_n <= PURGE_FORM_ITEMS_MAX + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena_pool pool;
    struct arena arena;
    struct slice content = slice_none();
    struct slice query = slice_cut(slice_make((const char *)data, n), '\n', &content);
    arena_pool_init(&pool, 4);
    arena_init(&arena, &pool);
    parse(query, slice_none(), content, &arena);
    parse(slice_none(), SLICE("application/json"), content, &arena);
    arena_fini(&arena);
    arena_pool_fini(&pool);
    return 0;
}
