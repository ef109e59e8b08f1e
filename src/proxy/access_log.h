/* Access logs: lines are gathered in a buffer per worker and file and written when it is full or a
 * second has passed. A reader that does not keep up, or a full disk, never holds the worker: lines
 * that nobody takes are dropped and counted. */
#pragma once

#include "base/slice.h"

struct access_log;
struct request;
struct worker;

/* `path` is "stdout", "stderr" or a file, which is made where it is missing. NULL: it cannot be
 * opened, errno says why. Keeps `worker` until access_log_close. */
struct access_log *access_log_open(struct worker *, struct slice path);
/* Writes what the file takes at once, closes it and clears the pointer. */
void access_log_close(struct access_log **);
/* Opens the file by its name again (USR1), on the worker's own loop; lines gathered before go to
 * the old one. The old one stays where the new one cannot be opened. */
void access_log_reopen(struct access_log *);
/* Writes what the file takes at once. */
void access_log_flush(struct access_log *);
/* One line to each access_log of the request's location. */
void access_log_request(struct request *);
