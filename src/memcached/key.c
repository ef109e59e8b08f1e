#include "memcached/key.h"

#include "base/assert.h"

#include <openssl/evp.h>
#include <stdlib.h>

#define DIGEST_BYTES 32

struct mc_key_maker {
    EVP_MD *sha256;
    EVP_MD_CTX *digest;
};

struct mc_key_maker *mc_key_maker_new(void)
{
    struct mc_key_maker *maker = calloc(1, sizeof(*maker));
    ASSERT(maker != NULL);
    maker->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    maker->digest = EVP_MD_CTX_new();
    if (maker->sha256 == NULL || maker->digest == NULL)
        mc_key_maker_free(&maker);
    return maker;
}

void mc_key_maker_free(struct mc_key_maker **maker_p)
{
    struct mc_key_maker *maker = *maker_p;
    if (maker == NULL)
        return;
    EVP_MD_CTX_free(maker->digest);
    EVP_MD_free(maker->sha256);
    free(maker);
    *maker_p = NULL;
}

bool mc_key_prefix_valid(struct slice prefix)
{
    if (prefix.n > MC_KEY_PREFIX_MAX)
        return false;
    for (size_t i = 0; i < prefix.n; i++)
        if (prefix.p[i] <= ' ' || prefix.p[i] > '~')
            return false;
    return true;
}

/* RFC 4648 section 5, without padding: 43 characters. */
static void base64url(const uint8_t in[DIGEST_BYTES], char *out)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t i = 0;
    for (; i + 3 <= DIGEST_BYTES; i += 3) {
        uint32_t bits = (uint32_t)in[i] << 16 | (uint32_t)in[i + 1] << 8 | in[i + 2];
        *out++ = alphabet[bits >> 18];
        *out++ = alphabet[bits >> 12 & 63];
        *out++ = alphabet[bits >> 6 & 63];
        *out++ = alphabet[bits & 63];
    }
    uint32_t last = (uint32_t)in[i] << 8 | in[i + 1]; /* 16 bits are left of 32 bytes */
    *out++ = alphabet[last >> 10];
    *out++ = alphabet[last >> 4 & 63];
    *out = alphabet[last << 2 & 63];
}

void mc_key_make(struct mc_key_maker *maker, struct slice prefix, struct slice bytes,
                 struct mc_key *out)
{
    uint8_t digest[DIGEST_BYTES];
    out->escaped = false;
    ASSERT(EVP_DigestInit_ex2(maker->digest, maker->sha256, NULL) == 1);
    ASSERT(EVP_DigestUpdate(maker->digest, bytes.p, bytes.n) == 1);
    ASSERT(EVP_DigestFinal_ex(maker->digest, digest, NULL) == 1);
    char *at = out->text;
    if (prefix.n > 0) {
        ASSERT(prefix.n <= MC_KEY_PREFIX_MAX);
        memcpy(at, prefix.p, prefix.n);
        at += prefix.n;
        *at++ = ':';
    }
    base64url(digest, at);
    out->n = (uint8_t)(at + MC_KEY_HASH_TEXT - out->text);
}

/* -- keys that are shared with others -- */

static bool needs_escape(uint8_t c)
{
    return c <= ' ' || c == '%';
}

bool mc_key_escape(struct slice bytes, struct mc_key *out)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t n = 0;
    out->escaped = false;
    for (size_t i = 0; i < bytes.n; i++) {
        uint8_t c = (uint8_t)bytes.p[i];
        bool escape = needs_escape(c);
        if (n + (escape ? 3 : 1) > MC_KEY_MAX)
            return false;
        if (!escape) {
            out->text[n++] = (char)c;
            continue;
        }
        out->text[n++] = '%';
        out->text[n++] = hex[c >> 4];
        out->text[n++] = hex[c & 15];
        out->escaped = true;
    }
    out->n = (uint8_t)n;
    return n > 0;
}

static unsigned hex_value(char digit)
{
    return digit <= '9' ? (unsigned)(digit - '0') : (unsigned)(digit - 'A') + 10;
}

struct slice mc_key_unescape(const struct mc_key *key, char *buf)
{
    if (!key->escaped)
        return mc_key_slice(key);
    size_t n = 0;
    for (size_t i = 0; i < key->n; i++) {
        char c = key->text[i];
        if (c == '%') {
            c = (char)(hex_value(key->text[i + 1]) << 4 | hex_value(key->text[i + 2]));
            i += 2;
        }
        buf[n++] = c;
    }
    return slice_make(buf, n);
}
