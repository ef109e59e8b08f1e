#include "http/check.h"

#include <stdlib.h>

void check_slice(const char *row, const char *what, struct slice got, const char *want)
{
    if (want == NULL ? got.p != NULL : got.p == NULL || !slice_eq(got, slice_of(want))) {
        fail_msg("%s: %s is \"%.*s\"%s, not %s", row, what, SLICE_ARG(got),
                 got.p == NULL ? " (none)" : "", want == NULL ? "(none)" : want);
    }
}

void check_number(const char *row, const char *what, int64_t got, int64_t want)
{
    if (got != want) {
        fail_msg("%s: %s is %lld, not %lld", row, what, (long long)got, (long long)want);
    }
}

struct slice copy_of(struct slice s)
{
    char *p = malloc(s.n == 0 ? 1 : s.n);
    assert_non_null(p);
    if (s.n > 0) {
        memcpy(p, s.p, s.n);
    }
    return slice_make(p, s.n);
}

void copy_free(struct slice s)
{
    free((char *)s.p);
}
