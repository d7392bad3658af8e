package import WeirBase

/// The one wait of a task: whatever it waits for signals here, or its deadline passes.
///
/// It holds one continuation, resumed exactly once. A signal that comes while nobody waits is kept, so none is lost between
/// a look and a wait; a task looks again at everything it waits for whenever it wakes.
///
/// `@unchecked Sendable`: only ``wake()`` and ``interrupt()`` may be called from elsewhere, and they go through the
/// executor's mailbox; all else is touched by the executor's own thread.
package final class Waiter: @unchecked Sendable {
    package let executor: RuntimeExecutor
    private var continuation: UnsafeContinuation<Void, Never>?
    private var signalled = false
    private var deadline = Instant.distantFuture
    /// The entry that counts among the executor's timers; nil: there is none.
    private(set) var entry: (at: Instant, order: UInt64)?
    /// Set by ``interrupt()`` and never cleared: the task should come to an end.
    package private(set) var isInterrupted = false

    package init(on executor: RuntimeExecutor) { self.executor = executor }

    /// Suspends until something signals or the deadline passes. The caller looks at what it waits for, and at the clock.
    package func wait(until deadline: Instant) async {
        if signalled {
            signalled = false
            return
        }
        self.deadline = deadline
        if deadline < entry?.at ?? .distantFuture { schedule(deadline) }
        await withUnsafeContinuation { continuation = $0 }
        signalled = false
    }

    /// Wakes the task, or keeps the wake-up for its next wait. On the executor's thread.
    package func signal() {
        guard let waiting = continuation else {
            signalled = true
            return
        }
        continuation = nil
        waiting.resume()
    }

    /// Wakes the task, from any thread.
    package func wake() { executor.post { self.signal() } }

    /// Asks the task to end, from any thread.
    package func interrupt() {
        executor.post {
            self.isInterrupted = true
            self.signal()
        }
    }

    /// Tells the timers that this waiter will not wait again.
    package func retire() {
        guard entry != nil else { return }
        entry = nil
        executor.timers.noteStale()
    }

    func timerFired(_ now: Instant) {
        entry = nil
        guard continuation != nil else { return }
        if deadline <= now { signal() } else { schedule(deadline) }
    }

    private func schedule(_ instant: Instant) {
        let isReplaced = entry != nil
        entry = (instant, executor.timers.insert(self, at: instant))
        if isReplaced { executor.timers.noteStale() }
    }
}
