package import WeirBase

/// Runs tasks one at a time on one thread, with timers: an ``EventLoop``, a ``WorkerThread``, or the simulation.
///
/// A task started with ``spawn(_:)`` stays here for its whole life, child tasks included. What is not `Sendable` and was
/// made here is touched by this executor's tasks alone.
package class RuntimeExecutor: TaskExecutor, @unchecked Sendable {  // Subclasses prove it: see their comments.
    /// Timers of this executor's waiters; touched by its own thread alone.
    package final var timers = TimerHeap()
    /// Buffers that no connection holds at present; touched by this executor's own thread alone.
    package final var buffers = BufferPool()

    init() {}

    /// The gateway's clock.
    package var now: Instant { preconditionFailure("A subclass tells the time.") }

    package func enqueue(_ job: consuming ExecutorJob) { preconditionFailure("A subclass runs jobs.") }

    /// Calls `body` soon on this executor's thread; from any thread.
    package func post(_ body: @escaping @Sendable () -> Void) { preconditionFailure("A subclass takes calls.") }

    /// Starts a task that stays on this executor.
    @discardableResult
    package final func spawn<Success: Sendable>(
        _ operation: sending @escaping () async -> Success
    ) -> Task<Success, Never> {
        Task(executorPreference: self, operation: operation)
    }

    /// Runs `operation` here in a task of its own, and waits for it.
    ///
    /// A task keeps the room of its deepest calls for as long as it lives. What a long-lived one does rarely, and deep down,
    /// goes aside, and its memory goes with it.
    package final func aside<Success: Sendable>(_ operation: sending @escaping () async -> Success) async -> Success {
        await spawn(operation).value
    }

    /// Suspends the calling task, which runs here, until the clock says `instant`.
    package final func sleep(until instant: Instant) async {
        let waiter = Waiter(on: self)
        while now < instant { await waiter.wait(until: instant) }
    }

    /// Resumes every waiter whose deadline has passed.
    final func fireTimers() {
        let now = now
        while let waiter = timers.popDue(now) { waiter.timerFired(now) }
    }
}
