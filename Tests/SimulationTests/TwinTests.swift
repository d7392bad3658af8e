import Testing
import WeirBase
import WeirRuntime

@Suite("The simulation and the machine")
struct TwinTests {
    /// What a server does with a connection, once it has said "hi" and heard something.
    private enum Manner: CaseIterable {
        case closes, closesWithOctetsUnread, resets
    }

    /// Serves one client in some manner, and returns what the client saw, in words.
    private static func visit(_ runtime: Runtime, _ manner: Manner) async throws -> [String] {
        let listener = try runtime.listen(on: SocketAddress(ipv4: 0x7F00_0001, port: 0)) { transport, loop in
            let handover = Echo.Handover(transport: transport)
            loop.spawn { await serve(handover.transport, on: loop, manner) }
        }
        let loop = runtime.loops[0]
        let waiter = Waiter(on: loop)
        let connection = Connection(try runtime.connect(to: listener.address, on: loop), on: loop, waiter: waiter)
        let deadline = loop.now + 10 * .second
        var seen: [String] = []
        do throws(ConnectionError) {
            try await connection.finishConnect(until: deadline)
            seen.append("connected to \(connection.transport.peer == listener.address)")
            while connection.inputCount < 2 { try await connection.receive(until: deadline) }
            seen.append("heard \(connection.withInput { span in span.indices.map { span[$0] } })")
            connection.consume(connection.inputCount)
            connection.output += [1, 2, 3]
            try await connection.flush(until: deadline)
            try await connection.receive(until: deadline)
            seen.append("heard more")
        } catch {
            seen.append("\(error)")
        }
        connection.close()
        waiter.retire()
        await listener.close()
        seen.append(await refusal(runtime, listener.address))
        return seen
    }

    private static func serve(_ transport: Transport, on loop: RuntimeExecutor, _ manner: Manner) async {
        let connection = Connection(transport, on: loop, waiter: Waiter(on: loop))
        let deadline = loop.now + 10 * .second
        do throws(ConnectionError) {
            connection.output += [104, 105]
            try await connection.flush(until: deadline)
            var octet: UInt8 = 0
            while withUnsafeMutableBytes(of: &octet, { transport.read(into: $0) }) == .wouldBlock {
                try await connection.wait(until: deadline)
            }
            if manner != .closesWithOctetsUnread { while connection.fill() == .more {} }
        } catch {
            Issue.record(error)
        }
        if manner == .resets { connection.reset() } else { connection.close() }
    }

    /// What a connect meets where nobody listens: at once, or when it is finished.
    private static func refusal(_ runtime: Runtime, _ address: SocketAddress) async -> String {
        let loop = runtime.loops[0]
        do throws(SystemError) {
            let connection = Connection(try runtime.connect(to: address, on: loop), on: loop, waiter: Waiter(on: loop))
            defer { connection.close() }
            do throws(ConnectionError) {
                try await connection.finishConnect(until: loop.now + 10 * .second)
                return "connected"
            } catch .failed(let failure) {
                return failure.reason
            } catch {
                return "\(error)"
            }
        } catch {
            return error.description
        }
    }

    @Test("treat a client alike, however its server ends", arguments: Manner.allCases)
    private func alike(manner: Manner) async throws {
        let real = try RealRuntime(loops: 1, clock: AnchoredClock())
        let seen = await real.loops[0].spawn { () async -> [String] in
            do { return try await TwinTests.visit(real, manner) } catch { return ["\(error)"] }
        }.value
        real.stop()
        #expect(seen.count == 4 && seen.last == "connect: Connection refused")
        for seed in 0..<20 as Range<UInt64> {
            #expect(try TwinTests.simulate(seed: seed, manner) == seen, "seed \(seed)")
        }
    }

    private static func simulate(seed: UInt64, _ manner: Manner) throws -> [String] {
        let simulation = Simulation(seed: seed)
        return try simulation.run { try await visit(simulation, manner) }
    }
}
