/// Takes text octet by octet, and keeps what tells it from other texts: a similarity hash, its links, their domains.
///
/// The hash is made of runs of three words. Words that differ between the copies of one text are left out: names and
/// the beginnings of sentences, numbers, addresses. So a letter to a thousand people, each greeted by name, is one text.
///
/// Source: Charikar, "Similarity estimation techniques from rounding algorithms", 2002.
struct TextSketch {
    static let domainsMax = 4
    private static let hostOctetsMax = 64
    /// Fewer runs of words than this are no text to compare; it is then the same only if it is equal.
    private static let runsMin = 8

    private enum Place {
        case text
        /// Between < and > of HTML. Left by >.
        case tag
        /// Behind "://". Left by what can be no part of a host.
        case host
        /// Behind the host, until a space, a quote or a bracket.
        case path
    }

    private var place = Place.text
    private var wasInTag = false
    /// The last eight octets in lower case.
    private var recent: UInt64 = 0

    private var word = Word()
    private var previous: (UInt64, UInt64) = (0, 0)
    private var words: UInt32 = 0
    private var runs: UInt32 = 0
    private var whole: UInt64 = 0
    private var balance = InlineArray<64, Int32>(repeating: 0)

    private var host = InlineArray<64, UInt8>(repeating: 0)
    private var hostOctets = 0
    private var domains = InlineArray<4, UInt64>(repeating: 0)
    private var domainCount = 0
    private(set) var links = 0
    private(set) var hasUnsubscribe = false

    private let hash: KeyedHash

    init(hash: KeyedHash) { self.hash = hash }

    mutating func take(_ octet: UInt8, isHTML: Bool) {
        let lower = octet.lowercased
        recent = recent << 8 | UInt64(lower)
        if place != .host, recent & 0xFF == UInt64(UInt8(ascii: "/")), isLink {
            links += 1
            word = Word()
            wasInTag = place == .tag || place == .path && wasInTag
            hostOctets = 0
            place = .host
            return
        }
        switch place {
        case .text:
            if isHTML, octet == UInt8(ascii: "<") {
                endWord()
                place = .tag
            } else {
                read(octet, lower)
            }
        case .tag: if octet == UInt8(ascii: ">") { place = .text }
        case .host: readHost(octet, lower)
        case .path: if octet.endsLink { leaveLink(octet) }
        }
    }

    /// Ends what is begun: between two parts, or at the end of a header field.
    mutating func pause() {
        endWord()
        if place == .host { endHost() }
        place = .text
    }

    /// Hashes of the domains that links lead to.
    var linkDomains: [UInt64] { (0..<domainCount).map { domains[$0] } }

    /// Equal texts have equal ones, similar texts similar ones. `octets` tells apart what has no text.
    func fingerprint(octets: UInt64) -> UInt64 {
        guard words > 0 else { return (octets ^ 0x5745_4952).mixed }
        guard runs >= Self.runsMin else { return whole.mixed }
        var bits: UInt64 = 0
        for bit in 0..<64 where balance[bit] > 0 { bits |= 1 << UInt64(bit) }
        return bits
    }

    // MARK: - Words

    private struct Word {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        var octets: UInt32 = 0
        var capitals: UInt32 = 0
        var startsWithCapital = false
        /// Contains what no word of a text does: a digit, a sign.
        var isOdd = false

        /// A name, mostly, or how a sentence begins.
        var isCapitalised: Bool { startsWithCapital && capitals == 1 && octets > 1 }
    }

    private static let unsubscribe: UInt64 = "unsubscribe".utf8.reduce(Word().hash) {
        ($0 ^ UInt64($1)) &* 0x100_0000_01B3
    }

