import Testing
import WeirBase
import WeirRuntime

@Suite("A simulated transport")
struct TransportTests {
    /// Both ends of one connection, with what their owners heard.
    ///
    /// `@unchecked Sendable`: a simulation has one thread.
    private final class Pair: @unchecked Sendable {
        let simulation: Simulation
        let client: SimulatedTransport
        let clientHears = Ear()
        let serverHears = Ear()
        var server: Transport?

        init(_ simulation: Simulation) async throws {
            self.simulation = simulation
            client = simulation.connect(to: Echo.address, from: Echo.subscriber)
            client.observer = clientHears
            _ = try simulation.listen(on: Echo.address) { transport, _ in
                transport.observer = self.serverHears
                self.server = transport
            }
            await pass(.minute)
            #expect(client.finishConnect() == .done)
        }

        func pass(_ span: UInt64) async {
            await simulation.loops[0].sleep(until: simulation.now + span)
        }

        var theServer: Transport {
            get throws { try #require(server) }
        }
    }

    private final class Ear: TransportObserver {
        var heard: [Readiness] = []
        func transportReady(_ readiness: Readiness) { heard.append(readiness) }

        var isReadable: Bool { heard.last?.readable ?? false }
        var isWritable: Bool { heard.last?.writable ?? false }
    }

    private static func write(_ octets: [UInt8], to transport: Transport) -> TransferResult {
        octets.withUnsafeBytes { transport.write($0) }
    }

    private static func read(_ transport: Transport, atMost count: Int = 100_000) -> (TransferResult, [UInt8]) {
        var buffer = [UInt8](repeating: 0, count: count)
        let result = buffer.withUnsafeMutableBytes { transport.read(into: $0) }
        guard case .octets(let count) = result else { return (result, []) }
        return (result, Array(buffer.prefix(count)))
    }

    private static let reset = SystemError(call: "recv", errno: 104)

    @Test("tears what is written at every octet, sooner or later, and loses none")
    func tears() throws {
        let octets = [UInt8](0..<16)
        var splits: Set<Int> = []
        for seed in 0..<300 as Range<UInt64> {
            var plan = FaultPlan.none
            plan.tear = 0.5
            plan.delay = 1 * .millisecond...2 * .second
            let simulation = Simulation(seed: seed, plan: plan)
            let offsets = try simulation.run {
                let pair = try await Pair(simulation)
                let loop = simulation.loops[0]
                let server = Connection(try pair.theServer, on: loop, waiter: Waiter(on: loop))
                #expect(TransportTests.write(octets, to: pair.client) == .octets(16))
                var offsets: [Int] = []
                while server.inputCount < 16 {
                    try await server.receive(until: loop.now + .minute)
                    offsets.append(server.inputCount)
                }
                #expect(server.withInput { span in span.indices.map { span[$0] } } == octets)
                return offsets
            }
            splits.formUnion(offsets)
        }
        #expect(splits == Set(1...16))
    }

    @Test("holds no more than its window, and tells its writer when there is room", arguments: [1, 100, 65_536])
    func backPressure(window: Int) throws {
        var plan = FaultPlan.none
        plan.window = window...window
        let simulation = Simulation(seed: 1, plan: plan)
        try simulation.run {
            let pair = try await Pair(simulation)
            let much = [UInt8](repeating: 7, count: 100_000)
            #expect(TransportTests.write(much, to: pair.client) == .octets(window))
            #expect(TransportTests.write(much, to: pair.client) == .wouldBlock)
            await pair.pass(.second)
            #expect(TransportTests.write(much, to: pair.client) == .wouldBlock)
            pair.clientHears.heard = []
            #expect(TransportTests.read(try pair.theServer).1.count == window)
            await pair.pass(.second)
            #expect(pair.clientHears.isWritable)
            #expect(TransportTests.write(much, to: pair.client) == .octets(window))
        }
    }

