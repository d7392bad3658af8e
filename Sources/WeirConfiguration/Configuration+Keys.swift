// The keys of weir.yaml: each is listed once, here, with what it takes, its default and its meaning.

extension Configuration {
    /// Every key of weir.yaml, in the order in which the manual explains them.
    package static var keys: [KeyDescription] { Keys.describe { Configuration.read(&$0) } }

    /// What weir.yaml gave, as far as it could be read.
    struct Draft {
        var policies: [Item<String>]
        var networks: [Item<NetworkRule>]
        /// `nil` if something that has no default is missing or wrong.
        var configuration: Configuration?
    }

    /// Reads the whole file; what is missing or wrong is recorded.
    static func read(_ keys: inout Keys) -> Draft {
        let directory = keys.reading.directory
        let hostname = keys.required(
            "hostname", .hostName, "The gateway's name in its greeting, in EHLO and in Received fields.")
        let store = keys.required(
            "store", .path(in: directory), "The directory of the ledger and the accounts.")
        let policies =
            keys.list(
                "policies", of: .text, .required, "Patterns of the plan files, relative to this file.") ?? []
        let contact = keys.required(
            "contact", .mailAddress,
            "The mail address named in refusals. Mail to it passes from everyone, suspended or over a limit: ten recipients a day."
        )
        let timezone = keys.value(
            "timezone", .timeZone, default: "UTC", "The zone of calendar limits and of times in replies.")
        let hashKeyFile = keys.value(
            "hash_key_file", .path(in: directory), default: directory + "hash.key",
            "The key of the account's hash in X-Weir-Account; made at first start if absent.")
        let tls = keys.optionalMapping("tls", "The gateway's own certificate.", TLS.read).flatMap { $0 }
        let listeners = keys.mappings("listeners", .required, "Where clients connect.", Listener.read)
        let networks = keys.mappings(
            "networks", .optional, "Source networks of which every prefix is an account.", NetworkRule.read)
        let relays = keys.mappings(
            "relays", .required, "Where mail goes, by weight; one that fails rests and is probed.", Relay.read)
        let delivery = keys.value(
            "delivery", .choice, default: Delivery.proxyOrQueue, "What happens to mail when no relay can be reached.")
        let scanner = keys.optionalMapping(
            "scanner", "Who looks at what messages say.", Configuration.Scanner.read
        ).flatMap { $0 }
        let admin = keys.mapping("admin", "Where administrators and monitoring connect.", Admin.read)
        let notices = keys.optionalMapping(
            "notices", "Mail about accounts, to their owners and to the desk; none without it.", NoticeSettings.read
        ).flatMap { $0 }
        let webhooks = keys.mappings(
            "webhooks", .optional, "Programs that are told of events, by signed HTTP requests.", Webhook.read)
        let timeouts = keys.mapping("timeouts", "How long the gateway waits.", Timeouts.read)
        let log = keys.mapping("log", "What is written to standard output.", Log.read)

        keys.check(delivery)
        keys.check(listeners, hasTLS: keys.has("tls"))
        keys.check(listeners, admin)
        keys.check(networks)
        keys.check(relays, listeners)
        keys.check(webhooks)
        var draft = Draft(policies: policies, networks: networks)
        guard let hostname, let store, let contact else { return draft }
        draft.configuration = Configuration(
            hostname: hostname, store: store, policies: policies.map(\.value), contact: contact, timezone: timezone,
            hashKeyFile: hashKeyFile, tls: tls, listeners: listeners.map(\.value), networks: networks.map(\.value),
            relays: relays.map(\.value), delivery: delivery, scanner: scanner, admin: admin, notices: notices,
            webhooks: webhooks.map(\.value), timeouts: timeouts, log: log)
        return draft
    }
}

extension Configuration.TLS {
    static func read(_ keys: inout Keys) -> Self? {
        let directory = keys.reading.directory
        let certificate = keys.required(
            "certificate", .path(in: directory), "The certificate and its chain, in PEM.")
        let key = keys.required("key", .path(in: directory), "The certificate's private key, in PEM.")
        guard let certificate, let key else { return nil }
        return Self(certificate: certificate, key: key)
    }
}

extension Listener {
    static func read(_ keys: inout Keys) -> Listener? {
        let name = keys.required("name", .name, "The listener's name in logs, metrics and `weir status`.")
        let address = keys.required("address", .listenAddress, "Where it listens; port 0 lets the system choose one.")
        let tls = keys.required(
            "tls", Kind<TLSMode>.choice, "STARTTLS is offered, TLS comes before SMTP, or there is no TLS.")
        let accounts = keys.required(
            "accounts", Kind<Accounts>.choice,
            "What makes a client an account: AUTH, its source address, or AUTH where it is used and else the address.")
        let bareNewline = keys.value(
            "bare_newline", .choice, default: BareNewline.normalize,
            "A lone LF in a message becomes CRLF, or the message is refused with 554 after its data.")
        let plaintextAuth = keys.value(
            "plaintext_auth", .flag, default: false, "Offers AUTH without TLS; only on a loopback address.")
        guard let name, let address, let tls, let accounts else { return nil }
        return Listener(
            name: name, address: address, tls: tls, accounts: accounts, bareNewline: bareNewline,
            plaintextAuth: plaintextAuth)
    }
}

