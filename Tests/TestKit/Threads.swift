import Foundation
import Synchronization

/// Runs `body` for each of 0..<count on a thread of its own; returns the results in order.
package func inParallel<Result: Sendable>(_ count: Int, _ body: @escaping @Sendable (Int) -> Result) -> [Result] {
    let jobs = (0..<count).map { index in Background { body(index) } }
    return jobs.map { $0.join() }
}

/// Work on a thread of its own.
package final class Background<Result: Sendable>: Sendable {
    private let result = Mutex<Result?>(nil)
    private let done = NSCondition()

    package init(_ body: @escaping @Sendable () -> Result) {
        let thread = Thread { [self] in
            let value = body()
            done.lock()
            result.withLock { $0 = value }
            done.broadcast()
            done.unlock()
        }
        thread.stackSize = 1 << 20
        thread.start()
    }

    /// Its result, once it is there.
    package func join() -> Result {
        done.lock()
        defer { done.unlock() }
        while true {
            if let value = result.withLock({ $0 }) { return value }
            done.wait()
        }
    }
}

/// Pseudo-random numbers that a seed repeats (SplitMix64).
package struct Seeded: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(_ seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    /// True once in `count` times.
    package mutating func oneIn(_ count: UInt64) -> Bool { next() % count == 0 }
}
