/* From a configuration to workers that use it: all that can fail comes before anything is changed.
 */
#include "base/assert.h"
#include "main/serve_state.h"
#include "proxy/flight.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* -- listening sockets -- */

static struct listen_options options_of(const struct listen_conf *l)
{
    return (struct listen_options){
        .backlog = l->backlog,
        .reuseport = l->address.u.sa.sa_family != AF_UNIX,
        .ipv6only = true,
        .rcvbuf = l->rcvbuf,
        .sndbuf = l->sndbuf,
    };
}

/* The supervisor has one unix socket for all workers: each gets a descriptor of its own for it. */
static unsigned shared_worker(const struct address *a, unsigned worker)
{
    return a->u.sa.sa_family == AF_UNIX ? 0 : worker;
}

static bool get_socket(struct serve *s, const struct listen_conf *l, unsigned worker, char *error)
{
    struct channel_msg ask = {.type = CHANNEL_LISTEN, .options = options_of(l)};
    struct channel_msg answer;
    int fd;
    ask.address = l->address;
    ask.worker = shared_worker(&l->address, worker);
    if (!serve_ask(s, &ask, CHANNEL_SOCKET, &answer, &fd)) {
        (void)snprintf(error, ADMIN_ERROR_BYTES, "the supervisor is gone");
        return false;
    }
    if (fd < 0) {
        (void)snprintf(error, ADMIN_ERROR_BYTES, "listen %.*s: %s", SLICE_ARG(l->text),
                       strerror(answer.error));
        return false;
    }
    sockets_add(&s->shared.sockets, &l->address, worker, &ask.options, fd);
    return true;
}

/* Other options of an address that stays; a buffer size that was set remains where it is set no
 * longer. */
static void adjust_socket(struct listen_socket *one, const struct listen_options *options)
{
    if (options->backlog != one->options.backlog)
        (void)listen(one->fd, options->backlog);
    if (options->rcvbuf > 0)
        (void)setsockopt(one->fd, SOL_SOCKET, SO_RCVBUF, &options->rcvbuf, sizeof(int));
    if (options->sndbuf > 0)
        (void)setsockopt(one->fd, SOL_SOCKET, SO_SNDBUF, &options->sndbuf, sizeof(int));
    one->options = *options;
}

static bool get_sockets_of(struct serve *s, const struct listen_conf *l, char *error)
{
    for (unsigned worker = 0; worker < s->threads_n; worker++)
        if (!sockets_find(&s->shared.sockets, &l->address, worker) &&
            !get_socket(s, l, worker, error))
            return false;
    return true;
}

/* The first one last: whoever sees it open finds the others, the admin listener too. */
static bool get_sockets(struct serve *s, const struct proxy_conf *p, char *error)
{
    bool ok = true;
    for (size_t i = p->listens_n; i > 0 && ok; i--)
        ok = get_sockets_of(s, &p->listens[i - 1], error);
    return ok;
}

static bool is_listened(const struct proxy_conf *p, const struct address *a)
{
    for (size_t i = 0; i < p->listens_n; i++)
        if (address_eq(&p->listens[i].address, a))
            return true;
    return false;
}

static void drop_socket(struct serve *s, struct listen_socket *one)
{
    struct channel_msg m = {.type = CHANNEL_DROP};
    m.address = one->address;
    m.worker = shared_worker(&one->address, one->worker);
    sockets_forget(&s->shared.sockets, one);
    if (!s->orphan && !channel_send(s->args->channel, &m, -1))
        log_write(s->log, LOG_ALERT, "the supervisor does not listen");
}

void apply_drop_sockets(struct serve *s, const struct proxy_conf *p)
{
    struct sockets *all = &s->shared.sockets;
    for (size_t i = 0; i < all->n; i++)
        all->v[i].wanted = p && is_listened(p, &all->v[i].address);
    serve_all(s, thread_step_close_sockets);
    for (size_t i = all->n; i > 0; i--)
        if (!all->v[i - 1].wanted)
            drop_socket(s, &all->v[i - 1]);
}

/* Descriptors by worker and listen. */
static int *make_fds(struct serve *s, const struct proxy_conf *p)
{
    int *fds = calloc(s->threads_n * p->listens_n + 1, sizeof *fds);
    ASSERT(fds);
    for (unsigned worker = 0; worker < s->threads_n; worker++) {
        for (size_t i = 0; i < p->listens_n; i++) {
            const struct listen_conf *l = &p->listens[i];
            struct listen_socket *one = sockets_find(&s->shared.sockets, &l->address, worker);
            ASSERT(one);
            struct listen_options options = options_of(l);
            adjust_socket(one, &options);
            fds[worker * p->listens_n + i] = one->fd;
        }
        s->threads[worker].fds = fds + worker * p->listens_n;
    }
    return fds;
}

/* -- preparing -- */

static void look_names_up(struct serve *s, const struct proxy_conf *p)
{
    mono_ms deadline = clock_mono_ms() + p->resolver_timeout_ms;
    for (size_t i = 0; i < p->upstreams_n; i++) {
        int64_t left_ms = deadline - clock_mono_ms();
        upstream_first_lookup(&p->upstreams[i], s->shared.health, p->resolvers,
                              left_ms > 0 ? left_ms : 0, s->log);
    }
}

