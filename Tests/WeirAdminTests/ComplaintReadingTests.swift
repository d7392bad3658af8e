import Testing
import WeirAdmin
import WeirGateway

private let accountDigits = "0123456789abcdef0123456789abcdef"
private let messageNumber = "0HXGQ6Z2A4B5C"

private let original = """
    Received: from mx.example ([192.0.2.1]) by reader.example with ESMTP id 77; Sun, 22 Nov 2026 10:00:00 +0000
    Received: from client.example ([192.0.2.9])
    \tby gate1.isp.example with ESMTPSA (TLSv1.3)
    \tid \(messageNumber); Sun, 22 Nov 2026 10:00:00 +0000
    X-Weir-Account: \(accountDigits.uppercased())
    X-Weir-Account: short
    Message-ID: <abc@client.example>
    Subject: Buy

    Buy, buy, buy.
    """

/// A report as RFC 5965 has it; the lines are joined as they are.
private func arf(
    _ original: String, type: String = "abuse", part: String = "message/rfc822", encoding: String? = nil,
    feedback: [String] = ["User-Agent: FBL/1.0", "Version: 1", "Original-Rcpt-To: <Someone@reader.example>"]
) -> String {
    let lines =
        [
            "From: <fbl@Reader.example>", "To: <abuse@isp.example>", "Subject: report", "MIME-Version: 1.0",
            "Content-Type: multipart/report; report-type=feedback-report;", "     boundary=\"part 1\"", "",
            "This is a report.", "--part 1", "Content-Type: text/plain", "", "Somebody complains.", "--part 1",
            "Content-Type: message/feedback-report", "", "Feedback-Type: \(type)",
        ] + feedback + ["", "--part 1", "Content-Type: \(part)"]
        + (encoding.map { ["Content-Transfer-Encoding: \($0)"] } ?? []) + ["", original, "--part 1--", ""]
    return lines.joined(separator: "\n")
}

@Suite("Reports of abuse") struct ComplaintReadingTests {
    private static func read(_ text: String) -> Result<Complaint, AdminError> {
        do throws(AdminError) { return .success(try Complaint(Array(text.utf8))) } catch { return .failure(error) }
    }

    @Test("in ARF lead to the message, whatever its line ends and its encoding", arguments: [false, true])
    func feedback(crlf: Bool) throws {
        let quoted =
            "Received: by gate1.isp.example id 0HXGQ6Z=\n2A4B5C;=20x\nX-Weir-Account: \(accountDigits)\n"
        for text in [
            arf(original),
            arf(original, part: "text/rfc822-headers"),
            arf(quoted, encoding: "Quoted-Printable"),
        ] {
            let text = crlf ? text.replacing("\n", with: "\r\n") : text
            let complaint = try ComplaintReadingTests.read(text).get()
            #expect(complaint.format == .arf)
            #expect(complaint.type == "abuse")
            #expect(complaint.reporter == "reader.example")
            #expect(complaint.reader == "someone@reader.example")
            #expect(complaint.accounts == [accountDigits])
            #expect(complaint.hops.map(\.host) == ["gate1.isp.example"])
            #expect(complaint.hops.map(\.id.description) == [messageNumber])
        }
    }

    @Test("in ARF are read as a mailbox file has them, and the message in them too")
    func mailbox() throws {
        for start in ["From fbl@reader.example Sun Nov 22 10:00:00 2026\n", "\r\n\n>From fbl\n", "\n\n"] {
            let complaint = try ComplaintReadingTests.read(start + arf("From somebody\n" + original)).get()
            #expect(complaint.reporter == "reader.example")
            #expect(complaint.accounts == [accountDigits])
            #expect(complaint.hops.map(\.id.description) == [messageNumber])
        }
    }

