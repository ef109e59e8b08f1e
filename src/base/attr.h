/* Compiler attributes and the few macros that a function cannot replace. */
#pragma once

#include <stddef.h>

#define NODISCARD              __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define NORETURN               __attribute__((noreturn))
#define UNUSED                 __attribute__((unused))
#define LIKELY(x)              __builtin_expect(!!(x), 1)
#define UNLIKELY(x)            __builtin_expect(!!(x), 0)

/* gcc drops calls of a function that does nothing else; the empty statement keeps them. */
#define PREFETCH(p)            \
    do {                       \
        __builtin_prefetch(p); \
        __asm__ volatile("");  \
    } while (0)

#define ARRAY_LEN(a)                    (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
