import Foundation

/// One reply to an SMTP command.
package struct SMTPReply: Equatable, Sendable, CustomStringConvertible {
    package var code: Int
    /// Of each line, what follows the code and its separator.
    package var lines: [String]

    package var text: String { lines.joined(separator: "\n") }
    package var description: String { "\(code) \(text)" }
    package var isPositive: Bool { code < 400 }
}

/// A client that sends just what it is told, and reads replies.
package struct SMTPClient: Sendable {
    package struct Closed: Error, CustomStringConvertible {
        package let description = "the connection was closed"
    }

    package let socket: Socket

    package init(_ socket: Socket) { self.socket = socket }

    /// Connects and takes the greeting, which must be 220.
    package init(port: UInt16, from source: String? = nil) throws {
        socket = try Socket(connectedTo: port, from: source)
        let greeting = try reply()
        guard greeting.code == 220 else { throw Refused(command: "", reply: greeting) }
    }

    /// An answer that is not the one without which nothing else makes sense.
    package struct Refused: Error, CustomStringConvertible {
        package let command: String
        package let reply: SMTPReply

        package init(command: String, reply: SMTPReply) { (self.command, self.reply) = (command, reply) }

        package var description: String { "\(command) was answered \(reply)" }
    }

    package func send(_ text: String) throws { try socket.send(text) }

    package func reply() throws -> SMTPReply {
        var lines: [String] = []
        while true {
            guard let line = try socket.line() else { throw Closed() }
            guard line.count >= 3, let code = Int(String(decoding: line[..<3], as: UTF8.self)) else {
                throw Refused(command: "", reply: SMTPReply(code: 0, lines: [String(decoding: line, as: UTF8.self)]))
            }
            lines.append(String(decoding: line.dropFirst(4), as: UTF8.self))
            if line.count == 3 || line[3] != UInt8(ascii: "-") { return SMTPReply(code: code, lines: lines) }
        }
    }

    /// Sends a command and takes its answer.
    @discardableResult
    package func command(_ line: String) throws -> SMTPReply {
        try send(line + "\r\n")
        return try reply()
    }

    /// Sends a command that must be answered with 2xx or 3xx.
    @discardableResult
    package func must(_ line: String) throws -> SMTPReply {
        let reply = try command(line)
        guard reply.isPositive else { throw Refused(command: line, reply: reply) }
        return reply
    }

    package func hello(_ name: String = "client.example") throws { try must("EHLO \(name)") }

    package func login(_ login: String, _ password: String) throws -> SMTPReply {
        let credentials = Data("\0\(login)\0\(password)".utf8).base64EncodedString()
        return try command("AUTH PLAIN \(credentials)")
    }

    /// Sends one message, its envelope pipelined; `content` has its CRLFs and stuffed dots, and no final dot.
    ///
    /// Returns the answers to MAIL, each recipient, DATA, and, where there was a message, to its dot.
    package func message(
        from sender: String = "sender@client.example", to recipients: [String], _ content: String
    ) throws -> Answers {
        let envelope = "MAIL FROM:<\(sender)>\r\n" + recipients.map { "RCPT TO:<\($0)>\r\n" }.joined() + "DATA\r\n"
        try send(envelope)
        let mail = try reply()
        let answers = try recipients.map { _ in try reply() }
        let data = try reply()
        guard data.code == 354 else { return Answers(mail: mail, recipients: answers, data: data, dot: nil) }
        try send(content + "\r\n.\r\n")
        return Answers(mail: mail, recipients: answers, data: data, dot: try reply())
    }

    package struct Answers: Sendable {
        package var mail: SMTPReply
        package var recipients: [SMTPReply]
        package var data: SMTPReply
        /// nil: DATA was refused.
        package var dot: SMTPReply?

        /// Recipients that the message was taken for.
        package var delivered: Int {
            dot?.code == 250 ? recipients.count { $0.isPositive } : 0
        }
    }
}
