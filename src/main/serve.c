#include "main/serve.h"

#include "base/assert.h"
#include "base/hash.h"
#include "main/privileges.h"
#include "main/serve_state.h"
#include "proxy/flight.h"
#include "proxy/uses.h"

#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define BIT(type) (1U << (type))

/* -- the supervisor -- */

/* Keeps a command, returns false for anything else. */
static bool take_command(struct serve *s, const struct channel_msg *m)
{
    switch (m->type) {
    case CHANNEL_STOP:
    case CHANNEL_QUIT:
    case CHANNEL_RELOAD:
    case CHANNEL_REOPEN: s->commands |= BIT(m->type); return true;
    case CHANNEL_LISTEN:
    case CHANNEL_DROP:
    case CHANNEL_READY:
    case CHANNEL_RELOADED:
    case CHANNEL_SOCKET:
    case CHANNEL_DONE: break;
    }
    return false;
}

static void note_gone(struct serve *s)
{
    if (!s->orphan)
        log_write(s->log, LOG_ALERT, "the supervisor is gone: shutting down");
    s->orphan = true;
    s->commands |= BIT(CHANNEL_QUIT);
}

void serve_read_commands(struct serve *s)
{
    struct channel_msg m;
    int fd;
    enum channel_result result = CHANNEL_OK;
    while (!s->orphan && result == CHANNEL_OK) {
        result = channel_receive(s->args->channel, &m, &fd);
        if (result == CHANNEL_OK)
            (void)take_command(s, &m);
        if (fd >= 0)
            (void)close(fd);
    }
    if (result == CHANNEL_CLOSED)
        note_gone(s);
}

bool serve_ask(struct serve *s, const struct channel_msg *m, enum channel_type answer_type,
               struct channel_msg *answer, int *fd)
{
    bool sent = !s->orphan && channel_send(s->args->channel, m, -1);
    while (sent) {
        struct pollfd p = {.fd = s->args->channel, .events = POLLIN};
        (void)poll(&p, 1, -1);
        enum channel_result result = channel_receive(s->args->channel, answer, fd);
        if (result == CHANNEL_OK && answer->type == answer_type)
            return true;
        if (result == CHANNEL_OK)
            (void)take_command(s, answer);
        if (result == CHANNEL_CLOSED)
            break;
    }
    note_gone(s);
    return false;
}

static void tell_ready(struct serve *s)
{
    struct channel_msg m = {.type = CHANNEL_READY};
    if (!channel_send(s->args->channel, &m, -1))
        note_gone(s);
}

/* -- workers -- */

void serve_all(struct serve *s, thread_step_fn *step)
{
    acks_expect(&s->shared.acks, s->threads_n);
    for (unsigned i = 0; i < s->threads_n; i++)
        thread_post(&s->threads[i], step);
    acks_wait(&s->shared.acks);
}

static unsigned count_cores(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n < 1 ? 1 : n > 256 ? 256 : (unsigned)n;
}

static void make_workers(struct serve *s, unsigned n)
{
    s->threads = calloc(n, sizeof *s->threads);
    s->counters = calloc(n, sizeof(struct counters *));
    ASSERT(s->threads && s->counters);
    s->threads_n = n;
    for (unsigned i = 0; i < n; i++) {
        thread_init(&s->threads[i], &s->shared, i);
        s->counters[i] = &s->threads[i].worker->counters;
    }
}

static bool start_workers(struct serve *s)
{
    for (unsigned i = 0; i < s->threads_n; i++)
        if (!thread_start(&s->threads[i]))
            return false;
    return true;
}

/* False: a worker still has something under way with an origin; it and what it uses are not freed.
 */
static bool end_workers(struct serve *s)
{
    bool clean = true;
    for (unsigned i = 0; i < s->threads_n; i++)
        clean &= thread_fini(&s->threads[i]);
    return clean;
}

/* -- the process -- */

/* Commands come from the supervisor; a terminal sends its signals to both of us. */
static void set_signals(void)
{
    const int ignored[] = {SIGPIPE, SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1};
    sigset_t none;
    sigemptyset(&none);
    for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
        (void)signal(ignored[i], SIG_IGN);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void raise_descriptor_limit(struct log *log)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        log_write(log, LOG_NOTICE, "the limit of descriptors cannot be raised: %m");
}

static void make_admin(struct serve *s)
{
    admin_reloads_init(&s->reloads);
    s->numbers = (struct numbers){&s->shared, s->threads, s->threads_n};
    s->admin = (struct admin){
        .version = MCPROXY_VERSION,
        .pid = getpid(),
        .started = clock_wall_ms() / 1000,
        .started_mono = clock_mono_ms(),
        .counters = s->counters,
        .workers = s->threads_n,
        .reloads = &s->reloads,
        .health = s->shared.health,
        .tables = numbers_tables,
        .tables_owner = &s->numbers,
    };
}

static void init(struct serve *s, const struct serve_args *args)
{
    *s = (struct serve){.args = args, .log = args->log};
    s->shared.log = args->log;
    s->shared.key_seed = hash_seed_new();
    s->shared.flights = flight_table_new();
    s->shared.uses = uses_new();
    s->shared.health = upstream_health_new();
    s->shared.admin = &s->admin;
    tiers_init(&s->shared.tiers, s->shared.key_seed);
    ASSERT(acks_init(&s->shared.acks));
    ASSERT(pthread_mutex_init(&s->shared.kept_lock, NULL) == 0);
    make_workers(s, args->config->main.workers > 0 ? args->config->main.workers : count_cores());
    make_admin(s);
}

