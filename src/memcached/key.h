/* Keys as memcached sees them. Every command takes a `struct mc_key`, and only the two functions
 * below fill one from outside bytes: mc_key_make with a hash of them, mc_key_escape with them as
 * other clients write them. So no byte of a client ever breaks a command.
 */
#pragma once

#include "base/attr.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define MC_KEY_MAX        250 /* bytes that memcached takes */
#define MC_KEY_HASH_TEXT  43  /* base64url of 32 bytes, without padding */
#define MC_KEY_PREFIX_MAX (MC_KEY_MAX - MC_KEY_HASH_TEXT - 1)

struct mc_key {
    uint8_t n;
    bool escaped; /* by mc_key_escape, which has changed it */
    char text[MC_KEY_MAX];
};
static inline struct slice mc_key_slice(const struct mc_key *k)
{
    return slice_make(k->text, k->n);
}

/* Makes keys; holds the digest, fetched once. One per worker. */
struct mc_key_maker;
/* NULL: the crypto library has no SHA-256. */
NODISCARD struct mc_key_maker *mc_key_maker_new(void);
void mc_key_maker_free(struct mc_key_maker **);

/* May stand before the hash: at most MC_KEY_PREFIX_MAX bytes, printable ASCII without SP. */
NODISCARD bool mc_key_prefix_valid(struct slice prefix);
/* `prefix:` (nothing for an empty prefix) and the base64url text of SHA-256 of `bytes`. `prefix`
 * must be valid. */
void mc_key_make(struct mc_key_maker *, struct slice prefix, struct slice bytes,
                 struct mc_key *out);

/* `bytes` themselves, for values that are shared with other clients: as nginx's memcached module
 * escapes them, which writes the bytes 0x00 to 0x20 and `%` as %XX and nothing else. False: empty,
 * or longer than MC_KEY_MAX then; no server has such a key. */
NODISCARD bool mc_key_escape(struct slice bytes, struct mc_key *out);
/* What mc_key_escape was given; `buf` has room for MC_KEY_MAX bytes. nginx's `hash` places keys by
 * it. */
struct slice mc_key_unescape(const struct mc_key *, char *buf);