    @Test("gives the octets before the end, then the end, while the other direction goes on")
    func halfClose() throws {
        let simulation = Simulation(seed: 1)
        try simulation.run {
            let pair = try await Pair(simulation)
            let server = try pair.theServer
            #expect(TransportTests.write([1, 2, 3], to: pair.client) == .octets(3))
            pair.client.halfClose()
            await pair.pass(.second)
            #expect(pair.serverHears.isReadable)
            #expect(TransportTests.read(server).1 == [1, 2, 3])
            #expect(TransportTests.read(server).0 == .end)
            #expect(TransportTests.write([4], to: server) == .octets(1))
            await pair.pass(.second)
            #expect(TransportTests.read(pair.client).1 == [4])
            #expect(TransportTests.write([5], to: pair.client) == .failed(SystemError(call: "send", errno: 32)))
        }
    }

    @Test("discards what was not read when the peer resets")
    func resets() throws {
        let simulation = Simulation(seed: 1)
        try simulation.run {
            let pair = try await Pair(simulation)
            #expect(TransportTests.write([1], to: pair.client) == .octets(1))
            await pair.pass(.second)
            pair.client.reset()
            await pair.pass(.second)
            #expect(pair.serverHears.isReadable && pair.serverHears.isWritable)
            #expect(TransportTests.read(try pair.theServer).0 == .failed(TransportTests.reset))
        }
    }

    @Test("resets when it closes with octets unread, or when octets come after it closed", arguments: [true, false])
    func closesEarly(before: Bool) throws {
        let simulation = Simulation(seed: 1)
        try simulation.run {
            let pair = try await Pair(simulation)
            if !before { try pair.theServer.close() }
            #expect(TransportTests.write([1], to: pair.client) == .octets(1))
            await pair.pass(.second)
            if before { try pair.theServer.close() }
            await pair.pass(.second)
            #expect(TransportTests.read(pair.client).0 == .failed(TransportTests.reset))
        }
    }

    /// What befalls the way to the server after its fifth octet, and how the two sides see it a second and an hour later.
    private enum Fate: CaseIterable {
        case stall, blackHole, reset, halfClose
    }

