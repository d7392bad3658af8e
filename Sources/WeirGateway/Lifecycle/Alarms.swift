internal import Glibc
import Synchronization
import WeirBase
import WeirConfiguration
import WeirQuota
import WeirReputation
import WeirRuntime
import WeirStore

/// What needs somebody's attention now.
extension Gateway {
    /// One sentence for each; none when all is well.
    package var alarms: [String] {
        var alarms: [String] = []
        switch ledger.condition {
        case .sound: break
        case .full: alarms.append("The store's disk is full: mail is deferred with 452.")
        case .failing: alarms.append("The ledger cannot commit: mail is deferred with 451.")
        }
        let relays = generation.relays.all
        if !relays.contains(where: \.isUp) { alarms.append("No relay can be reached: mail is deferred with 451.") }
        for relay in relays where !relay.isUp {
            alarms.append("Relay \(relay.settings.name) is down: \(trouble(of: relay) ?? "it was never reached").")
        }
        for relay in relays where relay.isUp && relay.keepsSilent(at: runtime.now) {
            alarms.append("Relay \(relay.settings.name) \(Gateway.silence).")
        }
        if let alarm = generation.scanner?.alarm { alarms.append(alarm) }
        if let alarm = detector.alarm { alarms.append(alarm.sentence) }
        for url in herald.goneWebhooks {
            alarms.append("Webhook \(url) answered 410: it is told nothing more until weir reload.")
        }
        if let step = clockWatch.step(now: runtime.now) { alarms.append(step.sentence) }
        let soon = runtime.wall.seconds + Gateway.certificateNotice
        var told: Set<UInt64> = []
        for listener in generation.configuration.listeners {
            guard let end = generation.certificateEnds[listener.name], end < soon, told.insert(end).inserted else {
                continue
            }
            let days = end > runtime.wall.seconds ? (end - runtime.wall.seconds) / 86_400 : 0
            alarms.append("The certificate of listener \(listener.name) ends in \(days) days.")
        }
        return alarms
    }

    /// How long before its end a certificate is an alarm, in seconds.
    static let certificateNotice: UInt64 = 14 * 86_400

    /// Why a relay rests or is left out, in words; nil while it takes mail.
    package func trouble(of relay: RelayState) -> String? {
        guard relay.isUp else { return relayWatch.trouble(of: relay.settings.name) }
        return relay.keepsSilent(at: runtime.now) ? Gateway.silence : nil
    }

    private static let silence = "keeps silent in the middle of messages"

    /// What keeps it from taking mail; empty when it is ready.
    package var unreadiness: [String] {
        var reasons: [String] = []
        if isDraining { reasons.append("it is shutting down") }
        if !generation.relays.all.contains(where: \.isUp) { reasons.append("no relay can be reached") }
        if ledger.condition != .sound { reasons.append("the ledger cannot commit") }
        return reasons
    }
}

/// The files of the stores, and the disk below them.
package struct Storage: Sendable {
    private let path: String

    init(_ path: String) { self.path = path }

    package var ledgerOctets: Int64 { size("ledger.db") + size("ledger.db-wal") }
    package var freeOctets: Int64 { disk { Int64(clamping: $0.f_bavail) &* Int64(clamping: $0.f_frsize) } }
    package var allOctets: Int64 { disk { Int64(clamping: $0.f_blocks) &* Int64(clamping: $0.f_frsize) } }

    private func size(_ name: String) -> Int64 {
        var status = stat()
        return stat("\(path)/\(name)", &status) == 0 ? Int64(status.st_size) : 0
    }

    private func disk(_ read: (statvfs) -> Int64) -> Int64 {
        var status = statvfs()
        return statvfs(path, &status) == 0 ? read(status) : 0
    }

    /// From now on each scrape asks for sizes.
    func sample(into store: StoreMetrics) {
        let label = store.path(path)
        store.free[label].sample { freeOctets }
        store.size[label].sample { allOctets }
        store.fileSize[.ledger].sample { size("ledger.db") }
        store.fileSize[.ledgerWal].sample { size("ledger.db-wal") }
        store.fileSize[.accounts].sample { size("accounts.db") }
        store.fileSize[.accountsWal].sample { size("accounts.db-wal") }
    }
}
