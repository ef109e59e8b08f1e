#include "main/commands.h"

#include "main/pid_file.h"
#include "net/loop.h"
#include "proxy/fetch.h"
#include "proxy/flight.h"
#include "proxy/request.h"

#include <ares.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdlib.h>
#include <xxhash.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

struct config *command_load(const char *path)
{
    struct config_errors errors;
    config_errors_init(&errors);
    struct config *config = config_load(path, &errors);
    config_errors_print(&errors, stderr);
    if (!config)
        (void)fprintf(stderr, "mcproxy: %s: %zu error%s\n", path, errors.errors,
                      errors.errors == 1 ? "" : "s");
    config_errors_fini(&errors);
    return config;
}

int command_check(const char *path)
{
    struct config *config = command_load(path);
    if (!config)
        return EXIT_FAILURE;
    (void)fprintf(stderr, "mcproxy: %s: the configuration is ok\n", path);
    config_unref(&config);
    return EXIT_SUCCESS;
}

/* What was printed has arrived. */
static int printed(void)
{
    return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_SUCCESS : EXIT_FAILURE;
}

int command_print(const char *path)
{
    struct config *config = command_load(path);
    if (!config)
        return EXIT_FAILURE;
    config_print_effective(stdout, config);
    config_unref(&config);
    return printed();
}

static void print_pcre2(void)
{
    char version[64] = "";
    if (pcre2_config(PCRE2_CONFIG_VERSION, NULL) < (int)sizeof version)
        (void)pcre2_config(PCRE2_CONFIG_VERSION, version);
    printf("pcre2: %s\n", version);
}

int command_version(bool with_build)
{
    printf("mcproxy %s\n", MCPROXY_VERSION);
    if (!with_build)
        return printed();
    printf("compiler: " __VERSION__ "\n");
    printf("libev: %d.%d\n", ev_version_major(), ev_version_minor());
    printf("c-ares: %s\n", ares_version(NULL));
    printf("openssl: %s\n", OpenSSL_version(OPENSSL_VERSION));
    print_pcre2();
    unsigned xxhash = XXH_versionNumber();
    printf("xxhash: %u.%u.%u\n", xxhash / 10000, xxhash / 100 % 100, xxhash % 100);
    return printed();
}

int command_states(void)
{
    request_print_states(stdout);
    fetch_print_states(stdout);
    printf("flight:   pending   -> head | entry | released | broken\n"
           "          head      -> complete | released | broken\n");
    return printed();
}

int command_reference(void)
{
    config_print_reference(stdout);
    return printed();
}

static int signal_by_file(const char *pid_path, int signal)
{
    pid_t pid;
    switch (pid_file_read(pid_path, &pid)) {
    case PID_FILE_NONE:
        (void)fprintf(stderr, "mcproxy: %s: %s\n", pid_path, strerror(errno));
        break;
    case PID_FILE_BAD:
        (void)fprintf(stderr, "mcproxy: %s: there is no pid in it\n", pid_path);
        break;
    case PID_FILE_STALE:
        (void)fprintf(stderr, "mcproxy: %s: mcproxy is not running\n", pid_path);
        break;
    case PID_FILE_ALIVE:
        if (kill(pid, signal) == 0)
            return EXIT_SUCCESS;
        (void)fprintf(stderr, "mcproxy: process %d: %s\n", (int)pid, strerror(errno));
        break;
    }
    return EXIT_FAILURE;
}

int command_signal(const char *path, int signal)
{
    struct config *config = command_load(path);
    if (!config)
        return EXIT_FAILURE;
    int status = EXIT_FAILURE;
    if (config->main.pid_path)
        status = signal_by_file(config->main.pid_path, signal);
    else
        (void)fprintf(stderr,
                      "mcproxy: %s: -s needs `pid: FILE` in the configuration, "
                      "also in that of the running mcproxy\n",
                      path);
    config_unref(&config);
    return status;
}
