/* Answers of a name server to a question for SRV records. */
#include "base/assert.h"
#include "net/resolver_dns.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dns_answer answer;
    if (size > 65535)
        return 0;
    dns_answer_init_services(&answer, ARES_SUCCESS, data, (int)size);
    ASSERT(answer.ttl_ms >= DNS_TTL_MIN_MS);
    ASSERT((answer.result == RESOLVER_OK) == (answer.count > 0));
    ASSERT(answer.count <= RESOLVER_SERVICES_MAX);
    for (size_t i = 0; i < answer.count; i++) {
        const struct resolver_service *s = &answer.services[i];
        ASSERT(s->port != 0 && s->target[0] != '\0' &&
               memchr(s->target, '\0', sizeof(s->target)) != NULL);
    }
    dns_answer_fini(&answer);
    return 0;
}
