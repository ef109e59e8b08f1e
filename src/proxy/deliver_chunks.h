/* A stored response whose content lies in chunks (a manifest): they are read out of the store as
 * the client takes them, few at a time, and only those of the ranges that were asked for. */
#pragma once

#include "proxy/deliver.h"
#include "proxy/deliver_range.h"

/* request.entry is a manifest, and content of it is to be sent: all, or the parts of `answer`. The
 * head goes out with the first chunk: DELIVER_LOST where that one is not there. A chunk that is
 * lost later is fetched again from the origin, or the response is cut and its manifest forgotten.
 */
enum deliver_result deliver_chunks_begin(struct request *, const struct range_answer *answer);
enum deliver_result deliver_chunks_run(struct request *);
/* Gives up what is under way; does nothing where nothing is. */
void deliver_chunks_end(struct request *);
