/*
 * Tells ThreadSanitizer of what Swift's Mutex does in the kernel.
 *
 * A Mutex that is free is taken and left with one atomic operation, which the sanitizer sees, for the compiler puts it
 * where the Mutex is used. One that somebody waits for is handed over by the kernel (FUTEX_LOCK_PI, FUTEX_UNLOCK_PI),
 * called from libswiftSynchronization, which nobody instrumented: the sanitizer then takes everything under the lock for
 * a race. Preloaded, this says on behalf of the kernel that whoever gets the lock has seen what its last owner did.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <sys/syscall.h>

/* There are none in programs without the sanitizer. */
extern void __tsan_acquire(void *address) __attribute__((weak));
extern void __tsan_release(void *address) __attribute__((weak));

long syscall(long number, ...) {
    static long (*kernel)(long, ...);
    if (!kernel) kernel = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    long argument[6];
    va_list list;
    va_start(list, number);
    for (int index = 0; index < 6; index++) argument[index] = va_arg(list, long);
    va_end(list);

    void *lock = (void *)argument[0];
    int command = number == SYS_futex ? (int)argument[1] & FUTEX_CMD_MASK : -1;
    if (command == FUTEX_UNLOCK_PI && __tsan_release) __tsan_release(lock);
    long result = kernel(number, argument[0], argument[1], argument[2], argument[3], argument[4], argument[5]);
    if ((command == FUTEX_LOCK_PI || command == FUTEX_TRYLOCK_PI) && result == 0 && __tsan_acquire) {
        __tsan_acquire(lock);
    }
    return result;
}
