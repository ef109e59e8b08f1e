/* Bounded parsing of numbers and units: digits only, whole input, overflow is an error. The only
 * place that knows units. */
#pragma once

#include "base/attr.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* Decimal without sign, at least one digit. False: not a number or above `max`; `*out` is then
 * untouched. */
NODISCARD bool parse_u64(struct slice s, uint64_t max, uint64_t *out);
/* The same, but a number above `max` gives `max` (delta-seconds, RFC 9111 section 1.2.2). */
NODISCARD bool parse_u64_saturate(struct slice s, uint64_t max, uint64_t *out);
NODISCARD bool parse_i64(struct slice s, int64_t *out);      /* with an optional minus */
NODISCARD bool parse_hex_u64(struct slice s, uint64_t *out); /* 1 to 16 hex digits */
/* nginx's durations: `30`, `10s`, `5m`, `250ms`, `1h30m`, `1d`, `1w`, `1M` (30 d), `1y` (365 d). A
 * bare number is seconds. Each unit stands at most once, spaces may stand between the parts (`1h
 * 30m`). False: overflow too; `*out_ms` is then untouched. */
NODISCARD bool parse_duration_ms(struct slice s, int64_t *out_ms);
/* nginx's sizes: `512`, `8k`, `16m`, `1g`, upper or lower case. */
NODISCARD bool parse_size_bytes(struct slice s, int64_t *out_bytes);
/* on/off/yes/no/true/false, any case. */
NODISCARD bool parse_bool(struct slice s, bool *out);
/* Value of a hex digit, or -1. */
int parse_hex_digit(char c);

/* Writers, the same units back. Return the number of bytes written; `buf` needs 24 bytes. */
size_t format_u64(char *buf, uint64_t v);
size_t format_duration_ms(char *buf,
                          int64_t ms); /* largest unit that divides it: `90s`, `5m`, `250ms` */
size_t format_size_bytes(char *buf, int64_t bytes);
