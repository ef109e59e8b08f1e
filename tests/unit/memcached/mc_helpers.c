#include "mc_helpers.h"

#include "base/assert.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* -- rig -- */

void rig_init(struct rig *rig)
{
    *rig = (struct rig){.conf = mc_conf_default()};
    rig->loop = loop_new();
    rig->conf.name = SLICE("pages");
    rig->conf.connect_timeout_ms =
        CALM_MS; /* a busy machine is no fault, but where a test says so */
    rig->conf.read_timeout_ms = CALM_MS;
    rig->conf.send_timeout_ms = CALM_MS;
    rig->conf.servers = rig->servers;
    (void)snprintf(rig->log_path, sizeof(rig->log_path), "/tmp/mcproxy-test-XXXXXX");
    int fd = mkstemp(rig->log_path);
    assert_true(fd >= 0);
    (void)close(fd);
    assert_true(log_init(&rig->log, rig->log_path, LOG_DEBUG));
}

void rig_add(struct rig *rig, const char *address)
{
    size_t i = rig->conf.servers_n++;
    ASSERT(i < SERVERS_MAX);
    (void)snprintf(rig->texts[i], sizeof(rig->texts[i]), "%s", address);
    rig->servers[i] = (struct mc_server_conf){.text = slice_of(rig->texts[i]), .weight = 1};
    assert_true(endpoint_parse(rig->servers[i].text, &rig->servers[i].endpoint));
}

void rig_open(struct rig *rig)
{
    rig->pool = mc_pool_new(rig->loop, NULL, &rig->log, &rig->conf);
    assert_non_null(rig->pool);
}

void rig_fini(struct rig *rig)
{
    mc_pool_free(&rig->pool);
    assert_null(rig->pool);
    loop_free(&rig->loop);
    log_fini(&rig->log);
    (void)unlink(rig->log_path);
}

size_t rig_logged(struct rig *rig, const char *text)
{
    static char all[1 << 16];
    int fd = open(rig->log_path, O_RDONLY);
    ssize_t n = read(fd, all, sizeof(all) - 1);
    (void)close(fd);
    assert_true(n >= 0);
    all[n] = '\0';
    size_t count = 0;
    for (const char *at = strstr(all, text); at != NULL; at = strstr(at + 1, text))
        count++;
    return count;
}

void rig_turns(struct rig *rig, int64_t ms)
{
    mono_ms end = clock_mono_ms() + ms;
    for (mono_ms now = clock_mono_ms(); now < end; now = clock_mono_ms())
        loop_turn(rig->loop, end - now);
}

uint64_t rig_count(const struct rig *rig, enum mc_counter which)
{
    uint64_t sums[MC_COUNTER_N] = {0};
    mc_pool_sum(rig->pool, sums);
    return sums[which];
}

void rig_until_state(struct rig *rig, size_t server, enum mc_server_state state)
{
    mono_ms end = clock_mono_ms() + PATIENCE_MS;
    while (mc_pool_server_state(rig->pool, server) != state && clock_mono_ms() < end)
        loop_turn(rig->loop, 20);
    assert_string_equal(mc_server_state_text(mc_pool_server_state(rig->pool, server)),
                        mc_server_state_text(state));
}

void rig_until_count(struct rig *rig, enum mc_counter which, uint64_t count)
{
    mono_ms end = clock_mono_ms() + PATIENCE_MS;
    while (rig_count(rig, which) < count && clock_mono_ms() < end)
        loop_turn(rig->loop, 20);
    assert_true(rig_count(rig, which) >= count);
}

/* -- lookups -- */

void probe_on_get(struct mc_get *get, enum mc_result result)
{
    struct probe *p = get->owner;
    p->calls++;
    p->result = result;
    p->took_ms = clock_mono_ms() - p->started;
}

void key_of(const char *text, struct mc_key *out)
{
    out->n = (uint8_t)strlen(text);
    memcpy(out->text, text, out->n);
}

void probe_start(struct rig *rig, struct probe *p, const char *key)
{
    probe_ask(rig, p, key, (struct mc_ask){0});
}

void probe_ask(struct rig *rig, struct probe *p, const char *key, struct mc_ask ask)
{
    *p = (struct probe){.get = {.ask = ask, .fn = probe_on_get, .owner = p},
                        .started = clock_mono_ms()};
    key_of(key, &p->get.key);
    p->result = mc_pool_get(rig->pool, &p->get);
    assert_int_equal(p->calls, 0); /* never from within */
}

