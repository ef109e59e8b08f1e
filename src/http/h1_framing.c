/* How a message is delimited and whether the connection lives on (RFC 9112 sections 6 and 9): the
 * values of Transfer-Encoding, Content-Length and Connection. */
#include "http/h1_parse.h"

#include "base/parse.h"

int h1_version_minor(struct slice s)
{
    struct slice prefix = SLICE("HTTP/1.");
    if (s.n != prefix.n + 1 || !slice_starts(s, prefix)) {
        return -1;
    }
    char minor = s.p[prefix.n];
    return minor == '0' || minor == '1' ? minor - '0' : -1;
}

/* The name of a coding, without its parameters; empty where it is none. */
static struct slice coding_name(struct slice member)
{
    struct slice name = slice_trim(slice_take(member, slice_find(member, ';')));
    return slice_is_token(name) ? name : slice_none();
}

enum h1_coding h1_coding_of(const struct fields *fields)
{
    const struct field *field = fields_find(fields, FIELD_TRANSFER_ENCODING);
    if (field == NULL) {
        return H1_CODING_NONE;
    }
    struct slice chunked = SLICE("chunked");
    struct slice rest = field->value;
    if (slice_eq_nocase(rest, chunked)) {
        return H1_CODING_CHUNKED;
    }
    struct slice member;
    bool others = false;
    bool last_is_chunked = false;
    while (list_member_next(&rest, &member)) {
        struct slice name = coding_name(member);
        if (name.n == 0 || last_is_chunked) {
            return H1_CODING_BAD;
        }
        last_is_chunked = slice_eq_nocase(name, chunked);
        others |= !last_is_chunked;
    }
    if (!others) {
        return H1_CODING_BAD;
    }
    return last_is_chunked ? H1_CODING_UNKNOWN_CHUNKED : H1_CODING_UNKNOWN;
}

bool h1_content_length(const struct fields *fields, uint64_t *out)
{
    return parse_u64(fields_get(fields, FIELD_CONTENT_LENGTH), INT64_MAX, out);
}

static unsigned option_of(struct slice member)
{
    if (slice_eq_nocase(member, SLICE("keep-alive"))) {
        return H1_KEEP_ALIVE;
    }
    if (slice_eq_nocase(member, SLICE("close"))) {
        return H1_CLOSE;
    }
    return slice_eq_nocase(member, SLICE("upgrade")) ? H1_UPGRADE : 0;
}

unsigned h1_connection_options(const struct fields *fields)
{
    unsigned options = 0;
    const struct field *field = fields_find(fields, FIELD_CONNECTION);
    for (; field != NULL; field = fields_next(fields, FIELD_CONNECTION, slice_none(), field)) {
        struct slice rest = field->value;
        struct slice member;
        while (list_member_next(&rest, &member)) {
            options |= option_of(member);
        }
    }
    return options;
}

bool h1_keeps_alive(uint8_t version_minor, unsigned options)
{
    return (options & H1_CLOSE) == 0 && (version_minor >= 1 || (options & H1_KEEP_ALIVE) != 0);
}
