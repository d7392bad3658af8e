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
    /// Where this waiter stands in the executor's timers; nil if it does not.
    private var scheduled: Instant?
    private(set) var isRetired = false
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
        if deadline < scheduled ?? .distantFuture { schedule(deadline) }
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
        guard !isRetired else { return }
        isRetired = true
        if scheduled != nil { executor.timers.noteRetired() }
    }

    func timerFired(_ now: Instant) {
        scheduled = nil
        guard continuation != nil, !isRetired else { return }
        if deadline <= now { signal() } else { schedule(deadline) }
    }

    private func schedule(_ instant: Instant) {
        // An entry that stands later stays behind and finds nothing to do; it is rare, for deadlines mostly move on.
        scheduled = instant
        executor.timers.insert(self, at: instant)
    }
}
