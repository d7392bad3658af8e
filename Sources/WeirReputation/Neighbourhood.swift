import WeirBase

/// What came from accounts under suspicion lately: the networks they were used from, their texts, and their links.
///
/// A botnet uses many accounts alike. Only what was suspicious by itself leaves a mark, and a mark says something of
/// another account only where that is used from a network not its own, or writes to people it never wrote to; so a
/// hotel or a greeting that goes round accuses nobody. A domain to which accounts link when they write to people they
/// know is common, and says nothing.
///
/// One text from several accounts, each abroad and each to new people, is told without any suspicion before: sightings.
package struct Neighbourhood: Equatable, Sendable {
    static let marksMax = 512
    static let sightingsMax = 256
    /// Networks are passed on for a day, and so are texts.
    static let memory = UInt64.day
    /// A campaign is run from its accounts at once.
    static let sightingMemory = UInt64.hour
    /// Links of a message that are kept.
    static let domainsMax = 2

    struct Mark: Equatable, Sendable {
        var network: UInt64?
        var text: UInt64?
        var domains: [UInt64] = []
        var account: UInt64
        var time: Instant
    }

    private(set) var marks = Marks(max: marksMax)
    private(set) var sightings = Marks(max: sightingsMax)
    /// Hashes of domains.
    private(set) var common = People()

    package init() {}

    /// How many other accounts under suspicion were used from this network, or sent this text or these links; three at most.
    func count(_ message: MessageFacts, isStrangeNetwork: Bool, reach: Double, at now: Instant) -> Double {
        guard isStrangeNetwork || reach >= 0.5 else { return 0 }
        let mark = Mark(message, isStrangeNetwork: isStrangeNetwork, hasText: reach >= 0.5, at: now)
        return marks.count(like: mark, without: common, within: Self.memory)
    }

    /// Notes a message that was suspicious.
    mutating func mark(_ message: MessageFacts, isStrangeNetwork: Bool, at now: Instant) {
        var mark = Mark(message, isStrangeNetwork: isStrangeNetwork, hasText: true, at: now)
        mark.domains = Array(mark.domains.filter { !common.contains($0) }.prefix(Self.domainsMax))
        marks.note(mark)
    }

    /// Notes a text sent from an unfamiliar network to new people, and returns how many other accounts did so; three at most.
    mutating func sight(_ message: MessageFacts, at now: Instant) -> Double {
        guard message.content != nil else { return 0 }
        var mark = Mark(message, isStrangeNetwork: false, hasText: true, at: now)
        mark.domains = []
        defer { sightings.note(mark) }
        return sightings.count(like: mark, without: common, within: Self.sightingMemory)
    }

    /// Domains of links between people who know each other.
    mutating func know(_ domains: [UInt64]) { for domain in domains { common.insert(domain) } }
}

/// Marks of accounts; the oldest is overwritten first.
struct Marks: Equatable, Sendable {
    private let max: Int
    private(set) var entries: [Neighbourhood.Mark] = []
    private var next = 0

    init(max: Int) { self.max = max }

    /// How many other accounts left a mark like this one; three at most.
    func count(like one: Neighbourhood.Mark, without common: People, within memory: UInt64) -> Double {
        var seen: (UInt64, UInt64) = (one.account, one.account)
        var count = 0
        for mark in entries where mark.account != one.account && one.time.since(mark.time) < memory {
            guard mark.account != seen.0, mark.account != seen.1, one.isLike(mark, without: common) else { continue }
            seen = (seen.1, mark.account)
            count += 1
            if count == 3 { break }
        }
        return Double(count)
    }

    mutating func note(_ mark: Neighbourhood.Mark) {
        if let same = entries.firstIndex(where: {
            $0.account == mark.account && $0.network == mark.network && $0.hasText(mark.text)
        }) {
            entries[same].time = mark.time
            return
        }
        if entries.count < max { entries.append(mark) } else { entries[next] = mark }
        next = (next + 1) % max
    }
}

extension Neighbourhood.Mark {
    fileprivate init(_ message: MessageFacts, isStrangeNetwork: Bool, hasText: Bool, at now: Instant) {
        network = isStrangeNetwork ? message.network : nil
        text = hasText ? message.content?.fingerprint : nil
        domains = hasText ? message.content?.linkDomains ?? [] : []
        account = message.account
        time = now
    }

    fileprivate func hasText(_ other: UInt64?) -> Bool {
        guard let text, let other else { return text == other }
        return (text ^ other).nonzeroBitCount <= ContentFacts.sameTextBits
    }

    fileprivate func isLike(_ other: Self, without common: People) -> Bool {
        network != nil && network == other.network || text != nil && hasText(other.text)
            || domains.contains { other.domains.contains($0) && !common.contains($0) }
    }
}

// MARK: - In octets

extension BlobWriter {
    mutating func put(_ neighbourhood: Neighbourhood) {
        for marks in [neighbourhood.marks, neighbourhood.sightings] { marks.write(into: &self) }
        for filter in [neighbourhood.common.younger, neighbourhood.common.elder] { put(filter) }
    }
}

extension BlobReader {
    mutating func neighbourhood() throws(EvidenceError) -> Neighbourhood { try Neighbourhood(from: &self) }
}

extension Neighbourhood {
    fileprivate init(from blob: inout BlobReader) throws(EvidenceError) {
        try marks.read(from: &blob)
        try sightings.read(from: &blob)
        common = People(younger: try blob.filter(), elder: try blob.filter())
    }
}

extension Marks {
    fileprivate func write(into blob: inout BlobWriter) {
        blob.put(UInt16(clamping: entries.count))
        for mark in entries {
            blob.put(option: mark.network)
            blob.put(option: mark.text)
            blob.put(UInt16(clamping: mark.domains.count))
            for domain in mark.domains { blob.put(domain) }
            blob.put(mark.account)
            blob.put(mark.time.nanoseconds)
        }
        blob.put(UInt16(clamping: next))
    }

    fileprivate mutating func read(from blob: inout BlobReader) throws(EvidenceError) {
        for _ in 0..<(try blob.count(max: max)) {
            let (network, text) = (try blob.option(), try blob.option())
            var domains: [UInt64] = []
            for _ in 0..<(try blob.count(max: Neighbourhood.domainsMax)) {
                domains.append(try blob.integer(UInt64.self))
            }
            let (account, time) = (try blob.integer(UInt64.self), try blob.integer(UInt64.self))
            entries.append(
                Neighbourhood.Mark(
                    network: network, text: text, domains: domains, account: account,
                    time: Instant(nanoseconds: time)))
        }
        next = try blob.count(max: max - 1)
        guard next == entries.count % max || entries.count == max else { throw .damaged }
    }
}
