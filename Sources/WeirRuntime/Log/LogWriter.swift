internal import Glibc
import Synchronization
import WeirBase

/// Writes log lines to a descriptor from a thread of its own, so that a full pipe stops nobody.
///
/// What waits is bounded in octets; beyond it lines are dropped and counted, and the next line that fits is preceded by one that says how
/// many were.
package final class LogWriter: LogSink {
    /// What may wait, in octets.
    package static let waitingOctetsMax = 1 << 20
    /// From one write to the next, in microseconds: under load lines go out by the dozen, and nobody is woken for each.
    static let spacing: UInt32 = 5_000
    /// How long ``stop()`` goes on trying a reader that takes nothing.
    package static let farewellSpan = UInt64.second

    private struct Queue {
        var octets: [UInt8] = []
        var droppedSinceTold = 0
        var dropped: UInt64 = 0
        var isWriting = false
        /// When to give up: set by ``stop()``.
        var end = Instant.distantFuture
    }

    private let descriptor: Int32
    private let format: LogFormat
    private let waitingOctetsMax: Int
    private let wall: @Sendable () -> WallTime
    private let worker: WorkerThread
    private let queue = Mutex(Queue())

    /// Writes to `descriptor`, which stays its owner's; 1 is standard output.
    package init(
        descriptor: Int32 = 1, format: LogFormat, clock: AnchoredClock,
        waitingOctetsMax: Int = LogWriter.waitingOctetsMax
    ) throws(SystemError) {
        self.descriptor = descriptor
        self.format = format
        self.waitingOctetsMax = waitingOctetsMax
        wall = { clock.wall }
        worker = try WorkerThread(clock: clock, name: "weir-log")
    }

    /// Lines that found no room, since the start.
    package var dropped: UInt64 { queue.withLock { $0.dropped } }

    package func write(_ line: [UInt8]) {
        let mustWake = queue.withLock { queue in
            guard queue.octets.count + line.count <= waitingOctetsMax else {
                queue.dropped += 1
                queue.droppedSinceTold += 1
                return false
            }
            if queue.droppedSinceTold > 0 {
                var record = LogRecord(format: format, time: wall(), level: .warning, event: "log lines dropped")
                record.append("lines", .int(queue.droppedSinceTold))
                queue.octets += record.finish()
                queue.droppedSinceTold = 0
            }
            queue.octets += line
            defer { queue.isWriting = true }
            return !queue.isWriting
        }
        if mustWake { worker.post { self.writeAll() } }
    }

    /// Writes what waits, within ``farewellSpan``, and ends the thread. Once.
    package func stop() {
        queue.withLock { $0.end = worker.now + LogWriter.farewellSpan }
        worker.stop()
    }

    private func writeAll() {
        var batch: [UInt8] = []
        while true {
            batch.removeAll(keepingCapacity: true)
            queue.withLock { queue in
                swap(&batch, &queue.octets)
                queue.isWriting = !batch.isEmpty
            }
            guard !batch.isEmpty else { return }
            let written = batch.withUnsafeBytes(write)
            let lost = batch[written...].count { $0 == UInt8(ascii: "\n") }
            if lost > 0 { queue.withLock { $0.dropped += UInt64(lost) } }
            usleep(LogWriter.spacing)
        }
    }

    /// Returns how many octets went out: all, unless it is time to give up or the descriptor broke.
    ///
    /// A descriptor that is ready takes PIPE_BUF octets without blocking, and its O_NONBLOCK, which others share, stays as it is.
    private func write(_ octets: UnsafeRawBufferPointer) -> Int {
        var start = 0
        while start < octets.count, waitUntilWritable() {
            let piece = UnsafeRawBufferPointer(rebasing: octets[start..<min(start + 4096, octets.count)])
            let count = Glibc.write(descriptor, piece.baseAddress, piece.count)
            if count > 0 { start += count } else if errno != EINTR, errno != EAGAIN { break }
        }
        return start
    }

    /// False when it is time to give up, or nobody will read any more.
    private func waitUntilWritable() -> Bool {
        while worker.now < queue.withLock({ $0.end }) {
            var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            let count = poll(&request, 1, 100)
            if count > 0 { return Int32(request.revents) & (POLLERR | POLLNVAL) == 0 }
            if count < 0, errno != EINTR { return false }
        }
        return false
    }
}
