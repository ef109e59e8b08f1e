/* Values of the directives about the process, and the logs. */
#include "config/loading.h"

/* -- process -- */

bool parse_user(struct loading *l, const struct directive *d, const struct node *node, void *block)
{
    struct config *config = block;
    struct slice *words;
    size_t n;
    if (!value_words(l, d, node, &words, &n)) {
        return false;
    }
    if (n < 1 || n > 2) {
        value_error(l, d, node, "a user and perhaps a group are needed");
        return false;
    }
    config->main.user = arena_dup(l->arena, words[0]).p;
    config->main.group = n == 2 ? arena_dup(l->arena, words[1]).p : NULL;
    return true;
}

bool parse_resolver(struct loading *l, const struct directive *d, const struct node *node,
                    void *block)
{
    struct config *config = block;
    struct slice *words;
    size_t n;
    struct slice all = SLICE("");
    if (!value_words(l, d, node, &words, &n)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        struct endpoint e;
        if (!endpoint_parse(words[i], &e) || !e.is_literal) {
            value_error(l, d, node, "\"%.*s\" is not ip or ip:port", SLICE_ARG(words[i]));
            return false;
        }
        all = arena_printf(l->arena, "%.*s%s%.*s", SLICE_ARG(all), i == 0 ? "" : ",",
                           SLICE_ARG(words[i]));
    }
    if (n == 0) {
        value_error(l, d, node, "an address is needed");
        return false;
    }
    config->proxy.resolvers = all.p;
    return true;
}

bool parse_bind(struct loading *l, const struct directive *d, const struct node *node, void *block)
{
    struct slice text;
    struct endpoint e;
    struct address address = {.len = 0};
    if (!value_text(l, d, node, false, &text)) {
        return false;
    }
    bool off = slice_eq(text, SLICE("off"));
    if (!off &&
        (!endpoint_parse(text, &e) || !e.is_literal || !address_from_endpoint(&e, &address))) {
        value_error(l, d, node, "\"%.*s\" is not ip, ip:port or off", SLICE_ARG(text));
        return false;
    }
    memcpy(value_field(d, block), &address, sizeof(address));
    return true;
}

/* -- logs: `path word`, {path: …, word: …} -- */

/* Path and the word behind it (empty where there is none). `key` is its name in a map. */
static bool path_and_word(struct loading *l, const struct directive *d, const struct node *node,
                          const char *key, struct slice *path, struct slice *word)
{
    *word = slice_none();
    if (node->kind == NODE_MAP) {
        const char *const keys[] = {"path", key, NULL};
        const struct node *p = node_find(node, SLICE("path"));
        const struct node *w = node_find(node, slice_of(key));
        if (p == NULL) {
            value_error(l, d, node, "a path is needed");
            return false;
        }
        return value_keys(l, d, node, keys) && value_text(l, d, p, false, path) &&
               (w == NULL || value_text(l, d, w, false, word));
    }
    if (!value_text(l, d, node, false, path)) {
        return false;
    }
    *word = *path;
    *path = next_word(word);
    return true;
}

bool parse_error_log(struct loading *l, const struct directive *d, const struct node *node,
                     void *block)
{
    struct config *config = block;
    struct slice path;
    struct slice level;
    if (!path_and_word(l, d, node, "level", &path, &level)) {
        return false;
    }
    config->main.error_log = arena_dup(l->arena, path).p;
    if (level.n > 0 && !log_level_parse(level, &config->main.error_log_level)) {
        value_error(l, d, node,
                    "\"%.*s\" is not a level (debug, info, notice, warn, error, crit, "
                    "alert, emerg)",
                    SLICE_ARG(level));
        return false;
    }
    if (level.n == 0) {
        config->main.error_log_level = LOG_ERROR;
    }
    return true;
}

static bool access_log_item(struct loading *l, const struct directive *d, const struct node *node,
                            struct access_log_conf *out)
{
    struct slice path;
    struct slice format;
    if (!path_and_word(l, d, node, "format", &path, &format)) {
        return false;
    }
    out->format = log_format_find(l, format.n == 0 ? SLICE("combined") : format);
    if (out->format == NULL) {
        value_error(l, d, node, "there is no format \"%.*s\" in log_format", SLICE_ARG(format));
        return false;
    }
    out->path = path;
    out->file = log_file_index(l, path);
    return true;
}

static bool access_log_list(struct loading *l, const struct directive *d, const struct node *list,
                            struct access_log_conf *logs)
{
    bool ok = true;
    size_t i = 0;
    for (const struct node *item = list->first; item != NULL; item = item->next) {
        ok = access_log_item(l, d, item, &logs[i++]) && ok;
    }
    return ok;
}

