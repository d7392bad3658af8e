import WeirBase

/// The catalogue: every metric of the gateway, typed, so that a wrong name or label does not compile.
///
/// Those who count hold on to the instrument or the label they use (``listener(_:)``, ``relay(_:)``,
/// ``limit(_:)``) and add to it from any thread. No series names an account.
package final class GatewayMetrics: Sendable {
    package typealias Labels = MetricLabels

    package let registry: MetricRegistry
    package let process: ProcessMetrics
    package let configuration: ConfigurationMetrics
    package let smtp: SMTPMetrics
    package let quota: QuotaMetrics
    package let detector: DetectorMetrics
    package let scanner: ScannerMetrics
    package let relays: RelayMetrics
    package let store: StoreMetrics
    package let operation: OperationMetrics

    private let listenerNames = NameSet<Labels.Listener>("listener", capacity: 32)
    private let relayNames = NameSet<Labels.Relay>("relay", capacity: 64)
    private let limitNames = NameSet<Labels.Limit>("limit", capacity: 64)

    /// Names that are known now start at 0; later ones do when ``listener(_:)`` and the like first hear of them.
    package init(listeners: [String], relays: [String], limits: [String] = [], loops: Int = 1) {
        var registry = MetricRegistry()
        configuration = ConfigurationMetrics(adding: &registry)
        smtp = SMTPMetrics(adding: &registry, listeners: listenerNames.axis)
        quota = QuotaMetrics(adding: &registry, limits: limitNames.axis)
        detector = DetectorMetrics(adding: &registry)
        scanner = ScannerMetrics(adding: &registry)
        self.relays = RelayMetrics(adding: &registry, relays: relayNames.axis)
        store = StoreMetrics(adding: &registry)
        operation = OperationMetrics(adding: &registry, loops: loops)
        process = ProcessMetrics(adding: &registry)
        self.registry = registry
        for name in listeners { _ = listenerNames.label(name) }
        for name in relays { _ = relayNames.label(name) }
        for name in limits { _ = limitNames.label(name) }
    }

    /// The label of a listener: once per listener, not per message.
    package func listener(_ name: String) -> ListenerLabel { listenerNames.label(name) }
    /// The label of a relay: once per relay.
    package func relay(_ name: String) -> RelayLabel { relayNames.label(name) }
    /// The label of a limit by its name, such as `recipients-per-day`: once per limit of a plan.
    package func limit(_ name: String) -> LimitLabel { limitNames.label(name) }
}

/// Version, configuration, reloads.
package struct ConfigurationMetrics: Sendable {
    package let build: Info
    package let digest: Info
    package let lastReloadSuccessful: Gauge
    package let lastReloadSuccess: Gauge
    package let reloads: MetricFamily<Counter, MetricLabels.ReloadResult>

    init(adding registry: inout MetricRegistry) {
        build = registry.add(
            .info(
                "weir_build_info", "Constant 1, labelled with version, revision and Swift version.",
                labels: ["version", "revision", "swift_version"]))
        digest = registry.add(
            .info(
                "weir_config_info", "Constant 1, labelled with the digest of the active policy set.",
                labels: ["digest"]))
        lastReloadSuccessful = registry.add(
            .gauge(
                "weir_config_last_reload_successful", "1 if the last policy reload succeeded, 0 if it was refused."))
        lastReloadSuccess = registry.add(
            .gauge(
                "weir_config_last_reload_success_timestamp_seconds",
                "Unix time of the last successful policy reload."))
        reloads = registry.add(
            .counter("weir_config_reloads_total", "Policy reload attempts by result."),
            MetricAxis(
                MetricLabels.ReloadResult.self))
    }
}

