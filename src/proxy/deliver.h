/* Gives a request its answer: a stored response, a response as it arrives, or one made here. */
#pragma once

#include "proxy/request.h"

enum deliver_result {
    DELIVER_WAIT, /* for the client to take what is queued, or for more content */
    DELIVER_DONE,
    DELIVER_CUT,  /* the response ended early; the client sees it */
    DELIVER_LOST, /* nothing was sent, and the stored response turns out not to be there: look again
                   */
};

/* Goes on as far as it can: request.entry, else request.response with the content of
 * request.reader. */
enum deliver_result deliver_run(struct request *);
/* request.reply, or what the location returns by itself. */
void deliver_reply(struct request *);
/* The head of a 101, before the connection becomes a tunnel. */
void deliver_upgrade(struct request *);
