internal import Glibc
import WeirBase

/// The heart of the simulation: the virtual time, what is ready now, and what will happen later.
///
/// `@unchecked Sendable`: it is used by the one thread that made it, and traps on any other.
final class Scheduler: @unchecked Sendable {
    private enum Ready {
        case job(UnownedJob, SimulatedExecutor)
        /// The oldest call that was posted to the executor: calls keep their order, jobs do not.
        case call(SimulatedExecutor)
    }

    private struct Event {
        var at: Instant
        var action: () -> Void
    }

    private(set) var now: Instant
    var trace = Trace()
    /// Hears what happens, for people who debug.
    var narrator: ((String) -> Void)?
    /// Whose job or call runs at present.
    private(set) var current: SimulatedExecutor?
    private var random: SeededRandom
    private var executors: [SimulatedExecutor] = []
    private var ready: [Ready] = []
    /// Latest first, so that the next one is taken off the end.
    private var events: [Event] = []
    private let thread = pthread_self()

    init(epoch: Instant, random: SeededRandom) {
        now = epoch
        self.random = random
    }

    /// Traps unless the caller runs inside the simulation.
    func check() {
        precondition(
            pthread_equal(pthread_self(), thread) != 0,
            "a task escaped the simulation: something was enqueued or asked from another thread")
    }

    /// Tells the narrator, if there is one.
    func narrate(_ event: @autoclosure () -> String) { narrator?(event()) }

    func makeExecutor(name: String) -> SimulatedExecutor {
        let executor = SimulatedExecutor(name: name, number: executors.count, scheduler: self)
        executors.append(executor)
        return executor
    }

    func add(_ job: UnownedJob, on executor: SimulatedExecutor) {
        check()
        ready.append(.job(job, executor))
    }

    func addCall(on executor: SimulatedExecutor) {
        check()
        ready.append(.call(executor))
    }

    /// Has `action` done at `instant`, after everything that was asked for that instant before.
    func at(_ instant: Instant, _ action: @escaping () -> Void) {
        check()
        var low = 0
        var high = events.count
        while low < high {
            let middle = (low + high) / 2
            if events[middle].at > instant { low = middle + 1 } else { high = middle }
        }
        events.insert(Event(at: max(instant, now), action: action), at: low)
    }

    // MARK: - Driving

    /// Runs one job or call, whichever the seed picks; false if none is ready.
    func runOne() -> Bool {
        guard !ready.isEmpty else { return false }
        let index = random.below(ready.count)
        ready.swapAt(index, ready.count - 1)
        guard let chosen = ready.popLast() else { return false }
        defer { current = nil }
        switch chosen {
        case .job(let job, let executor):
            note(executor, choice: index)
            job.runSynchronously(on: executor.asUnownedTaskExecutor())
        case .call(let executor):
            note(executor, choice: index)
            executor.takeCall()
        }
        return true
    }

    private func note(_ executor: SimulatedExecutor, choice: Int) {
        precondition(current == nil, "the simulation is driven from outside alone")
        current = executor
        trace.mix(UInt64(executor.number) << 32 | UInt64(choice))
    }

    /// When the next timer or event is due; nil if nothing will ever happen again by itself.
    var next: Instant? {
        var soonest = events.last?.at
        for executor in executors {
            if let due = executor.timers.next { soonest = min(soonest ?? .distantFuture, due) }
        }
        return soonest
    }

    /// Moves the time on, and has everything happen that is due by then. Only when nothing is ready.
    func advance(to instant: Instant) {
        precondition(ready.isEmpty, "time stands still while something is ready")
        now = max(now, instant)
        trace.mix(now.nanoseconds)
        while let event = events.last, event.at <= now {
            events.removeLast()
            event.action()
        }
        for executor in executors { executor.fireTimers() }
    }

    /// Lets go of everything, for the parts refer to each other.
    func abandon() {
        ready = []
        events = []
        for executor in executors { executor.timers = TimerHeap() }
        executors = []
    }
}
