package import WeirBase
package import WeirConfiguration
package import WeirRuntime

/// Why a request has no reply.
package enum HTTPError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The host could not be resolved, connected to, or secured; in words.
    case unreachable(String)
    /// The connection ended, or the deadline passed, before the reply was complete.
    case lost(ConnectionError)
    case malformed(String)

    package var description: String {
        switch self {
        case .unreachable(let reason): reason
        case .lost(let error): error.reason
        case .malformed(let reason): "the reply is not HTTP: \(reason)"
        }
    }
}

/// Makes requests of HTTP/1.1, each over a connection of its own.
package struct HTTPClient: Sendable {
    private let runtime: Runtime
    private let wrap: RelayConnector.Wrap?

    /// The longest wait for one address to answer a connection attempt, in nanoseconds.
    static let connectTimeout: UInt64 = 5 * .second
    /// Addresses of one host that are tried in turn.
    static let addressesMax = 4
    /// Octets of a reply's body that are kept.
    static let bodyOctetsMax = 64 * 1024

    /// `wrap` puts TLS over a connection; without it https is unreachable.
    package init(runtime: Runtime, wrap: RelayConnector.Wrap? = nil) {
        self.runtime = runtime
        self.wrap = wrap
    }

    /// Posts a body and waits for the reply, whatever its status.
    ///
    /// A control octet in a field's value becomes a space: it cannot begin another field. A server may reply before it has the whole
    /// request: then the rest is not sent.
    package func post(
        _ body: [UInt8], to address: WebAddress, fields: [HTTPReply.Field], on loop: RuntimeExecutor, waiter: Waiter,
        until deadline: Instant
    ) async throws(HTTPError) -> HTTPReply {
        let exchange = HTTPExchange(try await open(address, on: loop, waiter: waiter, until: deadline))
        defer { exchange.connection.close() }
        let own = [
            HTTPReply.Field("Host", address.authority), HTTPReply.Field("Content-Length", "\(body.count)"),
            HTTPReply.Field("Connection", "close"),
        ]
        exchange.write("POST \(address.target) HTTP/1.1", own + fields, body)
        return try await exchange.reply(until: deadline)
    }

    /// Connects, and secures where the address says https.
    private func open(
        _ address: WebAddress, on loop: RuntimeExecutor, waiter: Waiter, until deadline: Instant
    ) async throws(HTTPError) -> Connection {
        var last = HTTPError.unreachable("\(address.endpoint): no address")
        for candidate in try await addresses(of: address, loop).prefix(HTTPClient.addressesMax) {
            guard loop.now < deadline else { throw .lost(.timedOut) }
            do throws(HTTPError) {
                return try await connect(to: candidate, address, on: loop, waiter: waiter, until: deadline)
            } catch {
                last = error
            }
        }
        throw last
    }

    private func addresses(of address: WebAddress, _ loop: RuntimeExecutor) async throws(HTTPError) -> [SocketAddress] {
        do throws(ResolverError) {
            return try await runtime.resolve(address.endpoint.hostName, port: address.endpoint.port, on: loop)
        } catch {
            throw .unreachable("\(error.host): \(error.reason)")
        }
    }

    private func connect(
        to candidate: SocketAddress, _ address: WebAddress, on loop: RuntimeExecutor, waiter: Waiter,
        until deadline: Instant
    ) async throws(HTTPError) -> Connection {
        let transport: Transport
        do throws(SystemError) {
            transport = try runtime.connect(to: candidate, on: loop)
        } catch {
            throw .unreachable("\(candidate): \(error)")
        }
        let connection = Connection(transport, on: loop, waiter: waiter)
        do throws(ConnectionError) {
            try await connection.finishConnect(until: min(deadline, loop.now + HTTPClient.connectTimeout))
            if address.isSecure { try await secure(connection, address, until: deadline) }
        } catch {
            connection.close()
            throw error == .interrupted ? .lost(error) : .unreachable("\(candidate): \(error.reason)")
        }
        return connection
    }

    private func secure(
        _ connection: Connection, _ address: WebAddress, until deadline: Instant
    ) async throws(ConnectionError) {
        guard let wrap else { throw .failed(TransportFailure(reason: "TLS was not set up")) }
        let host = address.endpoint.hostName
        try await connection.secure(until: deadline) { transport throws(TransportFailure) in
            try wrap(transport, host)
        }
    }
}

/// One request with its reply.
private final class HTTPExchange {
    let connection: Connection
    private var parser = HTTPReplyParser(bodyOctetsMax: HTTPClient.bodyOctetsMax)
    /// The server takes no more; a reply it gave before may still be read.
    private var isRefused = false

    init(_ connection: Connection) { self.connection = connection }

    /// Fills the buffer, and sends nothing yet.
    func write(_ line: String, _ fields: [HTTPReply.Field], _ body: [UInt8]) {
        connection.prepareOutput()
        connection.output.append(contentsOf: "\(line)\r\n".utf8)
        for field in fields {
            connection.output.append(contentsOf: "\(field.name): ".utf8)
            for octet in field.value.utf8 { connection.output.append(octet < 0x20 || octet == 0x7F ? 0x20 : octet) }
            connection.output.append(contentsOf: "\r\n".utf8)
        }
        connection.output.append(contentsOf: "\r\n".utf8)
        connection.output.append(contentsOf: body)
    }

    /// Writes the request and waits for the reply.
    func reply(until deadline: Instant) async throws(HTTPError) -> HTTPReply {
        while true {
            if let reply = try advance() { return reply }
            do throws(ConnectionError) { try await connection.wait(until: deadline) } catch { throw .lost(error) }
        }
    }

    /// Writes what the server takes and reads what it has said, without waiting; the reply once it is complete.
    private func advance() throws(HTTPError) -> HTTPReply? {
        if !isRefused, case .failed = connection.flushNow() { isRefused = true }
        while true {
            switch connection.fill() {
            case .more: if let reply = try read() { return reply }
            case .nothing: return nil
            case .end:
                guard parser.finish() else { throw .lost(.closed) }
                return parser.reply
            case .failed(let error): throw .lost(.broken(error))
            case .full: throw .malformed("more than fits the buffer")
            }
        }
    }

    private func read() throws(HTTPError) -> HTTPReply? {
        let result: Result<Int, HTTPMalformed> = connection.withInput { octets in
            do throws(HTTPMalformed) { return .success(try parser.receive(octets)) } catch { return .failure(error) }
        }
        switch result {
        case .success(let count): connection.consume(count)
        case .failure(let error): throw .malformed(error.reason)
        }
        return parser.isComplete ? parser.reply : nil
    }
}
