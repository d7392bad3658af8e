import Foundation
import TestKit

/// The programs that people and servers hand mail over with.
enum MailProgram: String, CaseIterable, Sendable {
    case swaks, curl, msmtp
    case nail = "s-nail"
    case smtplibPlain = "smtplib PLAIN"
    case smtplibLogin = "smtplib LOGIN"
    case openssl = "openssl s_client"

    enum Security: String, CaseIterable, Sendable {
        case startTLS = "STARTTLS"
        case implicit = "implicit TLS"
    }

    /// Where and as whom.
    struct Access {
        let gateway: RunningGateway
        let security: Security
        let login: String
        let password: String

        var port: UInt16 { security == .startTLS ? gateway.submission : gateway.submissions }
        var server: String { RunningGateway.name }
    }

    static let sender = "sender@client.example"
    static let recipient = "receiver@target.example"

    /// Hands the message over; returns what the program said, and the octets that should arrive.
    func send(_ message: MailMessage, _ access: Access) throws -> (outcome: Program.Outcome, expected: [UInt8]) {
        let folder = try TemporaryFolder()
        let text = String(decoding: message.octets, as: UTF8.self)
        let unix = String(decoding: MailMessage.unix(message.octets), as: UTF8.self)
        switch self {
        // It ends the last line by itself.
        case .swaks:
            return (try swaks(access, try folder.write(String(unix.dropLast()), to: "message")), message.octets)
        case .curl: return (try curl(access, try folder.write(text, to: "message")), message.octets)
        case .msmtp: return (try msmtp(access, unix, folder), message.octets)
        case .nail: return try nail(access, message, folder)
        case .smtplibPlain: return (try smtplib(access, "plain", try folder.write(text, to: "message")), message.octets)
        case .smtplibLogin: return (try smtplib(access, "login", try folder.write(text, to: "message")), message.octets)
        case .openssl: return (try openssl(access, text), message.octets)
        }
    }

    private func swaks(_ access: Access, _ file: String) throws -> Program.Outcome {
        try Program.run(
            "swaks",
            [
                "--server", access.server, "--port", "\(access.port)",
                access.security == .startTLS ? "--tls" : "--tls-on-connect", "--tls-verify", "--tls-ca-path",
                access.gateway.certificate, "--auth", "PLAIN", "--auth-user", access.login, "--auth-password",
                access.password, "--from", MailProgram.sender, "--to", MailProgram.recipient, "--data", "@\(file)",
            ])
    }

    private func curl(_ access: Access, _ file: String) throws -> Program.Outcome {
        let scheme = access.security == .startTLS ? "smtp" : "smtps"
        return try Program.run(
            "curl",
            [
                "-sS", "--url", "\(scheme)://\(access.server):\(access.port)/client.example", "--ssl-reqd", "--cacert",
                access.gateway.certificate, "--user", "\(access.login):\(access.password)", "--mail-from",
                MailProgram.sender, "--mail-rcpt", MailProgram.recipient, "--upload-file", file,
            ])
    }

    private func msmtp(_ access: Access, _ message: String, _ folder: TemporaryFolder) throws -> Program.Outcome {
        try Program.run(
            "msmtp",
            [
                "--host=\(access.server)", "--port=\(access.port)", "--auth=plain", "--user=\(access.login)",
                "--passwordeval=cat \(try folder.write(access.password + "\n", to: "password"))", "--tls=on",
                "--tls-starttls=\(access.security == .startTLS ? "on" : "off")",
                "--tls-trust-file=\(access.gateway.certificate)", "--from=\(MailProgram.sender)", MailProgram.recipient,
            ], input: message)
    }

