import Foundation
import TestKit
import Testing
import WeirAdmin
import WeirBase
import WeirGateway
import WeirQuota
import WeirReputation
import WeirRuntime
import WeirStore

@Suite("The machines of an office at the gateway") struct OfficeTests {
    private static let office = "127.0.0.2/32"
    private static let machines = (1...4).map { "PC\($0).office.example" }
    private static var infected: String { machines[2] }

    /// An office whose machines have ten days behind them, or thirty and one of them an infection in shadow, before a relay that refuses what one of them sends.
    private static func home(
        _ mode: String, hook: Hook? = nil, wasInfected: Bool = false
    ) async throws -> Gate.Home {
        let relay = try Sink { event in
            switch event {
            case .command(let line) where line.hasPrefix("RCPT TO:<nobody"): .reply("550 5.1.1 No such user")
            case .message(let message) where message.text.contains("Buy it now"): .reply("554 5.7.1 Spam")
            default: nil
            }
        }
        let home =
            if let hook { try NoticeTests.home(relay: relay, hooks: [(hook, "machine_stopped")]) } else {
                try Gate.Home(relay: relay)
            }
        try home.folder.write(
            "plan: home\nlimits: [1000 recipients per day]\ndetector: \(mode)\n", to: "policies/home.yaml")
        // The start makes the key.
        try await Gate.run(home) { gate in _ = try Self.write(gate, from: machines[0], to: ["friend@example.com"]) }
        try Self.age(home, wasInfected: wasInfected)
        return home
    }

