import WeirBase
package import WeirQuota
package import WeirReputation
import WeirRuntime
package import WeirStore

/// What verdicts lead to.
extension Gateway {
    /// Reads what is known of an account; where the store cannot say, its mail passes without the detector.
    func prepareEvidence(of account: Account) async {
        let reads = telemetry.metrics.detector.reads
        do throws(StoreError) {
            guard let fault = try await detector.prepare(account.subject) else { return reads[.success].add() }
            reads[.damaged].add()
            telemetry.log.error(
                "evidence damaged", ["account": .string(account.key), "reason": .string("\(fault)")])
        } catch {
            reads[.error].add()
            telemetry.log.error(
                "evidence unreadable", ["account": .string(account.key), "reason": .string("\(error)")])
        }
    }

    /// Saves the evidence that has changed, slice by slice.
    func saveEvidence() async {
        do throws(StoreError) {
            while try await detector.save() {}
            telemetry.metrics.detector.saves[.success].add()
        } catch {
            telemetry.metrics.detector.saves[.error].add()
            telemetry.log.error("evidence not saved", ["reason": .string("\(error)")])
        }
    }

    /// Does what the plan has the detector do about where an account stands now: at once in memory, then in the store.
    func carryOut(_ judgement: Judgement, of account: Account, _ mode: Mode) {
        if let verdict = judgement.verdict { record(verdict, of: account, mode) }
        let state = AccountState(judgement.standing)
        let present = account.standing.state
        // What an administrator has decided stays.
        guard state != present, judgement.verdict != nil || present == .flagged || present == .probation,
            mode == .suspend || (mode == .flag && state != .suspended)
        else { return }
        account.update { $0.state = state }
        if state == .suspended { telemetry.metrics.quota.suspensions[.detector].add() }
        let reason = judgement.verdict?.sentences.joined(separator: "; ") ?? "nothing was held against it any more"
        let author = Author("weir", at: runtime.wall, reason: reason)
        let (accounts, detector, log) = (accounts, detector, telemetry.log)
        runtime.loops[0].spawn {
            do throws(StoreError) {
                _ = try await accounts.withStore { store throws(StoreError) in
                    // One that was overtaken by the next is not written over it.
                    guard account.standing.state == state else { return false }
                    return try store.setState(account.key, state, by: author)
                }
                while try await detector.save() {}
            } catch {
                log.error("verdict not stored", ["account": .string(account.key), "reason": .string("\(error)")])
            }
        }
    }

    private func record(_ verdict: Verdict, of account: Account, _ mode: Mode) {
        if let mode = MetricLabels.DetectorMode(mode) {
            telemetry.metrics.detector.verdicts[mode, verdict.after.isSuspended ? .suspended : .flagged].add()
        }
        telemetry.log.warning(
            "verdict",
            [
                "account": .string(account.key), "state": .string(AccountState(verdict.after).rawValue),
                "mode": .string(mode.rawValue), "score": .string("\((verdict.score.total * 10).rounded() / 10)"),
                "reason": .string(verdict.sentences.joined(separator: "; ")),
                "messages": .string(verdict.messages.map { MessageID(number: $0).description }.joined(separator: " ")),
            ])
    }
}

extension MetricLabels.DetectorMode {
    fileprivate init?(_ mode: Mode) {
        switch mode {
        case .off: return nil
        case .shadow: self = .shadow
        case .flag: self = .flag
        case .suspend: self = .suspend
        }
    }
}

extension AccountState {
    package init(_ standing: Standing) {
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
    package init?(_ plan: Plan) {
        guard let mode = Mode(rawValue: plan.detector.rawValue), mode != .off else { return nil }
        let daily = plan.limits.first { $0.quantity == .recipients && $0.window == .day }?.allowed ?? 0
        self = daily > Terms.householdRecipientsMax ? .business : .consumer
        self.mode = mode
    }

    /// Recipients a day up to which a plan is a household's.
    private static let householdRecipientsMax: Int64 = 2_000
}
