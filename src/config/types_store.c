/* proxy_store and proxy_store_access */
#include "config/loading.h"

#include "base/parse.h"

bool parse_store_path(struct loading *l, const struct directive *d, const struct node *node,
                      void *block)
{
    const struct template **field = value_field(d, block);
    struct slice text;
    bool on = false;
    if (!value_text(l, d, node, false, &text)) {
        return false;
    }
    *field = NULL;
    if (parse_bool(text, &on)) {
        if (on) {
            value_error(l, d, node,
                        "on needs a root, which there is none of: give the file's path");
        }
        return !on;
    }
    if (text.p[0] != '/') {
        value_error(l, d, node, "a path begins with \"/\"");
        return false;
    }
    *field = value_template(l, d, node, text, TEMPLATE_PLAIN);
    return *field != NULL;
}

/* Bits of `rw` or `r` for one class; 0: none of them. */
static unsigned bits_of(struct slice text)
{
    if (slice_eq(text, SLICE("rw"))) {
        return 6;
    }
    return slice_eq(text, SLICE("r")) ? 4 : 0;
}

/* `user:rw`, `group:r`, `all:r` */
static bool access_word(struct slice word, unsigned *mode)
{
    static const struct {
        struct slice name;
        unsigned shift;
    } classes[] = {{SLICE_INIT("user"), 6}, {SLICE_INIT("group"), 3}, {SLICE_INIT("all"), 0}};
    struct slice permissions;
    struct slice name = slice_cut(word, ':', &permissions);
    for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
        if (slice_eq(name, classes[i].name)) {
            *mode |= bits_of(permissions) << classes[i].shift;
            return bits_of(permissions) != 0;
        }
    }
    return false;
}

/* As nginx: without a word for the user he may read and write. */
bool parse_store_access(struct loading *l, const struct directive *d, const struct node *node,
                        void *block)
{
    uint32_t *field = value_field(d, block);
    struct slice *words = NULL;
    size_t n = 0;
    unsigned mode = 0;
    if (!value_words(l, d, node, &words, &n)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!access_word(words[i], &mode)) {
            value_error(l, d, node, "\"%.*s\" is not user, group or all with :r or :rw",
                        SLICE_ARG(words[i]));
            return false;
        }
    }
    *field = mode >> 6 != 0 ? mode : mode | 0600U;
    return true;
}