extension Configuration.NetworkRule {
    static func read(_ keys: inout Keys) -> Self? {
        let range = keys.required("range", .network, "The network that subscribers send from.")
        let each = keys.required(
            "each", .integer(0...128), "The prefix length of one account: 32 for an IPv4 address, 56 or 64 for IPv6.")
        let plan = keys.required("plan", .name, "The plan of the accounts made.")
        if let range, let each { keys.check(each: each, of: range) }
        guard let range, let each, let plan else { return nil }
        return Self(range: range, each: each, plan: plan)
    }
}

extension Relay {
    static func read(_ keys: inout Keys) -> Relay? {
        let directory = keys.reading.directory
        let name = keys.required("name", .name, "The relay's name in logs, metrics and `weir status`.")
        let address = keys.required("address", .endpoint, "The relay's host and port; each address of a name is tried.")
        let tls = keys.required(
            "tls", Kind<TLSMode>.choice,
            "TLS with a verified name, TLS if offered and unverified, TLS before SMTP and verified, or no TLS.")
        let ca = keys.optional(
            "ca", .path(in: directory),
            "The authorities that may vouch for it, in PEM, instead of the system's; lists of what they revoked are heeded."
        )
        let weight = keys.value(
            "weight", .integer(0...1_000), default: 1, "Its share of the mail; 0 is used only when all others fail.")
        let connections = keys.value(
            "connections", .integer(1...10_000), default: 100, "The most connections to it at one time.")
        let login = keys.optional("login", .text, "The login for AUTH towards the relay.")
        let passwordFile = keys.optional(
            "password_file", .path(in: directory), "The file whose only line is that login's password.")
        keys.checkRelay(address: address, tls: tls)
        guard let name, let address, let tls else { return nil }
        return Relay(
            name: name, address: address, tls: tls, ca: ca, weight: weight, connections: connections, login: login,
            passwordFile: passwordFile)
    }
}

extension Configuration.Scanner {
    static func read(_ keys: inout Keys) -> Self? {
        let directory = keys.reading.directory
        let url = keys.required(
            "url", .webAddress, "Where rspamd's normal worker listens, over http; /checkv2 is asked there.")
        let deadline = keys.value(
            "deadline", .duration(.milliseconds(100)...(.seconds(60))), default: .seconds(5),
            "The longest that a message waits for its verdict, before its final dot.")
        let size = keys.value(
            "size", .size(16_000...16_000_000), default: 1_000_000,
            "How much of a message is scanned, from its beginning.")
        let away = keys.value(
            "away", .choice, default: Away.open,
            "What becomes of messages while there is no verdict: they pass, or are deferred with 451.")
        let passwordFile = keys.optional(
            "password_file", .path(in: directory), "The file whose only line is the worker's password.")
        if let url, url.isSecure { keys.refuse("url", "rspamd speaks http", hint: "write http://") }
        if let url, url.target != "/" { keys.refuse("url", "the path is always /checkv2", hint: "leave it out") }
        guard var url else { return nil }
        url.target = "/checkv2"
        return Self(url: url, deadline: deadline, size: size, away: away, passwordFile: passwordFile)
    }
}

extension Configuration.Admin {
    static func read(_ keys: inout Keys) -> Self {
        let directory = keys.reading.directory
        let socket = keys.value(
            "socket", .socketPath(in: directory), default: standardSocket, "The Unix socket of the API and of `weir`.")
        let group = keys.optional("group", .name, "The group whose members may use the socket, besides root.")
        let address = keys.optional(
            "address", .listenAddress, "The address of /metrics, /healthz, /readyz and the status page.")
        let tokenFile = keys.optional(
            "token_file", .path(in: directory),
            "Opens the API on that address: each line a name, the SHA-256 of its bearer token in hex, and what it may do: "
                + "read, adjust, suspend, admin.")
        if keys.has("token_file"), !keys.has("address") {
            keys.refuse("token_file", "\"token_file\" has no effect without \"address\"")
        }
        return Self(socket: socket, group: group, address: address, tokenFile: tokenFile)
    }

    /// Where `weir` looks for the daemon when nobody says otherwise.
    package static let standardSocket = "/run/weir/admin.sock"
}

extension Configuration.Timeouts {
    static func read(_ keys: inout Keys) -> Self {
        let wait = Kind<Duration>.duration(.seconds(1)...(.seconds(3_600)))
        return Self(
            command: keys.value(
                "command", wait, default: .seconds(300), "How long a client may take to send its next command."),
            data: keys.value(
                "data", wait, default: .seconds(180), "How long a client may be silent within a message."),
            relay: keys.value("relay", wait, default: .seconds(120), "How long a relay may take for a reply."),
            relayDot: keys.value(
                "relay_dot", wait, default: .seconds(600), "How long a relay may take for its reply to a message."),
            drain: keys.value(
                "drain", .duration(.zero...(.seconds(3_600))), default: .seconds(30),
                "How long transactions in flight may take to end at shutdown."))
    }
}

extension Configuration.Log {
    static func read(_ keys: inout Keys) -> Self {
        Self(
            level: keys.value("level", .choice, default: .info, "The least important lines that are written."),
            format: keys.value("format", .choice, default: .json, "One JSON object a line, or text for people."))
    }
}
