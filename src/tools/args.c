#include "tools/args.h"

#include "base/nearest.h"
#include "base/parse.h"

enum kind { KIND_FLAG, KIND_TEXT, KIND_FIELD, KIND_DURATION, KIND_SIZE, KIND_NUMBER };

struct row {
    enum tool_option option;
    const char *name; /* behind -- */
    char letter;      /* '\0': none */
    enum kind kind;
    const char *value; /* what stands behind it, for people; NULL: nothing */
    size_t at;         /* the field of struct tool_args */
    int64_t min;       /* of durations (ms), sizes and numbers */
    int64_t max;
    const char *doc;
};

#define AT(field) offsetof(struct tool_args, field)
/* clang-format off */
static const struct row rows[] = {
    {TOOL_CONFIG, "config", 'c', KIND_TEXT, "FILE", AT(config_path), 0, 0, "the configuration; - is the standard input"},
    {TOOL_JSON, "json", '\0', KIND_FLAG, NULL, AT(json), 0, 0, "for programs"},
    {TOOL_TIMEOUT, "timeout", '\0', KIND_DURATION, "TIME", AT(timeout_ms), 1, 600000, "how long a server may take for anything (2s)"},
    {TOOL_CACHE, "cache", '\0', KIND_TEXT, "NAME", AT(cache), 0, 0, "only the pool of this cache"},
    {TOOL_POOL, "pool", '\0', KIND_TEXT, "NAME", AT(pool), 0, 0, "only this pool"},
    {TOOL_FIELD, "header", 'H', KIND_FIELD, "'NAME: VALUE'", AT(fields), 0, 0, "a field of the request; may stand more than once"},
    {TOOL_METHOD, "method", 'X', KIND_TEXT, "METHOD", AT(method), 0, 0, "of the request (GET)"},
    {TOOL_CLIENT, "client", '\0', KIND_TEXT, "ADDRESS", AT(client), 0, 0, "whom the request comes from (127.0.0.1)"},
    {TOOL_CONTENT, "content", '\0', KIND_FLAG, NULL, AT(content), 0, 0, "write the stored content, and nothing else"},
    {TOOL_FETCH, "fetch", '\0', KIND_FLAG, NULL, AT(fetch), 0, 0, "ask the origin, and tell whether its response would be stored"},
    {TOOL_ASK, "ask", '\0', KIND_FLAG, NULL, AT(ask), 0, 0, "ask the running proxy, which also sees its memory, with only-if-cached"},
    {TOOL_CONNECTIONS, "connections", '\0', KIND_NUMBER, "N", AT(connections), 1, 256, "to each server (8)"},
    {TOOL_VALUE_BYTES, "value", '\0', KIND_SIZE, "SIZE", AT(value_bytes), 1, 64 * 1024 * 1024, "of each value (4k)"},
    {TOOL_SECONDS, "seconds", '\0', KIND_NUMBER, "N", AT(seconds), 1, 3600, "how long (5)"},
    {TOOL_GETS, "gets", '\0', KIND_NUMBER, "PERCENT", AT(gets_percent), 0, 100, "share of lookups; the others store (90)"},
    {TOOL_HELP, "help", 'h', KIND_FLAG, NULL, AT(help), 0, 0, "print this"},
};
/* clang-format on */

struct tool_args tool_args_default(void)
{
    return (struct tool_args){.timeout_ms = 2000,
                              .connections = 8,
                              .value_bytes = 4096,
                              .seconds = 5,
                              .gets_percent = 90};
}

struct parse {
    int argc;
    char **argv;
    int at;
    const char *name;
    unsigned options;
    struct tool_args *out;
    FILE *err;
};

static bool wrong(const struct parse *p, struct slice what, const char *why)
{
    (void)fprintf(p->err, "mcproxy %s: %.*s: %s\n", p->name, SLICE_ARG(what), why);
    return false;
}

static const struct row *find(const struct parse *p, struct slice name)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if ((p->options & rows[i].option) != 0 && slice_eq(name, slice_of(rows[i].name)))
            return &rows[i];
    }
    return NULL;
}

static const struct row *find_letter(const struct parse *p, char letter)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if ((p->options & rows[i].option) != 0 && letter != '\0' && rows[i].letter == letter)
            return &rows[i];
    }
    return NULL;
}

static bool unknown(const struct parse *p, struct slice arg, struct slice name)
{
    struct nearest nearest = nearest_to(name);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if ((p->options & rows[i].option) != 0)
            nearest_offer(&nearest, slice_of(rows[i].name));
    }
    if (nearest.best.n == 0)
        return wrong(p, arg, "there is no such option");
    (void)fprintf(p->err, "mcproxy %s: %.*s: there is no such option; did you mean --%.*s?\n",
                  p->name, SLICE_ARG(arg), SLICE_ARG(nearest.best));
    return false;
}

