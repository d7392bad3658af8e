import Foundation
import TestKit
import Testing
import WeirAdmin
import WeirBase
import WeirConfiguration
import WeirRuntime

@Suite("The API's description")
struct OpenAPITests {
    private let lines: [Substring]

    init() throws {
        let text = try String(contentsOfFile: repository + "/Sources/WeirAdmin/openapi.yaml", encoding: .utf8)
        lines = text.split(separator: "\n")
    }

    /// The keys that stand at this depth below a line, until the depth is left.
    private func keys(below place: Int, indent: Int) -> [(name: String, place: Int)] {
        let margin = String(repeating: " ", count: indent)
        var found: [(String, Int)] = []
        for place in (place + 1)..<lines.count {
            let line = lines[place]
            guard line.hasPrefix(margin) else { break }
            let content = line.dropFirst(indent)
            guard content.first != " ", let colon = content.firstIndex(of: ":") else { continue }
            found.append((String(content[..<colon]), place))
        }
        return found
    }

    @Test("every route is described, with its permission, and nothing else is")
    func routes() throws {
        let paths = try #require(lines.firstIndex(of: "paths:"))
        var described: Set<String> = []
        for path in keys(below: paths, indent: 2) {
            for method in keys(below: path.place, indent: 4) where method.name != "parameters" {
                let permission = keys(below: method.place, indent: 6).first { $0.name == "x-weir-permission" }
                let value = permission.map { lines[$0.place].split(separator: " ").last ?? "" } ?? ""
                described.insert("\(method.name.uppercased()) \(path.name) \(value)")
            }
        }
        let metrics = GatewayMetrics(listeners: [], relays: [])
        let routes = AdminRoutes(FakeAdministration(), metrics: metrics).all.map { route in
            switch route.access {
            case .everyone: "\(route.method) \(route.path) everyone"
            case .holders(of: let permission): "\(route.method) \(route.path) \(permission.rawValue)"
            }
        }
        #expect(Set(routes) == described)
        #expect(routes.count == described.count)
    }

    private static let usage = LimitUsage(
        name: "n", text: "t", scope: "account", used: 1, reserved: 1, allowed: 1, freesAt: WallTime(nanoseconds: 0),
        override: .init(until: WallTime(nanoseconds: 0), why: "w"))
    private static let summary = AccountSummary(
        login: "l", plan: "p", customer: "c", state: .normal, usedPercent: 1)

    private static let epoch = WallTime(nanoseconds: 0)
    private static let reasons = AccountReasons(
        login: "l", plan: "p", detector: "flag", state: .flagged, since: epoch, by: "b", reason: "r", verdict: .sample)
    private static let event = HistoryEvent(
        time: epoch, actor: "a", action: "a", old: "o", new: "n", reason: "r", verdict: .sample)
    private static let message = MessageReport(
        id: "i", time: epoch, account: "a", result: "r", refusal: "r", code: 1, relayCode: 1, seconds: 1, limit: "l",
        relay: "r", source: "s", state: .normal, verdict: .sample)
    private static var verdict: VerdictReport {
        var verdict = VerdictReport.sample
        verdict.machine = "m"
        return verdict
    }
    private static let calibration = CalibrationReport(
        plan: "p", days: 1, accounts: 1, chosenOn: 1, verifiedOn: 1, excluded: 0, flag: 5, suspend: 7.5, suggested: 6,
        share: 0.1, needed: 9,
        points: [.init(threshold: 5, flagsAWeek: 1, suspensionsAWeek: 1, reached: 1, verified: 1, bound: 1)])

    @Test(
        "what is answered has the keys that are described",
        arguments: [
            (
                "Account",
                Account(
                    login: "l", plan: "p", customer: "c", stateReason: "r", range: "192.0.2.0/24", mail: "m",
                    limits: [usage])
                    as any Encodable & Sendable
            ),
            ("LimitUsage", usage), ("Override", usage.override), ("Usage", Usage(login: "l", limits: [])),
            ("AccountSummary", summary), ("AccountList", AccountList(accounts: [summary], next: "n")),
            ("IssuedToken", IssuedToken(login: "l", token: "t")),
            ("ImportReport", ImportReport(dryRun: true, added: 1, changed: 1, unchanged: 1)),
            ("ReloadReport", ReloadReport(changes: [])),
            ("AccountReasons", reasons), ("VerdictReport", verdict),
            ("MessageReference", VerdictReport.sample.messages[0]), ("HistoryEvent", event),
            ("AccountHistory", AccountHistory(login: "l", events: [event], next: "n")), ("MessageReport", message),
            ("CalibrationReport", calibration), ("CalibrationPoint", calibration.points[0]),
            ("Relay", Status.Relay(name: "n", address: "a", up: true, connections: 1, connectionsMax: 1, trouble: "t")),
            ("Listener", Status.Listener(name: "n", address: "a", tls: "none", up: true, sessions: 1)),
            ("Ledger", Status.Ledger(pending: 0, commits: 0, sizeBytes: 0, freeBytes: 0)),
            (
                "Problem",
                Problem(AdminError(.invalid, "d", errors: [.init(pointer: "/p", line: 1, detail: "d")]), instance: "/")
            ),
            ("Detail", AdminError.Detail(pointer: "/p", line: 1, detail: "d")),
        ])
    func schemas(name: String, value: any Encodable & Sendable) throws {
        let start = try #require(lines.lastIndex(of: "    \(name):"))
        let properties = try #require(keys(below: start, indent: 6).first { $0.name == "properties" })
        let described = Set(keys(below: properties.place, indent: 8).map(\.name))
        let object = try JSONSerialization.jsonObject(with: Data(try AdminJSON.encode(value))) as? [String: Any]
        #expect(Set((object ?? [:]).keys) == described)
    }

    @Test(
        "a time is read back as it was written",
        arguments: [
            ("2026-11-23T08:15:00Z", 1_795_421_700), ("1970-01-01", 0), ("2026-11-23T09:15:00+01:00", 1_795_421_700),
        ])
    func times(text: String, seconds: UInt64) {
        let time = WallTime(text: text)
        #expect(time?.seconds == seconds)
        #expect(time.flatMap { WallTime(text: $0.text) } == time)
    }

    @Test(
        "what is no time is refused",
        arguments: ["", "soon", "2026-13-01", "2026-11-23T25:00:00Z", "2026-02-30", "1969-12-31", "99999-01-01"])
    func noTimes(text: String) { #expect(WallTime(text: text) == nil) }
}
