import WeirBase

/// All that decisions share between accounts.
package struct Surroundings: Equatable, Sendable {
    package var climate = Climate()
    package var neighbourhood = Neighbourhood()

    package init() {}
}

/// What came from accounts under suspicion lately: the networks they were used from, and their texts.
///
/// A botnet uses many accounts alike. Only what was suspicious by itself leaves a mark, and a mark says something of
/// another account only where that is used from a network not its own, or writes to people it never wrote to; so a
/// hotel or a greeting that goes round accuses nobody.
package struct Neighbourhood: Equatable, Sendable {
    static let marksMax = 512
    /// Networks are passed on for a day, and so are texts.
    static let memory = UInt64.day

    struct Mark: Equatable, Sendable {
        var network: UInt64?
        var text: UInt64?
        var account: UInt64
        var time: Instant
    }

    /// The oldest is overwritten first.
    private(set) var marks: [Mark] = []
    private var next = 0

    package init() {}

    /// How many other accounts under suspicion were used from this network, or sent this text; three at most.
    func count(_ message: MessageFacts, isStrangeNetwork: Bool, reach: Double, at now: Instant) -> Double {
        guard !marks.isEmpty, isStrangeNetwork || reach >= 0.5 else { return 0 }
        let network = isStrangeNetwork ? message.network : nil
        let text = reach >= 0.5 ? message.content?.fingerprint : nil
        var seen: (UInt64, UInt64) = (message.account, message.account)
        var count = 0
        for mark in marks where mark.account != message.account && now.since(mark.time) < Self.memory {
            guard mark.account != seen.0, mark.account != seen.1, mark.matches(network: network, text: text) else {
                continue
            }
            seen = (seen.1, mark.account)
            count += 1
            if count == 3 { break }
        }
        return Double(count)
    }

    /// Notes a message that was suspicious.
    mutating func mark(_ message: MessageFacts, isStrangeNetwork: Bool, at now: Instant) {
        let network = isStrangeNetwork ? message.network : nil
        let text = message.content?.fingerprint
        if let same = marks.firstIndex(where: {
            $0.account == message.account && $0.network == network && $0.hasText(text)
        }) {
            marks[same].time = now
            return
        }
        let mark = Mark(network: network, text: text, account: message.account, time: now)
        if marks.count < Self.marksMax { marks.append(mark) } else { marks[next] = mark }
        next = (next + 1) % Self.marksMax
    }
}

extension Neighbourhood.Mark {
    fileprivate func hasText(_ other: UInt64?) -> Bool {
        guard let text, let other else { return text == other }
        return (text ^ other).nonzeroBitCount <= ContentFacts.sameTextBits
    }

    fileprivate func matches(network: UInt64?, text: UInt64?) -> Bool {
        network != nil && self.network == network || text != nil && hasText(text)
    }
}
