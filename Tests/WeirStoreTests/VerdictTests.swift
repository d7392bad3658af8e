import Testing
import WeirBase
import WeirRuntime
import WeirStore

@Suite("Verdicts in the store") struct VerdictTests {
    private let store = SimulatedStore()
    private let start: UInt64 = 1_795_348_800

    private func author(_ name: String = "weir", second: UInt64 = 0) -> Author {
        Author(name, at: WallTime(nanoseconds: (start + second) * .second), reason: "the reason")
    }

    private func opened() throws -> AccountsStore {
        let accounts = try AccountsStore(in: store.directory)
        try accounts.add(NewAccount(login: "Ann", plan: "home"), by: author("root"))
        return accounts
    }

    private func verdict(_ second: UInt64 = 0, of account: String = "ann", to new: AccountState = .suspended)
        -> VerdictRecord
    {
        VerdictRecord(
            account: account, at: WallTime(nanoseconds: (start + second) * .second), mode: "suspend", old: .normal,
            new: new, isBefore: true, score: ["origin": 4.25, "delivery": -0.1, "total": 1 / 3],
            thresholds: ["flag": 5, "suspend": 7.5, "family": 1.5], findings: ["newInADay": 212, "reach": 0.125],
            sentences: ["origin 4.3: from an unfamiliar network", "opened 2 days ago"],
            acquittals: ["origin", "volume"], messages: [7, UInt64(Int64.max)])
    }

    @Test("gives back every number as it was, the latest first, page by page, in any spelling of the login")
    func roundTrip() throws {
        let accounts = try opened()
        for second in 1...5 { try accounts.keep(verdict(UInt64(second)), moving: nil, by: author()) }
        try accounts.keep(verdict(9, of: "bob"), moving: nil, by: author())
        let page = try accounts.verdicts(of: " ANN", limit: 2)
        let rest = try accounts.verdicts(of: "ann", before: page[1].sequence)
        #expect((page + rest).map(\.at.seconds) == [5, 4, 3, 2, 1].map { start + $0 })
        var first = page[0]
        #expect(first.sequence > 0)
        (first.sequence, first.auditSequence) = (0, 0)
        #expect(first == verdict(5))
        #expect(try accounts.account("ann")?.state == .normal, "a verdict alone moves nobody")
    }

    @Test(
        "a verdict and the state it leads to are one: at whichever change the power goes, both are there or neither is")
    func together() throws {
        var kept = 0
        var change = 1
        while true {
            let store = SimulatedStore(SimulatedDisk(seed: UInt64(change)))
            let accounts = try AccountsStore(in: store.directory)
            try accounts.add(NewAccount(login: "ann", plan: "home"), by: author("root"))
            store.disk.faults.powerCut = change
            let isAcknowledged = (try? accounts.keep(verdict(1), moving: .suspended, by: author(second: 1))) != nil
            let wasCut = store.disk.isPowerLost
            let after = try AccountsStore(in: store.crashed(seed: UInt64(change)).directory)
            let count = try after.verdicts(of: "ann").count
            #expect(try after.account("ann")?.state == (count == 1 ? .suspended : .normal), "change \(change)")
            #expect(try after.audit(of: "ann").first?.actor == (count == 1 ? "weir" : "root"), "change \(change)")
            #expect(!isAcknowledged || count == 1, "what was acknowledged is there")
            kept += count
            if !wasCut { break }
            change += 1
        }
        #expect(change > 3 && kept > 0, "the power was cut in the midst of it, \(change - 1) times")
    }

    @Test("the latest move and verdict of an account are found behind any number of other rows")
    func latest() throws {
        let accounts = try opened()
        #expect(try accounts.latestMove(of: "ann") == nil && accounts.latestVerdict(on: "ann") == nil)
        try accounts.keep(verdict(1), moving: .suspended, by: author())
        try accounts.confirm("ann", by: author("root"))
        var machine = verdict(2)
        machine.machine = "pc.example"
        for _ in 0...100 {
            try accounts.note("ann", action: "account.complaint", by: author("desk"))
            try accounts.keep(machine, moving: nil, by: author())
        }
        let move = try accounts.latestMove(of: "ANN")
        #expect(move?.actor == "weir" && move?.new == "suspended" && move?.reason == "the reason")
        #expect(try accounts.latestMove(of: "ann", orConfirmation: true)?.actor == "root")
        #expect(try accounts.latestVerdict(on: "ANN")?.at.seconds == start + 1)
    }

