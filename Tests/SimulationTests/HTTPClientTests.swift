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
        /// Reads to the end of a request whose body ends with a tilde, then says this and closes.
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
                    guard heard.octets.last == UInt8(ascii: "~") else { continue }
                    said = text
                case .hangs, .hangsUp: continue
                }
                connection.output.append(contentsOf: said.utf8)
                try await connection.flush(until: deadline)
                return
            }
        } catch {}
    }

    /// Posts a body, and waits 30 s for the reply.
    private static func post(_ body: [UInt8], _ simulation: Simulation) async -> Result<HTTPReply, HTTPError> {
        let loop = simulation.loops[0]
        let waiter = Waiter(on: loop)
        defer { waiter.retire() }
        guard let web else { return .failure(.malformed("the test's address")) }
        do throws(HTTPError) {
            return .success(
                try await HTTPClient(runtime: simulation).post(
                    body, to: web, fields: [HTTPReply.Field("From", "a\r\nX-Evil: b")], on: loop, waiter: waiter,
                    until: loop.now + 30 * .second))
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
                let outcome = await HTTPClientTests.post(Array("hello~".utf8), simulation)
                #expect(try outcome.get().status == 200, "seed \(seed)")
                #expect(try outcome.get().body == Array("yes".utf8), "seed \(seed)")
                let expected =
                    "POST /hook?x=1 HTTP/1.1\r\nHost: 192.0.2.25\r\nContent-Length: 6\r\nConnection: close\r\n"
                    + "From: a  X-Evil: b\r\n\r\nhello~"
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
            let body = [UInt8](repeating: 1, count: 2_400_000)
            #expect(try await HTTPClientTests.post(body, simulation).get().status == 413)
            await listening.close()
        }
    }

    @Test("ends at its deadline where nobody answers, and at once where the server hangs up or is not there")
    func faults() throws {
        let simulation = Simulation(seed: 1)
        try simulation.run {
            let listening = try HTTPClientTests.listen(simulation, .hangs, Heard())
            let begun = simulation.now
            #expect(await HTTPClientTests.post([], simulation) == .failure(.lost(.timedOut)))
            #expect(simulation.now.since(begun) == 30 * .second)
            await listening.close()
            let short = try HTTPClientTests.listen(simulation, .hangsUp, Heard())
            guard case .failure(.lost) = await HTTPClientTests.post([], simulation) else {
                Issue.record("a reply from nobody")
                return
            }
            await short.close()
            guard case .failure(.unreachable) = await HTTPClientTests.post([], simulation) else {
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
                let outcome = await HTTPClientTests.post(Array("hello~".utf8), simulation)
                if case .success(let reply) = outcome { #expect(reply.body == Array("yes".utf8), "seed \(seed)") }
                await listening.close()
            }
        }
    }
}
