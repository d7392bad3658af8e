package import WeirBase

/// One of the simulation's executors: a loop, a worker, a subscriber or a relay.
///
/// `@unchecked Sendable`: the scheduler traps on any thread but its own.
package final class SimulatedExecutor: RuntimeExecutor, @unchecked Sendable {
    package let name: String
    let number: Int
    private let scheduler: Scheduler
    private var calls: [@Sendable () -> Void] = []
    private var stalledUntil = Instant(nanoseconds: 0)

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

    package override func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        guard scheduler.now < stalledUntil else { return scheduler.add(job, on: self) }
        scheduler.at(stalledUntil) { self.scheduler.add(job, on: self) }
    }

    package override func post(_ body: @escaping @Sendable () -> Void) {
        calls.append(body)
        guard scheduler.now < stalledUntil else { return scheduler.addCall(on: self) }
        scheduler.at(stalledUntil) { self.scheduler.addCall(on: self) }
    }

    /// Begins nothing new before `instant`: a slow disk, a thread that is not scheduled.
    package func stall(until instant: Instant) { stalledUntil = max(stalledUntil, instant) }

    /// Makes the oldest posted call.
    func takeCall() { calls.removeFirst()() }
}
