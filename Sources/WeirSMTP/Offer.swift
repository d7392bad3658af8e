/// A line of our answer to EHLO.
package enum Offer: Equatable, Sendable {
    case pipelining, eightBitMIME, smtpUTF8, dsn, enhancedStatusCodes, startTLS
    /// PLAIN and LOGIN.
    case authentication
    /// Octets of a message; nil: no fixed limit.
    case size(UInt64?)
    /// Recipients of a message. Source: RFC 9422.
    case limits(recipientsMax: UInt64)

    /// As it stands behind the code.
    package var line: String {
        switch self {
        case .pipelining: "PIPELINING"
        case .eightBitMIME: "8BITMIME"
        case .smtpUTF8: "SMTPUTF8"
        case .dsn: "DSN"
        case .enhancedStatusCodes: "ENHANCEDSTATUSCODES"
        case .startTLS: "STARTTLS"
        case .authentication: "AUTH PLAIN LOGIN"
        case .size(let octets?): "SIZE \(octets)"
        case .size(nil): "SIZE"
        case .limits(let recipients): "LIMITS RCPTMAX=\(recipients)"
        }
    }
}

extension Reply {
    /// The answer to EHLO, or with no offers to HELO.
    package static func hello(hostname: String, offers: [Offer]) -> Reply {
        Reply(250, nil, ([hostname] + offers.map(\.line)).joined(separator: "\n"))
    }
}

extension Extensions {
    /// The lines of EHLO, where this is what every relay offers and this the least limits of relays and plans.
    ///
    /// What we do ourselves is offered in any case: PIPELINING, SIZE, ENHANCEDSTATUSCODES.
    package func offers(startTLS: Bool, authentication: Bool) -> [Offer] {
        var offers: [Offer] = [.pipelining, .size(sizeMax)]
        if keywords.contains(.eightBitMIME) { offers.append(.eightBitMIME) }
        if keywords.contains(.smtpUTF8) { offers.append(.smtpUTF8) }
        if keywords.contains(.dsn) { offers.append(.dsn) }
        offers.append(.enhancedStatusCodes)
        if startTLS { offers.append(.startTLS) }
        if authentication { offers.append(.authentication) }
        if let recipientsMax { offers.append(.limits(recipientsMax: recipientsMax)) }
        return offers
    }
}
