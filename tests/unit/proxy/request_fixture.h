/* A request filled by hand, with the worker, connection and settings that it points to. */
#pragma once

#include "proxy/client.h"
#include "proxy/request.h"

struct request_fixture {
    struct worker *worker;
    struct log log;
    struct client client;
    struct proxy_conf conf;
    struct worker_conf wconf;
    struct listen_conf listen;
    struct server_conf server;
    struct location_conf location;
    struct request request;
};

/* GET /a from 192.0.2.7:5000 to 192.0.2.1:80, host example.com, no fields. */
struct request_fixture *request_fixture_new(void);
void request_fixture_free(struct request_fixture **);
void request_fixture_field(struct request_fixture *, const char *name, const char *value);
