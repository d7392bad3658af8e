import Testing
import WeirBase
import WeirRuntime

@Suite("An event loop")
struct EventLoopTests {
    /// Sends back what it reads, until the peer closes.
    static func echo(_ transport: Transport, on loop: RuntimeExecutor) async {
        let waiter = Waiter(on: loop)
        let connection = Connection(transport, on: loop, waiter: waiter)
        defer {
            connection.close()
            waiter.retire()
        }
        do {
            while true {
                try await connection.receive(until: loop.now + 10 * .second)
                let octets = connection.withInput { span in span.indices.map { span[$0] } }
                connection.consume(octets.count)
                connection.output.append(contentsOf: octets)
                try await connection.flush(until: loop.now + 10 * .second)
            }
        } catch {
            #expect(error == .closed)
        }
    }

    struct Handover: @unchecked Sendable {  // A transport goes from the acceptor to its task, once.
        let transport: Transport
    }

    @Test("carries more octets through an echo than any buffer holds")
    func echoes() async throws {
        let runtime = try RealRuntime(loops: 2, clock: AnchoredClock())
        let listener = try runtime.listen(on: SocketAddress(ipv4: 0x7F00_0001, port: 0)) { transport, loop in
            let handover = Handover(transport: transport)
            loop.spawn { await EventLoopTests.echo(handover.transport, on: loop) }
        }
        let address = listener.address
        let total = 3_000_000
        let loop = runtime.loops[0]
        let received = await loop.spawn { () async -> Int in
            do {
                let waiter = Waiter(on: loop)
                let connection = Connection(try runtime.connect(to: address, on: loop), on: loop, waiter: waiter)
                try await connection.finishConnect(until: loop.now + .second)
                var sent = 0
                var received = 0
                while received < total {
                    if sent < total, connection.outputCount == 0 {
                        connection.output.append(contentsOf: (0..<30_000).map { UInt8(truncatingIfNeeded: sent + $0) })
                        sent += 30_000
                    }
                    _ = connection.flushNow()
                    guard connection.fill() == .more else {
                        try await connection.wait(until: loop.now + 10 * .second)
                        continue
                    }
                    received += connection.inputCount
                    connection.consume(connection.inputCount)
                }
                connection.close()
                return received
            } catch {
                Issue.record(error)
                return 0
            }
        }.value
        #expect(received == total)
        await listener.close()
        runtime.stop()
    }

    @Test("wakes a sleeper when its time has come, not before")
    func sleeps() async throws {
        let runtime = try RealRuntime(loops: 1, clock: AnchoredClock())
        let loop = runtime.loops[0]
        let late = await loop.spawn { () async -> Bool in
            let deadline = loop.now + 20 * .millisecond
            await loop.sleep(until: deadline)
            return loop.now >= deadline
        }.value
        #expect(late)
        runtime.stop()
    }

    @Test("forgets deadlines that nobody waits for any more, and those that an earlier one has replaced")
    func staleTimers() async throws {
        let runtime = try RealRuntime(loops: 1, clock: AnchoredClock())
        let loop = runtime.loops[0]
        let most = await loop.spawn { () async -> Int in
            var most = 0
            for _ in 0..<5_000 {
                let waiter = Waiter(on: loop)
                for seconds in [300, 120, 30, 300] as [UInt64] {
                    waiter.wake()
                    await waiter.wait(until: loop.now + seconds * .second)
                }
                waiter.retire()
                most = max(most, loop.timers.count)
            }
            return most
        }.value
        #expect(most < 3_000)
        runtime.stop()
    }
}
