/* Values of a memcached pool, compressed (zstd). No I/O. A packed value is "mcpz", the length of
 * the plain value (u32, little endian) and one zstd frame of it. It is told from a plain value by
 * its first bytes: so every plain value that shares keys with packed ones has to begin with bytes
 * of its own, as stored responses do. */
#pragma once

#include "base/blob.h"
#include "cache/cache_conf.h"
#include "cache/store.h"

/* Of a plain value: packing so much takes about 5 ms, for which the worker's other connections
 * wait. A longer one is left as it is; a packed one that claims to be longer is none. */
#define PACK_BYTES_MAX (1024 * 1024)

/* What compressing and expanding need again and again; of one thread. */
struct pack;
NODISCARD struct pack *pack_new(void);
void pack_free(struct pack **);

/* Whether compressing this response is likely to be worth it: on, its media type is one of those
 * listed, its content has no coding of its own and is long enough. Borrows both. */
bool pack_suits(const struct cache_compress *, const struct stored_view *);
/* The packed form of `plain`, one reference. NULL: too long, or it does not get smaller by at least
 * an eighth, or there is no memory. `level` is zstd's, 1 to 19. */
struct blob *pack_close(struct pack *, struct slice plain, int level);
/* Whether a value claims to be packed. */
bool pack_is_closed(struct slice value);
/* The plain value of foreign bytes that claim to be packed, one reference; allocates no more than
 * they declare and PACK_BYTES_MAX allows. NULL: they are nothing that pack_close makes. */
struct blob *pack_open(struct pack *, struct slice packed);
/* The stored response of `key` that a value is, packed or not. Takes `value` in either case. NULL:
 * it is none, `*why` says it. */
struct entry *pack_entry(struct pack *, struct blob *value, struct slice key,
                         enum stored_check *why);
