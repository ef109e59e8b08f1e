/* Response heads as text: stored fields, what varies with each answer (Age, Date, Via,
 * Cache-Status), and the rules of the location. */
#pragma once

#include "cache/stored.h"
#include "proxy/client.h"
#include "proxy/reply.h"
#include "proxy/request.h"

/* Each fills `stored`, `lines` and what they say about the length of `t`; text is in the request's
 * arena or the entry. */
void deliver_head_stored(struct request *, const struct stored_view *, struct response_text *t);
/* 304: only what RFC 9110 section 15.4.5 asks for. */
void deliver_head_not_modified(struct request *, const struct stored_view *,
                               struct response_text *t);
/* 206 or 416 (t->status) of the range `content_range`; of multipart/byteranges `type` instead. */
void deliver_head_range(struct request *, const struct stored_view *, struct slice type,
                        struct slice content_range, struct response_text *t);
/* request.raw.value as if it were a stored response: with the fields that the configuration and its
 * flags give it. */
void deliver_head_value(struct request *, struct stored_view *);
/* Of request.response, with t->status and t->content_range. */
void deliver_head_response(struct request *, struct response_text *t);
/* Those of the field lines `trailers` that the client may see. */
struct slice deliver_trailers(struct request *, struct slice trailers);
/* An answer made here; `row` NULL where it is no failure. */
void deliver_head_local(struct request *, struct response_text *t, struct slice type,
                        struct slice location, const struct reply_row *row);
