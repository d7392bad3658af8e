/// What weir.yaml says, all of it, with defaults filled in and paths resolved.
///
/// Two readings of one file are equal, also when comments moved.
package struct Configuration: Hashable, Sendable {
    /// How mail leaves when no relay can be reached.
    package enum Delivery: String, CaseIterable, Sendable {
        case proxy, queue
        case proxyOrQueue = "proxy_or_queue"
    }

    /// The gateway's own certificate.
    package struct TLS: Hashable, Sendable {
        package var certificate: String
        package var key: String
    }

    /// Every prefix of a length within a range is an account, made at its first mail.
    package struct NetworkRule: Hashable, Sendable {
        package var range: CIDR
        /// The prefix length of one account.
        package var each: Int
        package var plan: String
    }

    package struct Admin: Hashable, Sendable {
        package var socket: String
        package var group: String?
        package var address: IPEndpoint?
        package var tokenFile: String?
    }

    package struct Timeouts: Hashable, Sendable {
        package var command: Duration
        package var data: Duration
        package var relay: Duration
        package var relayDot: Duration
        package var drain: Duration
    }

    package struct Log: Hashable, Sendable {
        /// From the most to the least talkative.
        package enum Level: String, CaseIterable, Sendable {
            case debug, info, warning, error
        }

        package enum Format: String, CaseIterable, Sendable {
            case json, text
        }

        package var level: Level
        package var format: Format
    }

    package var hostname: String
    /// The store's directory.
    package var store: String
    /// Patterns of the plan files, as written.
    package var policies: [String]
    /// A mail address.
    package var contact: String
    package var timezone: String
    package var hashKeyFile: String
    /// Present whenever a listener needs it.
    package var tls: TLS?
    /// At least one; names and addresses are unique.
    package var listeners: [Listener]
    package var networks: [NetworkRule]
    /// At least one; names are unique.
    package var relays: [Relay]
    package var delivery: Delivery
    package var admin: Admin
    package var timeouts: Timeouts
    package var log: Log
}

/// Where clients connect, and how they become accounts.
package struct Listener: Hashable, Sendable {
    package enum TLSMode: String, CaseIterable, Sendable {
        case starttls, implicit, none
    }

    package enum Accounts: String, CaseIterable, Sendable {
        /// AUTH is required.
        case login
        /// The source address tells.
        case network
        case loginOrNetwork = "login_or_network"
    }

    package enum BareNewline: String, CaseIterable, Sendable {
        case normalize, reject
    }

    package var name: String
    package var address: IPEndpoint
    package var tls: TLSMode
    package var accounts: Accounts
    package var bareNewline: BareNewline
    /// AUTH is offered without TLS; only ever on loopback.
    package var plaintextAuth: Bool
}

/// Where mail goes.
package struct Relay: Hashable, Sendable {
    package enum TLSMode: String, CaseIterable, Sendable {
        case required, opportunistic, implicit, none
    }

    package var name: String
    package var address: Endpoint
    package var tls: TLSMode
    /// A file of authorities, instead of the system's.
    package var ca: String?
    /// Its share among the relays; 0 is used only when all others fail.
    package var weight: Int
    /// The most connections at one time.
    package var connections: Int
    /// Present exactly when ``passwordFile`` is.
    package var login: String?
    package var passwordFile: String?
}
