import Testing
import WeirBase
import WeirGateway
import WeirQuota
import WeirRuntime
import WeirStore

/// What is broken for everybody is held against nobody.
@Suite("The detector's climate, simulated")
struct ClimateTests {
    /// A gateway that suspends, its subscribers with their pasts, and one relay.
    private final class Town: @unchecked Sendable {  // A simulation has one thread.
        let simulation = Simulation(seed: 1, loops: 1)
        let life: Life
        let relay: ScriptedRelay
        let scanner: ScriptedScanner
        private let visitor: RuntimeExecutor
        /// Refusals so far, ours and the relay's.
        private(set) var refusals: [String] = []
        private var days = 0

        static let accounts = 30

        init() throws {
            var scenario = Scenario(seed: 1)
            (scenario.detector, scenario.scanner, scenario.theft) = (.suspend, .good, nil)
            scenario.relays = [.init(weight: 1, connections: 10, tls: "none", manners: .good)]
            (scenario.messageCap, scenario.hourCap, scenario.octetsCap, scenario.dayCap) = (100, 1000, nil, nil)
            (scenario.customerCap, scenario.gatewayCap, scenario.connectionsCap) = (nil, nil, nil)
            let address = SocketAddress(ipv4: 0xC633_6401, port: 25)
            simulation.hosts["relay0.isp.example"] = .success([address.ip])
            relay = try ScriptedRelay(
                name: "relay0", address: address, simulation: simulation, manners: .good, startTLS: false,
                evidence: Evidence { 0 }, random: SeededRandom(seed: 1))
            simulation.hosts["198.51.100.100"] = .success([ScriptedScanner.address.ip])
            scanner = try ScriptedScanner(
                simulation: simulation, manners: .good, octetsMax: scenario.scannerSize * 1024,
                evidence: Evidence { 0 }, random: SeededRandom(seed: 2))
            life = try Life(
                number: 1, scenario: scenario, simulation: simulation, disk: SimulatedDisk(seed: 1), onLost: { _ in })
            visitor = simulation.makeExecutor(name: "clients")
        }

        var alarms: [String] { life.gateway.alarms }

        func run(_ story: @escaping @Sendable (Town) async throws -> Void) throws {
            try simulation.run(within: 60 * .day) { [self] in
                try await life.open()
                let failure = await visitor.spawn { [self] () -> (any Error)? in
                    do { try await story(self) } catch { return error }
                    return nil
                }.value
                await life.stop()
                if let failure { throw failure }
            }
        }

        /// Long spans are long in rounds of upkeep: only their end has some.
        func sleep(_ span: UInt64) async {
            await life.gateway.endUpkeep()
            await visitor.sleep(until: visitor.now + span)
            life.gateway.startUpkeep()
            await visitor.sleep(until: visitor.now + 2 * .second)
        }

        /// So many days of a life in which everybody writes to three friends and to somebody new.
        func live(days count: Int) async {
            for _ in 0..<count {
                days += 1
                for account in 0..<Town.accounts {
                    await send(account, strangers: 1)
                    await visitor.sleep(until: visitor.now + 5 * .second)
                }
                await sleep(.day)
            }
        }

        /// Everybody sends one message, one behind the other.
        func round(strangers: Int, apart: UInt64 = 5 * .second) async {
            days += 1
            for account in 0..<Town.accounts {
                await send(account, strangers: strangers)
                await visitor.sleep(until: visitor.now + apart)
            }
        }

        /// So many send what scanner and relay know for spam, to a friend, to somebody new, and to two who do not exist.
        func abuse(by accused: Int) async {
            days += 1
            for account in 0..<accused {
                let people = ["friend0", "new.\(days)", "nobody0.\(days)", "nobody1.\(days)"]
                await send(account, to: people.map { "\($0).\(account)@dest.example" }, "\(Theft.words) Only \(days)!")
                await visitor.sleep(until: visitor.now + .second)
            }
        }

