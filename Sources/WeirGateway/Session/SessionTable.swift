import WeirRuntime
import WeirTime

/// The open sessions of one loop, so that they can be told to end.
///
/// `@unchecked Sendable`: touched on its loop's thread alone.
final class SessionTable: @unchecked Sendable {
    private var waiters: [ObjectIdentifier: Waiter] = [:]
    private var drained: Waiter?

    var count: Int { waiters.count }

    func add(_ waiter: Waiter) { waiters[ObjectIdentifier(waiter)] = waiter }

    func remove(_ waiter: Waiter) {
        waiters[ObjectIdentifier(waiter)] = nil
        if waiters.isEmpty { drained?.signal() }
    }

    /// Wakes every session, which ends if it is idle; those that are left at the deadline are interrupted.
    func drain(on loop: RuntimeExecutor, until deadline: Instant) async {
        let waiter = Waiter(on: loop)
        drained = waiter
        for waiter in waiters.values { waiter.signal() }
        while !waiters.isEmpty, loop.now < deadline { await waiter.wait(until: deadline) }
        for waiter in waiters.values { waiter.interrupt() }
        let last = loop.now + SessionTable.grace
        while !waiters.isEmpty, loop.now < last { await waiter.wait(until: last) }
        waiter.retire()
    }

    /// What an interrupted session has to say its last words, in nanoseconds.
    static let grace: UInt64 = .second
}
