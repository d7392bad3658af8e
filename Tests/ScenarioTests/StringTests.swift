import Foundation
import Synchronization
import TestKit
import Testing

extension Scenarios {
    /// A relay and we must not see the end of a message at different places.
    @Suite("Threat 1: strings at the end of data")
    struct Strings {
        enum Relay: String, CaseIterable, Sendable { case sink, postfix, exim }

        /// The longest strings; a campaign has them longer and with every relay: `Tests/campaigns/strings 7`.
        static let lengthMax = Int(ProcessInfo.processInfo.environment["WEIR_STRINGS"] ?? "")
        static let relays: [Relay] = lengthMax == nil ? [.sink, .postfix] : Relay.allCases

        /// Every string over {CR, LF, '.', 'x'} of at most `length`.
        static func strings(upTo length: Int) -> [String] {
            var last = [""]
            var all: [String] = []
            for _ in 0..<length {
                last = last.flatMap { text in ["\r", "\n", ".", "x"].map { text + $0 } }
                all += last
            }
            return all
        }

        @Test(
            "without the gateway such strings do make two messages of one at the sink", arguments: ["\n.\n", "\n.\r\n"])
        func control(string: String) throws {
            let sink = try Sink { event in
                if case .command("VRFY x") = event { return .reply("252 2.0.0 Perhaps") }
                return nil
            }
            var client = SmugglingClient(port: sink.port, source: "127.0.0.2", name: "control")
            #expect(throws: SmugglingClient.OutOfStep.self) { try client.send(string) }
            #expect(sink.messages.map(\.sender) == ["honest@client.example", "smuggler@client.example"])
        }

        @Test("a string of CR, LF, dots and letters makes one message or a refusal, never two", arguments: relays)
        func neverTwo(relay: Relay) throws {
            let strings = Self.strings(upTo: Self.lengthMax ?? 5)
            let (sink, server) = (try Sink(), try relay.start())
            let gateway = try RunningGateway(.init(relays: [.init(server?.port ?? sink.port)]))
            for (listener, mode) in [(gateway.subscribers, "normalize"), (gateway.strict, "reject")] {
                let taken = Mutex.Box(Set<String>())
                let failures = inParallel(8) { lane -> [String] in
                    var mailer = SmugglingClient(port: listener, source: "127.0.0.\(lane + 2)", name: "\(mode)-\(lane)")
                    var failures: [String] = []
                    for index in stride(from: lane, to: strings.count, by: 8) {
                        do {
                            guard let mark = try mailer.send(strings[index]) else { continue }
                            taken.value.withLock { _ = $0.insert(mark) }
                        } catch {
                            failures.append("\(mode): \(strings[index].debugDescription): \(error)")
                            mailer.hangUp()
                        }
                    }
                    return failures
                }.joined()
                #expect(failures.isEmpty, "\(failures.count) out of step, such as \(Array(failures.prefix(3)))")
                let expected = taken.value.withLock { $0 }
                #expect(expected.count > 100, "\(mode): too few were taken for this to show anything")
                let arrived =
                    server.map { SmugglingClient.arrived(at: $0, count: expected.count, mode: mode) }
                    ?? sink.messages.map { ($0.sender, SmugglingClient.mark(in: $0.text)) }
                let own = arrived.filter { $0.mark.hasPrefix(mode) }
                #expect(own.count == expected.count && Set(own.map(\.mark)) == expected, "\(mode)")
                #expect(arrived.allSatisfy { $0.sender == "honest@client.example" }, "\(mode): a message was smuggled")
            }
        }
    }
}

extension Scenarios.Strings.Relay {
    /// nil: the sink in this process.
    func start() throws -> (any MailServer)? {
        switch self {
        case .sink: nil
        case .postfix: try Postfix()
        case .exim: try Exim()
        }
    }
}

/// Sends messages in which a string stands before what would be another message, if the string ended the first.
private struct SmugglingClient {
    let port: UInt16
    let source: String
    let name: String
    private var client: SMTPClient?
    private var number = 0

    init(port: UInt16, source: String, name: String) { (self.port, self.source, self.name) = (port, source, name) }

    struct OutOfStep: Error {
        let replies: [String]
    }

    mutating func hangUp() { client = nil }

    /// Returns the message's mark if it was taken, nil if it was refused.
    mutating func send(_ string: String) throws -> String? {
        number += 1
        let mark = "\(name)-\(number)."
        let head = "Subject: \(mark)\r\n\r\ny\(string)"
        if head.contains(text: "\r\n.\r\n") { return try sendWhole(head, mark: mark) }
        let client = try self.client ?? SMTPClient(port: port, from: source)
        if self.client == nil { try client.hello() }
        self.client = client
        let smuggled =
            "MAIL FROM:<smuggler@client.example>\r\nRCPT TO:<smuggled@target.example>\r\nDATA\r\n\r\nsmuggled\r\n.\r\n"
        try client.send(
            "MAIL FROM:<honest@client.example>\r\nRCPT TO:<receiver@target.example>\r\nDATA\r\n\(head)\(smuggled)VRFY x\r\n"
        )
        var replies: [SMTPReply] = []
        while replies.last?.code != 252 {
            replies.append(try client.reply())
            guard replies.count < 12, replies.last?.code != 421 else { break }
        }
        let codes = replies.map(\.code)
        switch codes {
        case [250, 250, 354, 250, 252]: return mark
        case [250, 250, 354, 554, 252]: return nil
        default: throw OutOfStep(replies: replies.map(\.description))
        }
    }

    /// The string ends the data by the standard: what follows are commands, and is none here.
    private func sendWhole(_ head: String, mark: String) throws -> String? {
        let client = try SMTPClient(port: port, from: source)
        try client.hello()
        try client.send(
            "MAIL FROM:<honest@client.example>\r\nRCPT TO:<receiver@target.example>\r\nDATA\r\n\(head)\r\nQUIT\r\n")
        let replies = try (0..<4).map { _ in try client.reply() }
        while (try? client.reply()) != nil {}
        guard replies.map(\.code).prefix(3) == [250, 250, 354] else {
            throw OutOfStep(replies: replies.map(\.description))
        }
        return replies[3].code == 250 ? mark : nil
    }

    static func mark(in text: String) -> String {
        guard let start = text.range(of: "\nSubject: ")?.upperBound else { return "" }
        return String(text[start...].prefix { $0 != "." && !$0.isNewline }) + "."
    }

    /// Sender and mark of what a server delivered.
    static func arrived(at server: any MailServer, count: Int, mode: String) -> [(sender: String, mark: String)] {
        var messages: [(sender: String, mark: String)] = []
        _ = eventually(within: 60) {
            guard server.deliveredCount >= count else { return false }
            messages = server.delivered().map { octets in
                let text = String(decoding: octets, as: UTF8.self)
                let sender = text.range(of: "Return-Path: <", options: .caseInsensitive).map {
                    text[$0.upperBound...].prefix { $0 != ">" }
                }
                return (String(sender ?? ""), mark(in: text))
            }
            return messages.count { $0.mark.hasPrefix(mode) } >= count
        }
        return messages
    }
}

extension String {
    /// By octets: a CR and an LF are one character to Swift.
    fileprivate func contains(text: String) -> Bool {
        Data(utf8).range(of: Data(text.utf8)) != nil
    }
}