bool parse_access_log(struct loading *l, const struct directive *d, const struct node *node,
                      void *block)
{
    struct location_conf *conf = block;
    bool list = node->kind == NODE_LIST;
    bool off = node->kind == NODE_SCALAR && slice_eq(node->text, SLICE("off"));
    size_t n = list ? node->n : off ? 0 : 1;
    struct access_log_conf *logs = ARENA_ARRAY(l->arena, struct access_log_conf, n);
    bool ok = true;
    if (list) {
        ok = access_log_list(l, d, node, logs);
    } else if (!off) {
        ok = access_log_item(l, d, node, logs);
    }
    conf->logs = logs;
    conf->logs_n = ok ? n : 0;
    return ok;
}

size_t log_file_index(struct loading *l, struct slice path)
{
    for (size_t i = 0; i < l->log_files.n; i++) {
        const struct slice *file = l->log_files.items[i];
        if (slice_eq(*file, path)) {
            return i;
        }
    }
    struct slice *file = ARENA_NEW(l->arena, struct slice);
    *file = arena_dup(l->arena, path);
    pointers_add(&l->log_files, l->arena, file);
    return l->log_files.n - 1;
}

/* -- log_format -- */

const struct template *log_format_find(const struct loading *l, struct slice name)
{
    for (const struct log_format *f = l->log_formats; f != NULL; f = f->next) {
        if (slice_eq(f->name, name)) {
            /* cppcheck-suppress CastIntegerToAddressAtReturn ; it takes `template` for C++'s */
            return f->format;
        }
    }
    return NULL;
}

/* nginx's `escape=json` before the text. */
static struct slice cut_escape(struct slice text, enum template_escape *escape)
{
    static const struct {
        struct slice word;
        enum template_escape escape;
    } words[] = {{SLICE_INIT("escape=default "), TEMPLATE_LOG},
                 {SLICE_INIT("escape=json "), TEMPLATE_JSON},
                 {SLICE_INIT("escape=none "), TEMPLATE_PLAIN}};
    *escape = TEMPLATE_LOG;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (slice_starts(text, words[i].word)) {
            *escape = words[i].escape;
            return slice_trim(slice_skip(text, words[i].word.n));
        }
    }
    return text;
}

static void log_format_add(struct loading *l, const struct directive *d, const struct node *node,
                           struct slice name, struct slice text)
{
    enum template_escape escape;
    struct slice format = cut_escape(text, &escape);
    const struct template *t = value_template(l, d, node, format, escape);
    struct log_format *f = ARENA_NEW(l->arena, struct log_format);
    if (t == NULL &&
        l->log_formats != NULL) { /* one error is enough: those who name it find something */
        t = l->log_formats->format;
    }
    *f = (struct log_format){.next = l->log_formats, .name = name, .format = t};
    l->log_formats = f;
}

static const struct {
    struct slice name;
    struct slice text;
} presets[] = {
    {SLICE_INIT("combined"),
     SLICE_INIT("$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent "
                "\"$http_referer\" \"$http_user_agent\"")},
    {SLICE_INIT("json"),
     SLICE_INIT("escape=json {\"time\":\"$time_iso8601\",\"remote_addr\":\"$remote_addr\","
                "\"host\":\"$host\",\"method\":\"$request_method\",\"uri\":\"$request_uri\","
                "\"protocol\":\"$server_protocol\",\"status\":$status,"
                "\"body_bytes_sent\":$body_bytes_sent,\"request_time\":$request_time,"
                "\"cache\":\"$upstream_cache_status\",\"upstream\":\"$upstream_addr\","
                "\"upstream_status\":\"$upstream_status\","
                "\"upstream_time\":\"$upstream_response_time\",\"referer\":\"$http_referer\","
                "\"user_agent\":\"$http_user_agent\",\"request_id\":\"$request_id\"}")},
};

static bool is_preset(struct slice name)
{
    for (size_t i = 0; i < ARRAY_LEN(presets); i++) {
        if (slice_eq(name, presets[i].name)) {
            return true;
        }
    }
    return false;
}

void load_log_formats(struct loading *l, const struct node *top)
{
    const struct directive *d = directive_find(SLICE("log_format"), SCOPE_MAIN);
    const struct node *map = node_find(top, SLICE("log_format"));
    for (size_t i = 0; i < ARRAY_LEN(presets); i++) {
        log_format_add(l, d, top, presets[i].name, presets[i].text);
    }
    if (map != NULL && map->kind != NODE_MAP) {
        value_error(l, d, map, "a map from a name to a format is needed");
        return;
    }
    for (const struct node *m = map == NULL ? NULL : map->first; m != NULL; m = m->next) {
        struct slice text;
        if (is_preset(m->name)) {
            error_at(l->errors, &m->name_at, "log_format: \"%.*s\" is there already",
                     SLICE_ARG(m->name));
        } else if (value_text(l, d, m, false, &text)) {
            log_format_add(l, d, m, m->name, text);
        }
    }
}
