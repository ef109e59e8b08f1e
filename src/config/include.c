/* `include: pattern`: files read and put where it stands. */
#include "config/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where in the configuration a map stands; tells which of its members may hold includes themselves.
 */
enum context { AT_TOP, AT_SERVER, AT_LOCATION, AT_LOCATIONS, AT_NAMED, AT_OTHER };

struct includer {
    struct reader *r;
    unsigned depth;
};

/* -- files -- */

static bool read_all(int fd, char *buf, size_t cap, size_t *n)
{
    *n = 0;
    while (*n < cap) {
        ssize_t got = read(fd, buf + *n, cap - *n);
        if (got < 0 && errno != EINTR) {
            return false;
        }
        if (got == 0) {
            return true;
        }
        *n += got > 0 ? (size_t)got : 0;
    }
    return true;
}

/* NULL, or what is wrong. */
static const char *read_into_arena(struct reader *r, int fd, struct slice *out)
{
    char *buf = malloc(READER_FILE_BYTES_MAX + 1);
    size_t n = 0;
    if (buf == NULL) {
        return "out of memory";
    }
    const char *problem = NULL;
    if (!read_all(fd, buf, READER_FILE_BYTES_MAX + 1, &n)) {
        problem = strerrordesc_np(errno);
    } else if (n > READER_FILE_BYTES_MAX) {
        problem = "larger than 1 MiB";
    } else {
        *out = arena_dup(r->arena, slice_make(buf, n));
    }
    free(buf);
    return problem;
}

bool reader_read_file(struct reader *r, const char *path, const struct place *at, struct slice *out)
{
    bool standard_input = strcmp(path, "-") == 0;
    int fd = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    const char *problem = fd < 0 ? strerrordesc_np(errno) : read_into_arena(r, fd, out);
    if (fd >= 0 && !standard_input) {
        close(fd);
    }
    if (problem != NULL && at != NULL) {
        error_at(r->errors, at, "cannot read \"%s\": %s", path, problem);
    } else if (problem != NULL) {
        struct place whole = {.file = slice_of(path)};
        error_at(r->errors, &whole, "cannot read: %s", problem);
    }
    return problem == NULL;
}

/* -- merging -- */

static bool is_list_that_grows(const struct node *a, const struct node *b)
{
    return a->kind == NODE_LIST && b->kind == NODE_LIST && slice_eq(a->name, SLICE("servers"));
}

static bool is_map_that_grows(const struct node *a, const struct node *b)
{
    static const char *const names[] = {"upstreams", "memcached_pools", "caches", "log_format",
                                        "locations"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (slice_eq(a->name, slice_of(names[i]))) {
            return a->kind == NODE_MAP && b->kind == NODE_MAP;
        }
    }
    return false;
}

static void report_twice(struct reader *r, const struct node *again, const struct node *first)
{
    error_at(r->errors, &again->name_at, "\"%.*s\" is given twice; first in %.*s line %u",
             SLICE_ARG(again->name), SLICE_ARG(first->name_at.file), first->name_at.line);
}

/* Moves the children of `from` behind those of `to`. */
static void move_all(struct reader *r, struct node *to, struct node *from)
{
    for (struct node *child = from->first, *next; child != NULL; child = next) {
        next = child->next;
        const struct node *same = to->kind == NODE_MAP ? node_find(to, child->name) : NULL;
        if (same != NULL) {
            report_twice(r, child, same);
        } else {
            node_append(to, child);
        }
    }
}

/* Puts one member into a map that is being built of several files. */
static void add_member(struct reader *r, struct node *map, struct node *member)
{
    struct node *same = map->first;
    while (same != NULL && !slice_eq(same->name, member->name)) {
        same = same->next;
    }
    if (same == NULL) {
        node_append(map, member);
    } else if (is_list_that_grows(same, member) || is_map_that_grows(same, member)) {
        move_all(r, same, member);
    } else {
        report_twice(r, member, same);
    }
}

/* -- including -- */

static void expand_map(struct includer *, struct node *map, enum context);
static void expand_servers(struct includer *, struct node *list);

typedef void take_fn(struct includer *, struct node *into, struct node *root, enum context);

/* The tree of an included file goes into the map where the include stands. */
static void take_into_map(struct includer *in, struct node *map, struct node *root,
                          enum context context)
{
    if (root->kind != NODE_MAP) {
        error_at(in->r->errors, &root->at, "the included file has to be a map here, not %s",
                 node_kind_text(root));
        return;
    }
    expand_map(in, root, context);
    for (struct node *member = root->first, *next; member != NULL; member = next) {
        next = member->next;
        add_member(in->r, map, member);
    }
}