    private mutating func read(_ octet: UInt8, _ lower: UInt8) {
        if lower >= UInt8(ascii: "a") && lower <= UInt8(ascii: "z") || octet >= 0x80 {
            let isCapital = octet != lower
            if word.octets == 0 { word.startsWithCapital = isCapital }
            if isCapital { word.capitals &+= 1 }
            word.octets &+= 1
            word.hash = (word.hash ^ UInt64(lower)) &* 0x100_0000_01B3
        } else if octet >= 0x30 && octet <= 0x39 || octet == UInt8(ascii: "@") || octet == UInt8(ascii: "_") {
            word.isOdd = true
        } else if octet != UInt8(ascii: ".") || !word.isOdd {
            // A dot within an address or a number belongs to it.
            endWord()
        }
    }

    private mutating func endWord() {
        defer { word = Word() }
        guard word.octets > 0, !word.isOdd else { return }
        if word.hash == Self.unsubscribe { hasUnsubscribe = true }
        guard !word.isCapitalised else { return }
        words &+= 1
        whole = (whole ^ word.hash).mixed
        if words > 2 { add((previous.0.rotatedLeft(21) ^ previous.1.rotatedLeft(42) ^ word.hash).mixed) }
        previous = (previous.1, word.hash)
    }

    private mutating func add(_ run: UInt64) {
        runs &+= 1
        for bit in 0..<64 { balance[bit] &+= Int32(truncatingIfNeeded: run >> UInt64(bit) & 1) &* 2 &- 1 }
    }

    // MARK: - Links

    private static let http: UInt64 = "http://".utf8.reduce(0) { $0 << 8 | UInt64($1) }
    private static let https: UInt64 = "https://".utf8.reduce(0) { $0 << 8 | UInt64($1) }

    private var isLink: Bool { recent & 0xFF_FFFF_FFFF_FFFF == Self.http || recent == Self.https }

    private mutating func readHost(_ octet: UInt8, _ lower: UInt8) {
        if octet == UInt8(ascii: "@") {
            hostOctets = 0  // what stood before was a user
        } else if lower.isAlphanumeric || octet == UInt8(ascii: ".") || octet == UInt8(ascii: "-") || octet >= 0x80 {
            if hostOctets < Self.hostOctetsMax {
                host[hostOctets] = lower
                hostOctets += 1
            }
        } else {
            endHost()
            place = .path
            if octet.endsLink { leaveLink(octet) }
        }
    }

    private mutating func leaveLink(_ octet: UInt8) {
        place = wasInTag && octet != UInt8(ascii: ">") ? .tag : .text
        wasInTag = false
    }

    /// Keeps the domain under which hosts are registered: the last two labels, three below such as co.uk.
    private mutating func endHost() {
        defer { hostOctets = 0 }
        while hostOctets > 0, host[hostOctets - 1] == UInt8(ascii: ".") { hostOctets -= 1 }
        guard hostOctets > 0 else { return }
        var start = hostOctets
        var dots = 0
        var lengths = (0, 0)
        while start > 0 {
            if host[start - 1] == UInt8(ascii: ".") {
                dots += 1
                if dots == 3 || dots == 2 && !(lengths.0 == 2 && lengths.1 <= 3) { break }
            } else if dots == 0 {
                lengths.0 += 1
            } else if dots == 1 {
                lengths.1 += 1
            }
            start -= 1
        }
        var name: [UInt8] = []
        for place in start..<hostOctets { name.append(host[place]) }
        let domain = hash(name.span)
        for place in 0..<domainCount where domains[place] == domain { return }
        guard domainCount < Self.domainsMax else { return }
        domains[domainCount] = domain
        domainCount += 1
    }
}

extension UInt8 {
    /// ASCII letters alone change.
    var lowercased: UInt8 { self >= 0x41 && self <= 0x5A ? self | 0x20 : self }

    fileprivate var isAlphanumeric: Bool { self >= 0x61 && self <= 0x7A || self >= 0x30 && self <= 0x39 }

    /// What no link contains.
    fileprivate var endsLink: Bool {
        self <= 0x20 || self == UInt8(ascii: "\"") || self == UInt8(ascii: "'") || self == UInt8(ascii: ">")
            || self == UInt8(ascii: "<")
    }
}
