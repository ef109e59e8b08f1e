/* Assertions for what cannot happen. They stay on in production; bytes from outside never reach
 * one. */
#pragma once

#include "base/attr.h"

/* Prints the failed condition, its place and `state` to stderr and aborts; the supervisor repairs
 * the process. */
NORETURN void assert_failed(const char *condition, const char *file, int line, const char *state);

#define ASSERT(cond) ((cond) ? (void)0 : assert_failed(#cond, __FILE__, __LINE__, ""))
/* The same, naming the state of the machine that broke its rule. */
#define ASSERT_STATE(cond, state) \
    ((cond) ? (void)0 : assert_failed(#cond, __FILE__, __LINE__, (state)))
