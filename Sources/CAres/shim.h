#pragma once
/* The C library's types belong to Swift's own module of it, not to whichever library includes them first. */
#pragma clang module import SwiftGlibc
#include <netdb.h>
#include <arpa/nameser.h>
#include <ares.h>
#include <stdint.h>

/* Microseconds until the channel wants to be processed, or -1 if it does not. */
static inline int64_t cares_timeout(ares_channel channel) {
    struct timeval time;
    if (!ares_timeout(channel, NULL, &time)) return -1;
    return (int64_t)time.tv_sec * 1000000 + time.tv_usec;
}
