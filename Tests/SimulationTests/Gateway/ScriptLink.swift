import WeirBase
import WeirRuntime

/// A connection as a script uses it: lines and replies come in, whole; while something is written, what comes is read too.
final class ScriptLink {
    let connection: Connection
    let executor: RuntimeExecutor
    /// Which of the gateway's lives it leads to.
    var life = 0
    private let waiter: Waiter
    private var arrived: [UInt8] = []
    private var start = 0

    init(_ transport: Transport, on executor: RuntimeExecutor) {
        self.executor = executor
        waiter = Waiter(on: executor)
        connection = Connection(transport, on: executor, waiter: waiter)
    }

    /// Octets that have come and were not taken.
    var unread: Int { arrived.count - start }

    func close(abruptly: Bool = false) {
        if abruptly { connection.reset() } else { connection.close() }
        waiter.retire()
    }

    func finishConnect(within span: UInt64) async throws(ConnectionError) {
        try await connection.finishConnect(until: executor.now + span)
    }

    func secure(server: Bool) async throws(ConnectionError) {
        try await connection.secure(until: executor.now + 2 * .minute) { transport throws(TransportFailure) in
            SimulatedTLS.wrap(transport, server: server)
        }
    }

    func send(_ text: String) { connection.output.append(contentsOf: text.utf8) }
    func send(_ octets: some Sequence<UInt8>) { connection.output.append(contentsOf: octets) }

    /// Writes everything, and keeps what comes meanwhile.
    func flush(within span: UInt64) async throws(ConnectionError) {
        let deadline = executor.now + span
        while true {
            switch connection.flushNow() {
            case .done: return
            case .failed(let error): throw .broken(error)
            case .blocked:
                if !(try take()) { try await connection.wait(until: deadline) }
            }
        }
    }

    /// Writes everything before it reads on, as most servers do.
    func flushBlindly(within span: UInt64) async throws(ConnectionError) {
        try await connection.flush(until: executor.now + span)
    }

    /// Keeps what is here; false if nothing was.
    @discardableResult
    func take() throws(ConnectionError) -> Bool {
        switch connection.fill() {
        case .more:
            connection.withInput { input in for index in input.indices { arrived.append(input[index]) } }
            connection.consume(connection.inputCount)
            return true
        case .nothing, .full: return false
        case .end: throw .closed
        case .failed(let error): throw .broken(error)
        }
    }

    /// The next line, its CRLF removed; a line longer than any in SMTP ends the exchange.
    func line(within span: UInt64) async throws(ConnectionError) -> [UInt8] {
        let deadline = executor.now + span
        while true {
            if let line = lineAtHand() { return line }
            guard unread < 1 << 20 else { throw .failed(TransportFailure(reason: "a line without end")) }
            if !(try take()) { try await connection.wait(until: deadline) }
        }
    }

    /// The next octets, so many.
    func octets(_ count: Int, within span: UInt64) async throws(ConnectionError) -> [UInt8] {
        let deadline = executor.now + span
        while unread < count {
            if !(try take()) { try await connection.wait(until: deadline) }
        }
        defer { start += count }
        return Array(arrived[start..<start + count])
    }

    private func lineAtHand() -> [UInt8]? {
        var index = start
        while index + 1 < arrived.count {
            if arrived[index] == 13, arrived[index + 1] == 10 {
                let line = Array(arrived[start..<index])
                start = index + 2
                if start > 4096 {
                    arrived.removeFirst(start)
                    start = 0
                }
                return line
            }
            index += 1
        }
        return nil
    }

    func sleep(_ span: UInt64) async { await executor.sleep(until: executor.now + span) }
}

/// A server that follows a script.
protocol ScriptedServer: AnyObject, Sendable {
    /// Serves one connection to its end.
    func serve(_ link: ScriptLink) async
}

extension Simulation {
    /// Lets a server have each connection in a task of its own; it keeps what is returned.
    func listen(
        on address: SocketAddress, as executor: RuntimeExecutor, for server: some ScriptedServer
    ) throws -> any Listening {
        try listen(on: address, as: executor) { [unowned server] transport, executor in
            let handover = Echo.Handover(transport: transport)
            executor.spawn { [server] in await server.serve(ScriptLink(handover.transport, on: executor)) }
        }
    }
}

extension ScriptLink {
    /// The fields of an HTTP request's head, by their names in lower case.
    func fields() async throws(ConnectionError) -> [String: String] {
        var fields: [String: String] = [:]
        while true {
            let line = String(decoding: try await line(within: .minute), as: UTF8.self)
            if line.isEmpty { return fields }
            let parts = line.split(separator: ":", maxSplits: 1).map { String($0.drop { $0 == " " }) }
            if parts.count == 2 { fields[parts[0].lowercased()] = parts[1] }
        }
    }
}

/// A reply as a client reads it.
struct ScriptReply {
    var code: UInt16
    var lines: [String]
    /// What is wrong with its form, in words; nil: nothing.
    var fault: String?

    var text: String { lines.joined(separator: " / ") }
    var isPositive: Bool { code < 400 }
}

extension ScriptLink {
    /// The next reply, however it is formed.
    func reply(within span: UInt64) async throws(ConnectionError) -> ScriptReply {
        var reply = ScriptReply(code: 0, lines: [], fault: nil)
        while true {
            let line = try await line(within: span)
            let isText = line.allSatisfy { (0x20...0x7E).contains($0) }
            let digits = line.prefix(3).filter { (0x30...0x39).contains($0) }
            let separator = line.count > 3 ? line[3] : 0x20
            guard isText, digits.count == 3, separator == 0x20 || separator == 0x2D, line.count <= 510 else {
                reply.fault = "not a reply: \(String(decoding: line.prefix(80), as: UTF8.self))"
                return reply
            }
            let code = digits.reduce(0) { $0 * 10 + UInt16($1 - 0x30) }
            if !reply.lines.isEmpty, code != reply.code { reply.fault = "two codes in a reply: \(reply.code), \(code)" }
            reply.code = code
            reply.lines.append(String(decoding: line.dropFirst(4), as: UTF8.self))
            if separator == 0x20 { return reply }
        }
    }
}
