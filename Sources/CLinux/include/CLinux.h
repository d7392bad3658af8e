#pragma once
#if __has_feature(modules)
/* The C library's types belong to Swift's own module of it, not to whichever library includes them first. */
#pragma clang module import SwiftGlibc
#endif
/* What Swift's Glibc module does not show: epoll, eventfd, accept4 and the clocks they go with;
 * and a signal handler, which may call nothing that takes a lock. */
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/* One readiness event: the kernel's mask, and the registration number given to clinux_epoll_add. */
struct clinux_event {
    uint32_t mask;
    uint64_t data;
};

enum {
    CLINUX_IN = 0x001,
    CLINUX_OUT = 0x004,
    CLINUX_ERR = 0x008,
    CLINUX_HUP = 0x010,
    CLINUX_RDHUP = 0x2000,
};
extern const uint32_t clinux_edge_triggered;
extern const uint32_t clinux_exclusive;

int clinux_epoll_create(void);
int clinux_epoll_add(int epoll, int fd, uint32_t mask, uint64_t data);
int clinux_epoll_modify(int epoll, int fd, uint32_t mask, uint64_t data);
int clinux_epoll_remove(int epoll, int fd);
/* Fills at most `capacity` events; timeout in milliseconds, -1 for ever. */
int clinux_epoll_wait(int epoll, struct clinux_event *events, int capacity, int timeout);

/* Names the calling thread, at most 15 octets, as ps and gdb show it. */
void clinux_name_thread(const char *name);

int clinux_eventfd(void);
/* A non-blocking, close-on-exec descriptor of the next waiting connection. */
int clinux_accept(int fd, struct sockaddr *address, socklen_t *length);
int clinux_socket(int family, int type);

/* Nanoseconds since boot, sleep included (CLOCK_BOOTTIME). */
uint64_t clinux_boottime(void);
/* Nanoseconds of processor time that this process has used. */
uint64_t clinux_processor_time(void);
/* Nanoseconds since 1970 (CLOCK_REALTIME). */
uint64_t clinux_realtime(void);
/* Nanoseconds since boot, sleep left out (CLOCK_MONOTONIC). */
uint64_t clinux_monotonic(void);

/* Starts to catch `signals`: each arrives as one octet on the returned descriptor. Once a process. */
int clinux_catch_signals(const int *signals, int count);
