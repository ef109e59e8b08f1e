#include "tools/tools.h"

#include "base/nearest.h"
#include "tools/tool.h"

struct tool_row {
    const char *group; /* NULL: it has none */
    const char *name;
    bool takes_url;
    unsigned options; /* enum tool_option, besides TOOL_COMMON */
    tool_fn *run;
    const char *doc;
};

static const struct tool_row rows[] = {
    {"cache", "ping", false, TOOL_CACHE | TOOL_POOL, tool_cache_ping,
     "is each memcached server there, and how fast"},
    {"cache", "stat", false, TOOL_CACHE | TOOL_POOL, tool_cache_stat,
     "what the memcached servers tell of themselves"},
    {"cache", "key", true, TOOL_REQUEST, tool_cache_key, "where a URL is kept"},
    {"cache", "get", true, TOOL_REQUEST | TOOL_CONTENT, tool_cache_get, "what is stored of a URL"},
    {"cache", "purge", true, TOOL_REQUEST, tool_cache_purge, "forget a URL with its variants"},
    {"cache", "bench", false,
     TOOL_CACHE | TOOL_POOL | TOOL_CONNECTIONS | TOOL_VALUE_BYTES | TOOL_SECONDS | TOOL_GETS,
     tool_cache_bench, "how fast a pool is, through the proxy's own client"},
    {NULL, "explain", true, TOOL_REQUEST | TOOL_FETCH | TOOL_ASK, tool_explain,
     "what becomes of a request and why"},
};

#define NAME_MAX_BYTES 32
static const char *full_name(const struct tool_row *row, char name[NAME_MAX_BYTES])
{
    (void)snprintf(name, NAME_MAX_BYTES, "%s%s%s", row->group ? row->group : "",
                   row->group ? " " : "", row->name);
    return name;
}

static struct slice first_word(const struct tool_row *row)
{
    return slice_of(row->group ? row->group : row->name);
}

bool tools_has(const char *word)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (slice_eq(first_word(&rows[i]), slice_of(word)))
            return true;
    }
    return false;
}

void tools_print(FILE *f)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char name[NAME_MAX_BYTES];
        char left[48];
        (void)snprintf(left, sizeof left, "mcproxy %s%s", full_name(&rows[i], name),
                       rows[i].takes_url ? " URL" : "");
        (void)fprintf(f, "       %-32s %s\n", left, rows[i].doc);
    }
}

/* -- which one -- */

static const struct tool_row *find(struct slice group, struct slice name)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct slice of = rows[i].group ? slice_of(rows[i].group) : slice_none();
        if (slice_eq(group, of) && slice_eq(name, slice_of(rows[i].name)))
            return &rows[i];
    }
    return NULL;
}

static int no_such(struct slice group, struct slice name)
{
    struct nearest nearest = nearest_to(name);
    (void)fprintf(stderr, "mcproxy %.*s: ", SLICE_ARG(group));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].group && slice_eq(group, slice_of(rows[i].group)))
            nearest_offer(&nearest, slice_of(rows[i].name));
    }
    if (name.n == 0)
        (void)fprintf(stderr, "a command is missing:\n");
    else if (nearest.best.n > 0)
        (void)fprintf(stderr, "%.*s: there is no such command; did you mean %.*s?\n",
                      SLICE_ARG(name), SLICE_ARG(nearest.best));
    else
        (void)fprintf(stderr, "%.*s: there is no such command:\n", SLICE_ARG(name));
    if (nearest.best.n == 0)
        tools_print(stderr);
    return TOOL_MISUSE;
}

static int help(const struct tool_row *row)
{
    char name[NAME_MAX_BYTES];
    unsigned options = row->options | TOOL_COMMON;
    printf("usage: mcproxy %s%s [OPTION…]\n\n%s\n\n", full_name(row, name),
           row->takes_url ? " URL" : "", row->doc);
    tool_args_print(options, stdout);
    if (row->takes_url)
        printf("\nURL is http://host[:port]/path, https:// where TLS ends before the proxy, or "
               "/path for the default server.\n");
    printf(
        "\nExit status: 0, 1 where what was asked for is not there or broken, 2 for wrong use.\n");
    return fflush(stdout) == 0 ? TOOL_OK : TOOL_FAILED;
}

static int run(const struct tool_row *row, const struct tool_args *args, tools_load_fn *load)
{
    struct config *config = load(args->config_path);
    if (!config)
        return TOOL_FAILED;
    struct tool t = {.args = *args, .out = stdout, .err = stderr};
    int status = tool_init(&t, config) ? row->run(&t) : TOOL_FAILED;
    tool_fini(&t);
    return status;
}

int tools_run(int argc, char **argv, const char *config_path, tools_load_fn *load)
{
    struct slice word = slice_of(argv[0]);
    const struct tool_row *row = find(slice_none(), word);
    int used = 1;
    if (!row) {
        struct slice name = argc > 1 ? slice_of(argv[1]) : slice_none();
        bool is_help = slice_eq(name, SLICE("--help")) || slice_eq(name, SLICE("-h"));
        if (is_help) {
            tools_print(stdout);
            return TOOL_OK;
        }
        row = find(word, name);
        used = 2;
        if (!row)
            return no_such(word, name);
    }
    char name[NAME_MAX_BYTES];
    struct tool_args args = tool_args_default();
    args.config_path = config_path;
    if (!tool_args_parse(argc - used, argv + used, full_name(row, name), row->options | TOOL_COMMON,
                         row->takes_url, &args, stderr)) {
        (void)fprintf(stderr, "mcproxy %s --help lists the options\n", full_name(row, name));
        return TOOL_MISUSE;
    }
    return args.help ? help(row) : run(row, &args, load);
}