    @Test("on a full disk a verdict is refused whole, and the next one is kept when there is room again")
    func full() throws {
        let accounts = try opened()
        store.disk.faults.capacity = 0
        #expect(throws: StoreError.self) { try accounts.keep(verdict(1), moving: .suspended, by: author()) }
        #expect(try accounts.account("ann")?.state == .normal)
        #expect(try accounts.verdicts(of: "ann").isEmpty)
        store.disk.faults.capacity = .max
        try accounts.keep(verdict(2), moving: .suspended, by: author())
        #expect(try accounts.account("ann")?.state == .suspended)
    }

    @Test("what was decided of an account stays when it is removed, and a verdict on one that is gone is kept")
    func removal() throws {
        let accounts = try opened()
        try accounts.keep(verdict(1), moving: .suspended, by: author())
        try accounts.remove("ann", by: author("root"))
        try accounts.keep(verdict(2), moving: .suspended, by: author())
        #expect(try accounts.verdicts(of: "ann").count == 2)
        #expect(try accounts.account("ann") == nil)
    }

    @Test("is deleted when its time is over, and not a second before, nor while there are few enough")
    func retention() throws {
        let accounts = try opened()
        for second in UInt64(1)...10 { try accounts.keep(verdict(second), moving: nil, by: author()) }
        func kept(_ second: UInt64, keeping limit: Int64 = 10) throws -> Int {
            let now = WallTime(nanoseconds: (start + second) * .second + AccountsStore.verdictsKept)
            while try accounts.expireVerdicts(now: now, keeping: limit, budget: 3) {}
            return try accounts.verdicts(of: "ann").count
        }
        #expect(try kept(1) == 10)
        #expect(try kept(2) == 9)
        #expect(try kept(2, keeping: 9) == 9)
        #expect(try kept(2, keeping: 8) == 8)
        #expect(try kept(9) == 2)
        #expect(try accounts.verdicts(of: "ann").map(\.at.seconds) == [10, 9].map { start + $0 })
    }

    @Test("a row that is damaged says so, by its number and what of it, and hides no other")
    func damaged() throws {
        let accounts = try opened()
        try accounts.keep(verdict(1), moving: nil, by: author())
        var broken = verdict(2)
        (broken.at, broken.score["total"]) = (WallTime(nanoseconds: .max), .nan)
        try accounts.keep(broken, moving: nil, by: author())
        try accounts.keep(verdict(3), moving: nil, by: author())
        let found = try accounts.verdicts(of: "ann")
        #expect(found.map(\.at.seconds) == [start + 3, 0, start + 1])
        #expect(found[1].score.isEmpty && found[1].findings == broken.findings)
        #expect(
            found[1].sentences == broken.sentences + ["row 2 of verdict in accounts.db is damaged: time, score"])
        #expect(found[2].sentences == verdict(1).sentences)
    }

    @Test("abused are those whom a person suspended, or whose suspension a person confirmed, since a time")
    func abused() throws {
        let accounts = try opened()
        for login in ["bob", "carl", "dora", "emil"] {
            try accounts.add(NewAccount(login: login, plan: "home"), by: author("root"))
        }
        try accounts.setState("ann", .suspended, by: author("weir"))
        try accounts.setState("bob", .suspended, by: author("root"))
        try accounts.setState("bob", .normal, by: author("root"))
        try accounts.keep(verdict(1, of: "carl"), moving: .suspended, by: author("weir"))
        try accounts.confirm("carl", by: author("desk", second: 10))
        try accounts.setState("dora", .flagged, by: author("root"))
        #expect(Set(try accounts.abused(since: author().at, notBy: "weir")) == ["bob", "carl"])
        #expect(try accounts.abused(since: author(second: 10).at, notBy: "weir") == ["carl"])
        #expect(try accounts.abused(since: author(second: 11).at, notBy: "weir") == [])
    }
}