/// Listeners, sessions, TLS, AUTH, messages and recipients.
package struct SMTPMetrics: Sendable {
    package typealias Labels = MetricLabels

    package let listenerUp: MetricFamily<Gauge, ListenerLabel>
    package let connections: MetricFamily2<Counter, ListenerLabel, Labels.Admission>
    package let sessions: MetricFamily<Gauge, ListenerLabel>
    /// In nanoseconds.
    package let sessionDuration: MetricFamily<Histogram, ListenerLabel>
    package let commands: MetricFamily2<Counter, Labels.Verb, Labels.ReplyClass>
    package let violations: MetricFamily<Counter, Labels.Violation>
    package let handshakes: MetricFamily3<Counter, Labels.TLSSide, Labels.Outcome, Labels.TLSVersion>
    /// In seconds since 1970.
    package let certificateNotAfter: MetricFamily<Gauge, ListenerLabel>
    package let authentications: MetricFamily2<Counter, Labels.Mechanism, Labels.AuthResult>
    package let messages: MetricFamily2<Counter, ListenerLabel, Labels.Disposition>
    package let recipients: MetricFamily2<Counter, ListenerLabel, Labels.Disposition>
    package let messageSize: MetricFamily<Histogram, ListenerLabel>

    init(adding registry: inout MetricRegistry, listeners: MetricAxis<ListenerLabel>) {
        listenerUp = registry.add(
            .gauge("weir_listener_up", "1 if the listener is accepting connections."), listeners)
        connections = registry.add(
            .counter("weir_smtp_connections_total", "SMTP connections by listener and outcome of admission."),
            listeners, MetricAxis(Labels.Admission.self))
        sessions = registry.add(.gauge("weir_smtp_sessions_active", "SMTP sessions currently open."), listeners)
        sessionDuration = registry.add(
            .histogram(
                "weir_smtp_session_duration_seconds", "Duration of SMTP sessions.", bounds: MetricBounds.sessions,
                scale: .second), listeners)
        commands = registry.add(
            .counter("weir_smtp_commands_total", "SMTP commands received by verb and reply class."),
            MetricAxis(Labels.Verb.self), MetricAxis(Labels.ReplyClass.self))
        violations = registry.add(
            .counter(
                "weir_smtp_protocol_errors_total", "Sessions closed or commands refused for protocol violations."),
            MetricAxis(Labels.Violation.self))
        handshakes = registry.add(
            .counter("weir_tls_handshakes_total", "TLS handshakes by side, result and protocol version."),
            MetricAxis(Labels.TLSSide.self), MetricAxis(Labels.Outcome.self), MetricAxis(Labels.TLSVersion.self))
        certificateNotAfter = registry.add(
            .gauge(
                "weir_tls_certificate_not_after_timestamp_seconds",
                "Expiry time of a loaded certificate as Unix time, 0 where there is none."), listeners)
        authentications = registry.add(
            .counter("weir_auth_attempts_total", "SASL authentication attempts by mechanism and result."),
            MetricAxis(Labels.Mechanism.self), MetricAxis(Labels.AuthResult.self))
        messages = registry.add(
            .counter("weir_messages_total", "Messages by final disposition at the gateway."), listeners,
            MetricAxis(Labels.Disposition.self))
        recipients = registry.add(
            .counter("weir_recipients_total", "Recipients by disposition at RCPT time."), listeners,
            MetricAxis(Labels.Disposition.self))
        messageSize = registry.add(
            .histogram("weir_message_size_bytes", "Size of accepted messages.", bounds: MetricBounds.sizes),
            listeners)
    }
}

