import WeirAdmin
import WeirBase
import WeirRuntime

/// Suspends whoever writes to addresses that do not exist.
///
/// A simple rule stands here for the detector, which Weir does not have yet: at least ``refusalsMin`` recipients of an account were
/// refused in the hour, and they are more than ``shareMin`` percent of all it tried.
///
/// `@unchecked Sendable`: what changes is touched by its own task alone; ``end()`` only calls the waiter, which is for any thread.
final class DemoWatch: @unchecked Sendable {
    static let refusalsMin: Int64 = 12
    static let shareMin: Int64 = 40
    /// Nanoseconds between two looks.
    private static let interval: UInt64 = 100 * .millisecond

    private let administration: GatewayAdministration
    private let record: DemoRecord
    private let loop: RuntimeExecutor
    private let waiter: Waiter
    private var suspended: Set<String> = []

    init(_ stage: DemoStage, _ record: DemoRecord) {
        administration = stage.administration
        self.record = record
        loop = stage.world.loops[0]
        waiter = Waiter(on: loop)
    }

    /// Watches until ``end()``.
    func start() -> Task<Void, Never> {
        loop.spawn {
            while !self.waiter.isInterrupted {
                for member in DemoCast.members where member.password != nil { await self.look(at: member.login) }
                await self.waiter.wait(until: self.loop.now + DemoWatch.interval)
            }
        }
    }

    func end() { waiter.interrupt() }

    private func look(at login: String) async {
        // An account that an administrator has removed meanwhile needs no watching.
        guard !suspended.contains(login), let account = try? await administration.account(login),
            let refused = account.used("refusals-per-hour"), let taken = account.used("recipients-per-hour"),
            refused >= DemoWatch.refusalsMin, refused * 100 > (refused + taken) * DemoWatch.shareMin
        else { return }
        let why = "\(refused) of \(refused + taken) recipients were refused"
        guard (try? await administration.suspend(login, why: why, by: Actor(name: "demo"))) != nil else { return }
        suspended.insert(login)
        record.note(.suspended, login, "suspended: \(why)")
    }
}

extension Account {
    /// How much is used of a limit of the account's own.
    func used(_ name: String) -> Int64? { limits.first { $0.name == name && $0.scope == "account" }?.used }
}
