import Foundation
import Synchronization
import TestKit
import Testing
import WeirAdmin
import WeirBase
import WeirConfiguration
import WeirGateway
import WeirRuntime
import WeirStore

@Suite("A gateway's life") struct LifecycleTests {
    @Test("relays a message, counts its recipients, and logs one line about it")
    func relays() async throws {
        let home = try Gate.Home()
        try await Gate.run(home) { gate in
            let answers = try gate.client().message(to: ["a@example.com", "b@example.com"], body)
            #expect(answers.delivered == 2)
            #expect(home.relay.messages.map(\.recipients.count) == [2])
            #expect(try await gate.used() == 2)
            let lines = gate.log.lines.filter { $0.contains("\"event\":\"message\"") }
            #expect(lines.count == 1)
            let line = lines.first ?? ""
            for field in [
                "\"result\":\"accepted\"", "\"account\":\"127.0.0.2/32\"", "\"recipients_accepted\":2", "\"code\":250",
            ] {
                #expect(line.contains(field), "\(field) in \(line)")
            }
            #expect(!line.contains("example.com"), "no recipient's address is logged")
        }
    }

    @Test("keeps what was counted over a restart, and the account's state")
    func restarts() async throws {
        let home = try Gate.Home()
        try await Gate.run(home) { gate in
            _ = try gate.client().message(to: ["a@example.com", "b@example.com", "c@example.com"], body)
            _ = try gate.client(from: "127.0.0.3").message(to: ["a@example.com"], body)
            _ = try await gate.administration.suspend("127.0.0.3/32", why: "spam", by: gate.actor)
        }
        try await Gate.run(home) { gate in
            #expect(try await gate.used() == 3)
            #expect(try await gate.administration.account("127.0.0.3/32").state == .suspended)
            let answers = try gate.client().message(to: (0..<8).map { "u\($0)@example.com" }, body)
            #expect(answers.recipients.map(\.code) == Array(repeating: 250, count: 7) + [450])
        }
    }

    @Test("lets go of its store when it has stopped, though somebody still holds the gateway")
    func letsGo() async throws {
        let home = try Gate.Home()
        var former: [Gate] = []
        for round in 0..<10 {
            let gate = try await Gate(home)
            if round < 8 { #expect(try gate.client().message(to: ["a@example.com"], body).delivered == 1) }
            await gate.daemon.stop()
            former.append(gate)
        }
        #expect(former.count == 10)
    }

    @Test("keeps the clock of an earlier start of the same boot, and of no other", arguments: [true, false])
    func clock(isSameBoot: Bool) throws {
        let home = try Gate.Home()
        let store = home.folder.file("store")
        let past = AnchoredClock().offset - .hour
        do {
            let boot = isSameBoot ? try System.bootID() : "another"
            try LedgerStore(in: StoreDirectory(store)).save(ClockAnchor(boot: boot, offset: past))
        }
        let started = try Accounting.Stores(store).clock.offset
        #expect((started == past) == isSameBoot)
        #expect(try Accounting.Stores(store).clock.offset == started, "a new anchor is kept as well")
    }

    @Test("says 421 to sessions that have nothing in flight and lets a message in flight end before it stops")
    func drains() async throws {
        let home = try Gate.Home(settings: ["timeouts: { drain: 30s }"])
        let gate = try await Gate(home)
        let idle = try gate.client()
        let open = try gate.client(from: "127.0.0.4")
        try open.must("MAIL FROM:<s@client.example>")
        let busy = try gate.client(from: "127.0.0.3")
        try busy.must("MAIL FROM:<s@client.example>")
        try busy.must("RCPT TO:<a@example.com>")
        try busy.must("DATA")
        let port = try gate.port()
        let codes = Background { () -> [Int] in
            // The farewells to the others tell that the gateway is about to stop.
            let farewells = [idle, open].map { (try? $0.reply().code) ?? 0 }
            try? busy.send(body + "\r\n.\r\n")
            return farewells + [(try? busy.reply().code) ?? 0]
        }
        await gate.daemon.stop()
        #expect(codes.join() == [421, 421, 250])
        #expect(home.relay.messages.count == 1)
        #expect(throws: (any Error).self) { try SMTPClient(port: port) }
    }

    @Test("tells a second gateway who holds the store")
    func held() async throws {
        let home = try Gate.Home()
        try await Gate.run(home) { _ in
            let error = await #expect(throws: StartError.self) { try await Gate(home) }
            let store = home.folder.file("store")
            #expect(
                error?.description
                    == "\(store) is held by process \(getpid()), a weir that runs already: stop it, or name another store"
            )
            #expect(error?.exitStatus == 75)
        }
    }

    @Test("tells which listener cannot have its address")
    func portInUse() async throws {
        let taken = try Sink()
        let home = try Gate.Home(settings: [
            "listeners: [{ name: in, address: \"127.0.0.1:\(taken.port)\", tls: none, accounts: network }]"
        ])
        let error = await #expect(throws: StartError.self) { try await Gate(home) }
        #expect(
            error?.description
                == "listener in cannot listen on 127.0.0.1:\(taken.port): Address already in use: another program listens "
                + "there; find it with ss -ltnp, stop it, or give the listener another address")
        #expect(error?.exitStatus == 69)
    }

    /// What was written into the store's file, and how the start ends.
    @Test(
        "starts on no store that it cannot trust",
        arguments: [("ledger.db", "not a database"), ("accounts.db", "nor this")])
    func damaged(file: String, content: String) async throws {
        let home = try Gate.Home()
        try await Gate.run(home) { (_) async throws in }
        try home.folder.write(String(repeating: content, count: 200), to: "store/\(file)")
        let error = await #expect(throws: StartError.self) { try await Gate(home) }
        #expect(error?.description.hasPrefix("\(home.folder.file("store/\(file)")) is damaged: ") == true)
        #expect(error?.exitStatus == 65)
    }

    @Test("names a certificate's missing file, and the line that names it")
    func material() async throws {
        let home = try Gate.Home(settings: [
            "tls: { certificate: chain.pem, key: key.pem }",
            "listeners: [{ name: in, address: \"127.0.0.1:0\", tls: starttls, accounts: login }]",
        ])
        let error = await #expect(throws: StartError.self) { try await Gate(home) }
        #expect(
            error?.description
                == "\(home.path):10:21: \(home.folder.file("chain.pem")): No such file or directory: tls: names a PEM certificate chain and its "
                + "private key")
        #expect(error?.exitStatus == 78)
    }

    @Test("takes mail again once a relay that was down is back")
    func relayReturns() async throws {
        let isBack = Atomic(false)
        let relay = try Sink { event in
            if case .connected = event, !isBack.load(ordering: .relaxed) { .drop } else { nil }
        }
        try await Gate.run(try Gate.Home(relay: relay)) { (gate) async throws in
            #expect(try await gate.administration.readiness().reasons == ["no relay can be reached"])
            let refused = try gate.client().message(to: ["a@example.com"], body)
            #expect(refused.recipients.map(\.code) == [451])
            #expect(try await gate.administration.status().relays.map(\.up) == [false])
            isBack.store(true, ordering: .relaxed)
            #expect(
                eventually(within: 60) {
                    (try? gate.client().message(to: ["a@example.com"], body).delivered) == 1
                })
            #expect(try await gate.administration.readiness().ready)
            let events = gate.log.lines.filter { $0.contains("\"event\":\"relay ") }
            #expect(events.count == 2, "one line when it goes down, one when it is back: \(events)")
        }
    }
}
