/* Numbers in formats that leave the process: little endian. Each moves the cursor behind what it
 * wrote or read; the caller has made sure of the room. */
#pragma once

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline void le_put_u16(char **at, uint16_t v)
{
    uint16_t le = htole16(v);
    memcpy(*at, &le, sizeof(le));
    *at += sizeof(le);
}

static inline void le_put_u32(char **at, uint32_t v)
{
    uint32_t le = htole32(v);
    memcpy(*at, &le, sizeof(le));
    *at += sizeof(le);
}

static inline void le_put_u64(char **at, uint64_t v)
{
    uint64_t le = htole64(v);
    memcpy(*at, &le, sizeof(le));
    *at += sizeof(le);
}

static inline void le_put_i64(char **at, int64_t v)
{
    le_put_u64(at, (uint64_t)v);
}

static inline uint16_t le_take_u16(const char **at)
{
    uint16_t le;
    memcpy(&le, *at, sizeof(le));
    *at += sizeof(le);
    return le16toh(le);
}

static inline uint32_t le_take_u32(const char **at)
{
    uint32_t le;
    memcpy(&le, *at, sizeof(le));
    *at += sizeof(le);
    return le32toh(le);
}

static inline uint64_t le_take_u64(const char **at)
{
    uint64_t le;
    memcpy(&le, *at, sizeof(le));
    *at += sizeof(le);
    return le64toh(le);
}

static inline int64_t le_take_i64(const char **at)
{
    return (int64_t)le_take_u64(at);
}
