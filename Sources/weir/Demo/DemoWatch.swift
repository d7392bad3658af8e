import WeirAdmin
import WeirBase
import WeirGateway
import WeirRuntime

/// Tells what the detector decides, in the words that `weir why` has.
///
/// `@unchecked Sendable`: what changes is touched by its own task alone; ``end()`` only calls the waiter, which is for any thread.
final class DemoWatch: @unchecked Sendable {
    /// Nanoseconds between two looks.
    private static let interval: UInt64 = 100 * .millisecond

    private let administration: GatewayAdministration
    private let record: DemoRecord
    private let loop: RuntimeExecutor
    private let waiter: Waiter
    private var states: [String: AccountState] = [:]

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
        guard let reasons = try? await administration.why(login), reasons.state != states[login] ?? .normal else {
            return
        }
        states[login] = reasons.state
        guard reasons.by == Gateway.author, let verdict = reasons.verdict, verdict.new == reasons.state else {
            return record.note(.notice, login, "is \(reasons.state.rawValue) now")
        }
        let facts = verdict.sentences.joined(separator: "; ")
        record.note(.suspended, login, "\(reasons.state.rawValue) by the detector, with \(verdict.weight): \(facts)")
    }
}

extension WeirAdmin.Account {
    /// How much is used of a limit of the account's own.
    func used(_ name: String) -> Int64? { limits.first { $0.name == name && $0.scope == "account" }?.used }
}
