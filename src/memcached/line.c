#include "memcached/line.h"

#include "base/parse.h"

enum mc_parse mc_line_cut(struct slice in, struct slice *line)
{
    struct slice window = slice_take(in, MC_LINE_MAX);
    const char *lf = window.n == 0 ? NULL : memchr(window.p, '\n', window.n);
    if (lf == NULL)
        return in.n < MC_LINE_MAX ? MC_PARSE_MORE : MC_PARSE_BAD;
    size_t n = (size_t)(lf - window.p);
    if (n == 0 || window.p[n - 1] != '\r')
        return MC_PARSE_BAD;
    *line = slice_make(window.p, n - 1);
    if (memchr(line->p, '\r', line->n) != NULL || memchr(line->p, '\0', line->n) != NULL)
        return MC_PARSE_BAD;
    return MC_PARSE_OK;
}

static const struct {
    struct slice prefix;
    enum mc_reply_kind kind;
} common[] = {
    {SLICE_INIT("VERSION "), MC_REPLY_VERSION},
    {SLICE_INIT("SERVER_ERROR "), MC_REPLY_SERVER_ERROR},
    {SLICE_INIT("CLIENT_ERROR "), MC_REPLY_CLIENT_ERROR},
    {SLICE_INIT("ERROR "), MC_REPLY_ERROR}, /* `ERROR Too many open connections` */
};

bool mc_line_common(struct slice line, struct mc_reply *reply)
{
    if (slice_eq(line, SLICE("ERROR"))) {
        reply->kind = MC_REPLY_ERROR;
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(common); i++) {
        if (!slice_starts(line, common[i].prefix))
            continue;
        reply->kind = common[i].kind;
        reply->text = slice_skip(line, common[i].prefix.n);
        return true;
    }
    return false;
}

bool mc_line_number(struct slice s, uint64_t max, uint64_t *out)
{
    if (s.n > 1 && s.p[0] == '0')
        return false;
    return parse_u64(s, max, out);
}
