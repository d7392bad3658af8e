import Testing
import WeirBase
import WeirQuota

@Suite("Plans, what they extend, and an account's own limits")
struct PlanSetTests {
    @Test("a child has its parent's limits, its own instead where it names them, and its own besides")
    func inheritance() throws {
        let plans = try PlanSet([
            PlanDefinition(
                name: "newcomer", extends: "residential", limits: ["50 recipients per day, calendar"],
                whenSuspended: .deferral),
            PlanDefinition(
                name: "base", description: "All", limits: ["100 recipients per message", "20 connections"],
                warnAt: [100, 80], detector: .flag),
            PlanDefinition(
                name: "residential", extends: "base", description: "Households",
                limits: ["1000 recipients per day", "5 recipients per day, observe", "10 connections"]),
        ])
        #expect(plans.plans.map(\.name) == ["newcomer", "base", "residential"])
        let newcomer = try #require(plans["newcomer"])
        #expect(
            newcomer.limits == [
                "100 recipients per message", "10 connections", "50 recipients per day, calendar",
                "5 recipients per day, observe",
            ])
        #expect(newcomer.description == "Households")
        #expect(newcomer.warnAt == [80, 100])
        #expect(newcomer.detector == .flag)
        #expect(newcomer.whenSuspended == .deferral)
        #expect(plans["base"]?.limits.count == 2)
        #expect(plans["nobody"] == nil)
    }

    @Test("names the plan of every fault at once")
    func faults() throws {
        let twice: Limit = "5 recipients per day"
        let error = #expect(throws: PlanSetError.self) {
            try PlanSet([
                PlanDefinition(name: "a", extends: "b"),
                PlanDefinition(name: "b", extends: "c"),
                PlanDefinition(name: "c", extends: "a"),
                PlanDefinition(name: "self", extends: "self"),
                PlanDefinition(name: "below", extends: "self"),
                PlanDefinition(name: "residential", limits: [twice, "6 recipients per day, reject"]),
                PlanDefinition(name: "typo", extends: "residental"),
                PlanDefinition(name: "typo"),
            ])
        }
        #expect(
            error?.faults == [
                .duplicateLimit(plan: "residential", limit: twice.name),
                .duplicatePlan("typo"),
                .cycle(plan: "a", path: ["a", "b", "c", "a"]),
                .cycle(plan: "b", path: ["b", "c", "a", "b"]),
                .cycle(plan: "c", path: ["c", "a", "b", "c"]),
                .cycle(plan: "self", path: ["self", "self"]),
                .unknownParent(plan: "typo", parent: "residental", nearest: "residential"),
            ])
        #expect(error?.faults[2].description == "plan a extends b extends c extends a")
    }

    @Test("an override holds until it expires, then the plan's limit holds again")
    func overrides() {
        let clock = ManualClock()
        let end = clock.now + .hour
        let set = LimitSet(
            Plan(name: "p", limits: ["5 recipients per day", "20 connections"]),
            overrides: [
                Override(limit: "9 recipients per day, reject", until: end, reason: "newsletter"),
                Override(limit: "3 messages per day", until: nil, reason: "new"),
                Override(limit: "2 messages per hour", until: end, reason: "new"),
            ])
        #expect(
            set.limits(at: clock.now) == [
                "9 recipients per day, reject", "20 connections", "3 messages per day", "2 messages per hour",
            ])
        #expect(set.limits(at: end) == ["5 recipients per day", "20 connections", "3 messages per day"])
    }

    @Test("tells what EHLO announces, and whether octets must be durable")
    func questions() throws {
        let clock = ManualClock()
        let set = LimitSet(["100 recipients per message", "5 MB per message", "1 GB per day, observe"])
        let name = try #require(Limit.Name("recipients-per-message"))
        #expect(set.limit(named: name, at: clock.now)?.allowed == 100)
        #expect(LimitSet.none.limit(named: name, at: clock.now) == nil)
        #expect(!set.boundsOctets(at: clock.now))
        #expect(LimitSet(["1 GB per day"]).boundsOctets(at: clock.now))
    }
}