    private static func age(_ home: Gate.Home, wasInfected: Bool) throws {
        let hash = KeyedHash(installation: Array(try Data(contentsOf: URL(filePath: home.folder.file("hash.key")))))
        let store = try LedgerStore(in: try StoreDirectory(home.folder.file("store")))
        let subject = try store.subject(.account, office)
        let today = UInt64(Date().timeIntervalSince1970) * .second
        var (dossier, surroundings) = (Dossier(), Surroundings())
        var terms = Terms(newPeopleADay: 20, isByNetwork: true)
        func send(from machine: String, to person: String, _ outcome: Outcome, _ now: Instant) {
            var facts = MessageFacts(
                id: 0, account: UInt64(subject.number), recipients: [hash(person)], network: 0,
                name: hash(machine.lowercased()))
            if outcome.isTaken != true { facts.content = ContentFacts(fingerprint: hash(person)) }
            dossier.live(through: facts, outcome, terms, &surroundings, at: now)
        }
        for day in (1...(wasInfected ? 30 : 10) as ClosedRange<UInt64>).reversed() {
            let now = Instant(nanoseconds: today - day * .day)
            for machine in machines where day > 20 || machine != infected || !wasInfected {
                send(from: machine, to: "friend@example.com", .taken, now)
            }
            guard wasInfected, day == 20 else { continue }
            terms.mode = .shadow
            for number in 0..<40 {
                let isUnknown = number % 2 == 0
                let outcome = Outcome(
                    recipients: [isUnknown ? .unknown : .accepted], isTaken: isUnknown ? nil : false)
                send(from: infected, to: "stranger\(number)@example.com", outcome, now)
                if let other = machines.first(where: { $0 != infected }) {
                    send(from: other, to: "friend@example.com", .taken, now)
                }
            }
            #expect(dossier.machines[hash(infected.lowercased())]?.evidence.standing.isSuspended == true)
        }
        var snapshot = EvidenceSnapshot(
            evidence: [(subject, try #require(dossier.account).encoded())], surroundings: nil,
            observed: try store.savedSurroundings().observed)
        snapshot.machines = dossier.machines.names.compactMap { dossier.machines[$0] }.map { machine in
            MachineRow(subject: subject, name: machine.name, turn: machine.turn, octets: machine.evidence.encoded())
        }
        #expect(snapshot.machines.count == machines.count)
        try store.save(snapshot)
    }

    private static func client(_ gate: Gate, _ machine: String) throws -> SMTPClient {
        let client = try SMTPClient(port: gate.port(), from: "127.0.0.2")
        try client.hello(machine)
        return client
    }

    private static func write(
        _ gate: Gate, from machine: String, to people: [String], _ text: String = "How are you?"
    ) throws -> SMTPClient.Answers {
        try client(gate, machine).message(to: people, "Subject: letter\r\n\r\n\(text)")
    }

    /// One message after the other until one is refused as of a suspended account; returns how many were not. The relay takes those
    /// that another machine sends meanwhile.
    private static func spam(_ gate: Gate) throws -> Int {
        for number in 0..<20 {
            if let other = machines.first(where: { $0 != infected }) {
                _ = try write(gate, from: other, to: ["friend@example.com"])
            }
            let people = ["nobody\(number)@example.com", "somebody\(number)@example.com"]
            let answers = try write(gate, from: infected, to: people, "Buy it now, friend \(number).")
            if answers.recipients.contains(where: Self.isSuspension) || answers.dot.map(Self.isSuspension) == true {
                return number
            }
        }
        return 20
    }

    private static func isSuspension(_ reply: SMTPReply) -> Bool {
        reply.code == 550 && reply.text.hasPrefix("5.7.1 Sending is suspended for this account.")
    }

    @Test("one that is infected is stopped, and the others go on, also after a restart, until it is released")
    func stops() async throws {
        let hook = try Hook()
        let home = try await Self.home("suspend", hook: hook)
        try await Gate.run(home) { gate in
            let open = try Self.client(gate, Self.infected)
            try open.must("MAIL FROM:<x@client.example>")
            try open.must("RCPT TO:<friend@example.com>")
            #expect(try open.command("DATA").code == 354)
            #expect(try Self.spam(gate) < 10)
            let dot = try open.command("Subject: x\r\n\r\nHello.\r\n.")
            #expect(Self.isSuspension(dot), "also in the middle of DATA: \(dot)")
            let rest = try open.message(to: ["friend@example.com", "abuse@isp.example"], body)
            #expect(rest.recipients.map(\.code) == [550, 250], "the contact can be written to")
            for machine in Self.machines + ["new.office.example"] where machine != Self.infected {
                let answers = try Self.write(gate, from: machine, to: ["friend@example.com"])
                #expect(answers.delivered == 1, "\(machine): \(answers)")
            }
            let account = try await Gate.awaited { () async throws -> WeirAdmin.Account? in
                let account = try await gate.administration.account(Self.office)
                return account.stoppedMachines.isEmpty ? nil : account
            }
            #expect(account.stoppedMachines == [Self.infected] && account.state == .normal)
            let verdict = try #require(try await gate.administration.why(Self.office).verdict)
            #expect(verdict.machine == Self.infected && verdict.new == .suspended)
            let isLogged = gate.log.lines.contains { line in
                line.contains("\"verdict\"") && line.contains("\"machine\":\"\(Self.infected)\"")
            }
            #expect(isLogged)
            #expect(eventually { hook.calls.contains { $0.body.contains("\"machine\":\"\(Self.infected)\"") } })
            #expect(hook.calls.allSatisfy { $0.body.contains("account.machine_stopped") })
            let isTold = eventually {
                home.relay.messages.contains {
                    $0.recipients == ["desk@isp.example"] && $0.text.contains(Self.infected)
                }
            }
            #expect(isTold)
        }
        try await Gate.run(home) { gate in
            #expect(try Self.spam(gate) == 0)
            #expect(try Self.write(gate, from: Self.machines[0], to: ["friend@example.com"]).delivered == 1)
            // However it is spelled.
            let spelled = try Self.write(gate, from: Self.infected.lowercased(), to: ["friend@example.com"])
            #expect(spelled.recipients.allSatisfy(Self.isSuspension))
            let released = try await gate.administration.release(Self.office, why: "it was cleaned", by: gate.actor)
            #expect(released.stoppedMachines == [] && released.state == .normal)
            #expect(try Self.write(gate, from: Self.infected, to: ["friend@example.com"]).delivered == 1)
        }
        try await Gate.run(home) { gate in
            #expect(try Self.write(gate, from: Self.infected, to: ["friend@example.com"]).delivered == 1)
            let history = try await gate.administration.history(Self.office, limit: 100, cursor: nil)
            #expect(
                history.events.contains { $0.action == "account.release.machines" && $0.reason == "it was cleaned" })
        }
    }

    @Test("a stop whose record was lost has one as soon as the machine is refused again")
    func lostRecord() async throws {
        let home = try await Self.home("suspend")
        try await Gate.run(home) { gate in
            let count = try Self.spam(gate)
            #expect(count < 10)
        }
        do {
            let store = try AccountsStore(in: try StoreDirectory(home.folder.file("store")))
            #expect(try store.verdicts(of: Self.office).count > 0)
            let muchLater = WallTime(nanoseconds: UInt64(Date().timeIntervalSince1970) * .second + 500 * .day)
            #expect(try store.expireVerdicts(now: muchLater) == false)
            #expect(try store.verdicts(of: Self.office).isEmpty)
        }
        try await Gate.run(home) { gate in
            #expect(try await gate.administration.account(Self.office).stoppedMachines == [])
            #expect(try Self.spam(gate) == 0)
            _ = try await Gate.awaited { () async throws -> Bool? in
                try await gate.administration.account(Self.office).stoppedMachines == [Self.infected] ? true : nil
            }
            #expect(try Self.spam(gate) == 0)
            let events = try await gate.administration.history(Self.office, limit: 100, cursor: nil).events
            let verdicts = events.compactMap(\.verdict)
            #expect(verdicts.count == 1 && verdicts.first?.machine == Self.infected)
            #expect(verdicts.first?.sentences.first == "decided earlier, and not carried out")
            #expect((verdicts.first?.score ?? 0) > 0)
            // What one machine did is no reason for what an administrator has done to them all.
            _ = try await gate.administration.suspend(Self.office, why: "does not pay", by: gate.actor)
            let reasons = try await gate.administration.why(Self.office)
            #expect(reasons.verdict == nil && reasons.stoppedMachines == [Self.infected])
        }
    }

    @Test("what was decided of one in shadow stops it in no other mode")
    func fromShadow() async throws {
        let home = try await Self.home("shadow", wasInfected: true)
        try await Gate.run(home) { gate in
            try ShadowTests.turn(home, to: "suspend")
            _ = try await gate.administration.reload(by: gate.actor)
            #expect(try Self.write(gate, from: Self.infected, to: ["friend@example.com"]).delivered == 1)
            #expect(try await gate.administration.account(Self.office).stoppedMachines == [])
            #expect(try Self.spam(gate) < 10, "now it is")
        }
    }

    @Test("in shadow and in flag nobody is stopped", arguments: ["shadow", "flag"])
    func modes(mode: String) async throws {
        try await Gate.run(try await Self.home(mode)) { gate in
            #expect(try Self.spam(gate) == 20)
            let word = mode == "shadow" ? "suspended" : "flagged"
            let isDecided = gate.log.lines.contains { line in
                ["\"verdict\"", Self.infected, word].allSatisfy { line.contains($0) }
            }
            #expect(isDecided)
            #expect(try Self.write(gate, from: Self.infected, to: ["friend@example.com"]).delivered == 1)
            let account = try await gate.administration.account(Self.office)
            #expect(account.state == .normal && account.stoppedMachines == [])
        }
    }
}
