import Synchronization
import WeirBase
import WeirConfiguration
import WeirQuota
package import WeirRuntime

/// What the gateway tells of itself: numbers for monitoring, and lines for the log.
///
/// Labels are looked up once, where something is opened, and held from then on; no series and no label names an account.
package final class Telemetry: Sendable {
    package let metrics: GatewayMetrics
    package let log: Log
    private let limits = Mutex<[Limit.Name: LimitLabel]>([:])

    package init(metrics: GatewayMetrics, log: Log) {
        self.metrics = metrics
        self.log = log
    }

    /// Counts for nobody and logs to nowhere: for tests and for the command line.
    package static var silent: Telemetry {
        final class Nowhere: LogSink {
            func write(_ line: [UInt8]) {}
        }
        return Telemetry(
            metrics: GatewayMetrics(listeners: [], relays: []),
            log: Log(level: .error, to: Nowhere(), wall: { WallTime(nanoseconds: 0) }))
    }

    func label(of limit: Limit) -> LimitLabel {
        let name = limit.name
        if let known = limits.withLock({ $0[name] }) { return known }
        let label = metrics.limit(name.description)
        limits.withLock { $0[name] = label }
        return label
    }

    // MARK: - Limits

    /// Counts a recipient that a limit refused.
    func note(_ refusal: Refusal) {
        let isFinal = refusal.canNeverFit || refusal.excess == .rejection
        let family = isFinal ? metrics.quota.refusals : metrics.quota.deferrals
        family[label(of: refusal.limit), MetricLabels.LimitScope(refusal.scope)].add()
    }

    /// Counts and tells which marks of limits an account has passed.
    func note(_ crossings: [Crossing], account: String) {
        for crossing in crossings {
            let limit = label(of: crossing.limit)
            guard let percent = crossing.percent else {
                metrics.quota.observations[limit, MetricLabels.LimitScope(crossing.scope)].add()
                log.info(
                    "limit observed",
                    [
                        "account": .string(account), "scope": .string(crossing.scope.rawValue),
                        "limit": .string(crossing.limit.description), "used": .int(Int(crossing.used)),
                        "allowed": .int(Int(crossing.allowed)),
                    ])
                continue
            }
            metrics.quota.warnings[limit, metrics.quota.threshold(percent: percent)].add()
            log.warning(
                "limit near",
                [
                    "account": .string(account), "scope": .string(crossing.scope.rawValue),
                    "limit": .string(crossing.limit.description), "percent": .int(percent),
                    "used": .int(Int(crossing.used)), "allowed": .int(Int(crossing.allowed)),
                ])
        }
    }
}

extension MetricLabels.LimitScope {
    init(_ scope: Scope) {
        switch scope {
        case .account: self = .account
        case .customer: self = .customer
        case .gateway: self = .gateway
        }
    }
}

extension SMTPMetrics {
    fileprivate func countHandshake(_ side: MetricLabels.TLSSide, _ security: TLSDescription?) {
        let version: MetricLabels.TLSVersion =
            switch security?.version {
            case "TLSv1.3": .tls13
            case "TLSv1.2": .tls12
            default: .none
            }
        handshakes[side, security == nil ? .error : .success, version].add()
    }
}

/// One listener's counters, held by its sessions.
final class ListenerMeter: Sendable {
    let label: ListenerLabel
    private let metrics: GatewayMetrics

    init(_ name: String, metrics: GatewayMetrics) {
        self.metrics = metrics
        label = metrics.listener(name)
    }

    func opened() { metrics.smtp.sessions[label].add(1) }

    func closed(after span: UInt64) {
        metrics.smtp.sessions[label].add(-1)
        metrics.smtp.sessionDuration[label].observe(span)
    }

    func admitted(_ admission: MetricLabels.Admission) { metrics.smtp.connections[label, admission].add() }
    func recipient(_ disposition: MetricLabels.Disposition, count: Int) {
        metrics.smtp.recipients[label, disposition].add(UInt64(count))
    }
    func message(_ disposition: MetricLabels.Disposition) { metrics.smtp.messages[label, disposition].add() }
    func accepted(octets: UInt64) { metrics.smtp.messageSize[label].observe(octets) }

    func answered(_ verb: MetricLabels.Verb, code: UInt16, count: Int = 1) {
        metrics.smtp.commands[verb, MetricLabels.ReplyClass(code: Int(code))].add(UInt64(count))
    }

    func violated(_ violation: MetricLabels.Violation) { metrics.smtp.violations[violation].add() }

    func authenticated(_ mechanism: MetricLabels.Mechanism, _ result: MetricLabels.AuthResult) {
        metrics.smtp.authentications[mechanism, result].add()
    }

    @inline(never)
    func shookHands(_ security: TLSDescription?) {
        metrics.smtp.countHandshake(.listener, security)
    }
}

/// One relay's counters, held by its state.
package final class RelayMeter: Sendable {
    private let label: RelayLabel
    private let metrics: GatewayMetrics

    package init(_ name: String, metrics: GatewayMetrics) {
        self.metrics = metrics
        label = metrics.relay(name)
    }

    /// Counts replies to commands sent `span` nanoseconds ago; pipelined ones are one duration.
    func replied(_ stage: MetricLabels.RelayStage, code: UInt16, after span: UInt64, count: Int = 1) {
        metrics.relays.replies[label, MetricLabels.ReplyClass(code: Int(code)), stage].add(UInt64(count))
        metrics.relays.replyDuration[label, stage].observe(span)
    }

    func failed(_ stage: RelayFailure.Stage, timedOut: Bool) {
        let reason: MetricLabels.ConnectFailure =
            switch stage {
            case .resolve: .name
            case .connect: timedOut ? .timeout : .refused
            case .greeting, .hello: timedOut ? .timeout : .greeting
            case .tls: .tls
            case .login: .auth
            }
        metrics.relays.connectFailures[label, reason].add()
    }

    /// Counts a handshake that gave this, or that failed.
    func shookHands(_ security: TLSDescription?) { metrics.smtp.countHandshake(.relay, security) }

    /// From now on each scrape asks `relay` whether it takes mail and how many connections stand.
    func sample(_ relay: RelayState) {
        metrics.relays.up[label].sample { [weak relay] in relay?.isUp == true ? 1 : 0 }
        metrics.relays.connections[label].sample { [weak relay] in Int64(relay?.openCount ?? 0) }
    }
}
