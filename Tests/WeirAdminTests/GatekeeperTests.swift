import Glibc
import Testing
import WeirAdmin
import WeirConfiguration
import WeirRuntime

@Suite("The gatekeeper")
struct GatekeeperTests {
    private let gatekeeper = Gatekeeper(
        tokens: [
            AdminToken(name: "billing", digest: SHA256.digest(Array("secret".utf8)), permissions: [.adjust])
        ])

    private func caller(_ peer: HTTPPeer, _ authorization: String? = nil) throws -> Caller? {
        let target = try #require(HTTPTarget("/"))
        return gatekeeper.caller(HTTPHead(method: "GET", target: target, peer: peer, authorization: authorization))
    }

    @Test("root and the daemon's own user may do everything", arguments: [0, geteuid()])
    func trusted(user: UInt32) throws {
        let caller = try #require(try caller(.local(user: user, group: 1)))
        #expect(Permission.allCases.allSatisfy(caller.may))
    }

    @Test("others whom the socket lets in may do all but administer")
    func group() throws {
        let caller = try #require(try caller(.local(user: 4_000_000_000, group: 1)))
        #expect(Permission.allCases.filter(caller.may) == [.read, .adjust, .suspend])
        #expect(caller.actor.name == "uid 4000000000")
    }

    @Test("a token decides alone, also on the socket")
    func tokens() throws {
        let caller = try #require(try caller(.local(user: 0, group: 0), "bearer  secret"))
        #expect(caller.actor.name == "token billing")
        #expect(Permission.allCases.filter(caller.may) == [.read, .adjust])
    }

    @Test(
        "what is no known token lets nobody in",
        arguments: ["", "Bearer", "Bearer ", "Bearer wrong", "Basic secret", "Bearer secret secret", "secret"])
    func strangers(authorization: String) throws {
        #expect(try caller(.local(user: 0, group: 0), authorization) == nil)
        #expect(try caller(.network, authorization) == nil)
    }

    @Test("other tokens open the door from the next request on")
    func exchange() throws {
        gatekeeper.tokens = [
            AdminToken(name: "desk", digest: SHA256.digest(Array("other".utf8)), permissions: [.suspend])
        ]
        #expect(try caller(.network, "Bearer secret") == nil)
        let caller = try #require(try caller(.network, "Bearer other"))
        #expect(caller.actor.name == "token desk")
        #expect(Permission.allCases.filter(caller.may) == [.read, .suspend])
    }

    @Test("the network alone lets nobody in")
    func network() throws { #expect(try caller(.network) == nil) }
}
