/// A set of people in a bounded number of octets: exact while they are few, then a Bloom filter.
///
/// Nobody in it is ever denied; of those not in it, one in a hundred seems to be when it is ``isFull``.
///
/// Source: Bloom, "Space/time trade-offs in hash coding with allowable errors", 1970.
struct PeopleFilter: Equatable, Sendable {
    /// As many are kept one by one.
    static let exactMax = 96
    static let bits = 16_384
    static let peopleMax = 1_700
    private static let probes = 7

    /// Tags while ``isExact``, the filter's bits after that.
    private(set) var words: [UInt32] = []
    /// How many were put in that did not seem to be there.
    private(set) var count = 0

    var isExact: Bool { count <= Self.exactMax }
    var isFull: Bool { count >= Self.peopleMax }

    init() {}

    /// What ``words`` and ``count`` were; nil if they never can have been.
    init?(words: [UInt32], count: Int) {
        guard count >= 0, count <= Self.peopleMax else { return nil }
        guard words.count == Self.words(for: count) else { return nil }
        self.words = words
        self.count = count
    }

    /// How many words as many people take.
    static func words(for count: Int) -> Int { count <= exactMax ? count : bits / 32 }

    func contains(_ person: UInt64) -> Bool {
        let tag = UInt32(truncatingIfNeeded: person)
        if isExact { return words.contains(tag) }
        for probe in 0..<Self.probes where !bit(Self.place(tag, probe)) { return false }
        return true
    }

    /// Returns whether the person is new to it.
    @discardableResult
    mutating func insert(_ person: UInt64) -> Bool {
        guard !contains(person), !isFull else { return false }
        let tag = UInt32(truncatingIfNeeded: person)
        if count == Self.exactMax { spread() }
        if count >= Self.exactMax { set(tag) } else { words.append(tag) }
        count += 1
        return true
    }

    private mutating func spread() {
        let tags = words
        words = [UInt32](repeating: 0, count: Self.bits / 32)
        for tag in tags { set(tag) }
    }

    private mutating func set(_ tag: UInt32) {
        for probe in 0..<Self.probes {
            let place = Self.place(tag, probe)
            words[place >> 5] |= 1 << UInt32(place & 31)
        }
    }

    private func bit(_ place: Int) -> Bool { words[place >> 5] & (1 << UInt32(place & 31)) != 0 }

    /// Double hashing: the second step is odd, so that it visits every place.
    private static func place(_ tag: UInt32, _ probe: Int) -> Int {
        let word = UInt64(tag).mixed
        let step = word >> 32 | 1
        return Int(truncatingIfNeeded: (word &+ step &* UInt64(probe)) & UInt64(bits - 1))
    }
}

/// People over a time that has no end: when the younger generation is full, the elder is forgotten.
struct People: Equatable, Sendable {
    private(set) var younger = PeopleFilter()
    private(set) var elder = PeopleFilter()

    init() {}

    init(younger: PeopleFilter, elder: PeopleFilter) {
        self.younger = younger
        self.elder = elder
    }

    func contains(_ person: UInt64) -> Bool { younger.contains(person) || elder.contains(person) }

    /// Puts them into the younger generation, whether or not the elder knows them.
    mutating func insert(_ person: UInt64) {
        if younger.isFull {
            elder = younger
            younger = PeopleFilter()
        }
        younger.insert(person)
    }
}
