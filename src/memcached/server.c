#include "memcached/server.h"

#include "base/assert.h"
#include "base/hash.h"
#include "memcached/server_connect.h"

static void server_on_waiting_deadline(struct timer *);
static void conn_on_ready(struct mc_conn *);
static void conn_on_answers(struct mc_conn *);
static void conn_on_late(struct mc_conn *);
static void conn_on_lost(struct mc_conn *, enum mc_loss, bool busy);
static const struct mc_conn_events conn_events = {conn_on_ready, conn_on_answers, conn_on_late,
                                                  conn_on_lost};

void mc_server_init(struct mc_server *s, const struct mc_server_env *env,
                    const struct mc_server_conf *conf)
{
    *s = (struct mc_server){.env = env, .conf = conf, .patient = true, .random = hash_seed_new()};
    mc_breaker_init(&s->breaker, env->conf->breaker_fails, env->conf->breaker_probe_ms);
    mc_conn_init(&s->conn, env->loop, env->conf, &s->counters, &conn_events, s);
    list_init(&s->waiting);
    timer_init(&s->waiting_deadline, server_on_waiting_deadline, s);
    mc_server_connect_init(s);
}

void mc_server_leave(struct mc_server *s)
{
    mc_conn_close(&s->conn, MC_LOSS_MOVED);
    mc_server_fail_waiting(s);
}

void mc_server_fini(struct mc_server *s)
{
    ASSERT(list_empty(&s->waiting));
    timer_cancel(&s->waiting_deadline);
    mc_server_connect_fini(s);
    mc_conn_fini(&s->conn);
    tls_session_forget(&s->session);
}

/* -- lookups that wait for the connection -- */

static struct mc_get *first_waiting(const struct mc_server *s)
{
    return list_empty(&s->waiting) ? NULL : list_entry(s->waiting.next, struct mc_get, link);
}

static void fail_get(struct mc_server *s, struct mc_get *get, enum mc_counter reason)
{
    list_remove(&get->link);
    mc_count(&s->counters, reason, 1);
    mc_lookup_end(get, MC_FAILED, reason == MC_TIMEOUTS ? MC_FAILURE_TIMEOUT : MC_FAILURE_ERROR);
}

static void server_on_waiting_deadline(struct timer *t)
{
    struct mc_server *s = t->owner;
    mono_ms now = loop_now(s->env->loop);
    struct mc_get *get = first_waiting(s);
    while (get != NULL && get->deadline <= now) {
        s->patient = false; /* those that come from now on need not pay too */
        fail_get(s, get, MC_TIMEOUTS);
        get = first_waiting(s);
    }
    if (get != NULL)
        timer_set(s->env->loop, t, get->deadline - now);
}

static void wait_for_connection(struct mc_server *s, struct mc_get *get)
{
    get->seq = 0;
    list_push_back(&s->waiting, &get->link);
    if (!timer_is_set(&s->waiting_deadline))
        timer_set(s->env->loop, &s->waiting_deadline, s->env->conf->read_timeout_ms);
}

static void send_waiting(struct mc_server *s)
{
    timer_cancel(&s->waiting_deadline);
    for (struct mc_get *get = first_waiting(s); get != NULL; get = first_waiting(s)) {
        list_remove(&get->link);
        if (!mc_conn_get(&s->conn, get))
            fail_get(s, get, MC_UNAVAILABLE);
    }
}

/* Only those that wait now: a callback may bring new ones, which are refused. */
void mc_server_fail_waiting(struct mc_server *s)
{
    timer_cancel(&s->waiting_deadline);
    s->patient = false;
    for (struct mc_get *get = first_waiting(s); get != NULL; get = first_waiting(s))
        fail_get(s, get, MC_ERRORS);
}

/* -- what the connection tells -- */

static void conn_on_ready(struct mc_conn *c)
{
    struct mc_server *s = c->owner;
    mc_server_up(s);
    s->patient = true;
    send_waiting(s);
}

static void conn_on_answers(struct mc_conn *c)
{
    struct mc_server *s = c->owner;
    mc_breaker_ok(&s->breaker);
}

