import WeirBase

/// Networks, names or countries that an account uses, and on how many days it did.
struct Acquaintances: Equatable, Sendable {
    static let networksMax = 8
    static let namesMax = 4
    /// Names of an account by network, where many machines are behind one address.
    static let namesByNetworkMax = 48
    static let countriesMax = 4
    /// Used on as many earlier days, it is the account's own.
    static let familiarDays: UInt16 = 3

    struct Entry: Equatable, Sendable {
        /// A part of it: among so few, that is enough.
        var hash: UInt32
        /// Since 1970.
        var firstMinute: UInt32
        /// The last day on which it was used, and on how many different calm days it was.
        var lastDay: UInt32
        var days: UInt16

        /// Familiarity is earned in days, and today's use does not count.
        func isFamiliar(on day: UInt32) -> Bool { days - (lastDay == day ? min(days, 1) : 0) >= familiarDays }
    }

    /// How something is to an account.
    enum Acquaintance: Equatable, Sendable {
        case familiar
        /// Seen before, not often.
        case stranger
        /// Never seen, or forgotten.
        case newcomer
    }

    private(set) var entries: [Entry] = []

    init() {}
    init(entries: [Entry]) { self.entries = entries }

    /// Looks it up, and keeps it among `max`; a day without calm makes nothing more familiar.
    mutating func meet(_ hash: UInt64, at now: Instant, isCalm: Bool, max: Int) -> Acquaintance {
        let day = UInt32(truncatingIfNeeded: now.nanoseconds / .day)
        let hash = UInt32(truncatingIfNeeded: hash)
        guard let index = entries.firstIndex(where: { $0.hash == hash }) else {
            let entry = Entry(hash: hash, firstMinute: Self.minute(now), lastDay: day, days: isCalm ? 1 : 0)
            while entries.count >= max { entries.remove(at: leastMissed(on: day)) }
            entries.append(entry)
            return .newcomer
        }
        if entries[index].lastDay != day {
            entries[index].lastDay = day
            if isCalm, entries[index].days < .max { entries[index].days += 1 }
        }
        return entries[index].isFamiliar(on: day) ? .familiar : .stranger
    }

    /// Whether there is anything that is the account's own.
    func hasFamiliar(at now: Instant) -> Bool {
        let day = UInt32(truncatingIfNeeded: now.nanoseconds / .day)
        return entries.contains { $0.isFamiliar(on: day) }
    }

    /// How many of them are the account's own.
    func familiarCount(at now: Instant) -> Int {
        let day = UInt32(truncatingIfNeeded: now.nanoseconds / .day)
        return entries.count { $0.isFamiliar(on: day) }
    }

    /// How many of them came up within the last hour.
    func newcomers(at now: Instant) -> Int {
        let minute = UInt64(Self.minute(now))
        return entries.count { UInt64($0.firstMinute) + 60 > minute }
    }

    /// Forgets what came up in an incident.
    mutating func forget(since start: Instant) {
        entries.removeAll { $0.firstMinute >= Self.minute(start) || $0.days < Self.familiarDays }
    }

    private static func minute(_ time: Instant) -> UInt32 { UInt32(clamping: time.nanoseconds / .minute) }

    /// Strangers go before what is familiar, and the longest unused first.
    private func leastMissed(on day: UInt32) -> Int {
        let order = entries.indices.min {
            let (a, b) = (entries[$0], entries[$1])
            let (left, right) = (a.isFamiliar(on: day), b.isFamiliar(on: day))
            return left == right ? a.lastDay < b.lastDay : !left
        }
        return order ?? 0
    }
}
