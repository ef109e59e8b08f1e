/* The two protocols of memcached as text: commands written, reply lines parsed. Pure: no I/O, no
 * allocation. Strict: a line that is not exactly a reply that we can have asked for is
 * MC_PARSE_BAD, and framing is lost with it. */
#pragma once

#include "base/attr.h"
#include "base/clock.h"
#include "base/slice.h"
#include "memcached/key.h"

#include <stdbool.h>
#include <stdint.h>

#define MC_COMMAND_MAX (MC_KEY_MAX + 128) /* longest line that a writer makes */
#define MC_LINE_MAX    2048               /* longest reply line; error texts are the long ones */

/* What a lookup asks for beside the value; only the meta protocol can tell. */
struct mc_ask {
    bool cas;      /* the item's version */
    bool no_value; /* nothing but the version */
    bool origin;   /* what the item was stored with, to store it elsewhere: flags and time left */
    uint32_t lease_s;   /* a miss leaves an empty item (a stub) for so long, and one of all who look
                           wins it; 0: no lease */
    uint32_t refresh_s; /* with a lease: one of all who look wins an item that has less than this
                           left to live */
    uint32_t touch_s;   /* gives the item so long to live from now on; 0: leaves it */
    bool foreign;       /* others store it: an empty value is a value; and its flags */
    bool text;          /* none of these: a command of struct mc_text */
};

/* What is told about the item. */
struct mc_item {
    uint64_t cas;   /* its version; 0: not told */
    uint32_t flags; /* the item flags that it was stored with; 0: not told */
    int32_t ttl_s;  /* left to live; -1: for ever, 0: not told */
    bool won;       /* W: we are the one that fetches */
    bool taken;     /* Z: another one has won it */
    bool stale;     /* X: marked stale */
};

enum mc_reply_kind {
    MC_REPLY_VALUE,        /* VA, VALUE: `value_bytes` follow, then the protocol's `value_tail` */
    MC_REPLY_MISS,         /* EN, END */
    MC_REPLY_DONE,         /* HD, STORED, DELETED */
    MC_REPLY_NOT_STORED,   /* NS, NOT_STORED */
    MC_REPLY_EXISTS,       /* EX, EXISTS */
    MC_REPLY_NOT_FOUND,    /* NF, NOT_FOUND */
    MC_REPLY_NOOP,         /* MN */
    MC_REPLY_VERSION,      /* `text` is the version */
    MC_REPLY_ERROR,        /* ERROR: the command is unknown there */
    MC_REPLY_CLIENT_ERROR, /* `text` says why; the server may have taken data for commands */
    MC_REPLY_SERVER_ERROR, /* `text` says why; framing is intact */
};

struct mc_reply {
    enum mc_reply_kind kind;
    size_t line_bytes;  /* with its CRLF */
    size_t value_bytes; /* MC_REPLY_VALUE */
    bool has_opaque;
    uint32_t opaque;
    struct mc_item item; /* VALUE and DONE of the meta protocol, as far as it was asked for */
    struct slice key;    /* MC_REPLY_VALUE of the classic protocol */
    struct slice text;   /* VERSION and the last two errors */
};

enum mc_parse { MC_PARSE_OK, MC_PARSE_MORE, MC_PARSE_BAD };

/* What a store says about its value. */
struct mc_store_line {
    uint32_t flags;
    uint32_t exptime; /* mc_exptime */
    size_t value_bytes;
    uint64_t cas; /* stored only over the item of this version; 0: over any */
    bool add;     /* stored only where nothing is */
    bool told;    /* success is answered too, with `opaque` where the protocol has it */
    uint32_t opaque;
};

/* What is to be removed. */
struct mc_del_line {
    uint64_t cas; /* only the item of this version; 0: any */
    bool mark;    /* marks it stale instead, which lets one who looks win it */
};

/* Writers need MC_COMMAND_MAX bytes and return how many they wrote. */
struct mc_protocol {
    const char *name;
    size_t (*write_get)(char *, const struct mc_key *, const struct mc_ask *, uint32_t opaque);
    size_t (*write_del)(char *, const struct mc_key *, const struct mc_del_line *, uint32_t opaque);
    /* Quiet, unless `told`: at most a failure is answered. The value and CRLF follow the line. */
    size_t (*write_set)(char *, const struct mc_key *, const struct mc_store_line *);
    /* One reply line at the start of `in`. A value's length is checked against `value_max_bytes`
     * here, before anybody allocates. */
    enum mc_parse (*parse)(struct slice in, size_t value_max_bytes, struct mc_reply *);
    struct slice value_tail; /* what stands behind a value's bytes */
    bool has_leases;         /* versions, leases, stores and deletes of one version */
    bool tells_failures;     /* of quiet stores */
    bool echoes_opaque;      /* a value without its opaque is a lie */
};

extern const struct mc_protocol mc_protocol_meta;
extern const struct mc_protocol mc_protocol_classic;

/* Relative up to 30 days; beyond, memcached takes the number for a date: the date, clamped to what
 * it can hold. At least 1: 0 would mean for ever. */
uint32_t mc_exptime(int64_t ttl_s, wall_s now);

/* `1.6.10` and later has the meta commands in the form that we write. Text that is no version:
 * false. */
bool mc_version_has_meta(struct slice version);
