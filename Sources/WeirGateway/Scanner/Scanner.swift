import Synchronization
package import WeirBase
package import WeirConfiguration
package import WeirRuntime

/// What was said of a message in time.
package enum ScanVerdict: Equatable, Sendable {
    case scanned(ScannerReply)
    /// Nobody could say: `away` in the configuration decides.
    case unknown
}

/// What is shown to a scanner.
package struct ScanRequest: Sendable {
    package var fields: [HTTPReply.Field]
    package var message: [UInt8]

    package init(fields: [HTTPReply.Field], message: [UInt8]) {
        self.fields = fields
        self.message = message
    }
}

/// Asks rspamd what it thinks of messages, and nobody while it is away.
///
/// After a few failures in a row it rests: then no message waits for it, and upkeep shows it a message of its own until it answers.
package final class Scanner: Sendable {
    package let settings: Configuration.Scanner
    let budget = ScanBudget()
    private let client: HTTPClient
    private let password: String?
    private let metrics: ScannerMetrics
    private let log: Log
    /// By the index of their loop.
    private let queues: [(loop: RuntimeExecutor, queue: ScanQueue)]
    private let state = Mutex(Rest())

    /// Messages that one loop shows to the scanner at one time; others wait their turn.
    package static let scansMax = 16
    /// Failures in a row after which the scanner rests.
    package static let failuresMax = 3
    /// The first and the longest rest, in nanoseconds.
    static let restMin: UInt64 = .second
    static let restMax: UInt64 = 30 * .second
    /// Recipients that the scanner is told of.
    static let recipientsMax = 100

    /// Whether the scanner answers.
    private struct Rest {
        var failures = 0
        /// Since when it is away; nil: it is not.
        var since: Instant?
        var span: UInt64 = 0
        var end = Instant(nanoseconds: 0)
        var isProbing = false
        var reason = ""
    }

    package init(
        _ settings: Configuration.Scanner, password: [UInt8]?, runtime: Runtime, telemetry: Telemetry
    ) {
        self.settings = settings
        self.password = password.map { String(decoding: $0, as: UTF8.self) }
        client = HTTPClient(runtime: runtime)
        metrics = telemetry.metrics.scanner
        log = telemetry.log
        queues = runtime.loops.map { ($0, ScanQueue()) }
    }

    /// The scanner of a configuration; `former` goes on if it is the same, with what is known of it.
    static func make(
        _ loaded: LoadedConfiguration, _ material: Material, former: Scanner? = nil, runtime: Runtime,
        _ telemetry: Telemetry
    ) -> Scanner? {
        guard let settings = loaded.configuration.scanner else {
            telemetry.metrics.scanner.up.set(0)
            return nil
        }
        let made = Scanner(settings, password: material.scannerPassword, runtime: runtime, telemetry: telemetry)
        guard let former, former.settings == settings, former.password == made.password else {
            telemetry.metrics.scanner.up.set(1)
            return made
        }
        return former
    }

    /// Where a message is kept until it is scanned.
    func makeCopy() -> ScanCopy { ScanCopy(octetsMax: settings.size, budget: budget) }

    // MARK: - Asking

    /// The last moment for a verdict that is asked for now.
    func deadline(now: Instant) -> Instant { now + settings.deadline.wholeNanoseconds }

    /// Shows a message to the scanner, on the loop's own thread; ends by `deadline`, but for the time that a name takes to resolve.
    func scan(_ request: ScanRequest, on loop: RuntimeExecutor, until deadline: Instant) async -> ScanVerdict {
        guard let queue = queues.first(where: { $0.loop === loop })?.queue, !isAway else { return unknown(.away) }
        let waiter = Waiter(on: loop)
        defer { waiter.retire() }
        guard await queue.enter(waiter, until: deadline) else { return unknown(.busy) }
        defer { queue.leave() }
        // It may have been found away meanwhile.
        guard !isAway else { return unknown(.away) }
        let began = loop.now
        do throws(ScanFault) {
            let reply = try await ask(request, on: loop, waiter, until: deadline)
            metrics.duration.observe(loop.now.since(began))
            answered()
            metrics.requests[MetricLabels.ScanResult(reply.action)].add()
            return .scanned(reply)
        } catch {
            failed(error, now: loop.now)
            return unknown(error.result)
        }
    }

    /// Why there was no verdict, in words for the log.
    package struct ScanFault: Error, Equatable, Sendable {
        package let result: MetricLabels.ScanResult
        package let reason: String
    }

    /// One question, whether the scanner is away or not.
    package func ask(
        _ request: ScanRequest, on loop: RuntimeExecutor, _ waiter: Waiter, until deadline: Instant
    ) async throws(ScanFault) -> ScannerReply {
        let fields = request.fields + (password.map { [HTTPReply.Field("Password", $0)] } ?? [])
        let reply: HTTPReply
        do throws(HTTPError) {
            reply = try await client.post(
                request.message, to: settings.url, fields: fields, on: loop, waiter: waiter, until: deadline)
        } catch {
            throw ScanFault(result: error == .lost(.timedOut) ? .timeout : .failed, reason: error.description)
        }
        guard reply.status == 200 else { throw ScanFault(result: .failed, reason: "it answers \(reply.status)") }
        guard let verdict = ScannerReply(reply.body) else {
            throw ScanFault(result: .failed, reason: "its answer is no verdict")
        }
        return verdict
    }

    /// Counts why there is no verdict.
    private func unknown(_ result: MetricLabels.ScanResult) -> ScanVerdict {
        metrics.requests[result].add()
        return .unknown
    }

    // MARK: - Being away

    /// Whether nobody asks it at present.
    var isAway: Bool { state.withLock { $0.since != nil } }

    /// For the list of alarms; nil: all is well.
    package var alarm: String? {
        let reason = state.withLock { $0.since == nil ? nil : $0.reason }
        guard let reason else { return nil }
        let fate = settings.away == .open ? "messages pass without it" : "messages are deferred with 451"
        return "The scanner at \(settings.url) is away (\(reason)): \(fate)."
    }

    private func answered() {
        let wasAway = state.withLock { state in
            defer { state = Rest() }
            return state.since != nil
        }
        guard wasAway else { return }
        metrics.up.set(1)
        log.info("scanner back", ["url": .string(settings.url.description)])
    }

    private func failed(_ fault: ScanFault, now: Instant) {
        let isNew = state.withLock { state in
            state.failures += 1
            state.reason = fault.reason
            guard state.failures >= Scanner.failuresMax else { return false }
            // Those that were under way when it was found away say nothing new.
            guard state.since == nil || state.isProbing else { return false }
            state.span = min(max(2 * state.span, Scanner.restMin), Scanner.restMax)
            state.end = now + state.span
            defer { state.since = state.since ?? now }
            return state.since == nil
        }
        guard isNew else { return }
        metrics.up.set(0)
        log.error("scanner away", ["url": .string(settings.url.description), "reason": .string(fault.reason)])
    }

    /// Shows the scanner a message of our own when its rest is over, in a task of its own.
    func probeIfRested(on loop: RuntimeExecutor) {
        let isDue = state.withLock { state in
            guard state.since != nil, !state.isProbing, state.end <= loop.now else { return false }
            state.isProbing = true
            return true
        }
        guard isDue else { return }
        loop.spawn { [self] in
            let waiter = Waiter(on: loop)
            do throws(ScanFault) {
                _ = try await ask(.trial, on: loop, waiter, until: deadline(now: loop.now))
                answered()
            } catch {
                failed(error, now: loop.now)
                state.withLock { $0.isProbing = false }
            }
            waiter.retire()
        }
    }
}

