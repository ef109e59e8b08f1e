/* Values of Range. The first byte is the length of the content, the second how many ranges are
 * taken. Whatever is selected lies within the content and apart from the others. */
#include "base/assert.h"
#include "http/range.h"

static void check_ranges(const struct byte_range *v, size_t n, uint64_t length)
{
    for (size_t i = 0; i < n; i++) {
        ASSERT(v[i].n > 0 && v[i].first < length && v[i].n <= length - v[i].first);
        for (size_t j = 0; j < i; j++) {
            ASSERT(v[i].first >= v[j].first + v[j].n || v[j].first >= v[i].first + v[i].n);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 2) {
        return 0;
    }
    struct byte_range ranges[BYTE_RANGES_MAX];
    size_t found = 0;
    size_t max = data[1] % (BYTE_RANGES_MAX + 1);
    struct slice value = slice_make((const char *)data + 2, n - 2);
    enum range_result result = range_select(value, data[0], max, ranges, &found);
    ASSERT((result == RANGE_PARTIAL) == (found > 0 && result != RANGE_WHOLE));
    if (result == RANGE_PARTIAL) {
        ASSERT(found <= max);
        check_ranges(ranges, found, data[0]);
    }
    (void)range_begins_below(value, data[0]);
    return 0;
}
