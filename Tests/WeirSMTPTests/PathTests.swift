import Testing
import WeirSMTP

@Suite struct PathTests {
    private func mailbox(_ path: String, smtpUTF8: Bool = false) -> String? {
        let line = octets("MAIL FROM:" + path + (smtpUTF8 ? " SMTPUTF8" : ""))
        guard case .success(.mail(let mail)) = Command.decode(line) else { return nil }
        if let domain = mail.path.domain {
            #expect(text(line[mail.path.localPart]) + "@" + text(line[domain]) == text(line[mail.path.mailbox]))
        }
        return text(line[mail.path.mailbox])
    }

    @Test(
        "takes what RFC 5321 has",
        arguments: [
            ("<a@b>", "a@b"), (" <a@b>", "a@b"), ("<>", ""), ("<a.b+c@d-e.example>", "a.b+c@d-e.example"),
            ("<!#$%&'*+-/=?^_`{|}~@b>", "!#$%&'*+-/=?^_`{|}~@b"), ("<\"a b\"@c>", "\"a b\"@c"),
            ("<\"\"@c>", "\"\"@c"), ("<\"a\\\"@<> ,b\"@c>", "\"a\\\"@<> ,b\"@c"),
            ("<a@under_score.example>", "a@under_score.example"),
            ("<@r1,@r2.example:a@b>", "a@b"), ("<@[192.0.2.1]:a@b>", nil), ("<a@[192.0.2.1]>", "a@[192.0.2.1]"),
            ("<a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]"), ("<a@[ipv6:::]>", "a@[ipv6:::]"),
            ("<a@[IPv6:1:2:3:4:5:6:7:8]>", "a@[IPv6:1:2:3:4:5:6:7:8]"),
            ("<a@[IPv6:::ffff:192.0.2.1]>", "a@[IPv6:::ffff:192.0.2.1]"), ("<postmaster@b>", "postmaster@b"),
            ("<1@2.3>", "1@2.3"),
        ] as [(String, String?)])
    func takes(path: String, expected: String?) {
        #expect(mailbox(path) == expected)
    }

    @Test(
        "refuses what it has not",
        arguments: [
            "<", "<a", "<a@", "<a@b", "a@b>", "<@b>", "<a@>", "<a>", "<a b@c>", "<a@b c>", "<.a@b>", "<a.@b>",
            "<a..b@c>",
            "<a@.b>", "<a@b.>", "<a@b..c>", "<a@-b>", "<a@b->", "<a@b>>", "<<a@b>>", "<\"a@b>", "<\"a\"b@c>",
            "<\"a\\\"@b>",
            "<a@b@c>", "<a,b@c>", "<a@b,c>", "<(x)a@b>", "<a@[]>", "<a@[1.2.3]>", "<a@[1.2.3.256]>", "<a@[1.2.3.4.5]>",
            "<a@[1.2.3.]>", "<a@[1..3.4]>", "<a@[0001.2.3.4]>", "<a@[1.2.3.4>", "<a@[IPv6:]>", "<a@[IPv6:1]>",
            "<a@[IPv6:1::2::3]>", "<a@[IPv6::1]>", "<a@[IPv6:1:2:3:4:5:6:7:8:9]>", "<a@[IPv6:12345::]>",
            "<a@[IPv6:1:]>", "<a@[IPv6:::1.2.3]>", "<a@[IPv6:1.2.3.4]>", "<a@[IPv6:1:2:3:4:5:6:7:1.2.3.4]>",
            "<a@[IPv6:::1.2.3.4:5]>", "<a@[IPv6:1:::2]>", "<a@[x-tag:y]>", "<@a:>", "<@a b@c>", "<@a,:b@c>",
            "<@a,b:c@d>", "<a@b%>",
        ])
    func refuses(path: String) {
        #expect(mailbox(path) == nil)
    }

    @Test("takes UTF-8 where SMTPUTF8 was said, and only that")
    func international() {
        #expect(mailbox("<ünï@exämple.example>", smtpUTF8: true) == "ünï@exämple.example")
        #expect(mailbox("<ünï@example>") == nil)
        #expect(mailbox("<\"ü x\"@example>", smtpUTF8: true) == "\"ü x\"@example")
        #expect(mailbox("<a\u{85}@example>", smtpUTF8: true) == nil, "a C1 control")
        for broken in [[0xFF], [0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80]] as [[UInt8]] {
            let line = octets("MAIL FROM:<a") + broken + octets("@b> SMTPUTF8")
            #expect(Command.decode(line) == .failure(.malformedSender))
        }
        guard case .success(.rcpt(let recipient)) = Command.decode("RCPT TO:<ü@b>") else {
            Issue.record("no RCPT")
            return
        }
        #expect(!recipient.isASCII && recipient.requires == .smtpUTF8)
    }

    @Test("takes postmaster alone as a recipient", arguments: ["postmaster", "PostMaster"])
    func postmaster(name: String) {
        guard case .success(.rcpt(let recipient)) = Command.decode("RCPT TO:<\(name)>") else {
            Issue.record("no RCPT")
            return
        }
        #expect(recipient.path.at == nil && recipient.path.domain == nil && !recipient.path.isEmpty)
    }

    @Test("compares mailboxes and local parts in any case")
    func compares() {
        let line = octets("RCPT TO:<Abuse@ISP.example>")
        guard case .success(.rcpt(let recipient)) = Command.decode(line) else {
            Issue.record("no RCPT")
            return
        }
        let mailboxes = ["abuse@isp.Example", "abuse@isp.exampl"].map { recipient.path.isMailbox($0, in: line.span) }
        #expect(mailboxes == [true, false])
        let localParts = ["abusE", "abus"].map { recipient.path.hasLocalPart($0, in: line.span) }
        #expect(localParts == [true, false])
    }

    @Test("keeps to the limits: 64 of the local part, 63 of a label, 254 of the mailbox")
    func limits() {
        func x(_ count: Int) -> String { String(repeating: "x", count: count) }
        #expect(mailbox("<\(x(64))@b>") != nil)
        #expect(mailbox("<\(x(65))@b>") == nil)
        #expect(mailbox("<\"\(x(62))\"@b>") != nil)
        #expect(mailbox("<\"\(x(63))\"@b>") == nil)
        #expect(mailbox("<a@\(x(63)).b>") != nil)
        #expect(mailbox("<a@\(x(64)).b>") == nil)
        let long = [x(63), x(63), x(63)].joined(separator: ".")  // 191
        #expect(mailbox("<a@\(long).\(x(60))>") != nil)
        #expect(mailbox("<a@\(long).\(x(61))>") == nil)
    }
}
