/* Parts of responses: of a URI whose whole response is not stored, one range of it may be (RFC 9111
 * section 3.3), in the memory tier, beside the key of the whole. Only with a strong validator, and
 * never of a response that varies. */
#pragma once

#include "http/range.h"
#include "proxy/request.h"

/* The key of the part beside the whole of `key`. */
struct cache_key parts_key(struct request *, const struct cache_key *key);
/* Where the content of a stored part lies in the whole, of `length` bytes. False: it is none. */
bool parts_place(const struct stored_view *, struct byte_range *, uint64_t *length);
/* A fresh part that holds the one range that this GET asks for: then it is request.entry. */
bool parts_answer(struct request *);
/* The beginning of what this GET asks for, which only has to be completed (one reference), or NULL.
 */
struct entry *parts_beginning(struct request *);
/* The whole is stored, or forgotten. */
void parts_forget(struct request *, struct store *, const struct cache_key *key);
