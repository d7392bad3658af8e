package import WeirBase

/// What weir.yaml says, all of it, with defaults filled in and paths resolved.
///
/// Two readings of one file are equal, also when comments moved.
package struct Configuration: Hashable, Sendable {
    /// How mail leaves when no relay can be reached.
    package enum Delivery: String, CaseIterable, Sendable {
        /// The client is asked to come back.
        case proxy
        /// Mail is always spooled first.
        case queue
        /// Passed through while that is possible, spooled otherwise.
        case proxyOrQueue = "proxy_or_queue"
    }

    /// The gateway's own certificate.
    package struct TLS: Hashable, Sendable {
        package var certificate: String
        package var key: String
    }

    /// Every prefix of a length within a range is an account, made at its first mail.
    package struct NetworkRule: Hashable, Sendable {
        package var range: IPNetwork
        /// The prefix length of one account.
        package var each: Int
        package var plan: String
    }

    /// Where administrators and monitoring connect.
    package struct Admin: Hashable, Sendable {
        package var socket: String
        /// Whose members may use the socket besides root.
        package var group: String?
        /// Of metrics, health and the status page; the API too once there are tokens. Port 0 lets the system choose one.
        package var address: SocketAddress?
        /// For ``AdminToken/load(_:named:)``; present only beside an address.
        package var tokenFile: String?
    }

    /// Who looks at what messages say: rspamd.
    package struct Scanner: Hashable, Sendable {
        /// What becomes of a message that cannot be scanned now.
        package enum Away: String, CaseIterable, Sendable {
            case open, `defer`
        }

        /// http, of its normal worker.
        package var url: WebAddress
        /// For the verdict on one message.
        package var deadline: Duration
        /// Octets of a message that are scanned, from its beginning.
        package var size: Int
        package var away: Away
        package var passwordFile: String?
    }

    /// How long the gateway waits; at most an hour each.
    package struct Timeouts: Hashable, Sendable {
        /// For a client's next command.
        package var command: Duration
        /// For a client's next octets within a message.
        package var data: Duration
        /// For a relay's reply.
        package var relay: Duration
        /// For a relay's reply to a message's dot.
        package var relayDot: Duration
        /// At shutdown, for the transactions in flight; may be zero.
        package var drain: Duration
    }

    /// What is written to standard output.
    package struct Log: Hashable, Sendable {
        /// From the most to the least talkative; each includes those after it.
        package enum Level: String, CaseIterable, Sendable {
            case debug, info, warning, error
        }

        /// One JSON object a line, or text for people.
        package enum Format: String, CaseIterable, Sendable {
            case json, text
        }

        package var level: Level
        package var format: Format
    }

    /// Lower case.
    package var hostname: String
    /// The store's directory.
    package var store: String
    /// Patterns of the plan files, as written.
    package var policies: [String]
    /// A mail address.
    package var contact: String
    /// A name that the system's zones know, or UTC.
    package var timezone: String
    /// May not exist yet.
    package var hashKeyFile: String
    /// Present whenever a listener needs it.
    package var tls: TLS?
    /// At least one; names and addresses are unique.
    package var listeners: [Listener]
    package var networks: [NetworkRule]
    /// At least one; names are unique.
    package var relays: [Relay]
    package var delivery: Delivery
    package var scanner: Scanner?
    package var admin: Admin
    /// Nil: no notices are sent.
    package var notices: NoticeSettings?
    /// Addresses are unique.
    package var webhooks: [Webhook]
    package var timeouts: Timeouts
    package var log: Log
}

/// Where clients connect, and how they become accounts.
package struct Listener: Hashable, Sendable {
    /// How TLS begins.
    package enum TLSMode: String, CaseIterable, Sendable {
        case starttls, implicit, none
    }

    /// What makes a client an account.
    package enum Accounts: String, CaseIterable, Sendable {
        /// AUTH is required.
        case login
        /// The source address tells.
        case network
        /// AUTH where it is used, else the source address.
        case loginOrNetwork = "login_or_network"
    }

    /// What happens to a message with a lone LF.
    package enum BareNewline: String, CaseIterable, Sendable {
        /// It becomes CRLF; still, only CRLF "." CRLF ends the message.
        case normalize
        /// 554 after the data.
        case reject
    }

    package var name: String
    /// Of this machine; port 0 lets the system choose one.
    package var address: SocketAddress
    package var tls: TLSMode
    package var accounts: Accounts
    package var bareNewline: BareNewline
    /// AUTH is offered without TLS; only ever on loopback.
    package var plaintextAuth: Bool
}

/// Where mail goes.
package struct Relay: Hashable, Sendable {
    /// How the way to the relay is secured.
    package enum TLSMode: String, CaseIterable, Sendable {
        /// STARTTLS, and the relay's name is verified.
        case required
        /// STARTTLS where it is offered; nobody is verified.
        case opportunistic
        /// TLS from the first octet on, and the relay's name is verified.
        case implicit
        case none
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