        private func send(_ account: Int, strangers: Int) async {
            let people =
                (0..<3).map { "friend\($0).\(account)@dest.example" }
                + (0..<strangers).map { "new\($0).\(days).\(account)@dest.example" }
            await send(account, to: people, "How are you, and what do you do on day \(days)?")
        }

        private func send(_ account: Int, to people: [String], _ text: String) async {
            let link = ScriptLink(
                simulation.connect(to: World.gate, from: SocketAddress(ipv4: 0xCB00_7101 + UInt32(account), port: 0)),
                on: visitor)
            do throws(ConnectionError) {
                try await link.finishConnect(within: .minute)
                var lines = ["EHLO home\(account).example", "MAIL FROM:<a\(account)@isp.example>"]
                lines += people.map { "RCPT TO:<\($0)>" } + ["DATA"]
                var code: UInt16 = 0
                for line in lines {
                    code = try await hear(link)
                    link.send("\(line)\r\n")
                    try await link.flush(within: .minute)
                }
                code = try await hear(link)
                if code == 354 {
                    link.send("Subject: letter \(days)\r\n\r\n\(text)\r\n.\r\n")
                    try await link.flush(within: .minute)
                    _ = try await hear(link)
                }
            } catch {
                refusals.append("\(error)")
            }
            link.close()
        }

        private func hear(_ link: ScriptLink) async throws(ConnectionError) -> UInt16 {
            let reply = try await link.reply(within: 12 * .minute)
            if reply.code >= 400 { refusals.append("\(reply.code) \(reply.text)") }
            return reply.code
        }

        /// The refusals since this was last asked.
        func takeRefusals() -> [String] {
            defer { refusals = [] }
            return refusals
        }

        func suspended() async throws -> Int {
            try await states().filter { $0.state == .suspended }.reduce(0) { $0 + Int($1.count) }
        }

        func states() async throws -> [AccountCount] {
            try await life.gateway.accounts.withStore { store throws(StoreError) in try store.counts() }
        }

        func expectNormal() async throws {
            let states = try await states()
            #expect(states.allSatisfy { $0.state == .normal }, "\(states)")
        }

        /// For ten minutes everybody sends again and again, and the relay refuses all of it; `check` looks after each round.
        func isRefused(at place: Place, with reply: String, _ check: () -> Void) async throws {
            relay.manners.refuse(at: place, with: reply)
            let end = simulation.now + 10 * .minute
            var rounds = 0
            while simulation.now < end {
                await round(strangers: 2, apart: 3 * .second)
                rounds += 1
                check()
                try await expectNormal()
            }
            #expect(rounds > 5)
            let refusals = takeRefusals()
            #expect(refusals.count >= rounds * Town.accounts, "not everybody was refused, every time")
            #expect(!refusals.contains { $0.contains("Sending") || $0.contains("few new people") })
        }

        /// Relay and scanner are good again: what could not be sent goes, and more, and an hour later nothing is left of it.
        func recovers() async throws {
            (relay.manners, scanner.manners) = (.good, .good)
            await round(strangers: 2)
            await sleep(.hour)
            #expect(alarms == [])
            for _ in 0..<3 { await round(strangers: 4) }
            #expect(takeRefusals() == [])
            try await expectNormal()
        }
    }

    @Test(
        "a relay that refuses everything while everybody tries again for ten minutes has nobody suspended or slowed down, and an alarm that ends",
        arguments: [
            (Place.mail, "550 5.7.1"), (.recipient, "550 5.1.1"), (.recipient, "550 5.7.1"), (.message, "554 5.7.1"),
        ])
    func relayRefuses(place: Place, reply: String) throws {
        try Town().run { town in
            await town.live(days: 3)
            #expect(town.takeRefusals() == [])
            #expect(town.alarms == [])
            try await town.isRefused(at: place, with: reply) {
                #expect(town.alarms.contains { $0.hasPrefix("Relays refuse most of what anybody sends") })
            }
            try await town.recovers()
        }
    }

