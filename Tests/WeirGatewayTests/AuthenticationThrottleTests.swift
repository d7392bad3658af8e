import TestKit
import Testing
import WeirAdmin
import WeirBase
import WeirGateway

@Suite("What slows guessing of passwords") struct AuthenticationThrottleTests {
    private static let home = IPAddress(v4: 0xC000_0201)
    private static let start = Instant(nanoseconds: 1_000 * .second)
    private static let limit = AuthenticationThrottle.sourceFailuresMax

    /// Guesses a login's password as soon as that is let through, `apart` from one try to the next; how many were looked at.
    private static func guesses(apart: UInt64, during span: UInt64, isRepeated: Bool = false) -> Int {
        var throttle = AuthenticationThrottle()
        var (now, looked) = (start, 0)
        while now.since(start) < span {
            let guess = isRepeated ? 7 : UInt64(looked)
            if throttle.admit(source: home, login: "login\(looked)", now: now) != .refuse,
                !throttle.hasFailed(guess, from: home)
            {
                throttle.fail(guess, from: home, login: "login\(looked)", now: now)
                looked += 1
            }
            now = now + apart
        }
        return looked
    }

    @Test("a source has ten guesses at once and one more every half minute, however it spreads them")
    func bucket() {
        for apart in [1, 7, 10, 29, 30] as [UInt64] {
            let looked = Self.guesses(apart: apart * .second, during: .hour)
            let forgiven = Int(UInt64.hour / AuthenticationThrottle.sourceForgiveness)
            #expect((forgiven...forgiven + Self.limit).contains(looked), "one every \(apart) s: \(looked)")
        }
        for apart in [31, 45, 59] as [UInt64] {
            let looked = Self.guesses(apart: apart * .second, during: .day)
            #expect(looked == Int((UInt64.day + apart * .second - 1) / (apart * .second)), "none is refused: \(looked)")
        }
    }

    @Test("a login that fails once a minute is not slowed down, one that fails more often is", arguments: [60, 90, 20])
    func delay(seconds: UInt64) {
        var throttle = AuthenticationThrottle()
        var now = Self.start
        for guess in 0..<1_000 as Range<UInt64> {
            throttle.fail(guess, from: IPAddress(v4: UInt32(guess)), login: "ann", now: now)
            now = now + seconds * .second
        }
        guard case .proceed(let delay) = throttle.admit(source: Self.home, login: "ann", now: now) else {
            Issue.record("a login is never refused")
            return
        }
        #expect(delay == (seconds < 60 ? AuthenticationThrottle.delayMax : 0))
    }

    @Test("the same guess over and over is one, and leaves its network room for others")
    func repeated() {
        #expect(Self.guesses(apart: .second, during: .day, isRepeated: true) == 1)
        var throttle = AuthenticationThrottle()
        for guess in 0..<UInt64(Self.limit) {
            throttle.fail(guess, from: Self.home, login: "ann", now: Self.start)
            #expect(throttle.hasFailed(guess, from: Self.home))
        }
        #expect(throttle.admit(source: Self.home, login: "bob", now: Self.start) == .refuse)
        #expect(!throttle.hasFailed(0, from: IPAddress(v4: 1)), "another's guess is its own")
        throttle.fail(99, from: Self.home, login: "ann", now: Self.start)
        #expect(!throttle.hasFailed(0, from: Self.home), "the oldest is forgotten")
    }

    @Test("a phone with an old password locks nobody out, and its owner has the right one let in at once")
    func phone() async throws {
        let home = try Gate.Home(settings: [
            "listeners: [{ name: in, address: \"127.0.0.1:0\", tls: none, accounts: login, plaintext_auth: true }]"
        ])
        try await Gate.run(home) { gate in
            let definition = AccountDefinition(plan: "home", password: "old")
            _ = try await gate.administration.put("ann", definition, by: gate.actor)
            #expect(try gate.client().login("ann", "old").code == 235)
            let change = AccountChange(password: .set("new"))
            _ = try await gate.administration.change("ann", change, by: gate.actor)
            for _ in 0..<3 * Self.limit { #expect(try gate.client().login("ann", "old").code == 535) }
            #expect(try gate.client().login("ann", "new").code == 235)
            _ = try await gate.administration.change(
                "ann", AccountChange(password: .set("old")), by: gate.actor)
            #expect(try gate.client().login("ann", "old").code == 235, "it is right again")
            for guess in 0..<Self.limit { _ = try gate.client().login("nobody\(guess)", "old") }
            #expect(try gate.client().login("bob", "old").code == 454)
        }
    }

    @Test(
        "whoever guesses does not lock out the token of an account that shares his address, and learns of no password")
    func token() async throws {
        let home = try Gate.Home(settings: [
            "listeners: [{ name: in, address: \"127.0.0.1:0\", tls: none, accounts: login, plaintext_auth: true }]"
        ])
        try await Gate.run(home) { gate in
            let definition = AccountDefinition(plan: "home", password: "right")
            _ = try await gate.administration.put("ann", definition, by: gate.actor)
            let token = try await gate.administration.issueToken("ann", by: gate.actor).token
            #expect(try gate.client().login("ann", "right").code == 235)
            for guess in 0..<Self.limit { _ = try gate.client().login("nobody\(guess)", "wrong") }
            #expect(try gate.client().login("ann", token).code == 235)
            #expect(try gate.client().login("Ann", token).code == 235)
            #expect(try gate.client().login("ann", token + "x").code == 454)
            #expect(try gate.client().login("ann", "right").code == 454)
            #expect(try gate.client().login("bob", token).code == 454)
        }
    }
}
