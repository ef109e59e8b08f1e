/* Text that grows while a page is written. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

struct text {
    struct buf buf;
    bool failed; /* too long, or no memory: the page is of no use */
};

void text_init(struct text *);
void text_fini(struct text *);
void text_add(struct text *, struct slice);
/* At most 1023 bytes at once. */
void text_printf(struct text *, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* As a JSON string with its quotes (RFC 8259 section 7); bytes that are not UTF-8 become U+FFFD. */
void text_json(struct text *, struct slice);
/* As the value of a Prometheus label, with its quotes. */
void text_label(struct text *, struct slice);
