import TestKit
import Testing
import WeirAdmin

@Suite("The contact, postmaster and abuse") struct ReliefTests {
    /// Eleven times one of those who always may be written to.
    private static let eleven = (0..<11).map {
        ["help@isp.example", "postmaster@Gate.example", "ABUSE@isp.example", "Postmaster"][$0 % 4]
    }
    private static let suspended = "5.7.1 Sending is suspended for this account. Write to help@isp.example. ["
    private static let limited = "4.7.1 Limit reached: 1 of 1 recipients per hour used; room again at "

    private static func home() throws -> Gate.Home {
        try Gate.Home(limits: "1 recipients per hour", settings: ["contact: help@isp.example"])
    }

    @Test("can be written to by a suspended account ten times a day, and nobody else can")
    func suspended() async throws {
        let home = try Self.home()
        try await Gate.run(home) { gate in
            let client = try gate.client()
            #expect(try client.message(to: ["a@example.com"], body).delivered == 1)
            _ = try await gate.administration.suspend("127.0.0.2/32", why: "spam", by: gate.actor)
            // What comes to nothing counts for nothing.
            try client.must("MAIL FROM:<s@client.example>")
            for _ in 0..<10 { try client.must("RCPT TO:<help@isp.example>") }
            try client.must("RSET")

            let strangers = ["help@gate.example", "postmaster@example.com"]
            let people = Self.eleven.prefix(5) + strangers + Self.eleven.dropFirst(5)
            let answers = try client.message(to: Array(people), body)
            let codes = [Int](repeating: 250, count: 5) + [550, 550] + [Int](repeating: 250, count: 5) + [550]
            #expect(answers.recipients.map(\.code) == codes)
            for refusal in answers.recipients where refusal.code == 550 {
                #expect(refusal.text.hasPrefix(Self.suspended), "\(refusal)")
            }
            #expect(answers.dot?.code == 250)
            #expect(home.relay.messages.last?.recipients == Array(Self.eleven.prefix(10)))
            #expect(try await gate.used() == 1, "they are no recipients of the plan")
            // Neither does another message bring room, nor another session.
            #expect(try gate.client().message(to: ["abuse@isp.example"], body).recipients.map(\.code) == [550])
        }
        // What was counted outlives the gateway, and is each account's own.
        try await Gate.run(home) { gate in
            #expect(try gate.client().message(to: ["abuse@isp.example"], body).recipients.map(\.code) == [550])
            let other = try gate.client(from: "127.0.0.3")
            #expect(try other.message(to: ["a@example.com"], body).delivered == 1)
            #expect(try other.message(to: ["abuse@isp.example"], body).delivered == 1)
        }
    }

    @Test("can be written to by an account over its limits ten times a day, and nobody else can")
    func overLimits() async throws {
        let home = try Self.home()
        try await Gate.run(home) { gate in
            let client = try gate.client()
            let people = ["a@example.com"] + Self.eleven.prefix(5) + ["b@example.com"] + Self.eleven.dropFirst(5)
            let answers = try client.message(to: people, body)
            let codes = [Int](repeating: 250, count: 6) + [450] + [Int](repeating: 250, count: 5) + [450]
            #expect(answers.recipients.map(\.code) == codes)
            for refusal in answers.recipients where refusal.code == 450 {
                #expect(refusal.text.hasPrefix(Self.limited), "\(refusal)")
            }
            #expect(answers.dot?.code == 250)
            #expect(home.relay.messages.map(\.recipients) == [["a@example.com"] + Self.eleven.prefix(10)])
            #expect(try await gate.used() == 1)
            let last = try client.message(to: ["abuse@isp.example"], body)
            #expect(last.recipients.allSatisfy { $0.code == 450 && $0.text.hasPrefix(Self.limited) }, "\(last)")
        }
    }
}
