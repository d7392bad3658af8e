import Synchronization
import WeirBase

/// Notices when the wall clock steps: windows that roll go on, calendar windows move with it.
final class ClockWatch: Sendable {
    /// A step, in nanoseconds, forward where it is positive, and when it was noticed.
    struct Step: Equatable, Sendable {
        let span: Int64
        let at: Instant
    }

    /// What is no step yet, in nanoseconds: between two looks a clock is not corrected by more.
    static let slack: UInt64 = 10 * .second
    /// How long a step is an alarm, in nanoseconds.
    static let noticed: UInt64 = .hour

    private let state = Mutex<(offset: Int64, step: Step?)?>(nil)

    /// Looks at both clocks, twice a second or so; returns a step since the last look.
    func look(now: Instant, wall: WallTime) -> Step? {
        let offset = Int64(bitPattern: wall.nanoseconds &- now.nanoseconds)
        return state.withLock { state in
            guard let former = state else {
                state = (offset, nil)
                return nil
            }
            let span = offset &- former.offset
            guard span.magnitude > ClockWatch.slack else {
                state?.offset = offset
                return nil
            }
            let step = Step(span: span, at: now)
            state = (offset, step)
            return step
        }
    }

    /// The last step, while it is an alarm.
    func step(now: Instant) -> Step? {
        state.withLock { $0?.step.flatMap { now.since($0.at) < ClockWatch.noticed ? $0 : nil } }
    }
}

extension ClockWatch.Step {
    /// For the list of alarms.
    var sentence: String {
        "The wall clock stepped \(span < 0 ? "back" : "forward") by \(span.magnitude / .second) s: calendar limits moved with it."
    }
}
