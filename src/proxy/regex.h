/* Regular expressions of locations and server names (PCRE2, compiled once, matched by any thread).
 */
#pragma once

#include "base/slice.h"

#include <stdbool.h>

#define REGEX_CAPTURES_MAX 10

struct regex;
/* `error` (256 bytes) gets PCRE2's message and offset on NULL. */
struct regex *regex_new(struct slice pattern, bool caseless, char *error);
void regex_free(struct regex **);
/* Captures 0 … REGEX_CAPTURES_MAX-1 as slices of `subject`, p NULL where a group took no part.
 * False: no match, or PCRE2's match limit was hit. */
bool regex_match(const struct regex *, struct slice subject,
                 struct slice captures[REGEX_CAPTURES_MAX]);
/* Number of the named group, or -1. */
int regex_group(const struct regex *, struct slice name);
/* Names of the named groups by index, in alphabetical order; p NULL behind the last one. Borrowed
 * from the expression. */
struct slice regex_group_name(const struct regex *, size_t index);
