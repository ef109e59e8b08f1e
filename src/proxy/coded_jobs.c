#include "proxy/coded_jobs.h"

#include "base/assert.h"
#include "cache/freshness.h"

#include <stdlib.h>

#define SLICE_US INT64_C(2000)
#define JOBS_MAX 16 /* of a worker: each holds a response and what it becomes */

struct coded_jobs {
    struct worker *worker;
    struct list jobs; /* whose turn it is next comes first */
    size_t jobs_n;
    struct list paused; /* coded.waiting */
    struct loop_msg msg;
    bool posted;
};

struct job {
    struct list node;
    struct list waiting; /* coded.waiting */
    struct worker_conf *wconf;
    struct store *store;
    struct entry *source;
    struct slice left; /* of its content */
    struct coder *coder;
    struct blob *out;
    struct cache_key key; /* in the arena */
    enum coding coding;
    bool vary;
    struct arena arena;
};

int64_t coded_slice_end_us(void)
{
    return clock_mono_us() + SLICE_US;
}

/* -- one job -- */

/* Room for what does not get shorter, too; what decodes to more than the limit is not kept. */
static size_t room_for(const struct request *r, size_t content_bytes)
{
    return r->coded->decodes ? (size_t)r->location->coding_max_length + 64
                             : content_bytes + content_bytes / 8 + 1024;
}

static void job_free(struct job *j)
{
    coder_free(&j->coder);
    blob_unref(&j->out);
    entry_unref(&j->source);
    worker_conf_unref(&j->wconf);
    arena_fini(&j->arena);
    free(j);
}

/* NULL: no memory. */
static struct job *job_new(struct request *r)
{
    const struct coded *c = r->coded;
    struct job *j = calloc(1, sizeof *j);
    ASSERT(j);
    list_init(&j->node);
    list_init(&j->waiting);
    arena_init(&j->arena, NULL);
    j->wconf = worker_conf_ref(r->wconf);
    j->store = r->store;
    j->source = entry_ref(r->entry);
    j->left = r->entry->view.content;
    j->coder = coded_coder(r, j->left.n);
    j->out = blob_new(room_for(r, j->left.n));
    j->key = (struct cache_key){arena_dup(&j->arena, c->key.bytes), c->key.hash};
    j->coding = c->coding;
    j->vary = c->vary;
    if (j->coder && j->out)
        return j;
    job_free(j);
    return NULL;
}

/* Goes on for a slice. CODER_FULL: there is more to do. */
static enum coder_result job_advance(struct job *j)
{
    int64_t end_us = coded_slice_end_us();
    enum coder_result result = CODER_FULL;
    while (clock_mono_us() < end_us) {
        bool last = j->left.n <= CODED_INPUT_BYTES;
        struct slice in = last ? j->left : slice_take(j->left, CODED_INPUT_BYTES);
        size_t offered = in.n;
        size_t n = 0;
        result = coder_step(j->coder, last ? CODER_END : CODER_MORE, &in,
                            j->out->data + j->out->len, j->out->cap - j->out->len, &n);
        j->out->len += n;
        j->left = slice_skip(j->left, offered - in.n);
        if (result == CODER_FAILED || (last && result == CODER_DONE))
            return result;
        if (j->out->cap - j->out->len < 64)
            return CODER_FAILED;
    }
    return CODER_FULL;
}

/* Kept as long as the response itself. */
static void job_store(struct job *j, struct worker *w, struct entry *e)
{
    const struct stored_meta *meta = &e->view.meta;
    int64_t since_s = freshness_age_s(meta, loop_wall(w->loop)) - meta->initial_age_s;
    int64_t left_s = freshness_store_ttl_s(meta) - since_s;
    if (left_s > 0)
        store_put(j->store, e, left_s);
    counter_add(&w->counters, COUNTER_CODED_FORMS, 1);
}

/* The coded form, in the store; NULL where it failed. */
static struct entry *job_result(struct job *j, struct worker *w, enum coder_result result)
{
    struct entry *e = NULL;
    if (result == CODER_DONE)
        e = coded_make(j->source, j->key.bytes, j->coding, j->vary, blob_slice(j->out), &j->arena);
    if (e)
        job_store(j, w, e);
    return e;
}

static void give(struct request *r, struct entry *e)
{
    r->coded->tried = true;
    r->coded->made = e ? entry_ref(e) : NULL;
}

