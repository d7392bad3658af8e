import WeirBase
import WeirQuota
import WeirReputation
import WeirRuntime
import WeirStore

/// What verdicts lead to.
extension Gateway {
    /// Reads what is known of an account; where the store cannot say, its mail passes without the detector.
    func prepareEvidence(of account: Account) async {
        do throws(StoreError) {
            guard let fault = try await detector.prepare(account.subject) else { return }
            telemetry.log.error(
                "evidence damaged", ["account": .string(account.key), "reason": .string("\(fault)")])
        } catch {
            telemetry.log.error(
                "evidence unreadable", ["account": .string(account.key), "reason": .string("\(error)")])
        }
    }

    /// Saves the evidence that has changed, slice by slice.
    func saveEvidence() async {
        do throws(StoreError) {
            while try await detector.save() {}
        } catch {
            telemetry.log.error("evidence not saved", ["reason": .string("\(error)")])
        }
    }

    /// Records a verdict, and does what the plan has it do: at once in memory, then in the store.
    func carryOut(_ verdict: Verdict?, of account: Account, _ mode: Mode) {
        guard let verdict else { return }
        let state = AccountState(verdict.after)
        let reason = verdict.sentences.joined(separator: "; ")
        telemetry.log.warning(
            "verdict",
            [
                "account": .string(account.key), "state": .string(state.rawValue), "mode": .string(mode.rawValue),
                "score": .string("\((verdict.score.total * 10).rounded() / 10)"), "reason": .string(reason),
                "messages": .string(verdict.messages.map { MessageID(number: $0).description }.joined(separator: " ")),
            ])
        guard mode == .suspend || (mode == .flag && state == .flagged) else { return }
        account.update { $0.state = state }
        if state == .suspended { telemetry.metrics.quota.suspensions[.detector].add() }
        let author = Author("weir", at: runtime.wall, reason: reason)
        let (accounts, log) = (accounts, telemetry.log)
        runtime.loops[0].spawn {
            do throws(StoreError) {
                _ = try await accounts.withStore { store throws(StoreError) in
                    try store.setState(account.key, state, by: author)
                }
            } catch {
                log.error("verdict not stored", ["account": .string(account.key), "reason": .string("\(error)")])
            }
        }
    }
}

extension AccountState {
    init(_ standing: Standing) {
        switch standing {
        case .normal: self = .normal
        case .flagged: self = .flagged
        case .suspended: self = .suspended
        case .probation: self = .probation
        }
    }
}

extension Terms {
    /// A plan's: how many new people a day are ordinary follows from what it lets through.
    init?(_ plan: Plan) {
        guard let mode = Mode(rawValue: plan.detector.rawValue), mode != .off else { return nil }
        let daily = plan.limits.first { $0.quantity == .recipients && $0.window == .day }?.allowed ?? 0
        self = daily > Terms.householdRecipientsMax ? .business : .consumer
        self.mode = mode
    }

    /// Recipients a day up to which a plan is a household's.
    private static let householdRecipientsMax: Int64 = 2_000
}
