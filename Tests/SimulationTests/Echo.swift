import WeirBase
import WeirRuntime

/// A server that sends back what it reads, and a client that sends something and reads it again.
enum Echo {
    static let address = SocketAddress(ipv4: 0xC000_0219, port: 25)
    static let subscriber = SocketAddress(ipv4: 0xCB00_7107, port: 0)

    /// A transport on its way to its task, which alone uses it.
    struct Handover: @unchecked Sendable {
        let transport: Transport
    }

    static func listen(_ simulation: Simulation) throws -> any Listening {
        try simulation.listen(on: address) { transport, loop in
            let handover = Handover(transport: transport)
            loop.spawn { await serve(handover.transport, on: loop) }
        }
    }

    static func serve(_ transport: Transport, on loop: RuntimeExecutor) async {
        let waiter = Waiter(on: loop)
        let connection = Connection(transport, on: loop, waiter: waiter)
        defer {
            connection.close()
            waiter.retire()
        }
        do throws(ConnectionError) {
            while true {
                try await connection.receive(until: loop.now + 5 * .minute)
                let octets = connection.withInput { span in span.indices.map { span[$0] } }
                connection.consume(octets.count)
                connection.output.append(contentsOf: octets)
                try await connection.flush(until: loop.now + 5 * .minute)
            }
        } catch {}
    }

    /// What a client got back, and why it got no more; nil if it got everything.
    struct Outcome: Equatable {
        var received: [UInt8] = []
        var error: ConnectionError?
    }

    static func octets(_ count: Int, _ seed: UInt64) -> [UInt8] {
        var random = SeededRandom(seed: seed)
        return (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }

    /// Sends `octets` and reads until as many have come back, writing and reading at once.
    static func exchange(_ octets: [UInt8], _ simulation: Simulation, on executor: RuntimeExecutor) async -> Outcome {
        let waiter = Waiter(on: executor)
        let connection = Connection(simulation.connect(to: address, from: subscriber), on: executor, waiter: waiter)
        defer {
            connection.close()
            waiter.retire()
        }
        var outcome = Outcome()
        let deadline = executor.now + 5 * .minute
        do throws(ConnectionError) {
            try await connection.finishConnect(until: executor.now + 30 * .second)
            connection.output.append(contentsOf: octets)
            while outcome.received.count < octets.count {
                if case .failed(let error) = connection.flushNow() { throw .broken(error) }
                switch connection.fill() {
                case .more:
                    outcome.received += connection.withInput { span in span.indices.map { span[$0] } }
                    connection.consume(connection.inputCount)
                case .nothing: try await connection.wait(until: deadline)
                case .end: throw .closed
                case .failed(let error): throw .broken(error)
                case .full: break
                }
            }
        } catch {
            outcome.error = error
        }
        return outcome
    }
}
