import WeirBase

extension AccountEvidence {
    /// Of the layout; a change of any field raises it.
    private static let version: UInt8 = 2
    /// No account needs more, whatever it sends.
    package static let encodedOctetsMax = 8 * 1024

    /// All of it in one piece, of ``encodedOctetsMax`` at most.
    package func encoded() -> [UInt8] {
        var blob = BlobWriter(version: Self.version)
        for instant in [updated, unrest, began] { blob.put(instant.nanoseconds) }
        blob.put(lastRelease?.nanoseconds ?? 0)
        let (state, time) = standing.code
        blob.put(state)
        blob.put(time)
        for keyPath in Self.numbers { blob.put(self[keyPath: keyPath]) }
        for tally in [today, yesterday] {
            for keyPath in DayTally.counts { blob.put(tally[keyPath: keyPath]) }
            blob.put(UInt8(tally.isStrange ? 1 : 0) | UInt8(tally.hadFamiliarNetwork ? 2 : 0))
            for index in 0..<4 { blob.put(tally.suspicion[index]) }
        }
        for ring in [newByHour, newByFiveMinutes] { blob.put(ring) }
        for filter in [known.younger, known.elder, seenToday] { blob.put(filter) }
        for list in [networks, names, countries] { blob.put(list) }
        blob.put(texts)
        blob.put(UInt16(clamping: suspects.ids.count))
        for id in suspects.ids { blob.put(id) }
        blob.put(ballot.cast.nanoseconds)
        blob.put(ballot.messages)
        for keyPath in Climate.Shares.all { blob.put(ballot.shares[keyPath: keyPath]) }
        return blob.finish()
    }

    /// What ``encoded()`` wrote; every later decision is the same as of what was encoded.
    package init(decoding octets: [UInt8]) throws(EvidenceError) {
        var blob = try BlobReader(octets, version: Self.version)
        self.init(at: Instant(nanoseconds: try blob.integer(UInt64.self)))
        unrest = Instant(nanoseconds: try blob.integer(UInt64.self))
        began = Instant(nanoseconds: try blob.integer(UInt64.self))
        let release = try blob.integer(UInt64.self)
        lastRelease = release == 0 ? nil : Instant(nanoseconds: release)
        let code = (try blob.integer(UInt8.self), try blob.integer(UInt64.self))
        guard let standing = Standing(code: code) else { throw .damaged }
        self.standing = standing
        for keyPath in Self.numbers { self[keyPath: keyPath] = try blob.double() }
        today = try blob.tally()
        yesterday = try blob.tally()
        newByHour = try blob.ring(slots: 24)
        newByFiveMinutes = try blob.ring(slots: 12)
        known = People(younger: try blob.filter(), elder: try blob.filter())
        seenToday = try blob.filter()
        networks = try blob.acquaintances(max: Acquaintances.networksMax)
        names = try blob.acquaintances(max: Acquaintances.namesByNetworkMax)
        countries = try blob.acquaintances(max: Acquaintances.countriesMax)
        texts = try blob.texts()
        var ids: [UInt64] = []
        for _ in 0..<(try blob.count(max: Suspects.max)) { ids.append(try blob.integer(UInt64.self)) }
        suspects = Suspects(ids: ids)
        ballot.cast = Instant(nanoseconds: try blob.integer(UInt64.self))
        ballot.messages = try blob.integer(UInt32.self)
        for keyPath in Climate.Shares.all { ballot.shares[keyPath: keyPath] = try blob.double() }
        try blob.end()
    }

    private static var numbers: [WritableKeyPath<AccountEvidence, Double>] {
        [
            \.content, \.delivery, \.refusals, \.complaints, \.delivered, \.peopleLately, \.recipientsLately,
            \.strangeNetworksLately, \.strangeNamesLately, \.strangeCountriesLately, \.failedLogins, \.habit.activeDays,
            \.habit.days,
            \.habit.strangeNetworkDays, \.habit.texts, \.habit.condemnedTexts,
            \.habit.newPeople, \.habit.unknownPeople, \.habit.recipients, \.habit.deferred, \.habit.messages,
            \.habit.refusedMessages, \.habit.newInADay, \.habit.newInAnHour, \.habit.fanOut, \.habit.strangeNetworks,
            \.habit.strangeNames, \.habit.failedLogins, \.capsReached, \.habit.capsReached, \.habit.letters,
            \.habit.otherSenders, \.habit.formatted,
        ]
    }
}