/// Limits, and the accounts they are for.
package struct QuotaMetrics: Sendable {
    package typealias Labels = MetricLabels

    package let refusals: MetricFamily2<Counter, LimitLabel, Labels.LimitScope>
    package let deferrals: MetricFamily2<Counter, LimitLabel, Labels.LimitScope>
    package let observations: MetricFamily2<Counter, LimitLabel, Labels.LimitScope>
    package let warnings: MetricFamily2<Counter, LimitLabel, ThresholdLabel>
    package let tracked: Gauge
    package let byState: MetricFamily<Gauge, Labels.RestrictedState>
    package let suspensions: MetricFamily<Counter, Labels.SuspensionCause>
    package let byUsage: MetricFamily2<Gauge, LimitLabel, Labels.UsageBand>

    private let thresholds = NameSet<Labels.Threshold>("threshold", capacity: 16)

    init(adding registry: inout MetricRegistry, limits: MetricAxis<LimitLabel>) {
        let scopes = MetricAxis(Labels.LimitScope.self)
        refusals = registry.add(
            .counter(
                "weir_quota_refusals_total",
                "Recipients refused for good because a limit was used up, by limit name and scope."), limits, scopes)
        deferrals = registry.add(
            .counter(
                "weir_quota_deferrals_total",
                "Recipients deferred because a limit was used up, by limit name and scope."), limits, scopes)
        observations = registry.add(
            .counter(
                "weir_quota_observations_total",
                "Recipients let pass beyond a limit that only observes, by limit name and scope."), limits, scopes)
        warnings = registry.add(
            .counter("weir_quota_warnings_total", "Warning thresholds crossed, by limit name and threshold."),
            limits, thresholds.axis)
        tracked = registry.add(.gauge("weir_accounts_tracked", "Accounts with live counters in memory."))
        byState = registry.add(
            .gauge("weir_accounts_by_state", "Accounts that are not as all others, by state."),
            MetricAxis(Labels.RestrictedState.self))
        suspensions = registry.add(
            .counter("weir_account_suspensions_total", "Account suspensions by cause."),
            MetricAxis(Labels.SuspensionCause.self))
        byUsage = registry.add(
            .gauge("weir_accounts_by_usage", "Accounts by band of use of a limit, without naming them."), limits,
            MetricAxis(Labels.UsageBand.self))
    }

    /// The label of a warning threshold in percent.
    package func threshold(percent: Int) -> ThresholdLabel { thresholds.label(String(percent)) }
}

/// The relays that take our mail.
package struct RelayMetrics: Sendable {
    package typealias Labels = MetricLabels

    package let up: MetricFamily<Gauge, RelayLabel>
    package let connections: MetricFamily<Gauge, RelayLabel>
    package let replies: MetricFamily3<Counter, RelayLabel, Labels.ReplyClass, Labels.RelayStage>
    /// In nanoseconds.
    package let replyDuration: MetricFamily2<Histogram, RelayLabel, Labels.RelayStage>
    package let connectFailures: MetricFamily2<Counter, RelayLabel, Labels.ConnectFailure>

    init(adding registry: inout MetricRegistry, relays: MetricAxis<RelayLabel>) {
        up = registry.add(
            .gauge(
                "weir_relay_up",
                "1 if the last probe of or delivery attempt to the relay succeeded."), relays)
        connections = registry.add(.gauge("weir_relay_connections_active", "Open connections to a relay."), relays)
        replies = registry.add(
            .counter("weir_relay_replies_total", "Replies received from a relay by class and stage."), relays,
            MetricAxis(Labels.ReplyClass.self), MetricAxis(Labels.RelayStage.self))
        replyDuration = registry.add(
            .histogram(
                "weir_relay_reply_duration_seconds", "Time from sending a command to the relay's reply.",
                bounds: MetricBounds.durations, scale: .second), relays, MetricAxis(Labels.RelayStage.self))
        connectFailures = registry.add(
            .counter("weir_relay_connect_failures_total", "Failed connection attempts to a relay by reason."),
            relays, MetricAxis(Labels.ConnectFailure.self))
    }
}

