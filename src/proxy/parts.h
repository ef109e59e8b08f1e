/* Parts of responses: of a URI whose whole response is not stored, one range of it may be (RFC 9111
 * section 3.3), beside the key of the whole. Never of a response that varies. The pool is asked for
 * one only by a range that would go to the origin; to be completed it has to be in memory. */
#pragma once

#include "http/range.h"
#include "proxy/request.h"

/* The key of the part beside the whole of `key`. */
struct cache_key parts_key(struct request *, const struct cache_key *key);
/* Where the content of a stored part lies in the whole, of `length` bytes. False: it is none. */
bool parts_place(const struct stored_view *, struct byte_range *, uint64_t *length);
/* A GET of one range. */
bool parts_may_answer(const struct request *);
/* Is this a part of what the request asks for, fresh, and does it hold that range? */
bool parts_is_answer(struct request *, const struct entry *);
/* One in memory that does: then it is request.entry. */
bool parts_answer(struct request *);
/* The beginning of what this GET asks for, which only has to be completed (one reference), or NULL.
 * It has a strong validator (section 3.4). */
struct entry *parts_beginning(struct request *);
/* The whole of `key` is forgotten. */
void parts_forget(struct request *, struct store *, const struct cache_key *key);
/* The whole of the request's key is stored. */
void parts_replaced(struct request *);
