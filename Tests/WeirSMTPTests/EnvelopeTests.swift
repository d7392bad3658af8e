import Testing
import WeirSMTP

@Suite struct EnvelopeTests {
    private static let mail =
        "mail from: <@r:a@b> envid=x+2By ret=hdrs smtputf8 body=8bitmime auth=<> size=007"
    private static let recipient = "rcpt to: <\"q q\"@b> orcpt=rfc822;q notify=delay,success"

    private func mail(_ line: String = mail, offering: Extensions) -> String? {
        let line = octets(line)
        guard case .success(.mail(let mail)) = Command.decode(line) else { return nil }
        var output: [UInt8] = []
        mail.append(from: line.span, offering: offering, to: &output)
        return text(output)
    }

    @Test("writes MAIL anew, with what the relay offers")
    func writesMail() {
        #expect(
            mail(offering: Extensions(.passedOn))
                == "MAIL FROM:<a@b> BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=x+2By SIZE=7\r\n")
        #expect(mail(offering: Extensions()) == "MAIL FROM:<a@b>\r\n")
        #expect(mail(offering: Extensions(.dsn)) == "MAIL FROM:<a@b> RET=HDRS ENVID=x+2By\r\n")
        #expect(
            mail("MAIL FROM:<> BODY=7BIT RET=FULL", offering: Extensions(.passedOn))
                == "MAIL FROM:<> BODY=7BIT RET=FULL\r\n")
    }

    @Test(
        "writes RCPT anew, with what the relay offers",
        arguments: [
            ("RCPT TO:<a@b>", "RCPT TO:<a@b>\r\n", []),
            ("RCPT TO:<Postmaster> NOTIFY=NEVER", "RCPT TO:<Postmaster> NOTIFY=NEVER\r\n", .dsn),
            (recipient, "RCPT TO:<\"q q\"@b> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;q\r\n", .dsn),
            ("RCPT TO:<a@b> NOTIFY=FAILURE", "RCPT TO:<a@b> NOTIFY=FAILURE\r\n", .dsn),
            ("RCPT TO:<a@b> ORCPT=utf-8;ü", "RCPT TO:<a@b> ORCPT=utf-8;ü\r\n", [.dsn, .smtpUTF8]),
        ] as [(String, String, Extensions.Keywords)])
    func writesRecipient(line: String, expected: String, requires: Extensions.Keywords) {
        let line = octets(line)
        guard case .success(.rcpt(let recipient)) = Command.decode(line) else {
            Issue.record("no RCPT")
            return
        }
        var output: [UInt8] = []
        recipient.append(from: line.span, offering: .passedOn, to: &output)
        #expect(text(output) == expected)
        output = []
        recipient.append(from: line.span, offering: [], to: &output)
        #expect(!text(output).contains(" NOTIFY") && !text(output).contains(" ORCPT"))
        #expect(recipient.requires == requires)
    }

    @Test("is written again whole, to a relay with SIZE and to one without")
    func again() {
        let (line, to) = (octets(Self.mail), octets(Self.recipient))
        guard case .success(.mail(let mail)) = Command.decode(line),
            case .success(.rcpt(let recipient)) = Command.decode(to)
        else {
            Issue.record("no commands")
            return
        }
        #expect(mail.requires == [.eightBitMIME, .smtpUTF8, .dsn])
        var envelope = Envelope(mail, from: line.span)
        envelope.add(recipient, from: to.span)
        envelope.add(recipient, from: to.span)
        #expect(envelope.recipients == 2 && envelope.requires == [.eightBitMIME, .smtpUTF8, .dsn])
        let head = "MAIL FROM:<a@b> BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=x+2By"
        let tail = String(repeating: "RCPT TO:<\"q q\"@b> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;q\r\n", count: 2)
        var output: [UInt8] = []
        envelope.append(offering: Extensions(.passedOn), to: &output)
        #expect(text(output) == head + " SIZE=7\r\n" + tail)
        output = []
        envelope.append(offering: Extensions(.passedOn.subtracting(.size)), to: &output)
        #expect(text(output) == head + "\r\n" + tail)
    }

    @Test("tells its paths, whatever else stands in its commands")
    func paths() {
        let line = octets("MAIL FROM:<\"a>\\\">\"@b> ENVID=<x>")
        let recipients = ["RCPT TO:<a@b> ORCPT=rfc822;<c@d>", "RCPT TO:<\"<q>\"@b>", "RCPT TO:<e@f>"].map(octets)
        guard case .success(.mail(let mail)) = Command.decode(line) else {
            Issue.record("no MAIL")
            return
        }
        var envelope = Envelope(mail, from: line.span)
        #expect(envelope.paths(recipientsMax: 10).recipients == [])
        for recipient in recipients {
            guard case .success(.rcpt(let parsed)) = Command.decode(recipient) else {
                Issue.record("no RCPT: \(text(recipient))")
                return
            }
            envelope.add(parsed, from: recipient.span)
        }
        let paths = envelope.paths(recipientsMax: 10)
        #expect(text(paths.sender) == "\"a>\\\">\"@b")
        #expect(paths.recipients.map(text) == ["a@b", "\"<q>\"@b", "e@f"])
        #expect(envelope.paths(recipientsMax: 2).recipients.map(text) == ["a@b", "\"<q>\"@b"])
    }
}
