#include "proxy/request_fixture.h"

#include "base/assert.h"

#include <stdlib.h>

static struct address address_of(const char *text)
{
    struct endpoint e;
    struct address a;
    ASSERT(endpoint_parse(slice_of(text), &e));
    ASSERT(address_from_endpoint(&e, &a));
    address_set_port(&a, e.port);
    return a;
}

static struct worker *make_worker(struct log *log)
{
    struct worker *w = calloc(1, sizeof *w);
    ASSERT(w);
    w->loop = loop_new();
    w->log = log;
    w->id_seed[0] = 1;
    w->id_seed[1] = 2;
    arena_pool_init(&w->arenas, 4);
    list_init(&w->tunnels);
    return w;
}

struct request_fixture *request_fixture_new(void)
{
    struct request_fixture *f = calloc(1, sizeof *f);
    ASSERT(f);
    bool logs = log_init(&f->log, "stderr", LOG_ERROR);
    ASSERT(logs);
    f->worker = make_worker(&f->log);
    f->client.worker = f->worker;
    f->client.peer = address_of("192.0.2.7:5000");
    f->client.local = address_of("192.0.2.1:80");
    f->client.serial = 41;
    f->client.requests = 3;
    f->wconf = (struct worker_conf){.refs = 1, .worker = f->worker, .conf = &f->conf};
    f->server.root = &f->location;
    f->server.name = SLICE("first.test");
    f->listen.default_server = &f->server;
    struct request *r = &f->request;
    r->worker = f->worker;
    r->client = &f->client;
    r->wconf = &f->wconf;
    r->listen = &f->listen;
    r->server = &f->server;
    r->location = &f->location;
    arena_init(&r->arena, &f->worker->arenas);
    r->head.method = METHOD_GET;
    r->head.method_token = SLICE("GET");
    r->head.target = SLICE("/a");
    r->head.host = SLICE("example.com");
    r->head.path = SLICE("/a");
    r->head.version_minor = 1;
    r->raw_line = SLICE("GET /a HTTP/1.1");
    return f;
}

void request_fixture_free(struct request_fixture **fp)
{
    struct request_fixture *f = *fp;
    arena_fini(&f->request.arena);
    arena_pool_fini(&f->worker->arenas);
    loop_free(&f->worker->loop);
    free(f->worker);
    log_fini(&f->log);
    free(f);
    *fp = NULL;
}

void request_fixture_field(struct request_fixture *f, const char *name, const char *value)
{
    fields_add(&f->request.head.fields, &f->request.arena, slice_of(name), slice_of(value));
}