/// The ledger and the disk below it.
package struct StoreMetrics: Sendable {
    package typealias Labels = MetricLabels

    /// In nanoseconds.
    package let commitDuration: Histogram
    package let commits: MetricFamily<Counter, Labels.Outcome>
    package let entriesPerCommit: Histogram
    package let fileSize: MetricFamily<Gauge, Labels.LedgerFile>
    package let free: MetricFamily<Gauge, PathLabel>
    package let size: MetricFamily<Gauge, PathLabel>

    private let paths = NameSet<Labels.Path>("path", capacity: 8)

    init(adding registry: inout MetricRegistry) {
        commitDuration = registry.add(
            .histogram(
                "weir_ledger_commit_duration_seconds", "Time for a durable ledger commit.",
                bounds: MetricBounds.durations, scale: .second))
        commits = registry.add(
            .counter("weir_ledger_commits_total", "Ledger commits by result."), MetricAxis(Labels.Outcome.self))
        entriesPerCommit = registry.add(
            .histogram(
                "weir_ledger_entries_per_commit", "Charges grouped into one ledger commit.",
                bounds: MetricBounds.counts))
        fileSize = registry.add(
            .gauge("weir_ledger_size_bytes", "Size of the ledger files on disk."), MetricAxis(Labels.LedgerFile.self))
        free = registry.add(
            .gauge("weir_storage_free_bytes", "Free space on a file system Weir writes to."), paths.axis)
        size = registry.add(
            .gauge("weir_storage_size_bytes", "Size of a file system Weir writes to."), paths.axis)
    }

    /// The label of a directory that Weir writes to.
    package func path(_ path: String) -> PathLabel { paths.label(path) }
}

/// The program's own running: admin requests, audit, log, event loops.
package struct OperationMetrics: Sendable {
    package typealias Labels = MetricLabels

    package let adminRequests: MetricFamily2<Counter, RouteLabel, Labels.StatusCode>
    package let auditEvents: Counter
    package let notifications:
        MetricFamily3<Counter, Labels.NotificationChannel, Labels.NotificationKind, Labels.NotificationResult>
    package let notificationsWaiting: Gauge
    package let complaints: MetricFamily<Counter, Labels.ComplaintResult>
    package let logLinesDropped: Counter
    package let clockSteps: Counter
    /// In nanoseconds.
    package let loopLag: MetricFamily<Histogram, LoopLabel>

    private let routes = NameSet<Labels.Route>("method", "route", capacity: 40)
    private let loops: NameSet<Labels.Loop>

    init(adding registry: inout MetricRegistry, loops count: Int) {
        loops = NameSet("loop", capacity: count + 1)
        for loop in 0..<max(count, 0) { _ = loops.label(String(loop)) }
        adminRequests = registry.add(
            .counter("weir_admin_requests_total", "Admin API requests by method, route and status code."),
            routes.axis, MetricAxis(Labels.StatusCode.self))
        auditEvents = registry.add(.counter("weir_audit_events_total", "Audit log events written."))
        notifications = registry.add(
            .counter("weir_notifications_total", "Notifications by channel, kind and result."),
            MetricAxis(Labels.NotificationChannel.self), MetricAxis(Labels.NotificationKind.self),
            MetricAxis(Labels.NotificationResult.self))
        notificationsWaiting = registry.add(
            .gauge("weir_notifications_waiting", "Notifications that wait for their next attempt."))
        complaints = registry.add(
            .counter("weir_complaints_total", "Reports of abuse by what became of them."),
            MetricAxis(Labels.ComplaintResult.self))
        logLinesDropped = registry.add(
            .counter("weir_log_lines_dropped_total", "Log lines dropped because a sink could not keep up."))
        clockSteps = registry.add(
            .counter("weir_clock_steps_total", "Times that the wall clock stepped by more than ten seconds."))
        loopLag = registry.add(
            .histogram(
                "weir_event_loop_lag_seconds",
                "Delay between the scheduled and the actual run of a timer on an event loop.",
                bounds: MetricBounds.durations, scale: .second), loops.axis)
    }

    /// The label of an event loop by its number.
    package func loop(_ number: Int) -> LoopLabel { loops.label(String(number)) }
    /// The label of a route by method and path template: once per route.
    package func route(method: String, path: String) -> RouteLabel { routes.label(method, path) }
}
