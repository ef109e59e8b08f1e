/* What a POST /purge asks for: its query, and its content as a form
 * (application/x-www-form-urlencoded) or as one JSON object (RFC 8259). Pure; foreign bytes.
 *
 *     {"tags": ["a", "b"], "url": "http://example.com/x", "soft": true}     tag=a&tag=b&soft=1
 *
 * The names are url, tag, prefix and host, each also in the plural, with one value or a list; all,
 * soft and hard, which are true or false; cache, which names one. */
#pragma once

#include "proxy/purge.h"

#define PURGE_FORM_ITEMS_MAX 1024

/* The order in the arena. NULL: `*wrong` says what is, in the arena. */
struct purge_order *purge_form_parse(struct slice query, struct slice type, struct slice content,
                                     struct arena *, struct slice *wrong);
