import WeirBase
import WeirRuntime

/// The open sessions of one loop, so that they can be told to end.
///
/// `@unchecked Sendable`: touched on its loop's thread alone.
final class SessionTable: @unchecked Sendable {
    private var waiters: [ObjectIdentifier: Entry] = [:]
    private var added: UInt64 = 0
    private var drained: Waiter?

    private struct Entry {
        let waiter: Waiter
        let order: UInt64
    }

    var count: Int { waiters.count }

    func add(_ waiter: Waiter) {
        added += 1
        waiters[ObjectIdentifier(waiter)] = Entry(waiter: waiter, order: added)
    }

    /// In the order in which they came, so that a simulation repeats.
    private var all: [Waiter] { waiters.values.sorted { $0.order < $1.order }.map(\.waiter) }

    func remove(_ waiter: Waiter) {
        waiters[ObjectIdentifier(waiter)] = nil
        if waiters.isEmpty { drained?.signal() }
    }

    /// Wakes every session, which ends if it is idle; those that are left at the deadline are interrupted.
    func drain(on loop: RuntimeExecutor, until deadline: Instant) async {
        let waiter = Waiter(on: loop)
        drained = waiter
        for waiter in all { waiter.signal() }
        while !waiters.isEmpty, loop.now < deadline { await waiter.wait(until: deadline) }
        for waiter in all { waiter.interrupt() }
        let last = loop.now + SessionTable.grace
        while !waiters.isEmpty, loop.now < last { await waiter.wait(until: last) }
        waiter.retire()
    }

    /// What an interrupted session has to say its last words, in nanoseconds.
    static let grace: UInt64 = .second
}
