/* A part of a stored response that the store has lost is fetched again: an exchange of its own with
 * the origin, for that range of that very representation (If-Range, RFC 9110 section 13.1.5).
 * Nothing but exactly this part of it is taken. */
#pragma once

#include "proxy/request.h"

struct mend;
/* `content` is the part (one reference for the callback), NULL where the origin did not give it.
 * Never from within mend_start, never after mend_cancel; calls that itself. */
typedef void mend_fn(struct mend *, struct blob *content);

/* For a GET that request.entry answers. NULL: the response has no validator that a range could be
 * asked by, or there is no peer. */
struct mend *mend_start(struct request *, const struct store_chunk *, mend_fn *);
struct request *mend_owner(const struct mend *);
/* Clears the pointer; NULL inside is fine. */
void mend_cancel(struct mend **);
