/* YAML by libyaml's events into a tree of nodes. What a configuration does not need is refused:
 * aliases and anchors (bombs), tags, keys that are not strings, repeated keys, a second document.
 */
#include "config/reader.h"

#include <yaml.h>

struct yaml_reader {
    struct reader *r;
    yaml_parser_t parser;
    struct slice file_name;
    uint32_t file_order;
    unsigned depth;
};

static struct place place_of(const struct yaml_reader *y, const yaml_mark_t *mark)
{
    return (struct place){.file = y->file_name,
                          .file_order = y->file_order,
                          .line = (uint32_t)mark->line + 1,
                          .column = (uint32_t)mark->column + 1};
}

/* What libyaml calls "a character that cannot start any token" is a tab nearly always. */
static bool is_at_tab(const yaml_parser_t *p)
{
    return p->error == YAML_SCANNER_ERROR && p->buffer.pointer < p->buffer.last &&
           *p->buffer.pointer == '\t';
}

/* libyaml's own words, at the place that it gives. */
static void report_syntax(struct yaml_reader *y)
{
    const yaml_parser_t *p = &y->parser;
    struct place at = place_of(y, &p->problem_mark);
    const char *problem = p->problem == NULL ? "not YAML" : p->problem;
    if (is_at_tab(p)) {
        error_at(y->r->errors, &at, "a tab character: YAML is indented with spaces");
    } else if (p->error == YAML_READER_ERROR) {
        error_at(y->r->errors, &at, "not UTF-8 text: %s at byte %zu", problem, p->problem_offset);
    } else if (p->context != NULL) {
        error_at(y->r->errors, &at, "%s (%s that starts at line %zu)", problem, p->context,
                 p->context_mark.line + 1);
    } else {
        error_at(y->r->errors, &at, "%s", problem);
    }
}

static bool next_event(struct yaml_reader *y, yaml_event_t *event)
{
    if (yaml_parser_parse(&y->parser, event) == 1) {
        return true;
    }
    report_syntax(y);
    return false;
}

static bool refuse(struct yaml_reader *y, const yaml_event_t *event, const char *why)
{
    struct place at = place_of(y, &event->start_mark);
    error_at(y->r->errors, &at, "%s", why);
    return false;
}

/* Anchor and tag of a value; both are NULL in a file that is accepted. */
static bool decorations(const yaml_event_t *event, const yaml_char_t **anchor,
                        const yaml_char_t **tag)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        *anchor = event->data.scalar.anchor;
        *tag = event->data.scalar.tag;
        return true;
    case YAML_SEQUENCE_START_EVENT:
        *anchor = event->data.sequence_start.anchor;
        *tag = event->data.sequence_start.tag;
        return true;
    case YAML_MAPPING_START_EVENT:
        *anchor = event->data.mapping_start.anchor;
        *tag = event->data.mapping_start.tag;
        return true;
    default: return false; /* libyaml's enum: no other event starts a value */
    }
}

static bool check_value(struct yaml_reader *y, const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL;
    const yaml_char_t *tag = NULL;
    if (!decorations(event, &anchor, &tag)) {
        return refuse(y, event, "YAML aliases (*name) are not supported");
    }
    if (anchor != NULL) {
        return refuse(y, event, "YAML anchors (&name) are not supported");
    }
    if (tag != NULL) {
        return refuse(y, event,
                      "YAML tags (!name) are not supported; quote a text that begins with !");
    }
    if (++y->r->nodes > READER_NODES_MAX) {
        return refuse(y, event, "the configuration has too many values");
    }
    return true;
}

/* Environment replaced, in the arena. False: it holds a NUL. */
static bool scalar_text(struct yaml_reader *y, const yaml_event_t *event, struct slice *out)
{
    struct slice raw =
        slice_make((const char *)event->data.scalar.value, event->data.scalar.length);
    if (raw.n > 0 && memchr(raw.p, 0, raw.n) != NULL) {
        return refuse(y, event, "a NUL is not allowed in a value");
    }
    struct place at = place_of(y, &event->start_mark);
    *out = reader_expand_env(y->r, arena_dup(y->r->arena, raw), &at);
    return true;
}

static struct node *read_value(struct yaml_reader *, const yaml_event_t *);

static struct node *read_scalar(struct yaml_reader *y, const yaml_event_t *event)
{
    struct slice text;
    if (!scalar_text(y, event, &text)) {
        return NULL;
    }
    struct place at = place_of(y, &event->start_mark);
    struct node *node = node_scalar(y->r->arena, text, &at);
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return node;
}

static bool read_item(struct yaml_reader *y, struct node *list, bool *end)
{
    yaml_event_t event;
    if (!next_event(y, &event)) {
        return false;
    }
    *end = event.type == YAML_SEQUENCE_END_EVENT;
    struct node *item = *end ? NULL : read_value(y, &event);
    if (item != NULL) {
        node_append(list, item);
    }
    yaml_event_delete(&event);
    return *end || item != NULL;
}

