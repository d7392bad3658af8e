import WeirBase
import WeirConfiguration
import WeirGateway
import WeirQuota
import WeirReputation
import WeirRuntime
import WeirStore

/// The curve of thresholds, from the scores that were stored.
extension GatewayAdministration {
    /// The share of account-days that may suspend: one in ten thousand.
    private static let share = 0.0001
    /// Scores read under one hold of the ledger's thread.
    private static let scoresAtOnce = 2_000

    package func calibration(plan: String?) async throws(AdminError) -> CalibrationReport {
        if let plan, accounts.policies.plans[plan] == nil {
            throw AdminError(.invalid, "There is no plan \"\(plan)\".")
        }
        await daemon?.server.gateway.saveScores()
        let kept = UInt64(LedgerStore.scoreDaysKept) * .day
        let since = WallTime(nanoseconds: runtime.wall.nanoseconds - min(kept, runtime.wall.nanoseconds))
        let abused = try await mapped { () throws(StoreError) in
            try await accounts.withStore { store throws(StoreError) in
                Set(try store.abused(since: since, notBy: Gateway.author))
            }
        }
        var calibration = Calibration()
        var isWanted: [SubjectID: Bool] = [:]
        var excluded: Set<String> = []
        var last: ScoreRow?
        while true {
            let (rows, names) = try await page(after: last, unknownOf: isWanted)
            guard !rows.isEmpty else { break }
            last = rows.last
            let plans = plan == nil ? [:] : try await plans(of: Array(names.values))
            for (subject, name) in names {
                let isOfPlan = plan == nil || plans[name] == plan
                if isOfPlan, abused.contains(name) { excluded.insert(name) }
                isWanted[subject] = isOfPlan && !abused.contains(name)
            }
            for row in rows where isWanted[row.account] == true {
                calibration.add(
                    account: UInt64(row.account.number), day: row.day, highest: row.highest, gravest: row.gravest)
            }
        }
        return report(calibration, plan: plan, excluded: excluded.count)
    }

    private func page(
        after last: ScoreRow?, unknownOf known: [SubjectID: Bool]
    ) async throws(AdminError) -> (rows: [ScoreRow], names: [SubjectID: String]) {
        let rows = try await mapped { () throws(StoreError) in
            try await ledger.withStore { store throws(StoreError) in
                try store.scores(after: last, limit: GatewayAdministration.scoresAtOnce)
            }
        }
        let unknown = rows.map(\.account).filter { known[$0] == nil }
        let names = try await mapped { () throws(StoreError) in
            try await ledger.withStore { store throws(StoreError) in
                var names: [SubjectID: String] = [:]
                for subject in unknown { names[subject] = try store.name(of: subject) ?? "" }
                return names
            }
        }
        return (rows, names)
    }

    private func plans(of keys: [String]) async throws(AdminError) -> [String: String] {
        try await mapped { () throws(StoreError) in
            try await accounts.withStore { store throws(StoreError) in
                var plans: [String: String] = [:]
                for key in keys { plans[key] = try store.account(key)?.plan }
                return plans
            }
        }
    }

    private func report(_ calibration: Calibration, plan: String?, excluded: Int) -> CalibrationReport {
        let thresholds = Thresholds()
        let steps = stride(from: 3.0, through: 12.0, by: 0.5).map { $0 }
        return CalibrationReport(
            plan: plan, days: calibration.days, accounts: calibration.accounts, chosenOn: calibration.chosenOn,
            verifiedOn: calibration.verifiedOn, excluded: excluded, flag: thresholds.flag,
            suspend: thresholds.suspend, suggested: calibration.threshold(for: GatewayAdministration.share),
            share: GatewayAdministration.share, needed: Calibration.needed(for: GatewayAdministration.share),
            points: calibration.points(at: steps).map { point in
                CalibrationReport.Point(
                    threshold: point.threshold, flagsAWeek: point.flagsAWeek,
                    suspensionsAWeek: point.suspensionsAWeek, reached: point.reached, verified: point.verified,
                    bound: point.bound)
            })
    }
}