static void conn_on_late(struct mc_conn *c)
{
    struct mc_server *s = c->owner;
    if (s->breaker.fails + 1 >= s->breaker.fails_max)
        mc_conn_close(c, MC_LOSS_TIMEOUT); /* counts as the failure that opens it */
    else
        (void)mc_breaker_fail(&s->breaker);
}

static void fail_for(struct mc_server *s, const struct mc_conn *c, enum mc_loss why)
{
    if (why == MC_LOSS_TLS)
        mc_server_failed_tls(s, c->tls_problem);
    else
        mc_server_failed(s, mc_loss_text(why));
}

static void conn_on_lost(struct mc_conn *c, enum mc_loss why, bool busy)
{
    struct mc_server *s = c->owner;
    bool idle = !busy && (why == MC_LOSS_CLOSED || why == MC_LOSS_TLS); /* ended without a word */
    bool unanswered = why == MC_LOSS_CLOSED && c->protocol == NULL && !c->noop_answered;
    if (unanswered && mc_server_mn_closed(s))
        mc_server_attempt(s);
    else if (why == MC_LOSS_MOVED || idle)
        mc_server_reconnect(s);
    else
        fail_for(s, c, why);
}

/* -- commands -- */

enum mc_result mc_server_get(struct mc_server *s, struct mc_get *get)
{
    mc_count(&s->counters, MC_GETS, 1);
    get->deadline = loop_now(s->env->loop) + s->env->conf->read_timeout_ms;
    if (mc_conn_is_ready(&s->conn)) {
        if (!mc_conn_get(&s->conn, get)) {
            mc_count(&s->counters, MC_UNAVAILABLE, 1);
            return MC_FAILED;
        }
    } else if (s->patient && mc_server_is_connecting(s)) {
        wait_for_connection(s, get);
    } else {
        mc_count(&s->counters, MC_UNAVAILABLE, 1);
        return MC_FAILED;
    }
    get->server = s;
    return MC_PENDING;
}

void mc_server_forget(struct mc_server *s, struct mc_get *get)
{
    if (get->seq == 0)
        list_remove(&get->link);
    else
        mc_conn_forget(&s->conn, get);
    get->server = NULL;
}

bool mc_server_set(struct mc_server *s, const struct mc_key *key, struct blob *value,
                   struct mc_store_line line, struct mc_get *told)
{
    if (value->len + key->n + MC_ITEM_OVERHEAD_BYTES > s->conn.item_max_bytes) {
        mc_count(&s->counters, MC_SETS_TOO_LONG, 1);
        return false;
    }
    /* Which of two stores was refused must be known where not all are quiet: the error says not. */
    line.told = s->env->conf->replicas > 1;
    bool sent = mc_conn_is_ready(&s->conn) && mc_conn_set(&s->conn, key, value, line, told);
    mc_count(&s->counters, sent ? MC_SETS : MC_SETS_DROPPED, 1);
    if (sent && told != NULL)
        told->server = s;
    return sent;
}

bool mc_server_del_told(struct mc_server *s, const struct mc_key *key, struct mc_del_line line,
                        struct mc_get *told)
{
    bool ready = mc_conn_is_ready(&s->conn);
    if (ready && line.cas != 0 && !s->conn.protocol->has_leases)
        return false;
    bool sent = ready && mc_conn_del(&s->conn, key, &line, told);
    mc_count(&s->counters, sent ? MC_DELETES : MC_ERRORS, 1);
    if (sent && told != NULL)
        told->server = s;
    return sent;
}

void mc_server_del(struct mc_server *s, const struct mc_key *key, struct mc_del_line line)
{
    (void)mc_server_del_told(s, key, line, NULL);
}

void mc_server_touch(struct mc_server *s, const struct mc_key *key, uint32_t ttl_s)
{
    if (mc_conn_is_ready(&s->conn) && s->conn.protocol->has_leases &&
        !mc_conn_touch(&s->conn, key, ttl_s))
        mc_count(&s->counters, MC_ERRORS, 1);
}