/* -- values -- */

static bool in_range(const struct parse *p, const struct row *row, struct slice text, bool parsed,
                     int64_t n)
{
    if (parsed && n >= row->min && n <= row->max) {
        *(int64_t *)(void *)((char *)p->out + row->at) = n;
        return true;
    }
    char what[64];
    char min[24];
    char max[24];
    size_t (*format)(char *, int64_t) =
        row->kind == KIND_DURATION ? format_duration_ms : format_size_bytes;
    struct slice low = slice_make(min, format(min, row->min));
    struct slice high = slice_make(max, format(max, row->max));
    (void)snprintf(what, sizeof what, "--%s takes %.*s to %.*s", row->name, SLICE_ARG(low),
                   SLICE_ARG(high));
    return wrong(p, text, what);
}

static bool take_field(const struct parse *p, const char *text)
{
    struct slice s = slice_of(text);
    size_t colon = slice_find(s, ':');
    if (colon == 0 || colon == s.n)
        return wrong(p, s, "a field is 'Name: value'");
    if (p->out->fields_n >= TOOL_FIELDS_MAX)
        return wrong(p, s, "too many fields");
    p->out->fields[p->out->fields_n++] = text;
    return true;
}

static bool take_value(const struct parse *p, const struct row *row, const char *text)
{
    struct slice s = slice_of(text);
    int64_t n = 0;
    bool parsed = false;
    switch (row->kind) {
    case KIND_FLAG: return wrong(p, s, "this option takes no value");
    case KIND_TEXT: *(const char **)(void *)((char *)p->out + row->at) = text; return true;
    case KIND_FIELD: return take_field(p, text);
    case KIND_DURATION: parsed = parse_duration_ms(s, &n); break;
    case KIND_SIZE: parsed = parse_size_bytes(s, &n); break;
    case KIND_NUMBER: parsed = parse_i64(s, &n); break;
    }
    return in_range(p, row, s, parsed, n);
}

/* `value` NULL: it stands in the next argument. */
static bool take(struct parse *p, const struct row *row, struct slice arg, const char *value)
{
    if (row->kind == KIND_FLAG && !value) {
        *(bool *)((char *)p->out + row->at) = true;
        return true;
    }
    if (!value && p->at >= p->argc)
        return wrong(p, arg, "a value is missing behind it");
    return take_value(p, row, value ? value : p->argv[p->at++]);
}

static bool take_long(struct parse *p, const char *text)
{
    struct slice arg = slice_of(text);
    struct slice name = slice_skip(arg, 2);
    size_t equals = slice_find(name, '=');
    const char *value = equals < name.n ? name.p + equals + 1 : NULL;
    name = slice_take(name, equals);
    const struct row *row = find(p, name);
    return row ? take(p, row, arg, value) : unknown(p, arg, name);
}

static bool take_short(struct parse *p, const char *text)
{
    struct slice arg = slice_of(text);
    const struct row *row = find_letter(p, text[1]);
    return row ? take(p, row, arg, text[2] != '\0' ? text + 2 : NULL)
               : unknown(p, arg, slice_skip(arg, 1));
}

static bool take_url(struct parse *p, const char *text, bool takes_url)
{
    if (!takes_url)
        return wrong(p, slice_of(text), "there is no such argument");
    if (p->out->url)
        return wrong(p, slice_of(text), "one URL at a time");
    p->out->url = text;
    return true;
}

bool tool_args_parse(int argc, char **argv, const char *name, unsigned options, bool takes_url,
                     struct tool_args *out, FILE *err)
{
    struct parse p = {argc, argv, 0, name, options, out, err};
    bool only_arguments = false;
    while (p.at < argc) {
        const char *text = argv[p.at++];
        bool is_option = !only_arguments && text[0] == '-' && text[1] != '\0';
        bool is_end = is_option && text[1] == '-' && text[2] == '\0';
        only_arguments = only_arguments || is_end;
        if (is_end)
            continue;
        bool ok = !is_option       ? take_url(&p, text, takes_url)
                  : text[1] == '-' ? take_long(&p, text)
                                   : take_short(&p, text);
        if (!ok)
            return false;
    }
    if (takes_url && !out->url && !out->help) {
        (void)fprintf(err, "mcproxy %s: a URL is missing\n", name);
        return false;
    }
    return true;
}

void tool_args_print(unsigned options, FILE *f)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *row = &rows[i];
        if ((options & row->option) == 0)
            continue;
        char left[64];
        char letter[5] = "    ";
        if (row->letter != '\0')
            (void)snprintf(letter, sizeof letter, "-%c, ", row->letter);
        (void)snprintf(left, sizeof left, "%s--%s%s%s", letter, row->name, row->value ? " " : "",
                       row->value ? row->value : "");
        (void)fprintf(f, "  %-28s %s\n", left, row->doc);
    }
}
