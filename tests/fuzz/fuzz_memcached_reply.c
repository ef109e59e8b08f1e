/* Replies of a memcached server, through a real connection: whatever comes, each lookup ends
 * exactly once, and a value is never longer than allowed. The first byte chooses the protocol, the
 * read buffer and whether the probe is answered by the input too; the second where the input is cut
 * in two. */
#include "memcached/conn.h"

#include "base/assert.h"

#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#define GETS 3

enum mode {
    MODE_CLASSIC = 1,
    MODE_SMALL_BUFFER = 2,
    MODE_PROBE = 4,
    MODE_CANCEL = 8,
    MODE_LEASE = 16,
    MODE_TOLD = 32, /* of changes too */
    MODE_ORIGIN = 64,
    MODE_TEXT = 128
};

struct wire {
    struct loop *loop;
    struct mc_conf conf;
    struct mc_counters counters;
    struct mc_conn conn;
    int fd; /* the server's end */
    bool lost;
    struct mc_get gets[GETS];
    int ended[GETS];
    struct mc_get told[2]; /* a store, a delete */
    int told_ended[2];
    struct mc_text text; /* behind them */
    int text_ended;
};

static void on_nothing(struct mc_conn *c UNUSED)
{
}

static void on_lost(struct mc_conn *c, enum mc_loss why, bool busy UNUSED)
{
    struct wire *w = c->owner;
    ASSERT(why != MC_LOSS_NONE && !w->lost);
    w->lost = true;
}

static void on_get(struct mc_get *get, enum mc_result result)
{
    struct wire *w = get->owner;
    w->ended[get - w->gets]++;
    ASSERT(result != MC_PENDING);
    ASSERT((result == MC_HIT && !get->ask.no_value) == (get->blob != NULL));
    if (get->blob != NULL)
        ASSERT(get->blob->len <= w->conf.item_max_bytes);
    blob_unref(&get->blob);
}

static void on_told(struct mc_get *told, enum mc_result result)
{
    struct wire *w = told->owner;
    w->told_ended[told - w->told]++;
    ASSERT(result != MC_PENDING && told->blob == NULL);
}

static void on_text(struct mc_get *get, enum mc_result result)
{
    struct wire *w = get->owner;
    w->text_ended++;
    ASSERT(result == MC_FAILED || slice_ends(buf_slice(&w->text.reply), SLICE("\n")));
    ASSERT(buf_len(&w->text.reply) <= MC_TEXT_MAX);
}

static void ask_for_text(struct wire *w)
{
    w->text = (struct mc_text){.get.fn = on_text,
                               .get.owner = w,
                               .get.deadline = INT64_MAX / 2,
                               .get.ask.text = true,
                               .line = SLICE("stats")};
    buf_init(&w->text.reply, MC_TEXT_MAX);
    ASSERT(mc_conn_get(&w->conn, &w->text.get));
}

static void feed(struct wire *w, struct slice bytes)
{
    while (bytes.n > 0 && !w->lost) {
        ssize_t n = send(w->fd, bytes.p, bytes.n, MSG_NOSIGNAL | MSG_DONTWAIT);
        bytes = slice_skip(bytes, n > 0 ? (size_t)n : 0);
        loop_turn(w->loop, 0);
    }
    for (int i = 0; i < 3; i++)
        loop_turn(w->loop, 0);
}

static void ask(struct wire *w, int mode)
{
    struct mc_key key = {.n = 1, .text = "a"};
    struct blob *value = blob_new(5);
    value->len = 5;
    memset(value->data, 'v', 5);
    for (int i = 0; i < 2; i++)
        w->told[i] = (struct mc_get){.key = key, .fn = on_told, .owner = w};
    for (int i = 0; i < GETS; i++) {
        w->gets[i] =
            (struct mc_get){.key = key, .fn = on_get, .owner = w, .deadline = INT64_MAX / 2};
        if (mode & MODE_LEASE)
            w->gets[i].ask =
                (struct mc_ask){.cas = true, .no_value = i == 2, .lease_s = 6, .refresh_s = 600};
        if (mode & MODE_ORIGIN)
            w->gets[i].ask.origin = true;
        ASSERT(mc_conn_get(&w->conn, &w->gets[i]));
        if (i == 0)
            ASSERT(mc_conn_set(&w->conn, &key, value,
                               (struct mc_store_line){.exptime = 60, .value_bytes = value->len},
                               mode & MODE_TOLD ? &w->told[0] : NULL));
        if (i == 1)
            ASSERT(mc_conn_del(&w->conn, &key, &(struct mc_del_line){0},
                               mode & MODE_TOLD ? &w->told[1] : NULL));
    }
    if (mode & MODE_CANCEL) {
        mc_conn_forget(&w->conn, &w->gets[1]);
        w->ended[1] = 1;
    }
    blob_unref(&value);
}

static void run(struct wire *w, int mode, struct slice first, struct slice second)
{
    static const struct mc_conn_events events = {on_nothing, on_nothing, on_nothing, on_lost};
    int pair[2];
    ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    w->fd = pair[1];
    mc_conn_init(&w->conn, w->loop, &w->conf, &w->counters, &events, w);
    mc_conn_open(&w->conn, pair[0], NULL, false);
    if (!(mode & MODE_PROBE))
        feed(w, mode & MODE_CLASSIC ? SLICE("ERROR\r\nVERSION 1.4.5\r\n")
                                    : SLICE("MN\r\nVERSION 1.6.18\r\nEND\r\n"));
    bool asked = mc_conn_is_ready(&w->conn);
    if (asked)
        ask(w, mode);
    if (asked && mode & MODE_TEXT)
        ask_for_text(w);
    feed(w, first);
    feed(w, second);
    ASSERT(w->conn.item_max_bytes <= w->conf.item_max_bytes);
    mc_conn_close(&w->conn, MC_LOSS_CLOSED);
    for (int i = 0; asked && i < GETS; i++)
        ASSERT(w->ended[i] == 1);
    for (int i = 0; asked && mode & MODE_TOLD && i < 2; i++)
        ASSERT(w->told_ended[i] == 1);
    ASSERT(w->text_ended == (asked && mode & MODE_TEXT));
    buf_fini(&w->text.reply);
    mc_conn_fini(&w->conn);
    (void)close(w->fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct slice in = slice_make((const char *)data + 2, size - 2);
    struct wire w = {.loop = loop_new(), .conf = mc_conf_default()};
    w.conf.item_max_bytes = 100000;
    w.conf.read_timeout_ms = 1000000;
    w.conf.send_timeout_ms = 1000000;
    if (data[0] & MODE_SMALL_BUFFER)
        w.conf.read_buffer_bytes = MC_READ_BUFFER_MIN;
    size_t cut = in.n * data[1] / 256;
    run(&w, data[0], slice_take(in, cut), slice_skip(in, cut));
    loop_free(&w.loop);
    return 0;
}