extension DayTally {
    fileprivate static var counts: [WritableKeyPath<DayTally, UInt32>] {
        [
            \.messages, \.recipients, \.people, \.newPeople, \.unknownPeople, \.deferred, \.refusedMessages, \.texts,
            \.condemnedTexts, \.strangeNetworks, \.strangeNames, \.failedLogins, \.newInADay, \.newInAnHour, \.fanOut,
            \.capsReached, \.letters, \.otherSenders, \.formatted,
        ]
    }
}

extension Climate.Shares {
    static var all: [WritableKeyPath<Climate.Shares, Double>] {
        [\.condemned, \.unknown, \.deferred, \.refused]
    }
}

extension Standing {
    fileprivate var code: (UInt8, UInt64) {
        switch self {
        case .normal: (0, 0)
        case .flagged(let since): (1, since.nanoseconds)
        case .suspended(let since): (2, since.nanoseconds)
        case .probation(let until): (3, until.nanoseconds)
        }
    }

    fileprivate init?(code: (UInt8, UInt64)) {
        let time = Instant(nanoseconds: code.1)
        switch code.0 {
        case 0: self = .normal
        case 1: self = .flagged(since: time)
        case 2: self = .suspended(since: time)
        case 3: self = .probation(until: time)
        default: return nil
        }
    }
}

// MARK: - The parts

extension BlobWriter {
    mutating func put(_ ring: Ring) {
        put(ring.latest)
        for slot in ring.slots { put(slot) }
    }

    mutating func put(_ filter: PeopleFilter) {
        put(UInt16(clamping: filter.count))
        for word in filter.words { put(word) }
    }

    fileprivate mutating func put(_ list: Acquaintances) {
        put(UInt16(clamping: list.entries.count))
        for entry in list.entries {
            put(entry.hash)
            put(entry.firstMinute)
            put(entry.lastDay)
            put(entry.days)
        }
    }

    fileprivate mutating func put(_ texts: TextTable) {
        put(UInt16(clamping: texts.entries.count))
        for entry in texts.entries {
            put(entry.fingerprint)
            put(entry.score.bitPattern)
            put(entry.credit.bitPattern)
            put(entry.lastMinute)
            put(entry.copies)
            put(entry.people)
        }
    }
}

extension BlobReader {
    fileprivate mutating func tally() throws(EvidenceError) -> DayTally {
        var tally = DayTally()
        for keyPath in DayTally.counts { tally[keyPath: keyPath] = try integer(UInt32.self) }
        let flags = try integer(UInt8.self)
        tally.isStrange = flags & 1 != 0
        tally.hadFamiliarNetwork = flags & 2 != 0
        for index in 0..<4 { tally.suspicion[index] = try double() }
        return tally
    }

    mutating func ring(slots count: Int) throws(EvidenceError) -> Ring {
        let latest = try integer(UInt64.self)
        var slots: [UInt32] = []
        for _ in 0..<count { slots.append(try integer(UInt32.self)) }
        return Ring(slots: slots, latest: latest)
    }

    mutating func filter() throws(EvidenceError) -> PeopleFilter {
        let people = try count(max: PeopleFilter.peopleMax)
        var words: [UInt32] = []
        for _ in 0..<PeopleFilter.words(for: people) { words.append(try integer(UInt32.self)) }
        guard let filter = PeopleFilter(words: words, count: people) else { throw .damaged }
        return filter
    }

    fileprivate mutating func acquaintances(max: Int) throws(EvidenceError) -> Acquaintances {
        var entries: [Acquaintances.Entry] = []
        for _ in 0..<(try count(max: max)) {
            entries.append(
                Acquaintances.Entry(
                    hash: try integer(UInt32.self), firstMinute: try integer(UInt32.self),
                    lastDay: try integer(UInt32.self), days: try integer(UInt16.self)))
        }
        return Acquaintances(entries: entries)
    }

    fileprivate mutating func texts() throws(EvidenceError) -> TextTable {
        var entries: [TextTable.Entry] = []
        for _ in 0..<(try count(max: TextTable.max)) {
            entries.append(
                TextTable.Entry(
                    fingerprint: try integer(UInt64.self), score: try float(), credit: try float(),
                    lastMinute: try integer(UInt32.self), copies: try integer(UInt32.self),
                    people: try integer(UInt32.self)))
        }
        return TextTable(entries: entries)
    }
}
