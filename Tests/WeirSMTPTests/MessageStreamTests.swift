import Testing
import WeirSMTP

/// What came of a message.
struct Passage: Equatable, CustomStringConvertible {
    var written: [UInt8]
    var fault: MessageStream.Fault?
    /// Octets up to the end of data; nil: it was not there.
    var end: Int?
    var hops = 0
    var octets: UInt64 = 0

    var output: String { text(written) }
    var description: String { "\(output.debugDescription) \(fault.map { "\($0)" } ?? "-") \(end ?? -1)" }
}

func pass(
    _ input: [UInt8], endingAt ends: [Int]? = nil, bareNewline: MessageStream.BareNewline = .normalize,
    received: String = "", account: String = ""
) -> Passage {
    var stream = MessageStream(
        received: Array(received.utf8), account: Array(account.utf8), bareNewline: bareNewline)
    var output: [UInt8] = []
    var start = 0
    var ended = false
    for end in ends ?? [input.count] where !ended {
        let progress = stream.consume(input.span.extracting(start..<end), into: &output)
        start += progress.consumed
        ended = progress.ended
        precondition(ended || start == end, "Only the end of data leaves octets.")
    }
    return Passage(
        written: output, fault: stream.fault, end: ended ? start : nil, hops: stream.hops, octets: stream.octets)
}