static bool check_key(struct yaml_reader *y, const struct node *map, struct slice name,
                      const struct place *at)
{
    if (map->n >= READER_MEMBERS_MAX) {
        error_at(y->r->errors, at, "a map of more than %d keys", READER_MEMBERS_MAX);
        return false;
    }
    const struct node *first = node_find(map, name);
    if (first != NULL) { /* the file can still be read on */
        error_at(y->r->errors, at, "\"%.*s\" is given twice; first in line %u", SLICE_ARG(name),
                 first->name_at.line);
    }
    return true;
}

static bool read_member_value(struct yaml_reader *y, struct node *map, struct slice name,
                              const struct place *at)
{
    yaml_event_t event;
    if (!next_event(y, &event)) {
        return false;
    }
    struct node *value = read_value(y, &event);
    yaml_event_delete(&event);
    if (value == NULL) {
        return false;
    }
    value->name = name;
    value->name_at = *at;
    if (node_find(map, name) == NULL) {
        node_append(map, value);
    }
    return true;
}

static bool read_member(struct yaml_reader *y, struct node *map, bool *end)
{
    yaml_event_t event;
    if (!next_event(y, &event)) {
        return false;
    }
    *end = event.type == YAML_MAPPING_END_EVENT;
    struct place at = place_of(y, &event.start_mark);
    struct slice name = slice_none();
    bool ok = *end;
    if (!ok && event.type != YAML_SCALAR_EVENT && event.type != YAML_ALIAS_EVENT) {
        (void)refuse(y, &event, "a key has to be a text");
    } else if (!ok) {
        ok =
            check_value(y, &event) && scalar_text(y, &event, &name) && check_key(y, map, name, &at);
    }
    yaml_event_delete(&event);
    return ok && (*end || read_member_value(y, map, name, &at));
}

static struct node *read_children(struct yaml_reader *y, const yaml_event_t *event)
{
    struct place at = place_of(y, &event->start_mark);
    bool map = event->type == YAML_MAPPING_START_EVENT;
    struct node *node = node_new(y->r->arena, map ? NODE_MAP : NODE_LIST, &at);
    if (y->depth >= READER_DEPTH_MAX) {
        (void)refuse(y, event, "lists and maps are nested too deeply");
        return NULL;
    }
    y->depth++;
    bool ok = true;
    bool end = false;
    while (ok && !end) {
        ok = map ? read_member(y, node, &end) : read_item(y, node, &end);
    }
    y->depth--;
    return ok ? node : NULL;
}

static struct node *read_value(struct yaml_reader *y, const yaml_event_t *event)
{
    if (!check_value(y, event)) {
        return NULL;
    }
    return event->type == YAML_SCALAR_EVENT ? read_scalar(y, event) : read_children(y, event);
}

/* Reads up to the first event of the document's content. `*empty`: the file has none. */
static bool read_start(struct yaml_reader *y, yaml_event_t *event, bool *empty)
{
    for (;;) {
        if (!next_event(y, event)) {
            return false;
        }
        yaml_event_type_t type = event->type;
        if (type != YAML_STREAM_START_EVENT && type != YAML_DOCUMENT_START_EVENT) {
            *empty = type == YAML_STREAM_END_EVENT;
            return true;
        }
        yaml_event_delete(event);
    }
}

/* After the document: its end, and nothing else. */
static bool read_end(struct yaml_reader *y)
{
    for (;;) {
        yaml_event_t event;
        if (!next_event(y, &event)) {
            return false;
        }
        yaml_event_type_t type = event.type;
        bool second = type != YAML_DOCUMENT_END_EVENT && type != YAML_STREAM_END_EVENT;
        if (second) {
            (void)refuse(y, &event, "a second document (---) is not supported");
        }
        yaml_event_delete(&event);
        if (second || type == YAML_STREAM_END_EVENT) {
            return !second;
        }
    }
}

static struct node *read_document(struct yaml_reader *y)
{
    yaml_event_t event;
    bool empty = false;
    if (!read_start(y, &event, &empty)) {
        return NULL;
    }
    struct place at = {.file = y->file_name, .file_order = y->file_order, .line = 1, .column = 1};
    struct node *root = empty ? node_new(y->r->arena, NODE_MAP, &at) : read_value(y, &event);
    yaml_event_delete(&event);
    return root == NULL || empty || read_end(y) ? root : NULL;
}

struct node *reader_parse(struct reader *r, struct slice file_name, struct slice text)
{
    struct yaml_reader y = {.r = r, .file_name = file_name, .file_order = r->files++};
    if (yaml_parser_initialize(&y.parser) != 1) {
        struct place at = {.file = file_name};
        error_at(r->errors, &at, "out of memory");
        return NULL;
    }
    yaml_parser_set_input_string(&y.parser, (const unsigned char *)text.p, text.n);
    yaml_parser_set_encoding(&y.parser, YAML_UTF8_ENCODING);
    struct node *root = read_document(&y);
    yaml_parser_delete(&y.parser);
    return root;
}
