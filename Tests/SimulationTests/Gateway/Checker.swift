import WeirBase
import WeirGateway
import WeirQuota
import WeirRuntime
import WeirStore

/// Holds what everybody saw against DESIGN's invariants.
struct Checker {
    private let world: World
    private let evidence: Evidence
    private let attempts: [String: Attempt]
    private let takes: [String: [Take]]
    private let released: [String: [WireTransaction]]

    init(_ world: World) {
        self.world = world
        evidence = world.evidence
        attempts = Dictionary(world.evidence.attempts.map { ($0.token, $0) }) { first, _ in first }
        takes = Dictionary(grouping: world.evidence.takes, by: \.token)
        released = Dictionary(
            grouping: world.evidence.transactions.filter { $0.released != nil }, by: \.token)
    }

    func check() {
        checkDeliveries()
        checkCaps()
        checkWaits()
    }

    // MARK: - P1 and P6: what a subscriber was told is what a relay did

    private func checkDeliveries() {
        for attempt in evidence.attempts {
            let taken = takes[attempt.token] ?? []
            if taken.count > 1 { evidence.violate("P6", "\(attempt.token) was taken \(taken.count) times") }
            if let dot = attempt.dot {
                if dot.isPositive, taken.isEmpty {
                    evidence.violate("P1", "\(attempt.token) was answered \(dot.code), no relay took it")
                }
                // 451 4.4.2 says that nobody knows.
                if !dot.isPositive, !dot.text.hasPrefix("4.4.2"), !taken.isEmpty {
                    evidence.violate("P1", "\(attempt.token) was answered \(dot.code) \(dot.text), and taken")
                }
            }
            if !attempt.sentDot, !taken.isEmpty { evidence.violate("P6", "\(attempt.token) was taken before its end") }
        }
        for take in evidence.takes { check(take) }
        checkFields()
    }

    private func check(_ take: Take) {
        guard let attempt = attempts[take.token] else {
            return evidence.violate("P6", "\(take.relay) took \"\(take.token)\", which nobody sent")
        }
        if take.body != attempt.body { evidence.violate("P6", "\(take.token) was changed on its way") }
        if take.sender != "sender\(attempt.account)@isp.example" {
            evidence.violate("P6", "\(take.token) came from \(take.sender)")
        }
        if Set(take.recipients) != Set(attempt.accepted) || take.recipients.count != attempt.accepted.count {
            evidence.violate(
                "P6", "\(take.token) went to \(take.recipients), its sender was promised \(attempt.accepted)")
        }
    }

    /// The field that names the account is the same for one account, and no other's.
    private func checkFields() {
        var fields: [Int: String] = [:]
        for take in evidence.takes {
            guard let attempt = attempts[take.token] else { continue }
            let known = fields[attempt.account] ?? take.accountField
            fields[attempt.account] = known
            if known != take.accountField { evidence.violate("P6", "account \(attempt.account) has two names") }
        }
        if Set(fields.values).count != fields.count { evidence.violate("P6", "two accounts have one name") }
    }

    // MARK: - P7: what waits for a relay ends before a client's patience does, but for the dot

    private func checkWaits() {
        guard world.scenario.clientPlan == .none else { return }
        for subscriber in world.subscribers where subscriber.waitMax > 5 * .minute {
            evidence.violate("P7", "subscriber \(subscriber.number) waited \(seconds(subscriber.waitMax))")
        }
    }

    // MARK: - P3: no window of a limit's length ever holds more than the limit

    private struct Release {
        let at: Instant
        let recipients: Int
        let octets: Int
    }

    private func checkCaps() {
        let scenario = world.scenario
        var byAccount: [[Release]] = Array(repeating: [], count: world.subscribers.count)
        for transaction in evidence.transactions where transaction.isCharged {
            guard let at = transaction.released, let attempt = attempts[transaction.token] else { continue }
            byAccount[attempt.account].append(
                Release(at: at, recipients: transaction.accepted, octets: attempt.body.count))
            if attempt.account < scenario.accounts.count, transaction.accepted > scenario.messageCap {
                evidence.violate("P3", "\(transaction.token) went to \(transaction.accepted) recipients")
            }
        }
        for (index, releases) in byAccount.enumerated() where index < scenario.accounts.count {
            check(releases, scenario.hourCap, .hour, "account \(index) in an hour")
            if let cap = scenario.dayCap { check(releases, cap, .day, "account \(index) in a day") }
            if let cap = scenario.octetsCap { check(releases, cap, .hour, "octets of account \(index)", \.octets) }
        }
        if let cap = scenario.customerCap {
            let members = scenario.accounts.indices.filter { scenario.accounts[$0].customer != nil }
            check(members.flatMap { byAccount[$0] }, cap, .hour, "the customer in an hour")
        }
        if let cap = scenario.gatewayCap { check(byAccount.flatMap { $0 }, cap, .hour, "the gateway in an hour") }
        if scenario.isCalm { checkExact(byAccount) }
    }

    private func check(
        _ releases: [Release], _ cap: Int, _ window: UInt64, _ whose: String,
        _ quantity: KeyPath<Release, Int> = \.recipients
    ) {
        let ordered = releases.sorted { $0.at < $1.at }
        var first = 0
        var sum = 0
        for release in ordered {
            sum += release[keyPath: quantity]
            while release.at.since(ordered[first].at) >= window {
                sum -= ordered[first][keyPath: quantity]
                first += 1
            }
            if sum > cap { return evidence.violate("P3", "\(whose): \(sum) of \(cap)") }
        }
    }

    /// Where nothing goes wrong and one limit alone binds, exactly as much passes as it allows.
    private func checkExact(_ byAccount: [[Release]]) {
        let scenario = world.scenario
        guard scenario.theft == nil, scenario.gatewayCap == nil, scenario.octetsCap == nil,
            scenario.connectionsCap == nil,
            scenario.interludes.isEmpty
        else { return }
        for (index, part) in scenario.accounts.enumerated() where part.customer == nil || scenario.customerCap == nil {
            let wanted = part.sessions.joined().reduce(0) { $0 + $1.recipients.count }
            let sent = byAccount[index].reduce(0) { $0 + $1.recipients }
            if sent != min(wanted, scenario.hourCap) {
                evidence.violate("P3", "account \(index) sent \(sent) of \(wanted), and may send \(scenario.hourCap)")
            }
        }
    }
}
