/* The content coding of an answer: which one the client gets (coding_choice.c), the coded form of a
 * stored response, made once and stored beside it (coded.c), and content coded as it is sent
 * (coded_stream.c). A request has a struct coded only where its location codes anything. */
#pragma once

#include "cache/coded.h"
#include "http/coder.h"
#include "proxy/request.h"

struct coded {
    bool changes;       /* the content is sent otherwise than it is stored or arrives */
    bool vary;          /* other clients may get it otherwise, and the response does not say so */
    bool decodes;       /* gunzip */
    enum coding coding; /* of the answer, where it changes; identity where it decodes */
    uint64_t source_bytes; /* content before coding, as far as it is coded */

    /* the coded form of request.entry */
    struct cache_key key;
    struct store_get get;
    bool looking; /* `get` is under way */
    bool looked;
    bool tried;          /* it was made here; or it could not be: */
    struct entry *made;  /* NULL, else one reference */
    struct list waiting; /* for that, or for the next turn (proxy/coded_jobs.h) */
    struct request *request;

    /* coding while sending */
    struct coder *coder;
    struct flight_piece piece; /* content not coded yet; blob NULL: out of request.entry */
    bool last;                 /* it is the last of the content */
    bool fed;                  /* with coded_feed */
    bool unflushed;            /* the coder holds back what would be of use to the client */
    bool flushing;             /* a flush has begun: it is finished before there is more input */
    int64_t turn_us;           /* the loop's turn in which it codes, */
    int64_t slice_end_us;      /* until then */
};

static inline bool coded_changes(const struct request *r)
{
    return r->coded && r->coded->changes;
}

/* -- coding_choice.c: sets request.coded, or leaves it NULL where the answer is the response as it
 * is and would be for any client -- */
void coded_choose_entry(struct request *);
/* Of request.response, whose content is `length` bytes, where that is known. */
void coded_choose_response(struct request *, bool has_length, uint64_t length);

/* -- coded.c -- */
enum coded_form {
    CODED_ENTRY,  /* request.entry is the coded form now, which is sent as it is */
    CODED_WAIT,   /* the pool is asked for it, or it is being made */
    CODED_STREAM, /* there is none and none is made: to be coded while it is sent */
};
/* Where coded_changes for request.entry. Makes the coded form and stores it where it is wanted for
 * the first time. */
enum coded_form coded_find(struct request *);
/* Gives up everything, and what was chosen. Does nothing where nothing is. */
void coded_end(struct request *);
/* A coder for content of `length` bytes (0: not known). NULL: no memory. */
struct coder *coded_coder(const struct request *, uint64_t length);

/* -- coded_stream.c -- */
/* Before the head is made: the content will be coded as it is sent. Without memory for that it is
 * left as it is. */
void coded_begin(struct request *, uint64_t length);
enum coded_step {
    CODED_NOTHING, /* no content is there */
    CODED_SOME,    /* `*n` bytes, perhaps none yet */
    CODED_LATER,   /* enough for this turn of the loop: the request runs again in another one */
    CODED_FAILED,  /* content that cannot be decoded */
};
/* Content for coded_next, from one who does not leave it to that to take it out of the flight or
 * the entry: once coded_is_hungry. Makes its own reference. */
void coded_feed(struct request *, struct blob *, struct slice, bool last);
bool coded_is_hungry(const struct request *);
#define CODED_STEP_BYTES (16 * 1024)
/* Codes the next of the content into `out` (CODED_STEP_BYTES). `*end`: that was all. */
enum coded_step coded_next(struct request *, char *out, size_t *n, bool *end);