extension ScanRequest {
    /// A message that nobody sends.
    package static var trial: ScanRequest {
        ScanRequest(
            fields: [HTTPReply.Field("Queue-Id", "trial")],
            message: Array("Subject: trial\r\nMessage-ID: <trial@weir.invalid>\r\n\r\nDoes it answer?\r\n".utf8))
    }
}

/// The messages of one loop that are being scanned, and those that wait for their turn, first come first served.
///
/// `@unchecked Sendable`: touched on its loop's thread alone.
final class ScanQueue: @unchecked Sendable {
    private final class Turn {
        let waiter: Waiter
        var hasCome = false

        init(_ waiter: Waiter) { self.waiter = waiter }
    }

    private var scans = 0
    /// No longer than the loop has sessions.
    private var turns: [Turn] = []

    /// Waits for a turn; false: none came in time.
    func enter(_ waiter: Waiter, until deadline: Instant) async -> Bool {
        if scans < Scanner.scansMax {
            scans += 1
            return true
        }
        let turn = Turn(waiter)
        turns.append(turn)
        while !turn.hasCome, waiter.executor.now < deadline { await waiter.wait(until: deadline) }
        if !turn.hasCome { turns.removeAll { $0 === turn } }
        return turn.hasCome
    }

    /// Ends a turn; the next begins.
    func leave() {
        guard !turns.isEmpty else {
            scans -= 1
            return
        }
        let next = turns.removeFirst()
        next.hasCome = true
        next.waiter.signal()
    }
}

extension MetricLabels.ScanResult {
    init(_ action: ScannerReply.Action) {
        switch action {
        case .pass: self = .passed
        case .mark: self = .marked
        case .defer: self = .deferred
        case .reject: self = .rejected
        }
    }
}
