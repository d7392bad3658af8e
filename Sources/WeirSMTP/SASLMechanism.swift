/// How a client may show who it is. Source: RFC 4616 for PLAIN; draft-murchison-sasl-login for LOGIN.
package enum SASLMechanism: Equatable, Sendable {
    case plain, login

    package init?(_ octets: Span<UInt8>, _ name: Range<Int>) {
        switch octets.word(name) {
        case 0x0050_4C41_494E: self = .plain  // PLAIN
        case 0x004C_4F47_494E: self = .login  // LOGIN
        default: return nil
        }
    }

    var flag: SASLMechanisms {
        switch self {
        case .plain: .plain
        case .login: .login
        }
    }
}

/// A set of mechanisms, as a relay offers them.
package struct SASLMechanisms: OptionSet, Equatable, Sendable {
    /// One bit a mechanism.
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }
    /// ``SASLMechanism/plain``
    package static let plain = SASLMechanisms(rawValue: 1)
    /// ``SASLMechanism/login``
    package static let login = SASLMechanisms(rawValue: 2)
}
