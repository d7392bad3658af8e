import WeirBase
import WeirConfiguration
import WeirQuota

/// What differs between two configurations, in words.
extension Configuration {
    /// The keys that differ and that only a restart changes.
    func keysOfARestart(in other: Configuration) -> [String] {
        var keys: [String] = []
        if store != other.store { keys.append("store") }
        if timezone != other.timezone { keys.append("timezone") }
        if hashKeyFile != other.hashKeyFile { keys.append("hash_key_file") }
        if admin.socket != other.admin.socket { keys.append("admin.socket") }
        if admin.group != other.admin.group { keys.append("admin.group") }
        if admin.address != other.admin.address { keys.append("admin.address") }
        if log.format != other.log.format { keys.append("log.format") }
        return keys
    }
}

extension Generation {
    /// What a new configuration changes, one line each; nothing where nothing differs.
    func changes(to other: LoadedConfiguration, _ material: Material) -> [String] {
        let new = other.configuration
        let old = configuration
        var changes = Change.lines(of: "listener", old.listeners, new.listeners) { $0.name }
        changes += Change.lines(of: "relay", old.relays, new.relays) { $0.name }
        changes += Change.lines(of: "network", old.networks, new.networks) { $0.range.description }
        changes += Change.lines(of: "webhook", old.webhooks, new.webhooks) { $0.url.description }
        changes += Change.lines(of: "template", Template.all(templates), Template.all(material.templates)) { $0.name }
        changes += Change.lines(of: "plan", policies.plans.plans, other.policies.plans.plans) { $0.name }
        changes += Change.lines(
            of: "customer", policies.customers.sorted { $0.key < $1.key }.map(Customer.init),
            other.policies.customers.sorted { $0.key < $1.key }.map(Customer.init)
        ) { $0.name }
        if policies.otherCustomers != other.policies.otherCustomers {
            changes.append("limits of other customers changed")
        }
        if policies.gateway != other.policies.gateway { changes.append("limits of the gateway changed") }
        let keys: [(String, Bool)] = [
            ("hostname", old.hostname != new.hostname), ("contact", old.contact != new.contact),
            ("tls", old.tls != new.tls), ("delivery", old.delivery != new.delivery),
            ("scanner", old.scanner != new.scanner), ("notices", old.notices != new.notices),
            ("timeouts", old.timeouts != new.timeouts),
            ("log.level", old.log.level != new.log.level),
            ("policies", old.policies != new.policies),
        ]
        return changes + keys.filter(\.1).map { "\($0.0) changed" }
    }

    private struct Template: Equatable {
        let name: String
        let text: NoticeTemplate

        static func all(_ templates: [NoticeName: NoticeTemplate]) -> [Template] {
            templates.map { Template(name: $0.key.description, text: $0.value) }.sorted { $0.name < $1.name }
        }
    }

    private struct Customer: Equatable {
        let name: String
        let limits: LimitSet

        init(_ entry: (key: String, value: LimitSet)) {
            name = entry.key
            limits = entry.value
        }
    }
}

private enum Change {
    static func lines<Item: Equatable>(of kind: String, _ old: [Item], _ new: [Item], name: (Item) -> String)
        -> [String]
    {
        var lines: [String] = []
        for item in new {
            guard let former = old.first(where: { name($0) == name(item) }) else {
                lines.append("\(kind) \(name(item)) added")
                continue
            }
            if former != item { lines.append("\(kind) \(name(item)) changed") }
        }
        for item in old where !new.contains(where: { name($0) == name(item) }) {
            lines.append("\(kind) \(name(item)) removed")
        }
        return lines
    }
}
