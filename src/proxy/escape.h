/* Escaping of values in access logs. */
#pragma once

#include "base/slice.h"

/* Both append `s` to `out` (`cap` bytes) and return the bytes written; what does not fit is cut
 * before an escape, never inside one. */

/* nginx's default: `"`, `\`, control and 8-bit bytes as \xNN. */
size_t escape_log(struct slice s, char *out, size_t cap);
/* Inside a JSON string (RFC 8259 section 7): `"`, `\` and control bytes; the rest as it is. */
size_t escape_json(struct slice s, char *out, size_t cap);
