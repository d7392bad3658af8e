import Foundation
import Glibc

/// A clock for a daemon of its own, which the test puts forward: a library adds to what the kernel says.
final class ShiftedClock: Sendable {
    /// A wait that named its end by one of these clocks would take as much longer as this adds, as after a wall clock that was set back.
    private static let source = """
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
