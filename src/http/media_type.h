/* Media types (RFC 9110 section 8.3.1), and the patterns that directives name them by: a type in
 * any case, or one with a `*` that stands for any bytes (`text/` and it, `*` alone). */
#pragma once

#include "base/slice.h"

/* The type in a value of Content-Type, without its parameters. */
struct slice media_type_of(struct slice content_type);
bool media_type_is_pattern(struct slice);
bool media_type_matches(struct slice pattern, struct slice type);
