/* Values of the directives about a pool of memcached servers. */
#include "config/loading.h"

#include "base/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

/* -- auth -- */

bool parse_auth(struct loading *l, const struct directive *d, const struct node *node, void *block)
{
    struct mc_auth *auth = value_field(d, block);
    if (node->kind == NODE_SCALAR && slice_eq(node->text, SLICE("off"))) {
        return true;
    }
    if (node->kind != NODE_MAP || node_find(node, SLICE("user")) == NULL ||
        node_find(node, SLICE("password_file")) == NULL) {
        value_error(l, d, node, "off or a map with user and password_file is needed");
        return false;
    }
    bool ok = settings_read(l, SCOPE_AUTH, node, auth);
    if (ok && auth->user.n == 0) {
        value_error(l, d, node, "user: a value is needed");
        return false;
    }
    return ok;
}

/* NULL, or what is wrong. Reads at most `cap` bytes. */
static const char *read_regular(int fd, char *buf, size_t cap, size_t *n, mode_t *mode)
{
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        return strerrordesc_np(errno);
    }
    if (!S_ISREG(st.st_mode)) {
        return "it is no regular file";
    }
    ssize_t got = read(fd, buf, cap);
    *n = got < 0 ? 0 : (size_t)got;
    *mode = st.st_mode;
    return got < 0 ? strerrordesc_np(errno) : NULL;
}

/* Without the line end; memcached takes everything behind the first space of a password for
 * something else. */
static const char *check_password(struct slice *text)
{
    if (text->n > 0 && text->p[text->n - 1] == '\n') {
        text->n -= text->n > 1 && text->p[text->n - 2] == '\r' ? 2 : 1;
    }
    for (size_t i = 0; i < text->n; i++) {
        if (text->p[i] <= ' ' || text->p[i] > '~') {
            return "a password is one line of printable bytes without spaces";
        }
    }
    if (text->n == 0) {
        return "it has no password";
    }
    return text->n > MC_AUTH_MAX ? "its password is longer than 250 bytes" : NULL;
}

bool parse_password_file(struct loading *l, const struct directive *d, const struct node *node,
                         void *block)
{
    struct slice *field = value_field(d, block);
    struct slice name;
    char path[PATH_MAX];
    char buf[MC_AUTH_MAX + 3]; /* a line end, and a byte more than is possible */
    size_t n = 0;
    mode_t mode = 0;
    if (!value_text(l, d, node, false, &name)) {
        return false;
    }
    if (!node_path(node, path, sizeof(path))) {
        value_error(l, d, node, "the path is too long");
        return false;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    const char *problem = read_regular(fd, buf, sizeof(buf), &n, &mode);
    if (fd >= 0) {
        (void)close(fd);
    }
    struct slice text = slice_make(buf, n);
    problem = problem == NULL ? check_password(&text) : problem;
    if (problem != NULL) {
        value_error(l, d, node, "cannot use \"%s\": %s", path, problem);
    } else {
        *field = arena_dup(l->arena, text);
    }
    explicit_bzero(buf, sizeof(buf));
    if (problem == NULL && (mode & (S_IRWXG | S_IRWXO)) != 0) {
        warning_at(l->errors, &node->at, "%s: others than its owner may use \"%s\" (mode %04o)",
                   d->name, path, (unsigned)(mode & 07777));
    }
    return problem == NULL;
}

/* -- tls -- */

static bool make_context(struct loading *l, const struct directive *d, const struct node *node,
                         struct tls_block *block)
{
    char error[256];
    block->conf.ciphers = arena_dup(l->arena, block->ciphers).p;
    if ((block->conf.certificate == NULL) != (block->conf.certificate_key == NULL)) {
        value_error(l, d, node, "certificate and certificate_key belong together");
        return false;
    }
    block->tls.context = tls_context_new(&block->conf, error, sizeof(error));
    if (block->tls.context == NULL) {
        value_error(l, d, node, "%s", error);
        return false;
    }
    pointers_add(&l->tls_contexts, l->arena, block->tls.context);
    return true;
}

bool parse_tls(struct loading *l, const struct directive *d, const struct node *node, void *block)
{
    struct mc_tls *tls = value_field(d, block);
    struct tls_block read = {0};
    bool on = node->kind == NODE_MAP;
    if (!on && (node->kind != NODE_SCALAR || !parse_bool(node->text, &on))) {
        value_error(l, d, node, "on, off or a map is needed");
        return false;
    }
    if (!on) {
        return true;
    }
    if (!settings_read(l, SCOPE_TLS, node->kind == NODE_MAP ? node : NULL, &read) ||
        !make_context(l, d, node, &read)) {
        return false;
    }
    *tls = read.tls;
    return true;
}
