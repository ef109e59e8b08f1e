/* What `stats settings` tells of a memcached server (its doc/protocol.txt). Pure. */
#pragma once

#include "base/attr.h"
#include "base/slice.h"

enum mc_settings {
    MC_SETTINGS_LINE, /* one line taken */
    MC_SETTINGS_END,  /* the last one; also a server that has no such command */
    MC_SETTINGS_MORE, /* the line is not complete */
    MC_SETTINGS_BAD,  /* framing is lost */
};

/* The line at the start of `in`, of `*line_bytes` with its CRLF. `*item_max_bytes` is set by
 * item_size_max (`-I`) and left alone by every other line. */
NODISCARD enum mc_settings mc_settings_line(struct slice in, size_t *item_max_bytes,
                                            size_t *line_bytes);
