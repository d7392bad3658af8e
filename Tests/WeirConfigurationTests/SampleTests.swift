import Foundation
import TestKit
import Testing
import WeirBase
import WeirConfiguration
import WeirQuota

@Suite("The shipped configuration")
struct SampleTests {
    private func load() throws -> LoadedConfiguration { try Configuration.load(samples + "/weir.yaml") }

    @Test("loads, without a warning")
    func loads() throws {
        let loaded = try load()
        #expect(loaded.warnings.isEmpty)
        #expect(loaded.configuration.listeners.map(\.name) == ["submission", "submissions", "subscribers", "local"])
        #expect(loaded.configuration.relays.map(\.weight) == [2, 1, 0])
        #expect(loaded.configuration.tls?.certificate == samples + "/tls/fullchain.pem")
        #expect(loaded.configuration.store == "/var/lib/weir")
        let files = try FileManager.default.contentsOfDirectory(atPath: samples + "/policies").sorted()
        #expect(loaded.files == [samples + "/weir.yaml"] + files.map { samples + "/policies/" + $0 })
    }

    @Test("gives every key there is, and explains it")
    func everyKey() throws {
        let given = try Set(load().places.keys.map { path in path.replacing(/\[\d+\]/, with: "[]") })
        let keys = Configuration.keys
        #expect(keys.count > 40)
        for key in keys {
            #expect(given.contains(key.path), "\(key.path) is not in the sample")
            #expect(key.documentation.last == "." && key.documentation.count > 10, "\(key.path)")
            #expect(!key.expected.isEmpty)
        }
        #expect(Set(keys.map(\.path)).count == keys.count)
        // A key that is given is a key that is described, and nothing else has a place.
        #expect(given.filter { !$0.hasSuffix("[]") } == Set(keys.map(\.path)))
    }

    @Test("gives defaults where it says so")
    func defaults() throws {
        let text = try String(contentsOfFile: samples + "/weir.yaml", encoding: .utf8)
        for key in Configuration.keys {
            guard case .standard(let standard) = key.presence else { continue }
            #expect(text.contains(standard), "\(key.path): \(standard)")
        }
    }

    @Test("has the plans an ISP starts from")
    func plans() throws {
        let policies = try load().policies
        let names = policies.plans.plans.map(\.name)
        #expect(names == ["business", "hosting", "newcomer", "newsletter", "residential", "smtp-relay"])
        for plan in policies.plans.plans {
            #expect(plan.description.count > 10)
            #expect(plan.limits.contains { $0.quantity == .recipients && $0.window == .hour }, "\(plan.name)")
            #expect(plan.limits.contains { $0.quantity == .refusals }, "\(plan.name)")
            #expect(!plan.warnAt.isEmpty)
        }
        let newcomer = try #require(policies.plans["newcomer"])
        #expect(newcomer.limits.map(\.description).contains("150 recipients per day, calendar"))
        #expect(newcomer.limits.map(\.description).contains("25 MB per message"))
        #expect(newcomer.detector == .suspend)
        let now = Instant(nanoseconds: 0)
        #expect(!policies.gateway.limits(at: now).isEmpty)
        #expect(policies.limits(ofCustomer: "anyone") == policies.otherCustomers)
        #expect(!policies.otherCustomers.limits(at: now).isEmpty)
    }

    @Test("gives every key of a plan in some plan")
    func planKeys() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: samples + "/policies")
        let text = try files.map { try String(contentsOfFile: samples + "/policies/" + $0, encoding: .utf8) }.joined()
        for (kind, keys) in Policies.keys {
            #expect(keys.first?.name == kind)
            for key in keys {
                #expect(text.contains("\(key.name): "), "\(key.path)")
                #expect(key.documentation.last == ".")
            }
        }
    }

    @Test("has the same digest until an octet or a name changes")
    func digest() throws {
        let plan = "plan: a\nlimits: [1 message per day]\n"
        let folder = try TemporaryFolder(["weir.yaml": minimal, "policies/a.yaml": plan])
        let first = try Configuration.load(folder.file("weir.yaml"))
        #expect(first.digest.count == 16)
        #expect(try Configuration.load(folder.file("weir.yaml")).digest == first.digest)
        try folder.write(plan + "#", to: "policies/a.yaml")
        let second = try Configuration.load(folder.file("weir.yaml"))
        #expect(second.digest != first.digest)
        #expect(second.configuration == first.configuration)
        #expect(second.policies == first.policies)
    }
}

/// The least that a weir.yaml can say.
let minimal = """
    hostname: gate.example
    store: store
    policies: [policies/*.yaml]
    contact: abuse@isp.example
    listeners:
      - { name: in, address: "127.0.0.1:0", tls: none, accounts: network }
    relays:
      - { name: out, address: "127.0.0.1:24", tls: none }
    delivery: proxy

    """