/* Ends it and runs those who wait, who may begin others meanwhile. */
static void job_end(struct coded_jobs *jobs, struct job *j, enum coder_result result)
{
    struct entry *e = job_result(j, jobs->worker, result);
    list_remove(&j->node);
    jobs->jobs_n--;
    while (!list_empty(&j->waiting)) {
        struct coded *c = list_entry(j->waiting.next, struct coded, waiting);
        list_remove(&c->waiting);
        give(c->request, e);
        request_run(c->request);
    }
    entry_unref(&e);
    job_free(j);
}

/* -- all of a worker -- */

static void coded_on_turn(struct loop_msg *msg);

static void post(struct coded_jobs *jobs)
{
    if (jobs->posted)
        return;
    jobs->posted = true;
    jobs->msg.fn = coded_on_turn;
    loop_post(jobs->worker->loop, &jobs->msg);
}

/* A slice for one job, and one for each request that codes as it sends. */
static void coded_on_turn(struct loop_msg *msg)
{
    struct coded_jobs *jobs = container_of(msg, struct coded_jobs, msg);
    jobs->posted = false;
    if (!list_empty(&jobs->jobs)) {
        struct job *j = list_entry(jobs->jobs.next, struct job, node);
        enum coder_result result = job_advance(j);
        list_remove(&j->node);
        list_push_back(&jobs->jobs, &j->node);
        if (result != CODER_FULL)
            job_end(jobs, j, result);
    }
    struct list now;
    list_init(&now);
    while (!list_empty(&jobs->paused)) {
        struct list *it = jobs->paused.next;
        list_remove(it);
        list_push_back(&now, it);
    }
    while (!list_empty(&now)) {
        struct coded *c = list_entry(now.next, struct coded, waiting);
        list_remove(&c->waiting);
        request_run(c->request);
    }
    if (!list_empty(&jobs->jobs))
        post(jobs);
}

struct coded_jobs *coded_jobs_new(struct worker *w)
{
    struct coded_jobs *jobs = calloc(1, sizeof *jobs);
    ASSERT(jobs);
    jobs->worker = w;
    list_init(&jobs->jobs);
    list_init(&jobs->paused);
    return jobs;
}

void coded_jobs_give_up(struct coded_jobs *jobs)
{
    while (!list_empty(&jobs->jobs))
        job_end(jobs, list_entry(jobs->jobs.next, struct job, node), CODER_FAILED);
}

void coded_jobs_free(struct coded_jobs **jobs)
{
    ASSERT(list_empty(&(*jobs)->jobs));
    free(*jobs);
    *jobs = NULL;
}

/* -- requests -- */

/* Who makes the same form of the same response. */
static struct job *find(struct coded_jobs *jobs, const struct request *r)
{
    const struct cache_key *key = &r->coded->key;
    uint64_t checksum = stored_checksum(blob_slice(r->entry->blob));
    list_for_each (it, &jobs->jobs) {
        struct job *j = list_entry(it, struct job, node);
        if (j->key.hash == key->hash && slice_eq(j->key.bytes, key->bytes) &&
            stored_checksum(blob_slice(j->source->blob)) == checksum)
            return j;
    }
    return NULL;
}

/* Its first slice may be all that it needs. False: nobody has to wait for it. */
static bool begin(struct coded_jobs *jobs, struct request *r, struct job *j)
{
    enum coder_result result = job_advance(j);
    if (result == CODER_FULL) {
        list_push_back(&jobs->jobs, &j->node);
        jobs->jobs_n++;
        post(jobs);
        return true;
    }
    struct entry *e = job_result(j, jobs->worker, result);
    give(r, e);
    entry_unref(&e);
    job_free(j);
    return false;
}

bool coded_jobs_make(struct request *r)
{
    struct coded_jobs *jobs = r->worker->coded_jobs;
    struct job *j = find(jobs, r);
    if (!j) {
        j = jobs->jobs_n < JOBS_MAX ? job_new(r) : NULL;
        if (!j)
            return false;
        if (!begin(jobs, r, j))
            return true;
    }
    list_push_back(&j->waiting, &r->coded->waiting);
    return true;
}

void coded_jobs_pause(struct request *r)
{
    struct coded_jobs *jobs = r->worker->coded_jobs;
    if (list_empty(&r->coded->waiting))
        list_push_back(&jobs->paused, &r->coded->waiting);
    post(jobs);
}

void coded_jobs_leave(struct request *r)
{
    list_remove(&r->coded->waiting);
}
