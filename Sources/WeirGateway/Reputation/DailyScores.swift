import Synchronization
import WeirBase
import WeirQuota
import WeirReputation
import WeirStore

/// The highest score of each account today, on its way to the store.
final class DailyScores: Sendable {
    /// Accounts saved in one commit.
    static let sliceMax = 500
    /// Accounts of a day; of more than these, today's scores are not kept.
    static let accountsMax = 500_000

    private let state = Mutex(State())

    private struct State {
        var day: UInt32 = 0
        var scores: [SubjectID: (highest: Int32, gravest: Int32)] = [:]
        /// Changed since they were taken, in the order of their changes.
        var changed: [SubjectID] = []
        var isChanged: Set<SubjectID> = []
        /// Of a day that is over, and not taken yet.
        var former: [ScoreRow] = []

        mutating func turn(to today: UInt32) {
            former += changed.compactMap { row(of: $0) }
            scores = [:]
            changed = []
            isChanged = []
            day = today
        }

        func row(of subject: SubjectID) -> ScoreRow? {
            scores[subject].map { ScoreRow(day: day, account: subject, highest: $0.highest, gravest: $0.gravest) }
        }
    }

    /// Takes what was decided of a message into account.
    func note(_ judgement: Judgement, of subject: SubjectID, _ thresholds: Thresholds, at now: Instant) {
        let score = Int32(clamping: Int64((min(max(judgement.score.total, 0), 1_000) * 100).rounded()))
        let grave = judgement.score.isGrave(thresholds, judgement.findings) ? score : 0
        let today = UInt32(clamping: now.nanoseconds / .day)
        state.withLock { state in
            if state.day != today { state.turn(to: today) }
            let known = state.scores[subject]
            if known == nil, state.scores.count >= DailyScores.accountsMax { return }
            let highest = max(score, known?.highest ?? 0)
            let gravest = max(grave, known?.gravest ?? 0)
            if let known, known == (highest, gravest) { return }
            state.scores[subject] = (highest, gravest)
            if state.isChanged.insert(subject).inserted { state.changed.append(subject) }
        }
    }

    /// A slice of what has changed; what cannot be saved is lost, unless it changes again.
    func take(atMost count: Int) -> [ScoreRow] {
        state.withLock { state in
            if !state.former.isEmpty {
                defer { state.former.removeFirst(min(count, state.former.count)) }
                return Array(state.former.prefix(count))
            }
            let slice = state.changed.prefix(count)
            state.changed.removeFirst(slice.count)
            for subject in slice { state.isChanged.remove(subject) }
            return slice.compactMap { state.row(of: $0) }
        }
    }
}