    /// It is a word neither on a person nor on a message, so the detector hears nothing of it: there is no alarm either.
    @Test("a relay that refuses every DATA for ten minutes is held against nobody, and makes no climate")
    func relayRefusesData() throws {
        try Town().run { town in
            await town.live(days: 3)
            #expect(town.takeRefusals() == [])
            try await town.isRefused(at: .data, with: "554 5.7.1") { #expect(town.alarms == []) }
            try await town.recovers()
        }
    }

    /// A score of "add header" is evidence, and its message passes.
    @Test(
        "a scanner that condemns everything is soon not believed, has nobody suspended, and an alarm that ends",
        arguments: ["reject", "add header"])
    func scannerCondemns(action: String) throws {
        try Town().run { town in
            await town.live(days: 3)
            #expect(town.takeRefusals() == [])
            if action == "reject" { town.scanner.manners.rejects = 1 } else { town.scanner.manners.marks = 1 }
            await town.round(strangers: 2)
            let refused = town.takeRefusals()
            if action == "reject" {
                #expect(
                    refused.count < Town.accounts / 2 && refused.allSatisfy { $0.hasPrefix("550 5.7.1 The content") },
                    "\(refused)")
            } else {
                #expect(refused == [])
            }
            #expect(town.alarms.contains { $0.hasPrefix("The scanner calls most") }, "\(town.alarms)")
            await town.round(strangers: 1)
            #expect(town.takeRefusals() == [])
            try await town.expectNormal()
            try await town.recovers()
        }
    }

    @Test("eight of thirty flagged at once are too many: no more are suspended or slowed down, and an alarm that ends")
    func manyFlagged() throws {
        try Town().run { town in
            await town.live(days: 3)
            await town.round(strangers: 1)
            #expect(town.takeRefusals() == [])
            for _ in 0..<2 { await town.abuse(by: 8) }
            for _ in 0..<10 {
                await town.abuse(by: 8)
                #expect(
                    town.alarms.contains { $0.hasPrefix("More accounts were flagged within ten minutes") },
                    "\(town.alarms)")
            }
            #expect(!town.takeRefusals().contains { $0.contains("few new people") })
            // Those who were suspended before it was noticed.
            let suspended = try await town.suspended()
            #expect(suspended < 4, "\(suspended)")
            await town.sleep(.hour)
            #expect(town.alarms == [])
            // It acts again.
            for _ in 0..<3 { await town.abuse(by: 8) }
            #expect(town.takeRefusals().contains { $0.contains("few new people") || $0.contains("Sending") })
            let later = try await town.suspended()
            #expect(later > suspended, "\(later)")
        }
    }

    @Test("a wall clock that jumps a day, forward and back, has nobody flagged, and an alarm that ends")
    func clockJumps() throws {
        try Town().run { town in
            await town.live(days: 2)
            for (days, word) in [(1, "forward"), (-2, "back"), (1, "forward")] as [(Int64, String)] {
                town.simulation.stepWall(by: days * Int64(UInt64.day))
                await town.round(strangers: 2)
                #expect(town.alarms.contains { $0.hasPrefix("The wall clock stepped \(word)") }, "\(town.alarms)")
                await town.sleep(.hour)
                #expect(town.alarms == [])
            }
            await town.live(days: 1)
            #expect(town.takeRefusals() == [])
            try await town.expectNormal()
        }
    }
}

/// Where a relay refuses.
enum Place: Sendable {
    case mail, recipient, data, message
}

extension Manners {
    fileprivate mutating func refuse(at place: Place, with reply: String) {
        refusals = [reply]
        switch place {
        case .mail: refusesMail = 1
        case .recipient: refusesRecipient = 1
        case .data: refusesData = 1
        case .message: refusesMessage = 1
        }
    }
}
