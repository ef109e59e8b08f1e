/* What a tool has found out: named values, objects and tables, built once and printed for people
 * (aligned) or for programs (JSON, RFC 8259). Names are JSON names with their unit; people see them
 * without it. Everything lives in the arena. */
#pragma once

#include "base/arena.h"
#include "base/list.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct report_value;
struct report {
    struct arena *arena;
    struct report_value *root;
    struct report_value *at; /* what is being filled */
};

void report_init(struct report *, struct arena *);

/* -- values; texts are copied -- */
void report_text(struct report *, const char *name, struct slice text);
void report_printf(struct report *, const char *name, const char *fmt, ...) PRINTF_LIKE(3, 4);
void report_number(struct report *, const char *name, int64_t number);
void report_flag(struct report *, const char *name, bool is);
/* null; people see `shown`. */
void report_nothing(struct report *, const char *name, const char *shown);
/* Numbers that people see with a unit: `name` ends in _bytes, _s, _us or _percent (of 100). */
void report_bytes(struct report *, const char *name, uint64_t bytes);
void report_seconds(struct report *, const char *name, int64_t seconds);
void report_us(struct report *, const char *name, int64_t us);
void report_percent(struct report *, const char *name, uint64_t part, uint64_t whole);

/* -- what holds values; each is ended by report_end -- */
void report_object(struct report *, const char *name);
/* The same for programs only. */
void report_details(struct report *, const char *name);
/* A list of rows with the same names. */
void report_table(struct report *, const char *name);
/* The same without a line of names. */
void report_list(struct report *, const char *name);
void report_row(struct report *);
void report_end(struct report *);

/* Everything is ended. People see a table that is wider than `columns` (0: any number fits) row by
 * row, with a line for each value. False: it could not be written. */
NODISCARD bool report_print(const struct report *, FILE *, bool json, size_t columns);
/* `90 s`, `5 m 3 s`, `2 d 3 h`; into the arena. */
struct slice report_duration(struct arena *, int64_t seconds);
struct slice report_size(struct arena *, uint64_t bytes);
