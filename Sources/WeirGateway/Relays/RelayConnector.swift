import WeirBase
package import WeirConfiguration
package import WeirRuntime
package import WeirSMTP

/// Why a relay could not be made ready, in words for the log, and the stage for the metrics.
package struct RelayFailure: Error, Equatable, Sendable {
    package enum Stage: String, Sendable { case resolve, connect, greeting, hello, tls, login }

    package let stage: Stage
    package let reason: String
}

/// Makes connections to relays: resolves, connects, waits for the greeting, secures, logs in.
///
/// What the settings demand is never weakened: a relay that does not offer STARTTLS where `tls: required` stands is a
/// relay that cannot be used.
package struct RelayConnector: Sendable {
    /// Puts TLS over a transport towards the named host.
    package typealias Wrap = @Sendable (Transport, String) throws(TransportFailure) -> Transport

    /// What one relay needs beyond its settings.
    package struct Secrets: Sendable {
        package var wrap: Wrap?
        package var login: Credentials?

        package init(wrap: Wrap?, login: Credentials?) {
            self.wrap = wrap
            self.login = login
        }
    }

    private let runtime: Runtime
    private let hostname: String
    private let secrets: [Relay: Secrets]
    private let timeout: UInt64
    private let report: @Sendable (RelayState, RelayFailure?) -> Void

    /// The longest wait for one address to answer a connection attempt, in nanoseconds.
    static let connectTimeout: UInt64 = 10 * .second
    /// Addresses of one relay that are tried in turn.
    static let addressesMax = 8

    /// `timeout` bounds the wait for each reply, and `report` hears of each outcome.
    package init(
        runtime: Runtime, hostname: String, secrets: [Relay: Secrets], timeout: UInt64,
        report: @escaping @Sendable (RelayState, RelayFailure?) -> Void
    ) {
        self.runtime = runtime
        self.hostname = hostname
        self.secrets = secrets
        self.timeout = timeout
        self.report = report
    }

    /// A connection on which MAIL may be said, before `end` has come. The relay's state learns how it went.
    func connect(
        to relay: RelayState, on loop: RuntimeExecutor, waiter: Waiter, until end: Instant
    ) async throws(RelayFailure) -> RelayConnection {
        do throws(RelayFailure) {
            let ready = try await establish(relay, loop, waiter, end)
            _ = relay.reached(offering: ready.offered)
            report(relay, nil)
            return ready
        } catch {
            if !waiter.isInterrupted { _ = relay.failed(now: loop.now, jitter: runtime.random()) }
            report(relay, error)
            throw error
        }
    }

    private func establish(
        _ relay: RelayState, _ loop: RuntimeExecutor, _ waiter: Waiter, _ end: Instant
    ) async throws(RelayFailure) -> RelayConnection {
        var last = RelayFailure(stage: .resolve, reason: "no address")
        for address in try await addresses(of: relay, loop).prefix(RelayConnector.addressesMax) where loop.now < end {
            do throws(RelayFailure) {
                let connection = try await open(address, loop, waiter, end)
                do throws(RelayFailure) {
                    return try await converse(relay, connection, end)
                } catch {
                    connection.close()
                    throw error
                }
            } catch {
                last = error
            }
        }
        throw last
    }

    private func addresses(of relay: RelayState, _ loop: RuntimeExecutor) async throws(RelayFailure) -> [SocketAddress]
    {
        do throws(ResolverError) {
            return try await runtime.resolve(
                relay.settings.address.hostName, port: relay.settings.address.port, on: loop)
        } catch {
            throw RelayFailure(stage: .resolve, reason: "\(error.host): \(error.reason)")
        }
    }

    private func open(
        _ address: SocketAddress, _ loop: RuntimeExecutor, _ waiter: Waiter, _ end: Instant
    ) async throws(RelayFailure) -> Connection {
        let transport: Transport
        do throws(SystemError) {
            transport = try runtime.connect(to: address, on: loop)
        } catch {
            throw RelayFailure(stage: .connect, reason: "\(address): \(error)")
        }
        let connection = Connection(transport, on: loop, waiter: waiter)
        do throws(ConnectionError) {
            try await connection.finishConnect(until: min(loop.now + RelayConnector.connectTimeout, end))
        } catch {
            connection.close()
            throw RelayFailure(stage: .connect, reason: "\(address): \(error.reason)")
        }
        return connection
    }

    // MARK: - The dialogue before the first MAIL

    private func converse(
        _ relay: RelayState, _ connection: Connection, _ end: Instant
    ) async throws(RelayFailure) -> RelayConnection {
        let settings = relay.settings
        let own = secrets[settings]
        var dialogue = RelayGreeting(connection: connection, timeout: timeout, end: end, meter: relay.meter)
        if settings.tls == .implicit { try await secure(connection, relay, own, end) }
        try await dialogue.expect(.greeting, 220)
        var offered = try await dialogue.hello(hostname)
        if settings.tls == .required || settings.tls == .opportunistic {
            if offered.keywords.contains(.startTLS) {
                try await dialogue.command(.tls, Array("STARTTLS\r\n".utf8), expecting: 220)
                guard connection.inputCount == 0 else {
                    throw RelayFailure(stage: .tls, reason: "octets behind the answer to STARTTLS")
                }
                try await secure(connection, relay, own, end)
                offered = try await dialogue.hello(hostname)
            } else if settings.tls == .required {
                throw RelayFailure(stage: .tls, reason: "STARTTLS is not offered, and tls: required stands")
            }
        }
        if let login = own?.login { try await dialogue.authenticate(login, offered.mechanisms) }
        return RelayConnection(relay: relay, connection: connection, offered: offered)
    }

    private func secure(
        _ connection: Connection, _ relay: RelayState, _ own: Secrets?, _ end: Instant
    ) async throws(RelayFailure) {
        guard let wrap = own?.wrap else { throw RelayFailure(stage: .tls, reason: "TLS was not set up") }
        let host = relay.settings.address.hostName
        do throws(ConnectionError) {
            try await connection.secure(until: min(connection.executor.now + timeout, end)) {
                transport throws(TransportFailure) in
                try wrap(transport, host)
            }
            relay.meter?.shookHands(connection.transport.security)
        } catch {
            relay.meter?.shookHands(nil)
            throw RelayFailure(stage: .tls, reason: error.reason)
        }
    }
}

