import TestKit
import Testing
import WeirBase
import WeirConfiguration
import WeirQuota

@Suite("Plan files")
struct PoliciesTests {
    /// Loads these plan files beside the least weir.yaml there can be; the errors, without the folder's name.
    private func errors(_ files: [String: String], configuration: String = minimal) throws -> [String] {
        let folder = try TemporaryFolder(["weir.yaml": configuration])
        for (name, text) in files { try folder.write(text, to: "policies/" + name) }
        do throws(ConfigurationErrors) {
            _ = try Configuration.load(folder.file("weir.yaml"))
            return []
        } catch {
            return error.errors.map { $0.description.replacing(folder.path + "/", with: "") }
        }
    }

    @Test("a plan is read whole")
    func plan() throws {
        let folder = try TemporaryFolder([
            "weir.yaml": minimal,
            "policies/a.yaml": """
            plan: a
            description: Some plan.
            limits:
              - 100 recipients per message
              - 24,000 recipients per day, calendar, reject
            warn_at: [100%, 80%, 80%]
            detector: flag
            when_suspended: defer
            """,
            "policies/b.yaml": "plan: b\nextends: a\nlimits: [ '5 recipients per message' ]\nwarn_at: []",
            "policies/c.yaml": "plan: c\nextends: b",
            "policies/customer.yaml": "customer: Example Ltd\nlimits: [1 GB per day]",
            "policies/customers.yaml": "customers: default\nlimits: []\nwarn_at: [50%]",
            "policies/gateway.yaml": "gateway: limits\nlimits: [9 messages per hour]",
        ])
        let policies = try Configuration.load(folder.file("weir.yaml")).policies
        let a = try #require(policies.plans["a"])
        #expect(
            a.limits.map(\.description) == ["100 recipients per message", "24000 recipients per day, calendar, reject"])
        #expect(a.warnAt == [80, 100])
        #expect(a.detector == .flag)
        #expect(a.whenSuspended == .deferral)
        let c = try #require(policies.plans["c"])
        #expect(
            c.limits.map(\.description) == ["5 recipients per message", "24000 recipients per day, calendar, reject"])
        #expect(c.warnAt == [])
        #expect(c.description == "Some plan.")
        let now = Instant(nanoseconds: 0)
        #expect(policies.limits(ofCustomer: "Example Ltd").limits(at: now).map(\.description) == ["1 GB per day"])
        #expect(policies.limits(ofCustomer: "Other").limits(at: now) == [])
        #expect(policies.gateway.limits(at: now).map(\.description) == ["9 messages per hour"])
    }

    @Test(
        "what is wrong in a plan is told at its place",
        arguments: [
            (
                "plan: a\nlimits:\n  - 1000 recipents per day",
                [
                    "3:10: in the limit \"1000 recipents per day\": \"recipents\" is not known here: "
                        + "did you mean \"recipients\"?"
                ]
            ),
            (
                "plan: a\nlimits: ['1000 recipients per moon']",
                [
                    "2:31: in the limit \"1000 recipients per moon\": \"moon\" is not known here: "
                        + "recipients per message or hour or day"
                ]
            ),
            (
                "plan: a\nlimits: [1000 recipients]",
                [
                    "2:25: in the limit \"1000 recipients\": the limit ends here: say per what: recipients per message or "
                        + "hour or day"
                ]
            ),
            (
                "plan: a\nlimits: [1 message per day, [2]]",
                ["2:29: expected a limit such as \"1000 recipients per day\" for \"limits[1]\", found a list"]
            ),
            (
                "plan: a\nlimits: [1 message per day, 2 messages per day]",
                ["2:29: a second limit \"messages-per-day\": the first is in line 2"]
            ),
            (
                "plan: a\nlimits:\n - 1 message per day\n - 2 messages per day, reject",
                ["4:4: a second limit \"messages-per-day\": the first is in line 3"]
            ),
            (
                "plan: a\nlimits: 1000 recipients per day",
                ["2:9: expected a list for \"limits\", found \"1000 recipients per day\""]
            ),
            ("plan: a", ["1:1: missing key \"limits\": it takes a list"]),
            (
                "plan: a b\nlimits: []",
                ["1:7: expected a name of up to 64 letters, digits, - _ and . for \"plan\", found \"a b\""]
            ),
            (
                "plan: a\nlimits: []\nwarn_at: [80]",
                ["3:11: expected a percentage from 1% to 100% for \"warn_at[0]\", found \"80\": write 80%"]
            ),
            (
                "plan: a\nlimits: []\nwarn_at: [0%, 101%]",
                [
                    "3:11: expected a percentage from 1% to 100% for \"warn_at[0]\", found \"0%\"",
                    "3:15: expected a percentage from 1% to 100% for \"warn_at[1]\", found \"101%\"",
                ]
            ),
            (
                "plan: a\nlimits: []\ndetector: shadows",
                [
                    "3:11: expected off | shadow | flag | suspend for \"detector\", found \"shadows\": did you mean \"shadow\"?"
                ]
            ),
            (
                "plan: household\nextends: business\nlimits: []",
                ["2:10: unknown plan \"business\": known here: household"]
            ),
            ("plan: a\nextends: a\nlimits: []", ["2:10: the plan \"a\" extends itself: a extends a"]),
            (
                "plann: a\nlimits: []",
                [
                    "1:1: a plan file begins with plan, customer, customers or gateway, not \"plann\": did you mean \"plan\"?"
                ]
            ),
            (
                "limits: []\nplan: a",
                [
                    "1:1: a plan file begins with plan, customer, customers or gateway, not \"limits\": move \"plan\" to the top"
                ]
            ),
            ("customers: all\nlimits: []", ["1:12: expected default for \"customers\", found \"all\""]),
            (
                "gateway: limits\nlimits: []\nextends: a",
                ["3:1: unknown key \"extends\": known here: gateway, description, limits, warn_at"]
            ),
            ("- plan", ["1:1: expected a mapping, found a list"]),
            ("{}", ["1:1: expected a mapping, found a mapping"]),
            ("", ["1:1: the file is empty"]),
        ])
    func faults(text: String, expected: [String]) throws {
        #expect(try errors(["a.yaml": text]) == expected.map { "policies/a.yaml:" + $0 })
    }

    @Test("what is wrong between plan files is told at the second")
    func between() throws {
        #expect(
            try errors([
                "a.yaml": "plan: a\nlimits: []", "b.yaml": "plan: a\nlimits: []",
                "c.yaml": "customer: x\nlimits: []", "d.yaml": "customer: x\nlimits: []",
                "e.yaml": "customers: default\nlimits: []", "f.yaml": "customers: default\nlimits: []",
                "g.yaml": "gateway: limits\nlimits: []", "h.yaml": "gateway: limits\nlimits: []",
                "i.yaml": "plan: i\nextends: j", "j.yaml": "plan: j\nextends: i",
            ]) == [
                "policies/b.yaml:1:7: a second plan \"a\": the first is at policies/a.yaml:1:7",
                "policies/d.yaml:1:11: a second customer \"x\": the first is at policies/c.yaml:1:11",
                "policies/f.yaml:1:12: a second file of limits for the other customers: "
                    + "the first is at policies/e.yaml:1:12",
                "policies/h.yaml:1:10: a second file of limits for the gateway: the first is at policies/g.yaml:1:10",
                "policies/i.yaml:2:10: the plan \"i\" extends itself: i extends j extends i",
                "policies/j.yaml:2:10: the plan \"j\" extends itself: j extends i extends j",
            ])
    }

    @Test("errors of weir.yaml and of plan files come together")
    func together() throws {
        let configuration =
            minimal.replacing("hostname: gate.example", with: "hostname: a_b") + "networks:\n"
            + "  - { range: 10.0.0.0/8, each: 32, plan: residental }\n"
        let found = try errors(
            ["a.yaml": "plan: residential\nlimits: [ x ]", "b.yaml": "plan: b\nlimits: [", "c.txt": "["],
            configuration: configuration)
        #expect(
            found == [
                "policies/a.yaml:2:11: in the limit \"x\": a limit begins with a number: such as 1000 recipients per day",
                "policies/b.yaml:3:1: did not find expected node content: while parsing a flow node that began in "
                    + "line 3, column 1",
                "weir.yaml:1:11: expected a host name such as gate1.isp.example for \"hostname\", found \"a_b\"",
            ])
    }

    @Test("a network's plan has to exist")
    func networks() throws {
        let configuration = minimal + "networks: [{ range: 10.0.0.0/8, each: 32, plan: residental }]\n"
        #expect(
            try errors(["a.yaml": "plan: residential\nlimits: []"], configuration: configuration) == [
                "weir.yaml:10:49: unknown plan \"residental\": did you mean \"residential\"?"
            ])
    }

    @Test("a pattern has to match, and a file has to be readable")
    func files() throws {
        // The network's plan could be in the file that is not there.
        let configuration = minimal + "networks: [{ range: 10.0.0.0/8, each: 32, plan: residental }]\n"
        #expect(
            try errors([:], configuration: configuration) == ["weir.yaml:3:12: no file matches \"policies/*.yaml\""])
        let folder = try TemporaryFolder(["weir.yaml": minimal, "policies/a.yaml/b": ""])
        let errors = #expect(throws: ConfigurationErrors.self) { try Configuration.load(folder.file("weir.yaml")) }
        let fault = ": cannot be read: it is not a regular file: policies: names files, as policies/*.yaml does"
        #expect(errors?.description == folder.file("weir.yaml") + ":3:12: " + folder.file("policies/a.yaml") + fault)
        let missing = #expect(throws: ConfigurationErrors.self) { try Configuration.load(folder.file("other.yaml")) }
        #expect(missing?.description == folder.file("other.yaml") + ": cannot be read: No such file or directory")
    }

    @Test("a file may be as large as its limit, and no larger")
    func size() throws {
        let plan = "plan: a\nlimits: []\n#"
        let room = Configuration.fileOctetsMax - plan.utf8.count
        #expect(try errors(["a.yaml": plan + String(repeating: "x", count: room)]) == [])
        #expect(
            try errors(["a.yaml": plan + String(repeating: "x", count: room + 1)]) == [
                "weir.yaml:3:12: policies/a.yaml: cannot be read: it is larger than 4194304 octets"
            ])
    }

    @Test("there may be 1,000 plan files, and no more")
    func count() throws {
        var files: [String: String] = [:]
        for number in 1...Configuration.planFilesMax { files["\(number).yaml"] = "plan: p\(number)\nlimits: []" }
        #expect(try errors(files) == [])
        files["0.yaml"] = "plan: p0\nlimits: []"
        #expect(try errors(files) == ["weir.yaml:3:11: more than 1000 plan files"])
    }

    @Test("a folder's name is never a pattern, and a file is read once")
    func patterns() throws {
        let configuration = minimal.replacing("[policies/*.yaml]", with: "[policies/*.yaml, policies/a.*]")
        let folder = try TemporaryFolder(["[a]*?\\/weir.yaml": configuration])
        try folder.write("plan: a\nlimits: []", to: "[a]*?\\/policies/a.yaml")
        let loaded = try Configuration.load(folder.file("[a]*?\\/weir.yaml"))
        #expect(loaded.files == [folder.file("[a]*?\\/weir.yaml"), folder.file("[a]*?\\/policies/a.yaml")])
    }
}
