import Testing
import WeirBase
import WeirRuntime

@Suite("The resolver")
struct ResolverTests {
    static let six: [UInt8] = [0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]

    /// Asks for names, one after the other, on one loop; each gives its hosts in order of text, or the reason.
    static func ask(_ names: [String], _ settings: DNSSettings) async throws -> [String] {
        let runtime = try RealRuntime(loops: 1, clock: AnchoredClock(), dns: settings)
        let loop = runtime.loops[0]
        let answers = await loop.spawn { () async -> [String] in
            var answers: [String] = []
            for name in names {
                do throws(ResolverError) {
                    let addresses = try await runtime.resolve(name, port: 25, on: loop)
                    answers.append(addresses.map(\.description).sorted().joined(separator: " "))
                } catch {
                    answers.append(error.reason)
                }
            }
            return answers
        }.value
        runtime.stop()
        return answers
    }

    @Test("finds both kinds of address, and asks only once while they are fresh")
    func finds() async throws {
        let server = try NameServer([
            "relay.example": [.init(octets: [192, 0, 2, 7]), .init(octets: ResolverTests.six)],
            "old.example": [.init(octets: [192, 0, 2, 8], seconds: 0)],
        ])
        let answers = try await ResolverTests.ask(
            ["relay.example", "RELAY.example.", "old.example", "old.example"], DNSSettings(servers: server.address))
        let both = "192.0.2.7:25 [2001:db8::9]:25"
        #expect(answers == [both, both, "192.0.2.8:25", "192.0.2.8:25"])
        #expect(server.count("relay.example") == 2, "one query for each kind of address")
        #expect(server.count("old.example") == 2, "a lifetime of 0 is kept for a few seconds still")
        server.stop()
    }

    @Test("says why there is no address, and remembers that too")
    func fails() async throws {
        let server = try NameServer(["empty.example": []])
        let answers = try await ResolverTests.ask(
            ["missing.example", "missing.example", "empty.example"], DNSSettings(servers: server.address))
        #expect(answers[0] == "Domain name not found")
        #expect(answers[1] == answers[0])
        #expect(server.count("missing.example") <= 2)
        #expect(!answers[2].contains(":"))
        server.stop()
    }

    @Test("asks again when a datagram is lost")
    func retries() async throws {
        let server = try NameServer(["relay.example": [.init(octets: [192, 0, 2, 7])]], lossy: ["relay.example"])
        let settings = DNSSettings(servers: server.address, tryMilliseconds: 50)
        #expect(try await ResolverTests.ask(["relay.example"], settings) == ["192.0.2.7:25"])
        server.stop()
    }

    @Test("gives up on a server that is silent, and tries anew later")
    func givesUp() async throws {
        let server = try NameServer([:])
        server.stop()
        let settings = DNSSettings(servers: server.address, tryMilliseconds: 20)
        let answer = try await ResolverTests.ask(["relay.example", "other.example"], settings)
        #expect(["Timeout while contacting DNS servers", "Could not contact DNS servers"].contains(answer[0]))
        #expect(["Timeout while contacting DNS servers", "Could not contact DNS servers"].contains(answer[1]))
    }

    @Test("takes a long answer over TCP, piece by piece")
    func longAnswer() async throws {
        let records = (0..<300).map { NameServer.Record(octets: [10, 0, UInt8($0 >> 8), UInt8($0 & 0xFF)]) }
        let server = try NameServer(["many.example": records], long: ["many.example"])
        let answer = try await ResolverTests.ask(["many.example"], DNSSettings(servers: server.address))
        #expect(answer[0].split(separator: " ").count == 300)
        server.stop()
    }

    @Test("looks a name up once for all who ask at the same time")
    func together() async throws {
        let server = try NameServer(["relay.example": [.init(octets: [192, 0, 2, 7])]])
        let runtime = try RealRuntime(loops: 1, clock: AnchoredClock(), dns: DNSSettings(servers: server.address))
        let loop = runtime.loops[0]
        let found = await loop.spawn {
            await withTaskGroup(of: Int.self) { group in
                for _ in 0..<20 {
                    group.addTask(executorPreference: loop) {
                        (try? await runtime.resolve("relay.example", port: 25, on: loop).count) ?? 0
                    }
                }
                return await group.reduce(0, +)
            }
        }.value
        #expect(found == 20)
        #expect(server.count("relay.example") == 2)
        runtime.stop()
        server.stop()
    }

    @Test("needs no name server for numeric addresses and names in /etc/hosts")
    func local() async throws {
        let settings = DNSSettings(servers: "127.0.0.1:1", tryMilliseconds: 20)
        let answers = try await ResolverTests.ask(["192.0.2.1", "2001:db8::1", "localhost"], settings)
        #expect(answers[0] == "192.0.2.1:25")
        #expect(answers[1] == "[2001:db8::1]:25")
        #expect(answers[2].contains("127.0.0.1:25"))
    }

    @Test("refuses what is no host name", arguments: ["", "a b", "a\r\nb.example", "a\0b", "1.2.3"])
    func refuses(name: String) async throws {
        #expect(try await ResolverTests.ask([name], DNSSettings(servers: "127.0.0.1:1")) == ["not a host name"])
    }
}