/* In the list of servers: a file is a list of servers or one server. */
static void take_into_list(struct includer *in, struct node *list, struct node *root,
                           enum context context)
{
    if (root->kind == NODE_LIST) {
        expand_servers(in, root);
        move_all(in->r, list, root);
    } else {
        expand_map(in, root, context);
        node_append(list, root);
    }
}

static void include_file(struct includer *in, const char *path, const struct place *at,
                         struct node *into, take_fn *take, enum context context)
{
    struct slice text;
    if (in->depth >= READER_INCLUDE_DEPTH || in->r->files >= READER_FILES_MAX) {
        error_at(in->r->errors, at, "too many files include each other");
        return;
    }
    if (!reader_read_file(in->r, path, at, &text)) {
        return;
    }
    struct node *root = reader_parse(in->r, arena_dup(in->r->arena, slice_of(path)), text);
    if (root != NULL) {
        in->depth++;
        take(in, into, root, context);
        in->depth--;
    }
}

static void include_pattern(struct includer *in, const struct node *node, struct node *into,
                            take_fn *take, enum context context)
{
    char pattern[PATH_MAX];
    if (node->kind != NODE_SCALAR || node->text.n == 0 ||
        !node_path(node, pattern, sizeof(pattern))) {
        error_at(in->r->errors, &node->at, "include: a path or a list of paths is needed");
        return;
    }
    if (strpbrk(pattern, "*?[") == NULL) {
        include_file(in, pattern, &node->at, into, take, context);
        return;
    }
    glob_t found = {0};
    if (glob(pattern, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            include_file(in, found.gl_pathv[i], &node->at, into, take, context);
        }
    }
    globfree(&found);
}

static void include_all(struct includer *in, const struct node *node, struct node *into,
                        take_fn *take, enum context context)
{
    if (node->kind != NODE_LIST) {
        include_pattern(in, node, into, take, context);
        return;
    }
    for (const struct node *item = node->first; item != NULL; item = item->next) {
        include_pattern(in, item, into, take, context);
    }
}

/* -- where includes may stand -- */

static enum context context_of_member(struct slice name, enum context of_map)
{
    if (of_map == AT_LOCATIONS) {
        return AT_LOCATION;
    }
    bool has_locations = of_map == AT_TOP || of_map == AT_SERVER || of_map == AT_LOCATION;
    if (has_locations && slice_eq(name, SLICE("locations"))) {
        return AT_LOCATIONS;
    }
    bool named = slice_eq(name, SLICE("upstreams")) || slice_eq(name, SLICE("caches")) ||
                 slice_eq(name, SLICE("memcached_pools"));
    return of_map == AT_TOP && named ? AT_NAMED : AT_OTHER;
}

static void expand_member(struct includer *in, struct node *member, enum context of_map)
{
    if (of_map == AT_TOP && member->kind == NODE_LIST && slice_eq(member->name, SLICE("servers"))) {
        expand_servers(in, member);
        return;
    }
    enum context context = context_of_member(member->name, of_map);
    if (context != AT_OTHER && member->kind == NODE_MAP) {
        expand_map(in, member, context);
    }
}

/* Builds the map anew with what is included at its place. */
static void expand_map(struct includer *in, struct node *map, enum context context)
{
    struct node *member = map->first;
    map->first = NULL;
    map->last = NULL;
    map->n = 0;
    for (struct node *next; member != NULL; member = next) {
        next = member->next;
        if (slice_eq(member->name, SLICE("include"))) {
            include_all(in, member, map, take_into_map, context);
        } else {
            expand_member(in, member, context);
            add_member(in->r, map, member);
        }
    }
}

static void expand_servers(struct includer *in, struct node *list)
{
    struct node *item = list->first;
    list->first = NULL;
    list->last = NULL;
    list->n = 0;
    for (struct node *next; item != NULL; item = next) {
        next = item->next;
        const struct node *include = node_find(item, SLICE("include"));
        if (include != NULL && item->n == 1) {
            include_all(in, include, list, take_into_list, AT_SERVER);
        } else {
            if (item->kind == NODE_MAP) {
                expand_map(in, item, AT_SERVER);
            }
            node_append(list, item);
        }
    }
}

void reader_include(struct reader *r, struct node *root)
{
    struct includer in = {.r = r};
    expand_map(&in, root, AT_TOP);
}
