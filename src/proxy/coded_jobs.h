/* Work of the coders that must not keep other clients waiting: coded forms of stored responses in
 * the making, one job for each form and worker however many requests want it, and requests that
 * have coded enough for one turn of the loop. Both go on in slices, a turn of the loop between
 * them. */
#pragma once

#include "proxy/coded.h"

struct coded_jobs;

struct coded_jobs *coded_jobs_new(struct worker *);
/* After the loop is gone, and coded_jobs_give_up. */
void coded_jobs_free(struct coded_jobs **);
/* Ends all jobs without a result: the process stops. */
void coded_jobs_give_up(struct coded_jobs *);

/* Makes the coded form of request.entry under coded.key, or joins who makes it. What is short is
 * made at once; else the request runs again when it is made. Then coded.tried, and coded.made where
 * it could be made. False: too much is being made already. */
NODISCARD bool coded_jobs_make(struct request *);
/* The request runs again in another turn. */
void coded_jobs_pause(struct request *);
/* Of a request that waits for either: it does no more. */
void coded_jobs_leave(struct request *);

/* When a slice that begins now ends, on the clock of clock_mono_us. */
int64_t coded_slice_end_us(void);
/* Input of one step between two looks at that clock. */
#define CODED_INPUT_BYTES (16 * 1024)
