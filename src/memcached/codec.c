#include "memcached/codec.h"

#include "base/parse.h"

#define RELATIVE_MAX_S (30 * 86400)

uint32_t mc_exptime(int64_t ttl_s, wall_s now)
{
    if (ttl_s < 1)
        return 1;
    if (ttl_s <= RELATIVE_MAX_S)
        return (uint32_t)ttl_s;
    if (now < 0 || now >= INT32_MAX || ttl_s >= INT32_MAX - now)
        return INT32_MAX;
    return (uint32_t)(now + ttl_s);
}

bool mc_version_has_meta(struct slice version)
{
    static const uint64_t needed[] = {1, 6, 10};
    struct slice rest = version;
    for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
        struct slice part = slice_cut(rest, '.', &rest);
        size_t digits = 0;
        while (digits < part.n && part.p[digits] >= '0' && part.p[digits] <= '9')
            digits++;
        uint64_t number = 0; /* `1.6.10_beta1`: what stands behind the digits is not compared */
        if (!parse_u64(slice_take(part, digits), UINT32_MAX, &number))
            return false;
        if (number != needed[i])
            return number > needed[i];
    }
    return true;
}
