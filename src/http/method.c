/* Request methods: names to numbers and what may be done with them. */
#include "http/method.h"

static const struct {
    struct slice name;
    enum http_method method;
} methods[] = {
    {SLICE_INIT("GET"), METHOD_GET},
    {SLICE_INIT("HEAD"), METHOD_HEAD},
    {SLICE_INIT("POST"), METHOD_POST},
    {SLICE_INIT("PUT"), METHOD_PUT},
    {SLICE_INIT("DELETE"), METHOD_DELETE},
    {SLICE_INIT("OPTIONS"), METHOD_OPTIONS},
    {SLICE_INIT("PATCH"), METHOD_PATCH},
    {SLICE_INIT("TRACE"), METHOD_TRACE},
    {SLICE_INIT("CONNECT"), METHOD_CONNECT},
    {SLICE_INIT("LOCK"), METHOD_LOCK},
    {SLICE_INIT("UNLOCK"), METHOD_UNLOCK},
    {SLICE_INIT("PROPFIND"), METHOD_PROPFIND},
    {SLICE_INIT("PROPPATCH"), METHOD_PROPPATCH},
    {SLICE_INIT("MKCOL"), METHOD_MKCOL},
    {SLICE_INIT("COPY"), METHOD_COPY},
    {SLICE_INIT("MOVE"), METHOD_MOVE},
    {SLICE_INIT("PURGE"), METHOD_PURGE},
};

enum http_method http_method_of(struct slice token)
{
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (slice_eq(token, methods[i].name)) {
            return methods[i].method;
        }
    }
    return METHOD_OTHER;
}

bool http_method_is_safe(enum http_method m)
{
    return m == METHOD_GET || m == METHOD_HEAD || m == METHOD_OPTIONS || m == METHOD_TRACE ||
           m == METHOD_PROPFIND;
}

bool http_method_is_idempotent(enum http_method m)
{
    return http_method_is_safe(m) || m == METHOD_PUT || m == METHOD_DELETE;
}