static void fini(struct serve *s)
{
    sockets_close(&s->shared.sockets);
    config_unref(&s->config);
    upstream_health_free(&s->shared.health);
    uses_free(&s->shared.uses);
    flight_table_free(&s->shared.flights);
    tiers_fini(&s->shared.tiers);
    acks_fini(&s->shared.acks);
    (void)pthread_mutex_destroy(&s->shared.kept_lock);
    admin_reloads_fini(&s->reloads);
    free(s->counters);
    free(s->threads);
    (void)close(s->args->channel);
}

/* -- starting -- */

/* The log may be a file that nobody looks at while something is started by hand. */
static bool cannot_start(struct serve *s, const char *error)
{
    log_write(s->log, LOG_EMERG, "%s", error);
    if (s->args->first && s->log->path[0] != '\0')
        (void)fprintf(stderr, "mcproxy: %s\n", error);
    return false;
}

static void give_access_logs(const struct config *config)
{
    for (size_t i = 0; i < config->proxy.log_files_n; i++) {
        char path[PATH_MAX];
        struct slice file = config->proxy.log_files[i];
        bool standard = slice_eq(file, SLICE("stdout")) || slice_eq(file, SLICE("stderr"));
        if (!standard && slice_to_cstr(file, path, sizeof path))
            privileges_give_file(&config->main, path);
    }
}

static bool start(struct serve *s)
{
    char error[ADMIN_ERROR_BYTES];
    struct config *config = s->args->config;
    raise_descriptor_limit(s->log);
    if (!apply_prepare(s, config, false, error))
        return cannot_start(s, error);
    give_access_logs(config);
    if (!privileges_drop(&config->main, s->log))
        return cannot_start(s, "the change of user failed");
    if (!start_workers(s))
        return cannot_start(s, "no threads");
    apply_use(s, config);
    tell_ready(s);
    log_write(s->log, LOG_NOTICE, "mcproxy %s serves with %u worker%s", MCPROXY_VERSION,
              s->threads_n, s->threads_n == 1 ? "" : "s");
    return true;
}

/* -- ending -- */

static void stop(struct serve *s)
{
    for (unsigned i = 0; i < s->threads_n; i++)
        thread_post(&s->threads[i], thread_step_stop);
    for (unsigned i = 0; i < s->threads_n; i++)
        thread_join(&s->threads[i]);
}

/* True: all of `n` acks have come; false: the time is over or a faster end is wanted. */
static bool await_acks(struct serve *s, mono_ms deadline)
{
    while (!(s->commands & BIT(CHANNEL_STOP))) {
        int64_t left_ms = deadline - clock_mono_ms();
        if (left_ms <= 0)
            return false;
        struct pollfd fds[] = {
            {.fd = s->shared.acks.fd, .events = POLLIN},
            {.fd = s->orphan ? -1 : s->args->channel, .events = POLLIN},
        };
        (void)poll(fds, ARRAY_LEN(fds), left_ms > 60000 ? 60000 : (int)left_ms);
        if (fds[0].revents) {
            acks_take(&s->shared.acks);
            return true;
        }
        serve_read_commands(s);
    }
    return false;
}

static void drain(struct serve *s)
{
    int64_t timeout_ms = s->config->proxy.shutdown_timeout_ms;
    log_write(s->log, LOG_NOTICE, "shutting down: waiting for requests under way");
    serve_all(s, thread_step_drain);
    apply_drop_sockets(s, NULL);
    acks_expect(&s->shared.acks, s->threads_n);
    for (unsigned i = 0; i < s->threads_n; i++)
        thread_post(&s->threads[i], thread_step_await_drained);
    if (!await_acks(s, clock_mono_ms() + timeout_ms))
        log_write(s->log, LOG_NOTICE, "shutting down: what is under way is cut");
}

/* -- commands -- */

static bool take_bit(struct serve *s, enum channel_type type)
{
    bool set = s->commands & BIT(type);
    s->commands &= ~BIT(type);
    return set;
}

/* False: it is over. */
static bool carry_out(struct serve *s)
{
    if (s->commands & BIT(CHANNEL_STOP))
        return false;
    if (take_bit(s, CHANNEL_QUIT)) {
        drain(s);
        return false;
    }
    if (take_bit(s, CHANNEL_REOPEN)) {
        if (!log_reopen(s->log))
            log_write(s->log, LOG_ERROR, "error_log %s: %m", s->log->path);
        serve_all(s, thread_step_reopen);
    }
    if (take_bit(s, CHANNEL_RELOAD))
        apply_reload(s);
    return true;
}

static void command_loop(struct serve *s)
{
    while (carry_out(s)) {
        struct pollfd p = {.fd = s->args->channel, .events = POLLIN};
        if (s->commands == 0)
            (void)poll(&p, 1, -1);
        serve_read_commands(s);
    }
}

int serve_run(const struct serve_args *args)
{
    struct serve s;
    set_signals();
    init(&s, args);
    bool started = start(&s);
    if (started) {
        command_loop(&s);
        stop(&s);
    }
    if (!end_workers(&s))
        _exit(started ? EXIT_SUCCESS : EXIT_FAILURE); /* no exchange is waited for any longer */
    fini(&s);
    return started ? EXIT_SUCCESS : EXIT_FAILURE;
}