static bool prepare_threads(struct serve *s, struct config *config, bool running, char *error)
{
    for (unsigned i = 0; i < s->threads_n; i++)
        s->threads[i].config = config;
    if (running)
        serve_all(s, thread_step_prepare);
    bool ok = true;
    for (unsigned i = 0; i < s->threads_n && ok; i++) {
        if (!running)
            thread_prepare(&s->threads[i]);
        ok = s->threads[i].next != NULL;
        if (!ok)
            (void)snprintf(error, ADMIN_ERROR_BYTES, "%s", s->threads[i].error);
    }
    if (!ok && running)
        serve_all(s, thread_step_discard);
    return ok;
}

bool apply_prepare(struct serve *s, struct config *config, bool running, char *error)
{
    bool ok = get_sockets(s, &config->proxy, error);
    if (ok) {
        look_names_up(s, &config->proxy);
        ok = prepare_threads(s, config, running, error);
    }
    if (!ok && s->config) /* at the start nobody serves, and the queues may hold connections */
        apply_drop_sockets(s, &s->config->proxy);
    return ok;
}

/* -- using -- */

/* Raw values on their way into one pool, if all are of the largest size; they have no tier in
 * memory to be measured by. */
#define RAW_VALUES_COLLECTED 64

/* What is being collected may take as much memory as what is stored, and one response more. */
static size_t collect_budget(const struct proxy_conf *p)
{
    size_t memory = 0;
    size_t largest = 0;
    for (size_t i = 0; i < p->caches_n; i++) {
        size_t object = (size_t)p->caches[i].max_object_bytes;
        memory += p->caches[i].memory_bytes;
        largest = object > largest ? object : largest;
    }
    for (size_t i = 0; i < p->raws_n; i++)
        memory += RAW_VALUES_COLLECTED * p->raws[i].value_max_bytes;
    return memory + largest;
}

void apply_use(struct serve *s, struct config *config)
{
    const struct proxy_conf *p = &config->proxy;
    int *fds = make_fds(s, p);
    serve_all(s, thread_step_read_purges);
    serve_all(s, thread_step_use);
    free(fds);
    for (size_t i = 0; i < p->caches_n; i++)
        tiers_resize(&s->shared.tiers, p->caches[i].name, p->caches[i].memory_bytes);
    flight_table_set_budget(s->shared.flights, collect_budget(p));
    apply_drop_sockets(s, p);
    config_unref(&s->config);
    s->config = config_ref(config);
}

/* -- reloading -- */

static bool is_same(const char *a, const char *b)
{
    return a && b ? slice_eq(slice_of(a), slice_of(b)) : a == b;
}

static void notice_fixed(struct serve *s, const struct main_conf *fresh)
{
    const struct main_conf *old = &s->config->main;
    const struct {
        const char *name;
        bool same;
    } settings[] = {
        {"workers", old->workers == fresh->workers},
        {"user", is_same(old->user, fresh->user) && is_same(old->group, fresh->group)},
        {"pid", is_same(old->pid_path, fresh->pid_path)},
        {"error_log", is_same(old->error_log, fresh->error_log)},
    };
    for (size_t i = 0; i < ARRAY_LEN(settings); i++)
        if (!settings[i].same)
            log_write(s->log, LOG_NOTICE, "%s has changed: that takes a restart", settings[i].name);
}

/* All of them into the log, the first one into `error`. */
static void tell_errors(struct serve *s, const struct config_errors *errors, char *error)
{
    char line[ADMIN_ERROR_BYTES];
    bool first = true;
    for (size_t i = 0; i < errors->n; i++) {
        const struct config_error *e = &errors->items[i];
        struct slice text = config_error_format(e, line, sizeof line);
        log_write(s->log, e->warning ? LOG_WARN : LOG_ERROR, "%.*s", SLICE_ARG(text));
        if (!e->warning && first) {
            (void)snprintf(error, ADMIN_ERROR_BYTES, "%.*s", SLICE_ARG(text));
            first = false;
        }
    }
}

static struct config *load(struct serve *s, char *error)
{
    if (is_same(s->args->path, "-")) {
        (void)snprintf(error, ADMIN_ERROR_BYTES,
                       "the configuration came from the standard input: it cannot be read again");
        return NULL;
    }
    struct config_errors errors;
    config_errors_init(&errors);
    struct config *config = config_load(s->args->path, &errors);
    (void)snprintf(error, ADMIN_ERROR_BYTES, "%s: it cannot be used", s->args->path);
    tell_errors(s, &errors, error);
    config_errors_fini(&errors);
    return config;
}

static void note(struct serve *s, struct slice error)
{
    admin_reloads_note(&s->reloads, error, clock_wall_ms() / 1000);
}

/* The supervisor has closed what was dropped and holds the same configuration when it answers. */
static void tell_supervisor(struct serve *s)
{
    struct channel_msg m = {.type = CHANNEL_RELOADED};
    struct channel_msg answer;
    int fd;
    if (serve_ask(s, &m, CHANNEL_DONE, &answer, &fd) && fd >= 0)
        (void)close(fd);
}

static void use_reloaded(struct serve *s, struct config *config)
{
    notice_fixed(s, &config->main);
    apply_use(s, config);
    tell_supervisor(s);
    note(s, slice_none());
    log_write(s->log, LOG_NOTICE, "reloaded %s", s->args->path);
    atomic_store(&s->log->level, (int)config->main.error_log_level);
}

void apply_reload(struct serve *s)
{
    char error[ADMIN_ERROR_BYTES];
    struct config *config = load(s, error);
    if (config && apply_prepare(s, config, true, error)) {
        use_reloaded(s, config);
    } else {
        note(s, slice_of(error));
        log_write(s->log, LOG_ERROR, "reload failed, the old configuration stays: %s", error);
    }
    config_unref(&config);
}
