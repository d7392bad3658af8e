import WeirAdmin
import WeirBase

/// What `weir status` prints: sections for a person, lines that begin with their kind for a program.
struct StatusReport {
    let status: Status
    let terminal: Terminal

    func write() {
        guard terminal.isInteractive else { return writePlain() }
        terminal.line("\(status.hostname): weir \(status.version), up since \(status.startedAt.text)")
        for alarm in status.alarms { terminal.line("ALARM  \(Terminal.printable(alarm))") }
        if status.alarms.isEmpty { terminal.line("All is well.") }
        terminal.line("")
        terminal.table(["LISTENER", "ADDRESS", "TLS", "STATE", "SESSIONS"], status.listeners.map(row))
        terminal.line("")
        terminal.table(["RELAY", "ADDRESS", "STATE", "CONNECTIONS", "TROUBLE"], status.relays.map(row))
        terminal.line("")
        terminal.list(facts)
    }

    private func writePlain() {
        terminal.list([
            ("hostname", status.hostname), ("version", status.version), ("started_at", status.startedAt.text),
        ])
        for alarm in status.alarms { terminal.list([("alarm", alarm)]) }
        terminal.table([], status.listeners.map { ["listener"] + row($0) })
        terminal.table([], status.relays.map { ["relay"] + row($0) })
        terminal.list(facts)
    }

    private func row(_ listener: Status.Listener) -> [String] {
        [listener.name, listener.address, listener.tls, listener.up ? "up" : "down", String(listener.sessions)]
    }

    private func row(_ relay: Status.Relay) -> [String] {
        let connections = "\(relay.connections)/\(relay.connectionsMax)"
        return [relay.name, relay.address, relay.up ? "up" : "down", connections, relay.trouble ?? ""]
    }

    private var facts: [(name: String, value: String)] {
        [
            ("accounts", String(status.accounts.known)), ("active", String(status.accounts.tracked)),
            ("suspended", String(status.accounts.suspended)),
            ("messages accepted", String(status.traffic.messagesAccepted)),
            ("recipients accepted", String(status.traffic.recipientsAccepted)),
            ("recipients deferred", String(status.traffic.recipientsDeferred)),
            ("recipients refused", String(status.traffic.recipientsRefused)),
            ("ledger commits", String(status.ledger.commits)), ("ledger pending", String(status.ledger.pending)),
            ("ledger octets", String(status.ledger.sizeBytes)), ("octets free", String(status.ledger.freeBytes)),
        ]
    }
}
