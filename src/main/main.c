/* mcproxy: the command line leads to what is done. */
#include "main/commands.h"
#include "main/options.h"
#include "main/supervisor.h"
#include "tools/tools.h"

#include <stdlib.h>

static int run(const char *path)
{
    struct config *config = command_load(path);
    return config ? supervisor_run(path, config) : EXIT_FAILURE;
}

static struct config *load(const char *path)
{
    return command_load(path ? path : options_default_config());
}

int main(int argc, char **argv)
{
    struct options o;
    if (!options_parse(argc, argv, &o, stderr))
        return EXIT_FAILURE;
    switch (o.mode) {
    case MODE_RUN: return run(o.config_path);
    case MODE_CHECK: return command_check(o.config_path);
    case MODE_PRINT: return command_print(o.config_path);
    case MODE_VERSION: return command_version(false);
    case MODE_BUILD: return command_version(true);
    case MODE_HELP: options_print_usage(stdout); return EXIT_SUCCESS;
    case MODE_SIGNAL: return command_signal(o.config_path, o.signal);
    case MODE_STATES: return command_states();
    case MODE_REFERENCE: return command_reference();
    case MODE_TOOL: return tools_run(o.tool_argc, o.tool_argv, o.config_path, load);
    case MODE_HEALTHCHECK: return command_healthcheck(o.config_path, o.url);
    }
    return EXIT_FAILURE;
}
