/*
 * Tells ThreadSanitizer of what Swift's Mutex does out of its sight.
 *
 * A Mutex that is free is taken and left with one atomic operation, which the sanitizer sees, for the compiler puts it
 * where the Mutex is used. One that is taken is waited for, and handed over, within libswiftSynchronization, which nobody
 * instrumented: the sanitizer then takes what happens under the lock for a race. Preloaded, this stands before that
 * library's functions, and says that whoever gets the lock has seen what its last owner did.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>

/* There are none in programs without the sanitizer. */
extern void __tsan_acquire(void *address) __attribute__((weak));
extern void __tsan_release(void *address) __attribute__((weak));

/* Methods of Swift: the Mutex is where Swift keeps self. */
#define METHOD __attribute__((swiftcall))
#define SELF void *mutex __attribute__((swift_context))
#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define TRY "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

METHOD void lock(uint32_t thread, SELF) __asm__(LOCK);
METHOD void lock(uint32_t thread, SELF) {
    METHOD void (*original)(uint32_t, SELF) = dlsym(RTLD_NEXT, LOCK);
    original(thread, mutex);
    if (__tsan_acquire) __tsan_acquire(mutex);
}

METHOD bool try(SELF) __asm__(TRY);
METHOD bool try(SELF) {
    METHOD bool (*original)(SELF) = dlsym(RTLD_NEXT, TRY);
    bool isTaken = original(mutex);
    if (isTaken && __tsan_acquire) __tsan_acquire(mutex);
    return isTaken;
}

METHOD void unlock(SELF) __asm__(UNLOCK);
METHOD void unlock(SELF) {
    METHOD void (*original)(SELF) = dlsym(RTLD_NEXT, UNLOCK);
    if (__tsan_release) __tsan_release(mutex);
    original(mutex);
}
