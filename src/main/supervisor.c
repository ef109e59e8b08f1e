#include "main/supervisor.h"

#include "base/assert.h"
#include "main/channel.h"
#include "main/pid_file.h"
#include "main/privileges.h"
#include "main/restarts.h"
#include "main/serve.h"
#include "main/sockets.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define STOP_MS        3000 /* that TERM gives the serving process before it is killed */
#define QUIT_MARGIN_MS 3000 /* the same for QUIT, beyond worker_shutdown_timeout */

struct supervisor {
    const char *path;
    struct config *config; /* the one in use: the next serving process starts with it */
    struct log log;
    struct sockets sockets;
    struct pid_file pid_file;
    struct restarts restarts;
    int signals; /* signalfd */
    int channel; /* to the serving process; -1: there is none */
    pid_t child; /* -1: there is none */
    bool served; /* some serving process has been ready */
    bool stopping;
    bool stopping_fast;
    bool ended;
    int status;
    mono_ms restart_at; /* 0: no start is due */
    mono_ms kill_at;    /* 0: the serving process may live */
};

/* -- the serving process -- */

static void send_command(struct supervisor *s, enum channel_type type)
{
    struct channel_msg m = {.type = type};
    if (s->channel >= 0 && !channel_send(s->channel, &m, -1))
        log_write(&s->log, LOG_ALERT, "the serving process %d does not listen", (int)s->child);
}

/* What belongs to the supervisor alone is given up. */
static int be_child(struct supervisor *s, int channel)
{
    (void)close(s->channel);
    (void)close(s->signals);
    sockets_close(&s->sockets);
    pid_file_forget(&s->pid_file);
    int status = serve_run(&(struct serve_args){
        .path = s->path,
        .config = s->config,
        .log = &s->log,
        .channel = channel,
        .first = !s->served,
    });
    config_unref(&s->config);
    log_fini(&s->log);
    return status;
}

static void start_child(struct supervisor *s)
{
    int ends[2];
    s->restart_at = 0;
    for (size_t i = 0; i < s->sockets.n; i++)
        s->sockets.v[i].wanted = false;
    ASSERT(channel_open(ends));
    s->channel = ends[0];
    s->child = fork();
    if (s->child == 0)
        exit(be_child(s, ends[1]));
    (void)close(ends[1]);
    if (s->child > 0)
        return;
    log_write(&s->log, LOG_ALERT, "fork: %m");
    (void)close(s->channel);
    s->channel = -1;
    s->restart_at = clock_mono_ms() + RESTARTS_MAX_MS;
}

static void end(struct supervisor *s, int status)
{
    s->ended = true;
    s->status = status;
}

/* -- what the serving process asks for -- */

static bool is_sound(const struct channel_msg *m)
{
    const struct address *a = &m->address;
    switch (a->u.sa.sa_family) {
    case AF_INET: return a->len == sizeof a->u.in4;
    case AF_INET6: return a->len == sizeof a->u.in6;
    case AF_UNIX:
        return a->len <= sizeof a->u.un &&
               memchr(a->u.un.sun_path, '\0', sizeof a->u.un.sun_path) != NULL;
    default: return false;
    }
}

static void give_socket(struct supervisor *s, const struct channel_msg *asked)
{
    struct channel_msg answer = {.type = CHANNEL_SOCKET};
    struct listen_socket *found = NULL;
    if (is_sound(asked)) {
        found = sockets_find(&s->sockets, &asked->address, asked->worker);
        errno = 0;
        if (!found)
            found = sockets_open(&s->sockets, &asked->address, asked->worker, &asked->options);
        answer.error = found ? 0 : errno;
    } else {
        answer.error = EINVAL;
    }
    if (found)
        found->wanted = true;
    if (!channel_send(s->channel, &answer, found ? found->fd : -1))
        log_write(&s->log, LOG_ALERT, "the serving process %d does not take a socket: %m",
                  (int)s->child);
}

static void drop_socket(struct supervisor *s, const struct channel_msg *m)
{
    struct listen_socket *found =
        is_sound(m) ? sockets_find(&s->sockets, &m->address, m->worker) : NULL;
    if (found)
        sockets_shut(&s->sockets, found);
}

