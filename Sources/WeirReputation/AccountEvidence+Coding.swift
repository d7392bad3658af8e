import WeirBase

extension AccountEvidence {
    /// Of the layout; a change of any field raises it.
    private static let version: UInt8 = 2
    /// Of the octet that says the standing; without it, as formerly, the standing counts in all modes.
    private static let shadowBit: UInt8 = 0x80
    /// No account needs more, whatever it sends.
    package static let encodedOctetsMax = 8 * 1024

    /// All of it in one piece, of ``encodedOctetsMax`` at most.
    package func encoded() -> [UInt8] {
        var blob = BlobWriter(version: Self.version)
        var evidence = self
        for instant in [updated, unrest, began] { blob.put(instant.nanoseconds) }
        blob.put(lastRelease?.nanoseconds ?? 0)
        let (state, time) = standing.code
        blob.put(isOfShadow ? state | Self.shadowBit : state)
        blob.put(time)
        evidence.visitNumbers { blob.put($0) }
        blob.put(today)
        blob.put(yesterday)
        blob.put(newByHour)
        blob.put(newByFiveMinutes)
        for filter in [known.younger, known.elder, seenToday] { blob.put(filter) }
        for list in [networks, names, countries] { blob.put(list) }
        blob.put(texts)
        blob.put(UInt16(clamping: suspects.ids.count))
        for id in suspects.ids { blob.put(id) }
        blob.put(ballot.cast.nanoseconds)
        blob.put(ballot.messages)
        blob.put(ballot.shares)
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
        guard let standing = Standing(code: (code.0 & ~Self.shadowBit, code.1)) else { throw .damaged }
        move(to: standing, in: code.0 & Self.shadowBit != 0 ? .shadow : .suspend)
        try visitNumbers { number throws(EvidenceError) in number = try blob.double() }
        today = try blob.tally()
        yesterday = try blob.tally()
        newByHour = try blob.ring()
        newByFiveMinutes = try blob.ring()
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
        ballot.shares = try blob.shares()
        try blob.finish()
    }

    /// In the order of the layout.
    private mutating func visitNumbers<Failure>(_ visit: (inout Double) throws(Failure) -> Void) throws(Failure) {
        try visit(&content)
        try visit(&delivery)
        try visit(&refusals)
        try visit(&complaints)
        try visit(&delivered)
        try visit(&peopleLately)
        try visit(&recipientsLately)
        try visit(&strangeNetworksLately)
        try visit(&strangeNamesLately)
        try visit(&strangeCountriesLately)
        try visit(&failedLogins)
        try visit(&habit.activeDays)
        try visit(&habit.days)
        try visit(&habit.strangeNetworkDays)
        try visit(&habit.texts)
        try visit(&habit.condemnedTexts)
        try visit(&habit.newPeople)
        try visit(&habit.unknownPeople)
        try visit(&habit.recipients)
        try visit(&habit.deferred)
        try visit(&habit.messages)
        try visit(&habit.refusedMessages)
        try visit(&habit.newInADay)
        try visit(&habit.newInAnHour)
        try visit(&habit.fanOut)
        try visit(&habit.strangeNetworks)
        try visit(&habit.strangeNames)
        try visit(&habit.failedLogins)
        try visit(&capsReached)
        try visit(&habit.capsReached)
        try visit(&habit.letters)
        try visit(&habit.otherSenders)
        try visit(&habit.formatted)
    }
}

extension DayTally {
    /// In the order of the layout.
    fileprivate mutating func visitCounts<Failure>(_ visit: (inout UInt32) throws(Failure) -> Void) throws(Failure) {
        try visit(&messages)
        try visit(&recipients)
        try visit(&people)
        try visit(&newPeople)
        try visit(&unknownPeople)
        try visit(&deferred)
        try visit(&refusedMessages)
        try visit(&texts)
        try visit(&condemnedTexts)
        try visit(&strangeNetworks)
        try visit(&strangeNames)
        try visit(&failedLogins)
        try visit(&newInADay)
        try visit(&newInAnHour)
        try visit(&fanOut)
        try visit(&capsReached)
        try visit(&letters)
        try visit(&otherSenders)
        try visit(&formatted)
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
    fileprivate mutating func put(_ tally: DayTally) {
        var tally = tally
        tally.visitCounts { put($0) }
        put(UInt8(tally.isStrange ? 1 : 0) | UInt8(tally.hadFamiliarNetwork ? 2 : 0))
        for index in 0..<4 { put(tally.suspicion[index]) }
    }

    mutating func put(_ shares: Climate.Shares) {
        put(shares.condemned)
        put(shares.unknown)
        put(shares.deferred)
        put(shares.refused)
    }

    mutating func put<let count: Int>(_ ring: Ring<count>) {
        put(ring.latest)
        for place in ring.slots.indices { put(ring.slots[place]) }
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
        try tally.visitCounts { count throws(EvidenceError) in count = try integer(UInt32.self) }
        let flags = try integer(UInt8.self)
        tally.isStrange = flags & 1 != 0
        tally.hadFamiliarNetwork = flags & 2 != 0
        for index in 0..<4 { tally.suspicion[index] = try double() }
        return tally
    }

    mutating func shares() throws(EvidenceError) -> Climate.Shares {
        var shares = Climate.Shares()
        shares.condemned = try double()
        shares.unknown = try double()
        shares.deferred = try double()
        shares.refused = try double()
        return shares
    }

    mutating func ring<let count: Int>() throws(EvidenceError) -> Ring<count> {
        let latest = try integer(UInt64.self)
        var slots = InlineArray<count, UInt32>(repeating: 0)
        for place in slots.indices { slots[place] = try integer(UInt32.self) }
        return Ring(slots: slots, latest: latest)
    }

    mutating func filter() throws(EvidenceError) -> PeopleFilter {
        let people = try count(max: PeopleFilter.peopleMax)
        let count = PeopleFilter.words(for: people)
        var words: [UInt32] = []
        words.reserveCapacity(count)
        for _ in 0..<count { words.append(try integer(UInt32.self)) }
        guard let filter = PeopleFilter(words: words, count: people) else { throw .damaged }
        return filter
    }

    fileprivate mutating func acquaintances(max: Int) throws(EvidenceError) -> Acquaintances {
        let count = try count(max: max)
        var entries: [Acquaintances.Entry] = []
        entries.reserveCapacity(count)
        for _ in 0..<count {
            entries.append(
                Acquaintances.Entry(
                    hash: try integer(UInt32.self), firstMinute: try integer(UInt32.self),
                    lastDay: try integer(UInt32.self), days: try integer(UInt16.self)))
        }
        return Acquaintances(entries: entries)
    }

    fileprivate mutating func texts() throws(EvidenceError) -> TextTable {
        let count = try count(max: TextTable.max)
        var entries: [TextTable.Entry] = []
        entries.reserveCapacity(count)
        for _ in 0..<count {
            entries.append(
                TextTable.Entry(
                    fingerprint: try integer(UInt64.self), score: try float(), credit: try float(),
                    lastMinute: try integer(UInt32.self), copies: try integer(UInt32.self),
                    people: try integer(UInt32.self)))
        }
        return TextTable(entries: entries)
    }
}
