/* The end of a process that broke its own rules. */
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void assert_failed(const char *condition, const char *file, int line, const char *state)
{
    char text[512];
    int n = snprintf(text, sizeof(text), "%s:%d: assertion failed: %s%s%s\n", file, line, condition,
                     state[0] == '\0' ? "" : " in state ", state);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;
    ssize_t written UNUSED
    = write(STDERR_FILENO, text, len); /* nobody is left to be told that it failed */
    abort();
}