/// The lockstep dialogue that makes a relay ready.
private struct RelayGreeting {
    let connection: Connection
    /// For each reply, in nanoseconds.
    let timeout: UInt64
    /// When all of it is over.
    let end: Instant
    let meter: RelayMeter?
    private var parser = ReplyParser()

    init(connection: Connection, timeout: UInt64, end: Instant, meter: RelayMeter?) {
        self.connection = connection
        self.timeout = timeout
        self.end = end
        self.meter = meter
    }

    mutating func hello(_ hostname: String) async throws(RelayFailure) -> Extensions {
        send(Array("EHLO \(hostname)\r\n".utf8))
        let (code, offered) = try await reply(.hello) { reply, octets in (reply.code, Extensions(reply, in: octets)) }
        if code == 250 { return offered }
        // Not every relay speaks EHLO.
        try await command(.hello, Array("HELO \(hostname)\r\n".utf8), expecting: 250)
        return Extensions()
    }

    /// By PLAIN where it is offered, which takes one round trip, else by LOGIN, the only one that some relays know.
    mutating func authenticate(_ login: Credentials, _ offered: SASLMechanisms) async throws(RelayFailure) {
        if offered.contains(.plain) {
            var line: [UInt8] = []
            login.appendPlain(to: &line)
            try await command(.login, line, expecting: 235)
        } else if offered.contains(.login) {
            for (line, code) in zip(login.loginLines, [334, 334, 235] as [UInt16]) {
                try await command(.login, line, expecting: code)
            }
        } else {
            throw RelayFailure(
                stage: .login, reason: "neither AUTH PLAIN nor AUTH LOGIN is offered, and login: is set for the relay")
        }
    }

    mutating func command(_ stage: RelayFailure.Stage, _ line: [UInt8], expecting code: UInt16)
        async throws(RelayFailure)
    {
        send(line)
        try await expect(stage, code)
    }

    mutating func expect(_ stage: RelayFailure.Stage, _ code: UInt16) async throws(RelayFailure) {
        let (got, text) = try await reply(stage) { reply, octets in (reply.code, reply.logText(from: octets)) }
        guard got == code else { throw RelayFailure(stage: stage, reason: text) }
    }

    private func send(_ line: [UInt8]) { connection.output.append(contentsOf: line) }

    private mutating func reply<Result>(
        _ stage: RelayFailure.Stage, _ body: (RelayReply, Span<UInt8>) -> Result
    ) async throws(RelayFailure) -> Result {
        let asked = connection.executor.now
        let deadline = min(asked + timeout, end)
        do throws(ConnectionError) {
            try await connection.flush(until: deadline)
            while true {
                var taken = 0
                var isMalformed = false
                let result: Result? = connection.withInput { octets in
                    switch parser.next(in: octets) {
                    case .incomplete: return nil
                    case .malformed:
                        isMalformed = true
                        return nil
                    case .reply(let reply):
                        taken = reply.length
                        meter?.replied(stage.label, code: reply.code, after: connection.executor.now.since(asked))
                        return body(reply, octets)
                    }
                }
                connection.consume(taken)
                if let result { return result }
                if isMalformed { throw ConnectionError.failed(TransportFailure(reason: "what it says is not SMTP")) }
                try await connection.receive(until: deadline)
            }
        } catch {
            throw RelayFailure(stage: stage, reason: error.reason)
        }
    }
}

extension RelayFailure.Stage {
    /// What a reply at this stage answers; no reply comes before a connection stands.
    fileprivate var label: MetricLabels.RelayStage {
        switch self {
        case .resolve, .connect, .greeting: .greeting
        case .hello: .hello
        case .tls: .starttls
        case .login: .auth
        }
    }
}

extension ConnectionError {
    /// The error in words for the log.
    package var reason: String {
        switch self {
        case .closed: "closed by the peer"
        case .broken(let error): error.description
        case .timedOut: "no answer in time"
        case .interrupted: "interrupted"
        case .failed(let failure): failure.reason
        }
    }
}

extension Endpoint {
    /// The host as the resolver and a certificate know it.
    var hostName: String {
        switch host {
        case .name(let name): name
        case .address(let address): address.description
        }
    }
}
