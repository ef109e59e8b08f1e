#include "memcached/settings.h"

#include "memcached/line.h"

#define ITEM_MAX_BYTES ((uint64_t)1 << 30) /* memcached's own limit of `-I` */

static void take(struct slice name, struct slice value, size_t *item_max_bytes)
{
    uint64_t bytes = 0;
    if (slice_eq(name, SLICE("item_size_max")) && mc_line_number(value, ITEM_MAX_BYTES, &bytes) &&
        bytes > 0)
        *item_max_bytes = (size_t)bytes;
}

enum mc_settings mc_settings_line(struct slice in, size_t *item_max_bytes, size_t *line_bytes)
{
    struct slice line;
    switch (mc_line_cut(in, &line)) {
    case MC_PARSE_OK: break;
    case MC_PARSE_MORE: return MC_SETTINGS_MORE;
    case MC_PARSE_BAD: return MC_SETTINGS_BAD;
    }
    *line_bytes = line.n + 2;
    struct mc_reply refusal;
    if (slice_eq(line, SLICE("END")) || mc_line_common(line, &refusal))
        return MC_SETTINGS_END;
    if (!slice_starts(line, SLICE("STAT ")))
        return MC_SETTINGS_BAD;
    struct slice value;
    struct slice name = slice_cut(slice_skip(line, 5), ' ', &value);
    take(name, value, item_max_bytes);
    return MC_SETTINGS_LINE;
}