/* Those of a serving process that crashed before it could drop them. */
static void drop_unwanted(struct supervisor *s)
{
    for (size_t i = s->sockets.n; i > 0; i--)
        if (!s->sockets.v[i - 1].wanted)
            sockets_shut(&s->sockets, &s->sockets.v[i - 1]);
}

static void on_ready(struct supervisor *s)
{
    drop_unwanted(s);
    s->served = true;
}

/* The next serving process has to start with what is in use now. */
static void on_reloaded(struct supervisor *s)
{
    struct config_errors errors;
    config_errors_init(&errors);
    struct config *config = config_load(s->path, &errors);
    config_errors_fini(&errors);
    if (config) {
        config_unref(&s->config);
        s->config = config;
        atomic_store(&s->log.level, (int)config->main.error_log_level);
    }
    send_command(s, CHANNEL_DONE);
}

static void on_message(struct supervisor *s, const struct channel_msg *m)
{
    switch (m->type) {
    case CHANNEL_LISTEN: give_socket(s, m); break;
    case CHANNEL_DROP: drop_socket(s, m); break;
    case CHANNEL_READY: on_ready(s); break;
    case CHANNEL_RELOADED: on_reloaded(s); break;
    case CHANNEL_SOCKET:
    case CHANNEL_DONE:
    case CHANNEL_STOP:
    case CHANNEL_QUIT:
    case CHANNEL_RELOAD:
    case CHANNEL_REOPEN: break;
    }
}

static void close_channel(struct supervisor *s)
{
    if (s->channel >= 0)
        (void)close(s->channel);
    s->channel = -1;
}

static void on_channel(struct supervisor *s)
{
    struct channel_msg m;
    int fd;
    enum channel_result result = CHANNEL_OK;
    while (s->channel >= 0 && result == CHANNEL_OK) {
        result = channel_receive(s->channel, &m, &fd);
        if (fd >= 0)
            (void)close(fd); /* none is expected */
        if (result == CHANNEL_OK)
            on_message(s, &m);
    }
    if (result == CHANNEL_CLOSED)
        close_channel(s);
}

/* -- its end -- */

static void log_end(struct supervisor *s, int status)
{
    if (WIFSIGNALED(status))
        log_write(&s->log, LOG_ALERT, "serving process %d ended by signal %d (%s)%s", (int)s->child,
                  WTERMSIG(status), strsignal(WTERMSIG(status)),
                  WCOREDUMP(status) ? ", core dumped" : "");
    else
        log_write(&s->log, LOG_ALERT, "serving process %d ended with status %d", (int)s->child,
                  WEXITSTATUS(status));
}

static void restart_later(struct supervisor *s)
{
    mono_ms now = clock_mono_ms();
    int64_t wait_ms = restarts_after_crash(&s->restarts, now);
    if (wait_ms > 0)
        log_write(&s->log, LOG_ALERT, "it crashes again and again: the next start is in %d ms",
                  (int)wait_ms);
    s->restart_at = now + wait_ms;
}

/* The first one has told why it cannot start, or crashes whenever it starts. */
static bool is_hopeless(const struct supervisor *s, int status)
{
    return !s->served && (WIFEXITED(status) || s->restarts.n >= RESTARTS_FREE);
}

static void on_child_end(struct supervisor *s, int status)
{
    on_channel(s); /* its last words */
    close_channel(s);
    s->kill_at = 0;
    if (s->stopping ? !s->stopping_fast && WIFSIGNALED(status) : s->served || WIFSIGNALED(status))
        log_end(s, status);
    if (s->stopping)
        end(s, EXIT_SUCCESS);
    else if (is_hopeless(s, status))
        end(s, EXIT_FAILURE);
    else
        restart_later(s);
    s->child = -1;
}

static void reap(struct supervisor *s)
{
    int status;
    if (s->child > 0 && waitpid(s->child, &status, WNOHANG) == s->child)
        on_child_end(s, status);
}

/* -- signals -- */

static void stop_fast(struct supervisor *s)
{
    if (s->child < 0) {
        end(s, EXIT_SUCCESS);
    } else if (s->stopping_fast) {
        (void)kill(s->child, SIGKILL);
    } else {
        send_command(s, CHANNEL_STOP);
        s->kill_at = clock_mono_ms() + STOP_MS;
    }
    s->stopping = true;
    s->stopping_fast = true;
}

