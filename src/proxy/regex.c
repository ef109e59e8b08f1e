#include "proxy/regex.h"

#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* A path of a few hundred bytes against a pattern written with care needs some hundred steps; a
 * pattern that backtracks exponentially is given up after a few milliseconds instead of holding the
 * worker. */
#define MATCH_LIMIT 100000

struct regex {
    pcre2_code *code;
    pcre2_match_context *limits; /* only read while matching, so threads may share it */
};

static void explain(int code, size_t offset, char *error)
{
    PCRE2_UCHAR text[160] = "unknown error";
    (void)pcre2_get_error_message(code, text, sizeof text);
    snprintf(error, 256, "%s at offset %zu", (const char *)text, offset);
}

struct regex *regex_new(struct slice pattern, bool caseless, char *error)
{
    struct regex *r = calloc(1, sizeof *r);
    ASSERT(r);
    int code = 0;
    size_t offset = 0;
    r->code = pcre2_compile((PCRE2_SPTR)(pattern.n > 0 ? pattern.p : ""), pattern.n,
                            caseless ? PCRE2_CASELESS : 0, &code, &offset, NULL);
    if (!r->code) {
        explain(code, offset, error);
        free(r);
        return NULL;
    }
    r->limits = pcre2_match_context_create(NULL);
    ASSERT(r->limits);
    (void)pcre2_set_match_limit(r->limits, MATCH_LIMIT);
    /* Without a JIT for this machine, or where memory may not become executable, it is interpreted.
     */
    (void)pcre2_jit_compile(r->code, PCRE2_JIT_COMPLETE);
    return r;
}

void regex_free(struct regex **rp)
{
    struct regex *r = *rp;
    *rp = NULL;
    if (!r)
        return;
    pcre2_match_context_free(r->limits);
    pcre2_code_free(r->code);
    free(r);
}

static void captures_fill(const size_t *pairs, int groups, struct slice subject,
                          struct slice captures[REGEX_CAPTURES_MAX])
{
    for (int i = 0; i < REGEX_CAPTURES_MAX; i++) {
        bool took_part = i < groups && pairs[2 * i] != PCRE2_UNSET;
        size_t from = took_part ? pairs[2 * i] : 0;
        /* \K inside a look-ahead can put the start behind the end. */
        size_t to = took_part && pairs[2 * i + 1] > from ? pairs[2 * i + 1] : from;
        captures[i] = took_part ? slice_make(subject.p + from, to - from) : slice_none();
    }
}

bool regex_match(const struct regex *r, struct slice subject,
                 struct slice captures[REGEX_CAPTURES_MAX])
{
    if (!subject.p)
        subject = SLICE("");
    pcre2_match_data *data = pcre2_match_data_create(REGEX_CAPTURES_MAX, NULL);
    ASSERT(data);
    int groups = pcre2_match(r->code, (PCRE2_SPTR)subject.p, subject.n, 0, 0, data, r->limits);
    if (groups == 0) /* more groups than we keep */
        groups = REGEX_CAPTURES_MAX;
    if (groups > 0)
        captures_fill(pcre2_get_ovector_pointer(data), groups, subject, captures);
    pcre2_match_data_free(data);
    return groups > 0;
}

int regex_group(const struct regex *r, struct slice name)
{
    char text[64];
    if (!slice_to_cstr(name, text, sizeof text))
        return -1;
    int group = pcre2_substring_number_from_name(r->code, (PCRE2_SPTR)text);
    return group >= 0 && group < REGEX_CAPTURES_MAX ? group : -1;
}

struct slice regex_group_name(const struct regex *r, size_t index)
{
    uint32_t count = 0;
    uint32_t entry_bytes = 0;
    PCRE2_SPTR table = NULL;
    (void)pcre2_pattern_info(r->code, PCRE2_INFO_NAMECOUNT, &count);
    if (index >= count)
        return slice_none();
    (void)pcre2_pattern_info(r->code, PCRE2_INFO_NAMEENTRYSIZE, &entry_bytes);
    (void)pcre2_pattern_info(r->code, PCRE2_INFO_NAMETABLE, &table);
    /* An entry is the group's number in two bytes, then the name with a NUL. */
    return slice_of((const char *)table + index * entry_bytes + 2);
}
