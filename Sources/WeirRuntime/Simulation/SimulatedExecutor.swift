package import WeirTime

/// One of the simulation's executors: a loop, a worker, a subscriber or a relay.
///
/// `@unchecked Sendable`: the scheduler traps on any thread but its own.
package final class SimulatedExecutor: RuntimeExecutor, @unchecked Sendable {
    package let name: String
    let number: Int
    private let scheduler: Scheduler
    private var calls: [@Sendable () -> Void] = []

    init(name: String, number: Int, scheduler: Scheduler) {
        self.name = name
        self.number = number
        self.scheduler = scheduler
        super.init()
    }

    package override var now: Instant {
        scheduler.check()
        return scheduler.now
    }

    package override func enqueue(_ job: consuming ExecutorJob) { scheduler.add(UnownedJob(job), on: self) }

    package override func post(_ body: @escaping @Sendable () -> Void) {
        scheduler.addCall(on: self)
        calls.append(body)
    }

    /// Makes the oldest posted call.
    func takeCall() { calls.removeFirst()() }
}