    @Test("in XARF lead to the message, its evidence in base64 or plain")
    func xarf() throws {
        for payload in [base64(original), original.replacing("\n", with: "\\n").replacing("\t", with: "\\t")] {
            let text = """
                 {"xarf_version": "4.0.0", "report_id": "550e8400", "timestamp": "2026-11-22T10:00:00Z",
                 "reporter": {"org": "Reader", "contact": "abuse@reader.example", "domain": "reader.example"},
                 "source_identifier": "192.0.2.1", "category": "messaging", "type": "spam", "protocol": "smtp",
                 "smtp_to": "Someone@Reader.example",
                 "evidence": [{"content_type": "message/rfc822", "payload": "\(payload)"}]}
                """
            let complaint = try ComplaintReadingTests.read(text).get()
            #expect(complaint.format == .xarf)
            #expect(complaint.type == "spam")
            #expect(complaint.reader == "someone@reader.example")
            #expect(complaint.reporter == "reader.example")
            #expect(complaint.accounts == [accountDigits])
            #expect(complaint.hops.map(\.id.description) == [messageNumber])
        }
    }

    private func base64(_ text: String) -> String {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        let octets = Array(text.utf8)
        return stride(from: 0, to: octets.count, by: 3).map { start in
            let group = octets[start..<min(start + 3, octets.count)]
            let word = group.reduce(0) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
            let shown = (0..<4).map { String(letters[Int(word >> UInt32(18 - 6 * $0) & 63)]) }
            return shown.prefix(group.count + 1).joined() + String(repeating: "=", count: 3 - group.count)
        }.joined()
    }

    @Test(
        "that cannot be read say why",
        arguments: [
            ("", "its Content-Type is text/plain"), ("Subject: hello\n\nWorld\n", "its Content-Type is text/plain"),
            (arf("x", type: "not-spam"), "its Feedback-Type not-spam accuses nobody"),
            (arf("x", feedback: ["User-Agent: x"]), "its Version is missing; 1 is known"),
            (
                arf("x", feedback: ["User-Agent: x", "Version: 2"]),
                "its Version is 2; 1 is known"
            ),
            (arf("x", feedback: ["Version: 1"]), "it has no User-Agent"),
            (arf("x", part: "image/png"), "the message complained of is not in it"),
            (arf("=ZZ", encoding: "quoted-printable"), "cannot be decoded"),
            (arf("!!!!", encoding: "base64"), "cannot be decoded"),
            (arf("x", encoding: "x-uuencode"), "cannot be decoded"),
            ("{", "it is not JSON"), ("{}", "it has no \"xarf_version\""),
            ("{\"xarf_version\": 4}", "has the wrong form"),
            (
                "{\"xarf_version\": \"3\", \"report_id\": \"a\", \"category\": \"messaging\", \"type\": \"spam\"}",
                "its xarf_version is 3; 4 is known"
            ),
            (
                "{\"xarf_version\": \"4.0.0\", \"report_id\": \"a\", \"category\": \"content\", \"type\": \"spam\"}",
                "only messaging is about mail"
            ),
            (String(repeating: "{\"a\":", count: 100) + "1" + String(repeating: "}", count: 100), "nested deeper"),
        ])
    func refused(text: String, reason: String) throws {
        guard case .failure(let error) = ComplaintReadingTests.read(text) else {
            Issue.record("it was taken")
            return
        }
        #expect(error.kind == .invalid)
        #expect(error.detail.contains(reason), "\(error.detail)")
    }

    @Test("that are cut off or damaged anywhere are read or refused, and nothing else")
    func damaged() {
        let octets = Array(arf(original).utf8)
        var random: UInt64 = 1
        for count in 0...octets.count {
            _ = try? Complaint(Array(octets.prefix(count)))
            var changed = octets
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            changed[Int(random >> 33) % octets.count] = UInt8(truncatingIfNeeded: random >> 20)
            _ = try? Complaint(changed)
        }
    }

    @Test("of ten thousand parts and fields are read within their bounds")
    func hostile() {
        let fields = String(repeating: "Received: by gate1.isp.example id 0HXGQ6Z2A4B5C;\n", count: 10_000)
        let parts = String(repeating: "--part 1\nContent-Type: text/plain\n\nx\n", count: 10_000)
        _ = try? Complaint(Array(arf(fields).utf8))
        _ = try? Complaint(Array((arf("x").replacing("This is a report.", with: parts)).utf8))
        _ = try? Complaint(Array(("Content-Type: multipart/report;" + String(repeating: " a=b;", count: 100_000)).utf8))
    }
}
