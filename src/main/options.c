#include "main/options.h"

#include "base/slice.h"
#include "tools/tools.h"

#include <getopt.h>
#include <signal.h>
#include <unistd.h>

enum { OPTION_STATES = 256, OPTION_REFERENCE, OPTION_HEALTHCHECK, OPTION_HELP, OPTION_VERSION };

static const struct option long_options[] = {
    {"states", no_argument, NULL, OPTION_STATES},
    {"reference", no_argument, NULL, OPTION_REFERENCE},
    {"healthcheck", no_argument, NULL, OPTION_HEALTHCHECK},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

void options_print_usage(FILE *f)
{
    (void)fprintf(
        f,
        "usage: mcproxy [-c FILE]                run in the foreground\n"
        "       mcproxy [-c FILE] -t             check the configuration\n"
        "       mcproxy [-c FILE] -T             check it and print what is in effect\n"
        "       mcproxy [-c FILE] -s WORD        tell a running mcproxy to stop, quit, reload or "
        "reopen\n"
        "       mcproxy [-c FILE] --healthcheck [URL]\n"
        "                                        ask the admin listener; exit status 0: healthy\n"
        "       mcproxy -v | -V                  print the version | with the libraries\n"
        "       mcproxy --reference | --states   print all directives | the life of a request\n"
        "       mcproxy -h                       print this\n");
    tools_print(f);
    (void)fprintf(
        f,
        "\n"
        "FILE is ./proxy.yaml, or else " OPTIONS_CONFIG_PATH "; - is the standard input.\n"
        "stop ends at once, quit lets requests under way finish, reload reads the configuration\n"
        "again, reopen opens the logs again. The signals TERM, QUIT, HUP and USR1 do the same.\n");
}

static bool parse_word(const char *word, int *out_signal)
{
    static const struct {
        struct slice word;
        int signal;
    } words[] = {
        {SLICE_INIT("stop"), SIGTERM},
        {SLICE_INIT("quit"), SIGQUIT},
        {SLICE_INIT("reload"), SIGHUP},
        {SLICE_INIT("reopen"), SIGUSR1},
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (slice_eq(slice_of(word), words[i].word)) {
            *out_signal = words[i].signal;
            return true;
        }
    }
    return false;
}

static bool wrong_use(FILE *err, const char *what, const char *which)
{
    (void)fprintf(err, "mcproxy: %s%s\n\n", what, which);
    options_print_usage(err);
    return false;
}

static bool wrong_option(FILE *err, int found, const char *arg)
{
    char letter[3] = {'-', (char)optopt, '\0'};
    const char *which = optopt > 0 && optopt < 256 ? letter : arg;
    return wrong_use(err, found == ':' ? "a value is missing behind " : "there is no option ",
                     which);
}

static bool take(struct options *o, int option, FILE *err)
{
    switch (option) {
    case 'c': o->config_path = optarg; return true;
    case 't': o->mode = MODE_CHECK; return true;
    case 'T': o->mode = MODE_PRINT; return true;
    case 'v':
    case OPTION_VERSION: o->mode = MODE_VERSION; return true;
    case 'V': o->mode = MODE_BUILD; return true;
    case 'h':
    case OPTION_HELP: o->mode = MODE_HELP; return true;
    case OPTION_STATES: o->mode = MODE_STATES; return true;
    case OPTION_REFERENCE: o->mode = MODE_REFERENCE; return true;
    case OPTION_HEALTHCHECK: o->mode = MODE_HEALTHCHECK; return true;
    default: break;
    }
    o->mode = MODE_SIGNAL;
    return parse_word(optarg, &o->signal) ||
           wrong_use(err, "-s takes stop, quit, reload or reopen, not ", optarg);
}

const char *options_default_config(void)
{
    return access("proxy.yaml", F_OK) == 0 ? "proxy.yaml" : OPTIONS_CONFIG_PATH;
}

/* `mcproxy [-c FILE] cache …`: what follows the word is the tool's. */
static bool parse_tool(int argc, char **argv, struct options *out)
{
    int at = argc > 2 && slice_eq(slice_of(argv[1]), SLICE("-c")) ? 3 : 1;
    if (at >= argc || !tools_has(argv[at]))
        return false;
    out->mode = MODE_TOOL;
    out->config_path = at > 1 ? argv[2] : NULL;
    out->tool_argc = argc - at;
    out->tool_argv = argv + at;
    return true;
}

bool options_parse(int argc, char **argv, struct options *out, FILE *err)
{
    *out = (struct options){.mode = MODE_RUN};
    if (parse_tool(argc, argv, out))
        return true;
    opterr = 0;
    optind = 0; /* from the start, whoever has parsed before */
    for (;;) {
        int option = getopt_long(argc, argv, ":c:tTvVs:h", long_options, NULL);
        if (option == -1)
            break;
        if (option == '?' || option == ':')
            return wrong_option(err, option, argv[optind - 1]);
        if (!take(out, option, err))
            return false;
    }
    if (out->mode == MODE_HEALTHCHECK && optind < argc)
        out->url = argv[optind++];
    if (optind < argc)
        return wrong_use(err, "there is no argument ", argv[optind]);
    if (!out->config_path)
        out->config_path = options_default_config();
    return true;
}