@Suite struct MessageStreamTests {
    @Test(
        "decodes and writes anew",
        arguments: [
            ("A: b\r\n\r\nHello\r\n.\r\n", "A: b\r\n\r\nHello\r\n"),
            (".\r\n", ""), ("\r\n.\r\n", "\r\n"), ("..\r\n.\r\n", "..\r\n"), (".x\r\n.\r\n", "x\r\n"),
            ("..x\r\n.\r\n", "..x\r\n"), ("...\r\n.\r\n", "...\r\n"), ("A:\r\n. \r\n.\r\n", "A:\r\n \r\n"),
            ("\r\n.x\r\n..y\r\n.\r\n", "\r\nx\r\n..y\r\n"),
            // A lone LF ends a line, never the data; one dot behind it means one, and two do.
            ("a\nb\r\n.\r\n", "a\r\nb\r\n"), ("\r\na\n.\nb\r\n.\r\n", "\r\na\r\n..\r\nb\r\n"),
            ("\r\na\n.\r\nb\r\n.\r\n", "\r\na\r\n..\r\nb\r\n"), ("\r\na\r\n.\nb\r\n.\r\n", "\r\na\r\n..\r\nb\r\n"),
            ("\r\na\n..x\r\n.\r\n", "\r\na\r\n..x\r\n"), ("\r\na\n.x\r\n.\r\n", "\r\na\r\n..x\r\n"),
            ("\n.\r\n.\r\n", "\r\n..\r\n"), ("\n\n.\r\n", nil),
            ("a\tb\u{1}c\r\n\r\n\tx\r\n.\r\n", "a\tb\u{1}c\r\n\r\n\tx\r\n"),
        ] as [(String, String?)])
    func decodes(input: String, expected: String?) {
        let input = octets(input)
        let whole = pass(input)
        if let expected {
            #expect(whole.output == expected)
            #expect(whole.end == input.count)
        } else {
            #expect(whole.end == nil)
        }
        #expect(whole.fault == nil)
        for ends in tears(of: input.count) { #expect(pass(input, endingAt: ends) == whole, "torn at \(ends)") }
    }

    @Test(
        "finds what may not be in a message, and reads on to its end",
        arguments: [
            ("a\rb\r\n.\r\n", .bareCarriageReturn), ("a\r\r\n.\r\n", .bareCarriageReturn),
            (".\rx\r\n.\r\n", .bareCarriageReturn), (".\r.\r\n\r\n.\r\n", .bareCarriageReturn),
            ("\r\n.\r\r\n.\r\n", .bareCarriageReturn), ("a\0b\r\n.\r\n", .nul), (".\0\r\n.\r\n", .nul),
            ("a\nb\r\n.\r\n", .bareLineFeed), ("a\n.\r\nMAIL\r\n.\r\n", .bareLineFeed),
            ("a\r\n.\nMAIL\r\n.\r\n", .bareLineFeed), ("a\r.\r\nMAIL\r\n.\r\n", .bareCarriageReturn),
        ] as [(String, MessageStream.Fault)])
    func faults(input: String, fault: MessageStream.Fault) {
        let input = octets(input)
        let whole = pass(input, bareNewline: .reject)
        #expect(whole.fault == fault)
        #expect(whole.end == input.count, "the end of data is the last one")
        #expect(fault.reply == .badContent)
        for ends in tears(of: input.count) {
            #expect(pass(input, endingAt: ends, bareNewline: .reject) == whole, "torn at \(ends)")
        }
    }

    @Test("leaves what is behind the end of data")
    func behind() {
        let input = octets("x\r\n.\r\nQUIT\r\n")
        for ends in tears(of: input.count) { #expect(pass(input, endingAt: ends).end == 6) }
    }

    @Test(
        "drops the field that is ours, in any spelling, with what continues it",
        arguments: [
            ("X-Weir-Account: me\r\nA: b\r\n\r\n.\r\n", "A: b\r\n\r\n"),
            ("A: b\r\nx-WEIR-account  : me\r\n folded\r\n\tmore\r\nC: d\r\n\r\n.\r\n", "A: b\r\nC: d\r\n\r\n"),
            ("A: b\r\nX-Weir-Account\r\n : me\r\nC: d\r\n\r\n.\r\n", "A: b\r\nC: d\r\n\r\n"),
            ("A: b\r\n.X-Weir-Account: me\r\n\r\n.\r\n", "A: b\r\n\r\n"),
            ("A: b\nX-Weir-Account: me\n c\nD: e\n\r\n.\r\n", "A: b\r\nD: e\r\n\r\n"),
            ("X-Weir-Account\u{7F}: me\r\n\r\n.\r\n", "\r\n"),
            ("X-Weir-Accounts: all\r\nX-Weir: x\r\nX\r\n\r\n.\r\n", "X-Weir-Accounts: all\r\nX-Weir: x\r\nX\r\n\r\n"),
            ("A: b\r\n X-Weir-Account: c\r\n\r\n.\r\n", "A: b\r\n X-Weir-Account: c\r\n\r\n"),
            ("A: b\r\n\r\nX-Weir-Account: body\r\n.\r\n", "A: b\r\n\r\nX-Weir-Account: body\r\n"),
            ("X-Weir-Account:\r\n.\r\n", ""), ("X-Weir-Account: a\r\n..b\r\n.\r\n", "..b\r\n"),
        ] as [(String, String)])
    func drops(input: String, expected: String) {
        let input = octets(input)
        for ends in tears(of: input.count) + [[input.count]] {
            let passage = pass(input, endingAt: ends, received: "R: r\r\n", account: "X-Weir-Account: 1\r\n")
            #expect(passage.output == "R: r\r\nX-Weir-Account: 1\r\n" + expected, "torn at \(ends)")
        }
    }

    @Test("keeps a first line that begins with a space out of our own field")
    func firstLine() {
        let input = octets(" evil\r\n.\r\n")
        for ends in tears(of: input.count) {
            #expect(
                pass(input, endingAt: ends, account: "X-Weir-Account: 1\r\n").output
                    == "X-Weir-Account: 1\r\n\r\n evil\r\n")
        }
    }

    @Test("puts our fields before a message without octets, too")
    func empty() {
        #expect(pass(octets(".\r\n"), received: "R: r\r\n", account: "A: a\r\n").output == "R: r\r\nA: a\r\n")
    }

    @Test("counts hops, and stops a message with more than fifty", arguments: [50, 51])
    func loops(hops: Int) {
        let field = "Received: by x\r\n with y\r\nReceived-SPF: z\r\nreceived : q\r\n"
        let input = octets(
            String(repeating: field, count: hops / 2) + (hops % 2 == 1 ? "RECEIVED:\r\n" : "")
                + "\r\nReceived: body\r\n.\r\n")
        let passage = pass(input)
        #expect(passage.hops == hops)
        #expect(passage.fault == (hops > 50 ? .loop : nil))
        #expect(passage.end == input.count)
        #expect(MessageStream.Fault.loop.reply == .tooManyHops)
    }

    @Test("counts the octets that the client's message has")
    func counts() {
        #expect(pass(octets("X-Weir-Account: a\r\n..x\r\na\nb\r\n.\r\n"), received: "R: r\r\n").octets == 19 + 4 + 6)
    }

    @Test("writes nothing of a message that others refuse, and finds its end")
    func discards() {
        let input = octets("a\r\n\nb\r.\r\nc\r\n.\r\n")
        for (start, _) in input.enumerated() {
            var stream = MessageStream(received: [], account: [], bareNewline: .normalize)
            var output: [UInt8] = []
            let first = stream.consume(Array(input[..<start]).span, into: &output)
            output = []
            stream.discard()
            let last = stream.consume(Array(input[start...]).span, into: &output)
            #expect(output.isEmpty && !first.ended && last.ended && last.consumed == input.count - start)
        }
    }

    @Test("counts the octets of a message that others refuse as those of any other, from wherever they refuse it")
    func countsDiscarded() {
        let input = octets("A: b\r\n\r\n..x\r\n.y\r\n..\r\n\r\nc\nd\r\n.\r\n")
        let whole = pass(input).octets
        for (start, _) in input.enumerated() {
            var stream = MessageStream(received: [], account: [], bareNewline: .normalize)
            var output: [UInt8] = []
            _ = stream.consume(Array(input[..<start]).span, into: &output)
            stream.discard()
            _ = stream.consume(Array(input[start...]).span, into: &output)
            #expect(stream.octets == whole, "refused at \(start)")
        }
    }

    /// A receiver as simple as can be: the messages in what a relay is sent, or nil where a line does not end in CRLF.
    private func countMessages(_ sent: [UInt8]) -> Int? {
        var lines = sent.split(separator: 10, omittingEmptySubsequences: false)
        guard lines.popLast()?.isEmpty == true, lines.last == [46, 13] else { return nil }
        guard lines.allSatisfy({ $0.last == 13 && !$0.dropLast().contains(13) }) else { return nil }
        return lines.count { $0 == [46, 13] }
    }

    @Test(
        "makes one message or a fault of every string over CR, LF, dot and x",
        arguments: [MessageStream.BareNewline.normalize, .reject], 0...7)
    func smuggling(bareNewline: MessageStream.BareNewline, length: Int) {
        let alphabet: [UInt8] = [13, 10, 46, 120]
        for number in 0..<(1 << (2 * length)) {
            let middle = (0..<length).map { alphabet[number >> (2 * $0) & 3] }
            let input = octets("\r\nx\r\n") + middle + octets("\r\n.\r\n")
            let passage = pass(input, bareNewline: bareNewline)
            // An expectation each would take most of the time.
            if passage.end != firstEnd(of: input) { Issue.record("\(middle) ended at \(passage)") }
            if passage.fault == nil, countMessages(passage.written + octets(".\r\n")) != 1 {
                Issue.record("\(middle) became \(passage)")
            }
            let isClean = !input[..<(passage.end ?? 0)].hasBareOctets
            if bareNewline == .reject, isClean != (passage.fault == nil) {
                Issue.record("\(middle) has \(String(describing: passage.fault))")
            }
            guard length < 7 else { continue }
            for ends in [[input.count - 4, input.count], Array(0...input.count)]
            where pass(input, endingAt: ends, bareNewline: bareNewline) != passage {
                Issue.record("\(middle) differs when torn at \(ends)")
            }
        }
    }

    /// Behind the first CRLF.CRLF.
    private func firstEnd(of input: [UInt8]) -> Int? {
        (5...input.count).first { input[($0 - 5)..<$0].elementsEqual([13, 10, 46, 13, 10]) }
    }

    @Test("brings any message through as it was", arguments: 0..<40 as Range<UInt64>)
    func roundTrip(seed: UInt64) {
        var generator = Seeded(state: seed)
        let alphabet = octets(".. \tabcX-Weir:Received") + [1, 0x80, 0xFF, 0x0B]
        var lines: [[UInt8]] = [octets("A: b"), []]
        for _ in 0..<Int.random(in: 0...60, using: &generator) {
            lines.append(
                (0..<Int.random(in: 0...90, using: &generator)).map { _ in
                    alphabet.randomElement(using: &generator) ?? 0x61
                })
        }
        let wire = lines.flatMap { ($0.first == 46 ? [46] : []) + $0 + [13, 10] }
        let input = wire + octets(".\r\n")
        var ends = (0..<5).map { _ in Int.random(in: 0...input.count, using: &generator) }.sorted()
        ends.append(input.count)
        var stream = MessageStream(received: [], account: [], bareNewline: .reject)
        var output: [UInt8] = []
        var start = 0
        for end in ends { start += stream.consume(Array(input[start..<end]).span, into: &output).consumed }
        let isSame = output == wire  // An expectation would print both.
        #expect(isSame, "seed \(seed)")
        #expect(stream.octets == UInt64(lines.reduce(0) { $0 + $1.count + 2 }))
    }
}

extension ArraySlice<UInt8> {
    /// A CR or a LF that is no part of a CRLF.
    fileprivate var hasBareOctets: Bool {
        indices.contains { index in
            switch self[index] {
            case 13: index + 1 == endIndex || self[index + 1] != 10
            case 10: index == startIndex || self[index - 1] != 13
            default: false
            }
        }
    }
}
