import Foundation
import Synchronization
import WeirBase
import WeirRuntime

/// A TLS server on loopback that sends back what it reads, with its own certificate.
final class TLSFixture: Sendable {
    struct Outcome: Sendable {
        var received: [UInt8] = []
        var security: TLSDescription?
        var failure: String?
    }

    let files: SelfSignedCertificate
    let serverFailures = Inbox<String>()
    private let directory: TemporaryDirectory
    private let runtime: RealRuntime
    private let listener: any Listening

    init(
        names: [String], commonName: String = "test", validity: ClosedRange<Int> = -3600...3600, greeting: String = ""
    ) throws {
        directory = try TemporaryDirectory()
        files = try SelfSignedCertificate.make(
            names: names, directory: directory.path, commonName: commonName, validity: validity)
        let context = try TLSContext(certificate: files.certificate, key: files.key, listener: "test")
        runtime = try RealRuntime(loops: 1, clock: AnchoredClock())
        let failures = serverFailures
        listener = try runtime.listen(on: SocketAddress(ipv4: 0x7F00_0001, port: 0)) { transport, loop in
            let handover = Handover(transport: transport)
            loop.spawn {
                await TLSFixture.serve(
                    handover.transport, greeting: greeting, context: context, on: loop, failures: failures)
            }
        }
    }

    var address: String { listener.address.description }

    func end() async {
        await listener.close()
        runtime.stop()
    }

    /// A transport goes from the acceptor to its task, once.
    private struct Handover: @unchecked Sendable {
        let transport: Transport
    }

    private static func serve(
        _ transport: Transport, greeting: String, context: TLSContext, on loop: RuntimeExecutor, failures: Inbox<String>
    ) async {
        let waiter = Waiter(on: loop)
        let connection = Connection(transport, on: loop, waiter: waiter)
        defer {
            connection.close()
            waiter.retire()
        }
        let deadline = loop.now + 20 * .second
        do {
            connection.output.append(contentsOf: greeting.utf8)
            try await connection.flush(until: deadline)
            try await connection.secure(until: deadline) { inner throws(TransportFailure) in
                try context.accept(over: inner)
            }
            while true {
                try await connection.receive(until: deadline)
                connection.output.append(contentsOf: connection.take())
                try await connection.flush(until: deadline)
            }
        } catch {
            if case .failed(let failure) = error { failures.put(failure.reason) }
        }
    }

    /// Sends octets through TLS (in clear without a context) and reads until all have come back or the server closes.
    ///
    /// `greeted` waits for what the server says in clear, and leaves it unread.
    func talk(
        _ context: TLSContext?, name: String, sending octets: [UInt8], greeted: Bool = false
    ) async -> Outcome {
        let loop = runtime.loops[0]
        let runtime = runtime
        let address = listener.address
        return await loop.spawn {
            await TLSFixture.converse(
                runtime, on: loop, address: address, context: context, name: name, octets: octets, greeted: greeted)
        }.value
    }

    private static func converse(
        _ runtime: RealRuntime, on loop: RuntimeExecutor, address: SocketAddress, context: TLSContext?, name: String,
        octets: [UInt8], greeted: Bool
    ) async -> Outcome {
        var outcome = Outcome()
        let waiter = Waiter(on: loop)
        let deadline = loop.now + 20 * .second
        defer { waiter.retire() }
        do {
            let transport = try runtime.connect(to: address, on: loop)
            let connection = Connection(transport, on: loop, waiter: waiter)
            defer { connection.close() }
            try await connection.finishConnect(until: deadline)
            if greeted { try await connection.receive(until: deadline) }
            if let context {
                try await connection.secure(until: deadline) { inner throws(TransportFailure) in
                    try context.connect(over: inner, to: name)
                }
            }
            outcome.security = connection.transport.security
            connection.output.append(contentsOf: octets)
            // Both ways at once: a peer that echoes stops reading when nobody reads it.
            while outcome.received.count < octets.count, context != nil {
                if case .failed(let error) = connection.flushNow() { throw ConnectionError.broken(error) }
                switch connection.fill() {
                case .more: outcome.received += connection.take()
                case .nothing: try await connection.wait(until: deadline)
                case .full, .end, .failed: throw ConnectionError.closed
                }
            }
            try await connection.flush(until: deadline)
        } catch ConnectionError.failed(let failure) {
            outcome.failure = failure.reason
        } catch {
            outcome.failure = "\(error)"
        }
        return outcome
    }
}

extension Connection {
    /// What has come, consumed.
    func take() -> [UInt8] {
        let octets = withInput { span in span.indices.map { span[$0] } }
        consume(octets.count)
        return octets
    }
}
