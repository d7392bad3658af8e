import Foundation
import Glibc

/// A clock for a daemon of its own, which the test puts forward: a library adds to what the kernel says.
final class ShiftedClock: Sendable {
    /// Waits that name their end are the only ones that must know of the shift.
    private static let source = """
        #include <dlfcn.h>
        #include <pthread.h>
        #include <time.h>

        static void add(struct timespec *time, int64_t nanoseconds) {
            int64_t total = time->tv_sec * 1000000000LL + time->tv_nsec + nanoseconds;
            time->tv_sec = total / 1000000000;
            time->tv_nsec = total % 1000000000;
        }

        int clock_gettime(clockid_t clock, struct timespec *time) {
            long status = syscall(SYS_clock_gettime, clock, time);
            if (status == 0 && word && (clock == CLOCK_BOOTTIME || clock == CLOCK_REALTIME)) add(time, *word);
            return (int)status;
        }

        int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until) {
            // Its first version, which dlsym would find, waits differently.
            void *latest = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
            int (*wait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *) =
                latest ? latest : dlsym(RTLD_NEXT, "pthread_cond_timedwait");
            struct timespec end = *until;
            if (word) add(&end, -*word);
            return wait(condition, mutex, &end);
        }
        """

    private let library: PreloadedLibrary

    init() throws { library = try PreloadedLibrary(Self.source) }

    /// For the daemon.
    var environment: [String: String] { library.environment }

    /// What the daemon reads, in nanoseconds since 1970.
    var now: Int64 { Self.kernel + library.word.pointee }

    /// Puts it forward to a time, never back.
    func advance(to time: Int64) { library.word.pointee = max(library.word.pointee, time - Self.kernel) }

    private static var kernel: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
