import Testing
import WeirSMTP

@Suite struct ReceivedFieldTests {
    private func field(name: String = "pc.example", tls: String? = "TLSv1.3 TLS_AES_256_GCM_SHA384") -> String {
        var output: [UInt8] = []
        ReceivedField(
            name: octets(name), address: "192.0.2.1", hostname: "gate.example",
            transmission: Transmission(isExtended: true, isSecure: true, isAuthenticated: true, isSMTPUTF8: false),
            tls: tls, id: "abc123", date: MessageDate(seconds: 1_795_341_415, offsetMinutes: 60)
        ).append(to: &output)
        return text(output)
    }

    @Test("says who, where, how, and when")
    func whole() {
        #expect(
            field() == "Received: from pc.example ([192.0.2.1])\r\n\tby gate.example with ESMTPSA"
                + " (TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n\tid abc123; Sun, 22 Nov 2026 10:56:55 +0100\r\n")
        #expect(field(tls: nil).contains("with ESMTPSA\r\n\tid"))
        #expect(field(name: "").contains("from unknown (["))
        #expect(field(name: "[10.0.0.1]").contains("from [10.0.0.1] (["))
    }

    @Test(
        "lets a client's name say nothing but a name",
        arguments: ["a\r\nX: y", "a (b) <c>;d,e\"f\\@", "a\u{1B}b\u{E9}\0", "x y\tz"])
    func escapes(name: String) {
        let field = field(name: name)
        #expect(field.split(separator: "\r\n").count == 3)
        #expect(field.filter { "()".contains($0) }.count == 4 && field.filter { $0 == ";" }.count == 1)
        #expect(field.utf8.allSatisfy { 0x20..<0x7F ~= $0 || $0 == 9 || $0 == 10 || $0 == 13 })
    }

    @Test("cuts a name off at 255 octets")
    func cap() {
        #expect(
            field(name: String(repeating: "x", count: 256)).contains("from \(String(repeating: "x", count: 255)) (["))
    }

    @Test(
        "names the protocol as RFC 3848 and RFC 6531 do",
        arguments: [
            (false, false, false, false, "SMTP"), (true, false, false, false, "ESMTP"),
            (true, false, true, false, "ESMTPA"),
            (true, true, false, false, "ESMTPS"), (true, true, true, false, "ESMTPSA"),
            (true, false, false, true, "UTF8SMTP"),
            (true, false, true, true, "UTF8SMTPA"), (true, true, false, true, "UTF8SMTPS"),
            (true, true, true, true, "UTF8SMTPSA"),
        ])
    func keywords(isExtended: Bool, isSecure: Bool, isAuthenticated: Bool, isSMTPUTF8: Bool, keyword: String) {
        let transmission = Transmission(
            isExtended: isExtended, isSecure: isSecure, isAuthenticated: isAuthenticated, isSMTPUTF8: isSMTPUTF8)
        #expect("\(transmission.keyword)" == keyword)
    }

    @Test(
        "writes dates",
        arguments: [
            (0, 0, "Thu, 1 Jan 1970 00:00:00 +0000"), (951_782_400, 0, "Tue, 29 Feb 2000 00:00:00 +0000"),
            (1_709_251_199, 0, "Thu, 29 Feb 2024 23:59:59 +0000"),
            (1_709_251_199, 330, "Fri, 1 Mar 2024 05:29:59 +0530"),
            (1_767_225_599, -570, "Wed, 31 Dec 2025 14:29:59 -0930"),
            (4_107_542_400, 0, "Mon, 1 Mar 2100 00:00:00 +0000"),
            (0, -60, "Thu, 1 Jan 1970 00:00:00 -0100"), (.max, 0, "Fri, 31 Dec 9999 00:00:00 +0000"),
            (0, .min, "Thu, 1 Jan 1970 00:00:00 +0000"),
        ] as [(UInt64, Int, String)])
    func dates(seconds: UInt64, offset: Int, expected: String) {
        var output: [UInt8] = []
        MessageDate(seconds: seconds, offsetMinutes: offset).append(to: &output)
        #expect(text(output) == expected)
    }
}
