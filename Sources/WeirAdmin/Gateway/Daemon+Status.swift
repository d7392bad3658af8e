import Glibc
import WeirBase
import WeirConfiguration
import WeirGateway
import WeirQuota
import WeirRuntime
import WeirStore

/// The gateway at a glance.
extension GatewayAdministration.Daemon {
    func status(_ counts: [AccountCount]) -> Status {
        let gateway = server.gateway
        let metrics = server.telemetry.metrics
        let suspended = counts.filter { $0.state == .suspended }.map(\.count).reduce(0, +)
        return Status(
            version: version, hostname: gateway.generation.configuration.hostname, startedAt: server.startedAt,
            listeners: listeners, relays: relays,
            ledger: Status.Ledger(
                pending: gateway.ledger.pendingCount, commits: metrics.store.commits[.success].current,
                sizeBytes: server.storage.ledgerOctets, freeBytes: server.storage.freeOctets),
            accounts: Status.Accounts(
                known: counts.map(\.count).reduce(0, +), tracked: gateway.ledger.decide { book, _ in book.count - 1 },
                suspended: suspended),
            traffic: traffic, alarms: gateway.alarms + server.alarms)
    }

    var readiness: Readiness { Readiness(reasons: server.gateway.unreadiness) }

    private var listeners: [Status.Listener] {
        let metrics = server.telemetry.metrics
        let addresses = server.gateway.addresses
        return server.gateway.generation.configuration.listeners.map { listener in
            Status.Listener(
                name: listener.name, address: addresses[listener.name]?.description ?? listener.address.description,
                tls: listener.tls.rawValue, up: addresses[listener.name] != nil,
                sessions: Int(clamping: metrics.smtp.sessions[metrics.listener(listener.name)].current))
        }
    }

    private var relays: [Status.Relay] {
        server.gateway.generation.relays.all.map { relay in
            let settings = relay.settings
            return Status.Relay(
                name: settings.name, address: settings.address.description, up: relay.isUp,
                connections: relay.openCount,
                connectionsMax: settings.connections, trouble: server.gateway.trouble(of: relay))
        }
    }

    private var traffic: Status.Traffic {
        let smtp = server.telemetry.metrics.smtp
        let labels = server.gateway.generation.configuration.listeners.map {
            server.telemetry.metrics.listener($0.name)
        }
        func sum(
            _ family: MetricFamily2<Counter, ListenerLabel, MetricLabels.Disposition>,
            _ dispositions: [MetricLabels.Disposition]
        )
            -> UInt64
        {
            labels.reduce(0) { total, label in
                dispositions.reduce(total) { $0 &+ family[label, $1].current }
            }
        }
        return Status.Traffic(
            messagesAccepted: sum(smtp.messages, [.accepted]), recipientsAccepted: sum(smtp.recipients, [.accepted]),
            recipientsDeferred: sum(smtp.recipients, [.deferredQuota, .deferredFlagged, .failed]),
            recipientsRefused: sum(
                smtp.recipients, [.refusedQuota, .refusedSuspended, .refusedPolicy, .refusedContent, .refusedRelay]))
    }
}
