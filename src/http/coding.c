/* Accept-Encoding (RFC 9110 section 12.5.3). */
#include "http/coding.h"

#define WEIGHT_ONE    1000
#define WEIGHT_UNSAID (-1)

struct slice coding_name(enum coding coding)
{
    switch (coding) {
    case CODING_GZIP: return SLICE("gzip");
    case CODING_ZSTD: return SLICE("zstd");
    case CODING_BR: return SLICE("br");
    case CODING_IDENTITY:
    case CODING_COUNT: break;
    }
    return SLICE("identity");
}

enum coding coding_of(struct slice name)
{
    for (unsigned i = 0; i < CODING_COUNT; i++) {
        if (slice_eq_nocase(name, coding_name((enum coding)i)))
            return (enum coding)i;
    }
    /* section 8.4.1.3 */
    return slice_eq_nocase(name, SLICE("x-gzip")) ? CODING_GZIP : CODING_COUNT;
}

/* -- weights, in thousandths -- */

/* `0`, `0.5`, `1.000` (section 12.4.2). What is malformed is not accepted. */
static int weight_parse(struct slice text)
{
    bool valid = text.n >= 1 && text.n <= 5 && (text.p[0] == '0' || text.p[0] == '1') &&
                 (text.n == 1 || text.p[1] == '.');
    int weight = valid ? (text.p[0] - '0') * WEIGHT_ONE : 0;
    int unit = WEIGHT_ONE / 10;
    for (size_t i = 2; valid && i < text.n; i++, unit /= 10) {
        valid = text.p[i] >= '0' && text.p[i] <= '9';
        weight += (text.p[i] - '0') * unit;
    }
    return valid && weight <= WEIGHT_ONE ? weight : 0;
}

/* Of what stands behind the name of a coding. */
static int weight_of(struct slice parameters)
{
    while (parameters.n > 0) {
        struct slice one = slice_trim(slice_cut(parameters, ';', &parameters));
        if (slice_starts_nocase(one, SLICE("q=")))
            return weight_parse(slice_skip(one, 2));
    }
    return WEIGHT_ONE;
}

struct weights {
    int of[CODING_COUNT];
    int others; /* `*` */
};

/* The first of several members for the same coding counts. */
static void note(int *weight, int said)
{
    if (*weight == WEIGHT_UNSAID)
        *weight = said;
}

static void add_line(struct weights *w, struct slice list)
{
    struct slice member;
    while (list_member_next(&list, &member)) {
        struct slice parameters;
        struct slice name = slice_trim(slice_cut(member, ';', &parameters));
        enum coding coding = coding_of(name);
        if (slice_eq(name, SLICE("*")))
            note(&w->others, weight_of(parameters));
        else if (coding != CODING_COUNT)
            note(&w->of[coding], weight_of(parameters));
    }
}

static struct weights weights_of(const struct fields *request)
{
    struct weights w = {.others = WEIGHT_UNSAID};
    for (unsigned i = 0; i < CODING_COUNT; i++)
        w.of[i] = WEIGHT_UNSAID;
    const struct field *line = fields_find(request, FIELD_ACCEPT_ENCODING);
    for (; line; line = fields_next(request, FIELD_ACCEPT_ENCODING, slice_none(), line))
        add_line(&w, line->value);
    for (unsigned i = 0; i < CODING_COUNT; i++)
        note(&w.of[i], w.others);
    return w;
}

enum coding coding_choose(const struct fields *request, unsigned offered)
{
    enum coding best = CODING_IDENTITY;
    if (!fields_has(request, FIELD_ACCEPT_ENCODING))
        return best;
    struct weights w = weights_of(request);
    int best_weight = 0;
    for (unsigned i = CODING_IDENTITY + 1; i < CODING_COUNT; i++) {
        if ((offered & (1u << i)) != 0 && w.of[i] > 0 && w.of[i] >= best_weight) {
            best = (enum coding)i;
            best_weight = w.of[i];
        }
    }
    return w.of[CODING_IDENTITY] > best_weight ? CODING_IDENTITY : best;
}

bool coding_is_accepted(const struct fields *request, enum coding coding)
{
    return fields_has(request, FIELD_ACCEPT_ENCODING) && weights_of(request).of[coding] > 0;
}