    @Test("suffers what its plan says, after so many octets", arguments: Fate.allCases)
    private func suffers(fate: Fate) throws {
        var plan = FaultPlan.none
        plan.breakAfter = 5...5
        switch fate {
        case .stall: (plan.stall, plan.stallSpan) = (1, .minute ... .minute)
        case .blackHole: plan.blackHole = 1
        case .reset: plan.reset = 1
        case .halfClose: plan.halfClose = 1
        }
        let simulation = Simulation(seed: 1, plan: plan)
        try simulation.run {
            let pair = try await Pair(simulation)
            let server = try pair.theServer
            let taken = fate == .halfClose ? 5 : 8
            #expect(TransportTests.write([1, 2, 3, 4, 5, 6, 7, 8], to: pair.client) == .octets(taken))
            await pair.pass(.second)
            let early = TransportTests.read(server)
            #expect(early.1 == (fate == .reset ? [] : [1, 2, 3, 4, 5]))
            if fate == .reset { #expect(early.0 == .failed(TransportTests.reset)) }
            if fate == .halfClose { #expect(TransportTests.read(server).0 == .end) }
            await pair.pass(.hour)
            if fate == .stall { #expect(TransportTests.read(server).1 == [6, 7, 8]) }
            if fate == .blackHole { #expect(TransportTests.read(server).0 == .wouldBlock) }
            let broken = TransferResult.failed(TransportTests.reset)
            #expect(TransportTests.read(pair.client).0 == (fate == .reset ? broken : .wouldBlock))
        }
    }

    @Test("carries so many octets a second when it is slow")
    func slow() throws {
        var plan = FaultPlan.none
        plan.slow = 1
        plan.octetsPerSecond = 100...100
        let simulation = Simulation(seed: 1, plan: plan)
        try simulation.run {
            let pair = try await Pair(simulation)
            for _ in 0..<10 { #expect(TransportTests.write([UInt8](0..<100), to: pair.client) == .octets(100)) }
            await pair.pass(5 * .second + .millisecond)
            #expect(TransportTests.read(try pair.theServer).1.count == 500)
        }
    }

    @Test("lets segments arrive together that were written apart")
    func coalesces() throws {
        var plan = FaultPlan.none
        plan.coalesce = 0.5
        plan.coalesceSpan = 1 * .second...1 * .second
        var firsts: Set<Int> = []
        for seed in 0..<50 as Range<UInt64> {
            let simulation = Simulation(seed: seed, plan: plan)
            let first = try simulation.run {
                let pair = try await Pair(simulation)
                for octet in 1...3 as ClosedRange<UInt8> {
                    #expect(TransportTests.write([octet], to: pair.client) == .octets(1))
                    await pair.pass(10 * .millisecond)
                }
                while pair.serverHears.heard.isEmpty { await pair.pass(10 * .millisecond) }
                return TransportTests.read(try pair.theServer).1.count
            }
            firsts.insert(first)
        }
        #expect(firsts == [1, 2, 3])
    }

    @Test("hears of each arrival, and of nothing else")
    func edges() throws {
        let simulation = Simulation(seed: 1)
        try simulation.run {
            let pair = try await Pair(simulation)
            let server = try pair.theServer
            #expect(pair.serverHears.heard.isEmpty)
            #expect(TransportTests.read(server).0 == .wouldBlock)
            for round in 1...3 {
                #expect(TransportTests.write([1, 2], to: pair.client) == .octets(2))
                await pair.pass(.second)
                #expect(pair.serverHears.heard.count == round)
            }
            #expect(TransportTests.read(server, atMost: 4).1.count == 4)
            #expect(TransportTests.read(server).1.count == 2)
            #expect(TransportTests.read(server).0 == .wouldBlock)
            await pair.pass(.second)
            #expect(pair.serverHears.heard.count == 3)
        }
    }

    @Test("fails to connect when nobody listens, when the plan refuses, and when nothing answers")
    func connectFails() throws {
        var refusing = FaultPlan.none
        refusing.refuse = 1
        var silent = FaultPlan.none
        silent.connectTimeout = 1
        for (plan, listens, reason) in [
            (FaultPlan.none, false, "connect: Connection refused"), (refusing, true, "connect: Connection refused"),
            (silent, true, "connect: Connection timed out"),
        ] {
            let simulation = Simulation(seed: 1, plan: plan)
            if listens { _ = try Echo.listen(simulation) }
            try simulation.run {
                let loop = simulation.loops[0]
                let connection = Connection(
                    try simulation.connect(to: Echo.address, on: loop), on: loop, waiter: Waiter(on: loop))
                await #expect(throws: ConnectionError.failed(TransportFailure(reason: reason))) {
                    try await connection.finishConnect(until: loop.now + .hour)
                }
                connection.close()
            }
        }
    }

    @Test(
        "agrees on the stand-in for TLS, passes octets as they are, and refuses when told to", arguments: [nil, "no"])
    func secures(refusal: String?) throws {
        for seed in 0..<20 as Range<UInt64> {
            var plan = FaultPlan.none
            plan.tear = 0.5
            plan.window = 1...100
            let simulation = Simulation(seed: seed, plan: plan)
            try simulation.run {
                let pair = try await Pair(simulation)
                let server = Echo.Handover(transport: try pair.theServer)
                let loops = simulation.loops
                let served = loops[1].spawn {
                    let connection = Connection(server.transport, on: loops[1], waiter: Waiter(on: loops[1]))
                    return await TransportTests.secure(connection, server: true, refusal: refusal)
                }
                let connection = Connection(pair.client, on: loops[0], waiter: Waiter(on: loops[0]))
                let error = await TransportTests.secure(connection, server: false, refusal: nil)
                #expect(error == refusal.map { _ in "the peer refused the handshake" })
                #expect(await served.value == refusal)
            }
        }
    }

    /// Secures one side and lets it say and hear one octet; returns why that failed.
    private static func secure(_ connection: Connection, server: Bool, refusal: String?) async -> String? {
        let deadline = connection.executor.now + .hour
        defer { connection.close() }
        do throws(ConnectionError) {
            try await connection.secure(until: deadline) { transport in
                SimulatedTLS.wrap(transport, server: server, refusal: refusal)
            }
            #expect(connection.transport.security == TLSDescription(version: "TLSv1.3", cipher: "SIMULATED"))
            connection.output.append(42)
            try await connection.flush(until: deadline)
            try await connection.receive(until: deadline)
            #expect(connection.withInput { $0[0] } == 42)
            connection.consume(1)
            return nil
        } catch .failed(let failure) {
            return failure.reason
        } catch {
            return "\(error)"
        }
    }
}
