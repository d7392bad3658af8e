import Testing
import WeirBase
import WeirGateway
import WeirQuota
import WeirRuntime
import WeirStore

/// Troubles that pass, one at a time.
@Suite("A gateway in trouble, simulated")
struct TroubleTests {
    @Test("a disk without room defers mail with 452 and releases none; with room again mail passes")
    func fullDisk() throws {
        try Stage().run { (stage) async throws in
            #expect(try await stage.send().code == 250)
            stage.life.disk.faults.capacity = 0
            for _ in 0..<3 {
                let reply = try await stage.send()
                #expect(reply.code == 452 && reply.text.hasPrefix("4.3.1 "), "\(reply)")
            }
            #expect(stage.evidence.takes.count == 1)
            #expect(stage.life.gateway.alarms == ["The store's disk is full: mail is deferred with 452."])
            #expect(!stage.life.gateway.unreadiness.isEmpty)
            stage.life.disk.faults.capacity = .max
            await stage.visitor.sleep(until: stage.visitor.now + 5 * .second)
            #expect(try await stage.send().code == 250)
            #expect(stage.evidence.takes.count == 2)
            #expect(stage.life.gateway.alarms == [] && stage.life.gateway.unreadiness == [])
        }
    }

    @Test("what a suspension in place of the dot rests on outlives a power cut as soon as its client hears of it")
    func refusedAtDot() throws {
        try Stage().run { (stage) async throws in
            let link = stage.link()
            defer { link.close() }
            try await link.finishConnect(within: .minute)
            for line in ["EHLO c", "MAIL FROM:<a@isp.example>", "RCPT TO:<b@dest.example>", "DATA"] {
                #expect(try await link.reply(within: .minute).isPositive)
                link.send("\(line)\r\n")
                try await link.flush(within: .minute)
            }
            #expect(try await link.reply(within: .minute).code == 354)
            stage.life.gateway.accounts.show(.suspended, of: "203.0.113.1/32")
            link.send("\r\nHello.\r\n.\r\n")
            try await link.flush(within: .minute)
            let reply = try await link.reply(within: .minute)
            #expect(reply.code == 550, "\(reply)")

            let id = try #require(MessageID(reply.text.suffix(14).prefix(13)))
            let left = SimulatedVFS(stage.life.disk.crash(seed: 1), now: 0)
            let store = try LedgerStore(in: StoreDirectory("store", on: left))
            defer { store.close() }
            // The last of all that was journalled before.
            #expect(try store.journal(message: id.number).rows.map(\.kind) == [.refund, .charge])
        }
    }

    @Test("of a relay's addresses one that is dead is passed over", arguments: ["refuses", "is silent"])
    func addresses(dead: String) throws {
        let address = SocketAddress(ipv4: 0xC633_6463, port: 25)
        let stage = try Stage(addresses: [address.ip, Stage.relayAddress.ip])
        if dead == "is silent" {
            var plan = FaultPlan.none
            plan.connectTimeout = 1
            stage.simulation.network.plans[address] = plan
        }
        try stage.run { (stage) async throws in
            for _ in 0..<3 { #expect(try await stage.send().code == 250) }
            #expect(stage.evidence.takes.count == 3)
            #expect(stage.life.gateway.alarms == [])
        }
    }
}