bool probe_done(const struct probe *p)
{
    return p->result != MC_PENDING;
}

enum mc_result rig_get(struct rig *rig, const char *key, struct probe *p)
{
    probe_start(rig, p, key);
    return rig_await(rig, p);
}

enum mc_result rig_await(struct rig *rig, struct probe *p)
{
    mono_ms end = clock_mono_ms() + PATIENCE_MS;
    while (!probe_done(p) && clock_mono_ms() < end)
        loop_turn(rig->loop, 100);
    assert_true(probe_done(p));
    return p->result;
}

void probe_expect(struct probe *p, const char *expected)
{
    assert_int_equal(p->result, MC_HIT);
    assert_int_equal(p->calls, 1);
    assert_non_null(p->get.blob);
    assert_int_equal(p->get.blob->len, strlen(expected));
    assert_memory_equal(p->get.blob->data, expected, strlen(expected));
    blob_unref(&p->get.blob);
}

struct blob *blob_of(const char *text)
{
    struct blob *b = blob_new(strlen(text));
    assert_non_null(b);
    memcpy(b->data, text, strlen(text));
    b->len = strlen(text);
    return b;
}

void rig_set(struct rig *rig, const char *key, const char *value, int64_t ttl_s)
{
    struct blob *b = blob_of(value);
    struct mc_key k;
    key_of(key, &k);
    mc_pool_set(rig->pool, &k, b, 1, ttl_s);
    blob_unref(&b);
}

/* -- a real memcached -- */

uint16_t free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    (void)close(fd);
    return ntohs(at.sin_port);
}

static bool answers(const struct address *at)
{
    int fd = socket(at->u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = connect(fd, &at->u.sa, at->len) == 0;
    (void)close(fd);
    return ok;
}

/* `where`: how it listens, NULL at the end. The child dies with the test. */
static void spawn(struct memcached *m, const char *const where[4])
{
    struct endpoint endpoint;
    struct address at;
    assert_true(endpoint_parse(slice_of(m->address), &endpoint));
    assert_true(address_from_endpoint(&endpoint, &at));
    m->pid = fork();
    assert_true(m->pid >= 0);
    if (m->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)execlp("memcached", "memcached", "-u", "root", "-U", "0", "-t", "1", "-m", "32",
                     where[0], where[1], where[2], where[3], (char *)NULL);
        _exit(127);
    }
    mono_ms end = clock_mono_ms() + PATIENCE_MS;
    while (!answers(&at) && clock_mono_ms() < end)
        (void)usleep(5000); /* the child tells nobody when it listens */
    assert_true(answers(&at));
}

void memcached_start(struct memcached *m)
{
    m->port = free_port();
    (void)snprintf(m->address, sizeof(m->address), "127.0.0.1:%u", m->port);
    memcached_start_again(m);
}

void rig_start(struct rig *rig, struct memcached *m)
{
    memcached_start(m);
    rig_init(rig);
    rig_add(rig, m->address);
    rig_open(rig);
    rig_until_state(rig, 0, MC_SERVER_UP);
}

void memcached_start_again(struct memcached *m)
{
    char port[8];
    (void)snprintf(port, sizeof(port), "%u", m->port);
    spawn(m, (const char *const[]){"-l", "127.0.0.1", "-p", port});
}

void memcached_start_unix(struct memcached *m, const char *path)
{
    (void)snprintf(m->address, sizeof(m->address), "unix:%s", path);
    spawn(m, (const char *const[]){"-s", path, NULL, NULL});
}

void memcached_kill(struct memcached *m)
{
    assert_int_equal(kill(m->pid, SIGKILL), 0);
    assert_int_equal(waitpid(m->pid, NULL, 0), m->pid);
    m->pid = 0;
}

void memcached_stop(struct memcached *m)
{
    int status = 0;
    assert_int_equal(kill(m->pid, SIGSTOP), 0);
    assert_int_equal(waitpid(m->pid, &status, WUNTRACED), m->pid); /* it stops a little later */
    assert_true(WIFSTOPPED(status));
}

void memcached_continue(struct memcached *m)
{
    assert_int_equal(kill(m->pid, SIGCONT), 0);
}
