/* What client.c (the connection) and client_h1.c (the HTTP/1 codec) share. */
#pragma once

#include "proxy/client.h"

#define CLIENT_MAGIC 0x434c4e54u

enum client_state {
    CLIENT_IDLE,   /* between requests */
    CLIENT_HEAD,   /* part of a head has come */
    CLIENT_BUSY,   /* a request is under way, or the rest of its content is being drained */
    CLIENT_LINGER, /* all is written and our side closed: what comes is dropped until the client
                      closes */
    CLIENT_CLOSED,
};

extern const struct client_codec client_h1;

/* Uses up what it can of `in`: content of the request under way, then further requests. */
void client_h1_input(struct client *, struct slice *in);
/* Answers 408 to a head that did not come in time. */
void client_h1_head_timeout(struct client *);
struct h1_limits client_head_limits(const struct server_conf *);
/* Settings that hold before a location is known, and after. */
const struct location_conf *client_settings(const struct client *);
