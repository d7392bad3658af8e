#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

const uint32_t clinux_edge_triggered = EPOLLET;
const uint32_t clinux_exclusive = EPOLLEXCLUSIVE;

int clinux_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

static int control(int epoll, int operation, int fd, uint32_t mask, uint64_t data) {
    struct epoll_event event = {.events = mask, .data.u64 = data};
    return epoll_ctl(epoll, operation, fd, &event);
}

int clinux_epoll_add(int epoll, int fd, uint32_t mask, uint64_t data) {
    return control(epoll, EPOLL_CTL_ADD, fd, mask, data);
}

int clinux_epoll_modify(int epoll, int fd, uint32_t mask, uint64_t data) {
    return control(epoll, EPOLL_CTL_MOD, fd, mask, data);
}

int clinux_epoll_remove(int epoll, int fd) { return control(epoll, EPOLL_CTL_DEL, fd, 0, 0); }

int clinux_epoll_wait(int epoll, struct clinux_event *events, int capacity, int timeout) {
    struct epoll_event raw[256];
    int count = epoll_wait(epoll, raw, capacity < 256 ? capacity : 256, timeout);
    for (int i = 0; i < count; i++) events[i] = (struct clinux_event){.mask = raw[i].events, .data = raw[i].data.u64};
    return count;
}

void clinux_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

int clinux_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

int clinux_accept(int fd, struct sockaddr *address, socklen_t *length) {
    return accept4(fd, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int clinux_socket(int family, int type) { return socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

static uint64_t nanoseconds(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

uint64_t clinux_boottime(void) { return nanoseconds(CLOCK_BOOTTIME); }
uint64_t clinux_realtime(void) { return nanoseconds(CLOCK_REALTIME); }
uint64_t clinux_processor_time(void) { return nanoseconds(CLOCK_PROCESS_CPUTIME_ID); }
uint64_t clinux_monotonic(void) { return nanoseconds(CLOCK_MONOTONIC); }

static int signal_pipe[2] = {-1, -1};

static void on_signal(int signal) {
    int saved = errno;
    unsigned char octet = (unsigned char)signal;
    ssize_t ignored = write(signal_pipe[1], &octet, 1);
    (void)ignored;
    errno = saved;
}

int clinux_catch_signals(const int *signals, int count) {
    if (signal_pipe[0] < 0) {
        if (pipe2(signal_pipe, O_CLOEXEC) < 0) return -1;
        /* A full pipe must not stop whom the signal interrupts. */
        fcntl(signal_pipe[1], F_SETFL, O_NONBLOCK);
    }
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < count; i++)
        if (sigaction(signals[i], &action, NULL) < 0) return -1;
    return signal_pipe[0];
}
