/* Loading texts in tests of the configuration. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/config.h"

/* Loads `text` as p.yaml. NULL: it has errors. All lines of errors and warnings go to `messages`
 * (4096 bytes). */
struct config *load_with_messages(const char *text, char *messages);
/* The same of a text that has to be right. */
struct config *load_ok(const char *text);
/* Fails unless the lines of errors and warnings are exactly `expected`; "" is a text that is right.
 */
void expect_messages(const char *name, const char *text, const char *expected);
/* What -T prints, to be freed. */
char *effective_text(const struct config *);
/* Settings of the server at `index` itself. */
const struct location_conf *root_of(const struct config *, size_t index);
/* Its location of that key's pattern, NULL none. */
const struct location_conf *location_of(const struct config *, size_t index, const char *pattern);
void expect_slice(struct slice actual, const char *expected);
/* The template as it was written. */
void expect_template(const struct template *, const char *expected);
