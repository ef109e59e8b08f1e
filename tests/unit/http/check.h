/* What the tests of http/ share: checks that name the row of the table that failed. */
#pragma once

#include "base/arena.h"
#include "base/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those four first. */
#include <cmocka.h>

/* `want` NULL: a slice without p. */
void check_slice(const char *row, const char *what, struct slice got, const char *want);
void check_number(const char *row, const char *what, int64_t got, int64_t want);
/* A heap copy of exactly these bytes, so that the sanitizers see any read behind them. Freed by
 * copy_free. */
struct slice copy_of(struct slice);
void copy_free(struct slice);
