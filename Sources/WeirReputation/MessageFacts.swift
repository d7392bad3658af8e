package import WeirBase

/// What the detector is told of one message before it is released.
///
/// People, networks and names come as ``KeyedHash`` values: no address is kept.
package struct MessageFacts: Equatable, Sendable {
    /// What the record names it by.
    package var id: UInt64
    /// Who sends it.
    package var account: UInt64
    /// The accepted recipients, canonical.
    package var recipients: [UInt64]
    /// The client's network: an IPv4 /24 or an IPv6 /48.
    package var network: UInt64
    /// The client's country where it is known.
    package var country: UInt64?
    /// The name given with EHLO.
    package var name: UInt64
    /// The envelope sender, hashed like ``ContentFacts/headerFrom``; nil: none, or not known.
    package var sender: UInt64?
    package var content: ContentFacts?
    /// A scanner's: 0 is neutral, from 6 on it is spam. Nil: there is none, or it is away.
    package var scannerScore: Double?

    package init(
        id: UInt64, account: UInt64, recipients: [UInt64], network: UInt64, country: UInt64? = nil, name: UInt64,
        sender: UInt64? = nil, content: ContentFacts? = nil, scannerScore: Double? = nil
    ) {
        self.id = id
        self.account = account
        self.recipients = recipients
        self.network = network
        self.country = country
        self.name = name
        self.sender = sender
        self.content = content
        self.scannerScore = scannerScore
    }
}

/// What a look at a message's text yields.
package struct ContentFacts: Equatable, Sendable {
    /// Texts that differ in little have fingerprints that differ in at most ``sameTextBits``.
    package var fingerprint: UInt64
    package var octets: UInt64 = 0
    package var links = 0
    /// Hashes of the links' hosts, four at most.
    package var linkDomains: [UInt64] = []
    package var isHTML = false
    package var hasAttachment = false
    package var hasUnsubscribe = false
    /// Of the header's From address.
    package var headerFrom: UInt64?

    package static let sameTextBits = 6

    package init(fingerprint: UInt64) { self.fingerprint = fingerprint }
}

/// What a relay said of one recipient.
package enum RecipientReply: UInt8, Sendable {
    case accepted
    /// Such a person does not exist.
    case unknown
    /// Later, for the sender's conduct and not for the relay's state.
    case deferred
    /// Refused for another reason.
    case refused

    /// Sorts a reply by its code and the enhanced code after it, such as 550 and (5, 1, 1).
    package init(code: Int, enhanced: (class: Int, subject: Int, detail: Int)?) {
        switch (code, enhanced?.class, enhanced?.subject, enhanced?.detail) {
        case (200..<300, _, _, _): self = .accepted
        case (400..<500, 4?, 7?, _), (400..<500, 4?, 2?, 1?): self = .deferred
        case (400..<500, _, _, _): self = .refused
        case (550, nil, _, _), (500..<600, 5?, 1?, 1?), (500..<600, 5?, 1?, 2?), (500..<600, 5?, 1?, 6?),
            (500..<600, 5?, 1?, 10?):
            self = .unknown
        default: self = .refused
        }
    }

    /// What a reply to the dot says of the message: whether the relay took it. Nil: neither, for its trouble is its own.
    package static func isTaken(code: Int, enhanced: (class: Int, subject: Int, detail: Int)?) -> Bool? {
        switch RecipientReply(code: code, enhanced: enhanced) {
        case .accepted: true
        case .deferred: false
        case .unknown, .refused: 500..<600 ~= code ? false : nil
        }
    }
}

/// What became of a message that was released.
package struct Outcome: Equatable, Sendable {
    /// In the order of ``MessageFacts/recipients``.
    package var recipients: [RecipientReply]
    /// Whether the relay took it; nil where it came to no end of data, or the relay could not.
    package var isTaken: Bool?

    package init(recipients: [RecipientReply], isTaken: Bool?) {
        self.recipients = recipients
        self.isTaken = isTaken
    }
}

extension IPAddress {
    /// What ``MessageFacts/network`` is the hash of: the network of a client with this address.
    package var detectorNetwork: IPNetwork { IPNetwork(containing: self, length: isIPv4 ? 24 : 48) }
}
