import Testing
import WeirBase
import WeirConfiguration
import WeirGateway
import WeirRuntime

@Suite("A request over HTTP")
struct HTTPClientTests {
    private static let address = SocketAddress(ipv4: 0xC000_0219, port: 80)
    private static var web: WebAddress? { WebAddress("http://192.0.2.25/hook?x=1") }
    private static let reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nyes\r\n0\r\n\r\n"

    /// What a server does with a connection.
    private enum Manner: Sendable {
        /// Reads to the end of the request, then says this and closes.
        case answers(String)
        /// Says this at the first octet, and closes.
        case interrupts(String)
        case hangs
        case hangsUp
    }

    /// What the server has read; a simulation has one thread.
    private final class Heard: @unchecked Sendable { var octets: [UInt8] = [] }

    private static func listen(_ simulation: Simulation, _ manner: Manner, _ heard: Heard) throws -> any Listening {
        try simulation.listen(on: address) { transport, loop in
            let handover = Echo.Handover(transport: transport)
            loop.spawn { await serve(handover.transport, manner, heard, on: loop) }
        }
    }

    private static func serve(
        _ transport: Transport, _ manner: Manner, _ heard: Heard, on loop: RuntimeExecutor
    ) async {
        let waiter = Waiter(on: loop)
        let connection = Connection(transport, on: loop, waiter: waiter)
        defer {
            connection.close()
            waiter.retire()
        }
        let deadline = loop.now + 5 * .minute
        do throws(ConnectionError) {
            while true {
                if case .hangsUp = manner { return }
                try await connection.receive(until: deadline)
                heard.octets += connection.withInput { span in span.indices.map { span[$0] } }
                connection.consume(connection.inputCount)
                let said: String
                switch manner {
                case .interrupts(let text): said = text
                case .answers(let text):
                    guard String(decoding: heard.octets.suffix(5), as: UTF8.self) == "0\r\n\r\n" else { continue }
                    said = text
                case .hangs, .hangsUp: continue
                }
                connection.output.append(contentsOf: said.utf8)
                try await connection.flush(until: deadline)
                return
            }
        } catch {}
    }

    /// Streams a body of pieces in chunks, and waits 30 s for the reply.
    private static func exchange(
        _ simulation: Simulation, pieces: [[UInt8]]
    ) async -> Result<HTTPReply, HTTPError> {
        let loop = simulation.loops[0]
        let waiter = Waiter(on: loop)
        defer { waiter.retire() }
        let deadline = loop.now + 30 * .second
        guard let web else { return .failure(.malformed("the test's address")) }
        do throws(HTTPError) {
            let client = HTTPClient(runtime: simulation)
            let call = try await client.open(web, on: loop, waiter: waiter, until: deadline)
            defer { call.close() }
            call.begin("POST", fields: [HTTPReply.Field("From", "a\r\nX-Evil: b")], length: nil)
            for piece in pieces {
                call.append(piece.span)
                if let reply = try call.advance() { return .success(reply) }
            }
            call.end()
            return .success(try await call.reply(until: deadline))
        } catch {
            return .failure(error)
        }
    }

    @Test("arrives whole over a network that tears, and its reply comes back")
    func arrives() throws {
        for seed in 0..<40 as Range<UInt64> {
            var plan = FaultPlan.none
            plan.tear = 0.5
            plan.delay = 1 * .millisecond...100 * .millisecond
            plan.window = 1 + Int(seed) * 50...1 + Int(seed) * 50
            let simulation = Simulation(seed: seed, plan: plan)
            try simulation.run {
                let heard = Heard()
                let listening = try HTTPClientTests.listen(simulation, .answers(HTTPClientTests.reply), heard)
                let outcome = await HTTPClientTests.exchange(
                    simulation, pieces: [Array("hello".utf8), [], Array(repeating: 0x78, count: 0x20)])
                #expect(try outcome.get().status == 200, "seed \(seed)")
                #expect(try outcome.get().body == Array("yes".utf8), "seed \(seed)")
                let expected =
                    "POST /hook?x=1 HTTP/1.1\r\nHost: 192.0.2.25\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n"
                    + "From: a  X-Evil: b\r\n\r\n5\r\nhello\r\n20\r\n" + String(repeating: "x", count: 0x20)
                    + "\r\n0\r\n\r\n"
                #expect(String(decoding: heard.octets, as: UTF8.self) == expected, "seed \(seed)")
                await listening.close()
            }
        }
    }

    @Test("that the server answers before it has all of it has that reply")
    func early() throws {
        let simulation = Simulation(seed: 1)
        try simulation.run {
            let large = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n"
            let listening = try HTTPClientTests.listen(simulation, .interrupts(large), Heard())
            let pieces = Array(repeating: [UInt8](repeating: 1, count: 60_000), count: 40)
            #expect(try await HTTPClientTests.exchange(simulation, pieces: pieces).get().status == 413)
            await listening.close()
        }
    }

    @Test("ends at its deadline where nobody answers, and at once where the server hangs up or is not there")
    func faults() throws {
        let simulation = Simulation(seed: 1)
        try simulation.run {
            let listening = try HTTPClientTests.listen(simulation, .hangs, Heard())
            let begun = simulation.now
            #expect(await HTTPClientTests.exchange(simulation, pieces: []) == .failure(.lost(.timedOut)))
            #expect(simulation.now.since(begun) == 30 * .second)
            await listening.close()
            let short = try HTTPClientTests.listen(simulation, .hangsUp, Heard())
            guard case .failure(.lost) = await HTTPClientTests.exchange(simulation, pieces: []) else {
                Issue.record("a reply from nobody")
                return
            }
            await short.close()
            guard case .failure(.unreachable) = await HTTPClientTests.exchange(simulation, pieces: []) else {
                Issue.record("a reply from nowhere")
                return
            }
        }
    }

    @Test("has a reply or an error, never both and never a trap, over a network where everything goes wrong")
    func rough() throws {
        for seed in 0..<200 as Range<UInt64> {
            let simulation = Simulation(seed: seed, plan: .rough)
            try simulation.run {
                let listening = try HTTPClientTests.listen(
                    simulation, .answers(HTTPClientTests.reply), Heard())
                let outcome = await HTTPClientTests.exchange(simulation, pieces: [Array("hello".utf8)])
                if case .success(let reply) = outcome { #expect(reply.body == Array("yes".utf8), "seed \(seed)") }
                await listening.close()
            }
        }
    }
}
