import Foundation
import Glibc
import TestKit

/// A clock for a daemon of its own, which the test puts forward: a small library that is loaded before all others, and
/// adds to what the kernel says.
///
/// `@unchecked Sendable`: the offset is one aligned word that only this object writes.
final class ShiftedClock: @unchecked Sendable {
    /// Waits that name their end are the only ones that must know of the shift.
    private static let source = """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <fcntl.h>
        #include <pthread.h>
        #include <stdint.h>
        #include <stdlib.h>
        #include <sys/mman.h>
        #include <sys/syscall.h>
        #include <time.h>
        #include <unistd.h>

        static volatile int64_t *shift;

        __attribute__((constructor)) static void begin(void) {
            int file = open(getenv("SHIFTED_CLOCK"), O_RDONLY | O_CLOEXEC);
            if (file >= 0) shift = mmap(0, 8, PROT_READ, MAP_SHARED, file, 0);
        }

        static void add(struct timespec *time, int64_t nanoseconds) {
            int64_t total = time->tv_sec * 1000000000LL + time->tv_nsec + nanoseconds;
            time->tv_sec = total / 1000000000;
            time->tv_nsec = total % 1000000000;
        }

        int clock_gettime(clockid_t clock, struct timespec *time) {
            long status = syscall(SYS_clock_gettime, clock, time);
            if (status == 0 && shift && (clock == CLOCK_BOOTTIME || clock == CLOCK_REALTIME)) add(time, *shift);
            return (int)status;
        }

        int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until) {
            // Its first version, which dlsym would find, waits differently.
            void *latest = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
            int (*wait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *) =
                latest ? latest : dlsym(RTLD_NEXT, "pthread_cond_timedwait");
            struct timespec end = *until;
            if (shift) add(&end, -*shift);
            return wait(condition, mutex, &end);
        }
        """

    private let folder: TemporaryFolder
    private let shift: UnsafeMutablePointer<Int64>

    init() throws {
        folder = try TemporaryFolder()
        let library = try Program.run(
            "clang",
            [
                "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", folder.file("clock.so"),
                try folder.write(Self.source, to: "clock.c"),
            ])
        guard library.status == 0 else { throw Program.Failure(description: library.errors) }
        try folder.write(String(repeating: "\0", count: 8), to: "shift")
        let file = open(folder.file("shift"), O_RDWR | O_CLOEXEC)
        defer { close(file) }
        let page = mmap(nil, 8, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
        guard let page, page != MAP_FAILED else { throw Program.Failure(description: "mmap of the clock failed") }
        shift = page.bindMemory(to: Int64.self, capacity: 1)
    }

    deinit { munmap(shift, 8) }

    /// For the daemon.
    var environment: [String: String] {
        ["LD_PRELOAD": folder.file("clock.so"), "SHIFTED_CLOCK": folder.file("shift")]
    }

    /// What the daemon reads, in nanoseconds since 1970.
    var now: Int64 { Self.kernel + shift.pointee }

    /// Puts it forward to a time, never back.
    func advance(to time: Int64) { shift.pointee = max(shift.pointee, time - Self.kernel) }

    private static var kernel: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
