import WeirBase

// What must hold between keys; each error stands at the key that has to change.

extension Keys {
    /// There is no spool yet.
    func check(_ delivery: Configuration.Delivery) {
        switch delivery {
        case .proxy: break
        case .queue: refuse("delivery", "there is no spool yet", hint: "use proxy")
        case .proxyOrQueue:
            let message = "there is no spool yet: \"proxy_or_queue\" runs as \"proxy\""
            reading.warnings.append(ConfigurationError(reading.places["delivery"] ?? place, message))
        }
    }

    /// TLS where it is needed, no password in the clear, and no two listeners alike.
    func check(_ listeners: [Item<Listener>], hasTLS: Bool) {
        for (listener, path) in listeners.map({ ($0.value, $0.path) }) {
            if listener.tls != .none, !hasTLS {
                let message = "listener \(quoted(listener.name)) needs a certificate"
                refuseItem(path, "tls", message, hint: "add the section tls, or set tls: none here")
            }
            if listener.plaintextAuth, !listener.address.ip.isLoopback {
                let hint = "passwords would cross the network in the clear; use 127.0.0.1, [::1], or TLS"
                refuseItem(path, "plaintext_auth", "\"plaintext_auth\" needs a loopback address", hint: hint)
            }
            if listener.accounts != .network, listener.tls == .none, !listener.plaintextAuth {
                let hint = "use tls: starttls or implicit, or accounts: network"
                refuseItem(path, "tls", "without TLS nobody can log in to \(quoted(listener.name))", hint: hint)
            }
        }
        refuseRepetition(in: listeners, of: "name") { $0.name }
    }

    /// No two listen on one address, nor one on another's; that of `admin` comes last.
    func check(_ listeners: [Item<Listener>], _ admin: Configuration.Admin) {
        let addresses =
            listeners.map { Item(value: $0.value.address, path: $0.path) }
            + (admin.address.map { [Item(value: $0, path: "admin")] } ?? [])
        for (index, later) in addresses.enumerated() {
            guard let first = addresses[..<index].first(where: { $0.value.overlaps(later.value) }) else { continue }
            let line = reading.places["\(first.path).address"]?.line ?? 0
            if first.value == later.value {
                let hint = "it is also in line \(line)"
                refuseItem(later.path, "address", "duplicate address \(quoted(later.value.description))", hint: hint)
            } else {
                let wider = first.value.ip.isUnspecified ? first.value : later.value
                let message = "\(first.value), in line \(line), and \(later.value) are not free together"
                let every = wider.ip.isIPv4 ? "every IPv4 address" : "every address, of IPv4 too"
                refuseItem(
                    later.path, "address", message,
                    hint: "\(wider) takes \(every); leave one of them out, or give it another port")
            }
        }
    }

    /// No range twice; one within another is fine, for the longest prefix wins.
    func check(_ networks: [Item<Configuration.NetworkRule>]) {
        refuseRepetition(in: networks, of: "range") { $0.range.description }
        for network in networks where network.value.range.length == 0 {
            refuseItem(
                network.path, "range", "\"range\" is the whole Internet: anybody could relay",
                hint: "name the networks of your subscribers")
        }
    }

    func check(each: Int, of range: IPNetwork) {
        let allowed = range.length...range.address.bits
        if !allowed.contains(each) {
            let bounds = "from \(allowed.lowerBound) to \(allowed.upperBound)"
            refuse("each", "\"each\" is \(each), but prefixes within \(range) have lengths \(bounds)")
        }
    }

    /// No name twice, and none that is one of our own listeners: mail would come back for ever.
    func check(_ relays: [Item<Relay>], _ listeners: [Item<Listener>]) {
        refuseRepetition(in: relays, of: "name") { $0.name }
        for relay in relays {
            guard case .address(let ip) = relay.value.address.host else { continue }
            let own = listeners.first { listener in
                let address = listener.value.address
                return address.port == relay.value.address.port
                    && (address.ip == ip || address.ip.isUnspecified && ip.isLoopback)
            }
            guard let own else { continue }
            refuseItem(
                relay.path, "address", "\(relay.value.address) is the listener \(own.value.name) of this gateway",
                hint: "a relay is the server behind Weir")
        }
    }

    /// One address is told once.
    func check(_ webhooks: [Item<Webhook>]) {
        refuseRepetition(in: webhooks, of: "url") { $0.url.description }
    }

    /// A login has its password, which no one on the way can read; and an authority has something to vouch for.
    func checkRelay(address: Endpoint?, tls: Relay.TLSMode?) {
        if has("login"), !has("password_file") {
            refuse("login", "\"login\" needs a \"password_file\"")
        }
        if has("password_file"), !has("login") {
            refuse("password_file", "\"password_file\" needs a \"login\"")
        }
        if has("login"), let address, !address.isLoopback, tls == .opportunistic || tls == Relay.TLSMode.none {
            let message = "the password could cross the network in the clear"
            refuse("login", message, hint: "use tls: required or implicit")
        }
        if has("ca"), tls == .opportunistic || tls == Relay.TLSMode.none {
            refuse("ca", "\"ca\" has no effect where the relay is not verified", hint: "use tls: required or implicit")
        }
    }

    /// Records an error at a key of an item, or at the item where the key was left out.
    private func refuseItem(_ path: String, _ name: String, _ message: String, hint: String? = nil) {
        let key = "\(path).\(name)"
        reading.refuse(at: reading.places[key] == nil ? path : key, message, hint: hint)
    }

    private func refuseRepetition<Value>(in items: [Item<Value>], of name: String, _ word: (Value) -> String) {
        var seen: [String: Place] = [:]
        for item in items {
            let word = word(item.value)
            if let first = seen[word] {
                let hint = "it is also in line \(first.line)"
                refuseItem(item.path, name, "duplicate \(name) \(quoted(word))", hint: hint)
            } else {
                seen[word] = reading.places["\(item.path).\(name)"]
            }
        }
    }
}