static void shut_sockets(struct supervisor *s)
{
    while (s->sockets.n > 0)
        sockets_shut(&s->sockets, &s->sockets.v[0]);
}

static void stop_gracefully(struct supervisor *s)
{
    if (s->stopping)
        return;
    s->stopping = true;
    if (s->child < 0) {
        end(s, EXIT_SUCCESS);
        return;
    }
    send_command(s, CHANNEL_QUIT);
    shut_sockets(s);
    s->kill_at = clock_mono_ms() + s->config->proxy.shutdown_timeout_ms + QUIT_MARGIN_MS;
}

static void reopen(struct supervisor *s)
{
    if (!log_reopen(&s->log))
        log_write(&s->log, LOG_ERROR, "error_log %s: %m", s->log.path);
    privileges_give_log(&s->config->main, &s->log);
    send_command(s, CHANNEL_REOPEN);
}

static void on_signal(struct supervisor *s, int number)
{
    switch (number) {
    case SIGTERM:
    case SIGINT: stop_fast(s); break;
    case SIGQUIT: stop_gracefully(s); break;
    case SIGHUP: send_command(s, CHANNEL_RELOAD); break;
    case SIGUSR1: reopen(s); break;
    default: reap(s); break;
    }
}

static void on_signals(struct supervisor *s)
{
    struct signalfd_siginfo info;
    while (!s->ended && read(s->signals, &info, sizeof info) == (ssize_t)sizeof info)
        on_signal(s, (int)info.ssi_signo);
}

/* -- life -- */

static int wait_ms(const struct supervisor *s)
{
    mono_ms next = s->restart_at;
    if (s->kill_at != 0 && (next == 0 || s->kill_at < next))
        next = s->kill_at;
    if (next == 0)
        return -1;
    int64_t left_ms = next - clock_mono_ms();
    return left_ms < 0 ? 0 : left_ms > 60000 ? 60000 : (int)left_ms;
}

static void turn(struct supervisor *s)
{
    struct pollfd fds[] = {
        {.fd = s->signals, .events = POLLIN},
        {.fd = s->channel, .events = POLLIN},
    };
    (void)poll(fds, ARRAY_LEN(fds), wait_ms(s));
    on_channel(s);
    on_signals(s);
    mono_ms now = clock_mono_ms();
    if (s->kill_at != 0 && now >= s->kill_at) {
        log_write(&s->log, LOG_ALERT, "serving process %d does not end: killed", (int)s->child);
        (void)kill(s->child, SIGKILL);
        s->kill_at = 0;
    }
    if (!s->ended && s->restart_at != 0 && now >= s->restart_at)
        start_child(s);
}

static int open_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    const int numbers[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGCHLD};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        sigaddset(&set, numbers[i]);
    ASSERT(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static bool cannot_start(const char *what, const char *which)
{
    (void)fprintf(stderr, "mcproxy: %s%s: %s\n", what, which,
                  errno == EWOULDBLOCK ? "another mcproxy holds it" : strerror(errno));
    return false;
}

static bool set_up(struct supervisor *s)
{
    const struct main_conf *conf = &s->config->main;
    if (!log_init(&s->log, conf->error_log, conf->error_log_level))
        return cannot_start("error_log ", conf->error_log);
    privileges_give_log(conf, &s->log);
    /* Before anything listens: whoever can connect finds the file. */
    if (!pid_file_lock(&s->pid_file, conf->pid_path) || !pid_file_write(&s->pid_file))
        return cannot_start("pid file ", conf->pid_path);
    s->signals = open_signals();
    return s->signals >= 0 || cannot_start("signalfd", "");
}

int supervisor_run(const char *path, struct config *config)
{
    struct supervisor s = {
        .path = path,
        .config = config,
        .pid_file = {.fd = -1},
        .signals = -1,
        .channel = -1,
        .child = -1,
        .status = EXIT_FAILURE,
    };
    (void)signal(SIGPIPE, SIG_IGN);
    if (set_up(&s)) {
        start_child(&s);
        while (!s.ended)
            turn(&s);
    }
    shut_sockets(&s);
    sockets_close(&s.sockets);
    if (s.signals >= 0)
        (void)close(s.signals);
    pid_file_remove(&s.pid_file);
    config_unref(&s.config);
    log_fini(&s.log);
    return s.status;
}
