/* SRV records (RFC 2782): the question, and the answer out of the server's message (RFC 1035
 * section 4.1). c-ares' own reader of them does not tell how long they hold. */
#include "base/assert.h"
#include "net/resolver_dns.h"

#include <stdlib.h>
#include <string.h>

#define CLASS_IN     1
#define TYPE_SRV     33
#define HEAD_BYTES   12
#define RECORD_BYTES 10 /* type, class, TTL, length, behind a record's name */
#define SRV_BYTES    6  /* priority, weight, port, before the target */

void dns_ask_services(ares_channel channel, const char *name, ares_callback fn, void *arg)
{
    ares_query(channel, name, CLASS_IN, TYPE_SRV, fn, arg);
}

/* A message and how far it has been read. */
struct reader {
    const unsigned char *message;
    int n;
    int at;
};

static unsigned u16_at(const struct reader *r, int at)
{
    return (unsigned)r->message[at] << 8 | r->message[at + 1];
}

static uint32_t u32_at(const struct reader *r, int at)
{
    return (uint32_t)u16_at(r, at) << 16 | u16_at(r, at + 2);
}

/* Reads a name; `out` (NULL: skips it) holds 256 bytes. False: it is none. */
static bool read_name(struct reader *r, char *out)
{
    char *name = NULL;
    long bytes = 0;
    if (r->at >= r->n ||
        ares_expand_name(r->message + r->at, r->message, r->n, &name, &bytes) != ARES_SUCCESS)
        return false;
    struct slice text = slice_of(name);
    bool fits = out == NULL || slice_to_cstr(text, out, 256);
    ares_free_string(name);
    r->at += (int)bytes;
    return fits;
}

static bool skip_questions(struct reader *r)
{
    for (unsigned i = u16_at(r, 4); i > 0; i--) {
        if (!read_name(r, NULL) || r->n - r->at < 4)
            return false;
        r->at += 4;
    }
    return true;
}

/* A host is letters, digits, '-', '_' and dots; c-ares escapes anything else. The lone dot says
 * that there is no such service. */
static bool is_host(const char *target)
{
    size_t n = strspn(target, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
    return n > 0 && target[n] == '\0';
}

/* What stands in one record of type SRV, whose data begins at `at`. */
static bool read_service(const struct reader *r, int at, int bytes, struct resolver_service *out)
{
    struct reader target = {r->message, r->n, at + SRV_BYTES};
    if (bytes <= SRV_BYTES || !read_name(&target, out->target))
        return false;
    out->priority = (uint16_t)u16_at(r, at);
    out->weight = (uint16_t)u16_at(r, at + 2);
    out->port = (uint16_t)u16_at(r, at + 4);
    return is_host(out->target) && out->port != 0;
}

/* RFC 2181 section 8: one with the highest bit is 0. */
static uint32_t ttl_at(const struct reader *r, int at)
{
    uint32_t ttl_s = u32_at(r, at);
    return ttl_s > INT32_MAX ? 0 : ttl_s;
}

/* The next record, which may be an alias before the service's own. False: the message is cut. */
static bool read_record(struct reader *r, struct dns_answer *a, uint32_t *ttl_s)
{
    if (!read_name(r, NULL) || r->n - r->at < RECORD_BYTES)
        return false;
    unsigned type = u16_at(r, r->at);
    uint32_t own_ttl_s = ttl_at(r, r->at + 4);
    int bytes = (int)u16_at(r, r->at + 8);
    r->at += RECORD_BYTES;
    if (r->n - r->at < bytes)
        return false;
    *ttl_s = own_ttl_s < *ttl_s ? own_ttl_s : *ttl_s;
    if (type == TYPE_SRV && a->count < RESOLVER_SERVICES_MAX &&
        read_service(r, r->at, bytes, &a->services[a->count]))
        a->count++;
    r->at += bytes;
    return true;
}

static bool read_answer(struct dns_answer *a, const unsigned char *message, int n)
{
    struct reader r = {message, n, HEAD_BYTES};
    uint32_t ttl_s = INT32_MAX;
    if (n < HEAD_BYTES || !skip_questions(&r))
        return false;
    for (unsigned i = u16_at(&r, 6); i > 0; i--)
        if (!read_record(&r, a, &ttl_s))
            return false;
    a->ttl_ms = (int64_t)ttl_s * 1000;
    a->ttl_ms = a->ttl_ms < DNS_TTL_MIN_MS ? DNS_TTL_MIN_MS : a->ttl_ms;
    return true;
}

void dns_answer_init_services(struct dns_answer *a, int status, const unsigned char *message, int n)
{
    *a = (struct dns_answer){.result = dns_result_of_status(status), .ttl_ms = DNS_TTL_MIN_MS};
    if (a->result != RESOLVER_OK)
        return;
    a->services = calloc(RESOLVER_SERVICES_MAX, sizeof(*a->services));
    ASSERT(a->services != NULL);
    if (!read_answer(a, message, n)) {
        a->result = RESOLVER_FAILED;
        a->count = 0;
    } else if (a->count == 0) {
        a->result = RESOLVER_NOT_FOUND;
    }
}
