import TestKit
import Testing
import WeirBase
import WeirConfiguration
import WeirQuota

@Suite("The example of the manual")
struct ExampleTests {
    @Test("loads as it stands, unquoted addresses and all")
    func loads() throws {
        let folder = try TemporaryFolder(["weir.yaml": example, "policies/residential.yaml": examplePlan])
        let loaded = try Configuration.load(folder.file("weir.yaml"))
        #expect(loaded.warnings.map(\.place.line) == [36])
        let configuration = loaded.configuration
        #expect(configuration.listeners.map(\.address.description) == ["0.0.0.0:587", "0.0.0.0:465", "0.0.0.0:25"])
        #expect(configuration.networks.map(\.range.description) == ["100.64.0.0/10", "2001:db8::/32"])
        #expect(configuration.relays.first?.passwordFile == folder.file("relay-a.secret"))
        #expect(configuration.admin.address?.description == "127.0.0.1:9587")
        #expect(configuration.timeouts.data == .seconds(180))
        let plan = try #require(loaded.policies.plans["residential"])
        #expect(plan.limits.count == 5)
        #expect(plan.warnAt == [80, 100])
    }
}

private let example = """
    hostname: gate1.isp.example
    store: /var/lib/weir
    policies: [policies/*.yaml]
    contact: abuse@isp.example
    timezone: Europe/Berlin
    hash_key_file: hash.key
    tls:
      certificate: tls/fullchain.pem
      key: tls/key.pem
    listeners:
      - name: submission
        address: 0.0.0.0:587
        tls: starttls
        accounts: login
      - name: submissions
        address: 0.0.0.0:465
        tls: implicit
        accounts: login
      - name: subscribers
        address: 0.0.0.0:25
        tls: starttls
        accounts: network
        bare_newline: normalize
    networks:
      - { range: 100.64.0.0/10, each: 32, plan: residential }
      - { range: 2001:db8::/32, each: 56, plan: residential }
    relays:
      - name: smarthost-a
        address: relay-a.isp.example:25
        tls: required
        ca: isp-ca.pem
        weight: 1
        connections: 100
        login: gate1
        password_file: relay-a.secret
    delivery: proxy_or_queue
    admin:
      socket: /run/weir/admin.sock
      address: 127.0.0.1:9587
    timeouts: { command: 5m, data: 3m, relay: 2m, relay_dot: 10m, drain: 30s }
    log: { level: info, format: json }

    """

private let examplePlan = """
    plan: residential
    description: Households, as most access providers set them.
    limits:
      - 100 recipients per message
      - 200 recipients per hour
      - 1000 recipients per day
      - 25 MB per message
      - 20 connections
    warn_at: [80%, 100%]

    """
