import Foundation
import Glibc
import Testing
import WeirBase
import WeirRuntime

@Suite("The log")
struct LogTests {
    /// 2024-02-29T23:59:59.007Z.
    static let leapSecondBefore = WallTime(nanoseconds: 1_709_251_199_007_000_000)

    static func line(_ format: LogFormat, _ fields: KeyValuePairs<StaticString, LogValue>) -> String {
        let sink = CollectedLog()
        let log = Log(level: .info, format: format, to: sink) { leapSecondBefore }
        log.info("message accepted", fields)
        return sink.lines.joined(separator: "|")
    }

    @Test("writes an object a line")
    func json() {
        let line = LogTests.line(
            .json,
            [
                "account": "alice", "recipients": 3, "balance": .int(.min), "octets": .unsigned(.max), "tls": true,
                "took": .span(1_050_999_999),
            ])
        #expect(
            line == #"{"time":"2024-02-29T23:59:59.007Z","level":"info","event":"message accepted","account":"alice","#
                + #""recipients":3,"balance":-9223372036854775808,"octets":18446744073709551615,"tls":true,"took":1.050}"#
        )
    }

    @Test("writes text for people, with quotes where a value needs them")
    func text() {
        let line = LogTests.line(.text, ["account": "alice", "helo": "a b", "empty": "", "sum": "1=1"])
        #expect(
            line == #"2024-02-29T23:59:59.007Z info message accepted account=alice helo="a b" empty="" sum="1=1""#)
    }

    @Test(
        "tells civil time",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (951_782_400, "2000-02-29T00:00:00.000Z"),
            (4_107_542_399, "2100-02-28T23:59:59.000Z"), (4_107_542_400, "2100-03-01T00:00:00.000Z"),
            (1_735_689_599, "2024-12-31T23:59:59.000Z"), (18_446_744_073, "2554-07-21T23:34:33.000Z"),
        ] as [(UInt64, String)])
    func time(seconds: UInt64, text: String) {
        let sink = CollectedLog()
        Log(format: .text, to: sink) { WallTime(nanoseconds: seconds * .second) }.info("x")
        #expect(sink.lines == ["\(text) info x"])
    }

    @Test(
        "keeps whatever a peer sends on one line, as text",
        arguments: [
            ("a\r\nb", #"a\u000d\u000ab"#), ("\u{1B}[31m\u{9B}", #"\u001b[31m\u009b"#),
            (#"",""evil":"\"#, #"\",\"\"evil\":\"\\"#),
            ("\0\u{7F}", #"\u0000\u007f"#), ("\u{2028}\u{202E}", #"\u2028\u202e"#), ("Grüße, 世界 🌍", "Grüße, 世界 🌍"),
        ])
    func escapes(value: String, written: String) throws {
        for field in [LogValue.string(value), .octets(Array(value.utf8))] {
            let line = LogTests.line(.json, ["v": field])
            #expect(line.hasSuffix(#","v":"\#(written)"}"#), "\(line)")
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            #expect(object?["v"] as? String == value, "a reader gets back what was there")
            #expect(LogTests.line(.text, ["v": field]).contains(written))
        }
    }

    @Test("replaces what is no UTF-8, at every octet", arguments: 0...255 as ClosedRange<UInt8>)
    func everyOctet(octet: UInt8) throws {
        let line = LogTests.line(.json, ["v": .octets([0x61, octet, 0x62])])
        #expect(line.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F })
        let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        let expected = octet < 0x80 ? String(UnicodeScalar(octet)) : "\u{FFFD}"
        #expect(object?["v"] as? String == "a\(expected)b")
    }

    @Test("cuts a long value and says so", arguments: [(1_023, false), (1_024, false), (1_025, true), (100_000, true)])
    func cuts(count: Int, isCut: Bool) {
        let value = String(repeating: "x", count: count)
        let expected = isCut ? String(repeating: "x", count: 1_024) + "…" : value
        #expect(LogTests.line(.json, ["v": .string(value)]).hasSuffix("\"v\":\"\(expected)\"}"))
    }

    @Test("leaves out what is below its level, which may change")
    func levels() {
        let sink = CollectedLog()
        let log = Log(level: .warning, format: .text, to: sink) { WallTime(nanoseconds: 0) }
        log.debug("a")
        log.info("b")
        log.warning("c")
        log.error("d")
        log.level = .debug
        log.debug("e")
        #expect(sink.lines.map { $0.suffix(1) } == ["c", "d", "e"])
        #expect(LogLevel(name: "warning") == .warning)
        #expect(LogLevel(name: "loud") == nil)
    }

    @Test("keeps lines whole and in order, through a descriptor that is read slowly")
    func order() throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        let writer = try LogWriter(descriptor: ends[1], format: .json, clock: AnchoredClock())
        let log = Log(to: writer) { WallTime(nanoseconds: 0) }
        let filler = String(repeating: "f", count: 500)
        for number in 0..<1_000 { log.info("line", ["number": .int(number), "filler": .string(filler)]) }
        var read: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 777)
        var lineCount = 0
        while lineCount < 1_000 {
            let count = Glibc.read(ends[0], &buffer, buffer.count)
            lineCount += buffer[..<max(0, count)].count { $0 == 10 }
            read += buffer[..<max(0, count)]
        }
        let lines = String(decoding: read, as: UTF8.self).split(separator: "\n")
        #expect(lines.indices.allSatisfy { lines[$0].contains("\"number\":\($0),") })
        #expect(writer.dropped == 0)
        writer.stop()
        close(ends[0])
        close(ends[1])
    }

    @Test("a full pipe stops nobody: lines are dropped, counted, and their number told")
    func fullPipe() throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        let clock = AnchoredClock()
        let writer = try LogWriter(descriptor: ends[1], format: .json, clock: clock, waitingOctetsMax: 10_000)
        let log = Log(to: writer) { WallTime(nanoseconds: 0) }
        let filler = String(repeating: "f", count: 900)
        // A pipe holds 64 KiB and the queue 10,000 octets: of a mebibyte most is dropped, and this loop still ends.
        let total = 1_000
        for number in 0..<total { log.info("line", ["number": .int(number), "filler": .string(filler)]) }
        let dropped = writer.dropped
        #expect(dropped > 500)

        var read: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while !String(decoding: read, as: UTF8.self).contains("log lines dropped") {
            let count = Glibc.read(ends[0], &buffer, buffer.count)
            read += buffer[..<max(0, count)]
            log.info("after")
        }
        #expect(String(decoding: read, as: UTF8.self).contains(#""event":"log lines dropped","lines":"#))
        writer.stop()
        close(ends[0])
        close(ends[1])
    }

    @Test("ends in time when nobody reads, and when the reader has gone", arguments: [true, false])
    func ends(readerLives: Bool) throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        Signals.ignoreBrokenPipes()
        if !readerLives { close(ends[0]) }
        let clock = AnchoredClock()
        let writer = try LogWriter(descriptor: ends[1], format: .json, clock: clock)
        let log = Log(to: writer) { WallTime(nanoseconds: 0) }
        for _ in 0..<200 { log.info("line", ["filler": .string(String(repeating: "f", count: 900))]) }
        let begin = clock.now
        writer.stop()
        #expect(clock.now.since(begin) < 5 * .second)
        #expect(writer.dropped > 0)
        if readerLives { close(ends[0]) }
        close(ends[1])
    }
}