    /// It writes the message itself, and keeps a copy of what it sent.
    private func nail(
        _ access: Access, _ message: MailMessage, _ folder: TemporaryFolder
    ) throws -> (outcome: Program.Outcome, expected: [UInt8]) {
        let scheme = access.security == .startTLS ? "smtp" : "smtps"
        let attachment = folder.file("attachment.bin")
        try Data((0..<5_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }).write(to: URL(fileURLWithPath: attachment))
        let plain = CharacterSet.alphanumerics.union(CharacterSet(charactersIn: "-._~"))
        let encode = { (text: String) in text.addingPercentEncoding(withAllowedCharacters: plain) ?? "" }
        let outcome = try Program.run(
            "s-nail",
            [
                "-:/", "-Sv15-compat", "-Sttycharset=utf-8", "-Smime-encoding=8bit", "-Ssmtp-use-starttls",
                "-Smta=\(scheme)://\(encode(access.login)):\(encode(access.password))@\(access.server):\(access.port)",
                "-Ssmtp-auth=plain", "-Stls-ca-file=\(access.gateway.certificate)", "-Stls-ca-no-defaults",
                "-Stls-verify=strict", "-Srecord=\(folder.file("sent"))", "-Ssendwait", "-SDEAD=/dev/null", "-r",
                MailProgram.sender,
                "-s", "Привет \(message.marker)", "-a", attachment, MailProgram.recipient,
            ], input: "Привет, мир. 你好，世界。 مرحبا بالعالم\n.. two dots\n.\tdot and tab\n",
            environment: ["LC_ALL": "C.UTF-8", "HOME": folder.path])
        // The copy stands in an mbox: a From line before it, and an empty line behind.
        let copy = contents(of: folder.file("sent"))
        let start = copy.firstIndex(of: 0x0A).map { $0 + 1 } ?? 0
        return (outcome, Array(copy[start...].dropLast()))
    }

    private func smtplib(_ access: Access, _ mechanism: String, _ file: String) throws -> Program.Outcome {
        let script = """
            import smtplib, ssl, sys
            server, port, security, ca, login, password, mechanism, sender, recipient, file = sys.argv[1:]
            context = ssl.create_default_context(cafile=ca)
            if security == "implicit TLS":
                smtp = smtplib.SMTP_SSL(server, int(port), context=context)
            else:
                smtp = smtplib.SMTP(server, int(port))
                smtp.starttls(context=context)
            smtp.ehlo()
            smtp.user, smtp.password = login, password
            smtp.auth(mechanism, getattr(smtp, "auth_" + mechanism))
            refused = smtp.sendmail(sender, [recipient], open(file, "rb").read(), ["BODY=8BITMIME"])
            smtp.quit()
            sys.exit(1 if refused else 0)
            """
        return try Program.run(
            "/usr/bin/python3",
            [
                "-c", script, access.server, "\(access.port)", access.security.rawValue, access.gateway.certificate,
                access.login, access.password, mechanism, MailProgram.sender, MailProgram.recipient, file,
            ])
    }

    /// A dialogue by hand, all of it sent at once once the line is encrypted.
    private func openssl(_ access: Access, _ message: String) throws -> Program.Outcome {
        let credentials = Data("\0\(access.login)\0\(access.password)".utf8).base64EncodedString()
        let stuffed = message.components(separatedBy: "\r\n").map { $0.hasPrefix(".") ? "." + $0 : $0 }
        let dialogue = [
            "EHLO client.example", "AUTH PLAIN \(credentials)", "MAIL FROM:<\(MailProgram.sender)> BODY=8BITMIME",
            "RCPT TO:<\(MailProgram.recipient)>", "DATA", stuffed.joined(separator: "\r\n") + ".", "QUIT", "",
        ]
        return try Program.run(
            "openssl",
            [
                "s_client", "-quiet", "-verify_return_error", "-verify_hostname", access.server, "-CAfile",
                access.gateway.certificate, "-connect", "\(access.server):\(access.port)",
            ] + (access.security == .startTLS ? ["-starttls", "smtp"] : []),
            input: dialogue.joined(separator: "\r\n"))
    }
}
