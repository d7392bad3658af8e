import Foundation

/// Postfix's smtp-sink, a server that only takes mail: quick, terse, and as far from Postfix and Exim as relays differ.
package final class SMTPSink: MailServer {
    package let port: UInt16
    private let folder: TemporaryFolder
    private let server: Program

    /// What it writes above a message that it has taken.
    package static let fields: Set<String> = [
        "x-client-addr", "x-client-proto", "x-helo-args", "x-mail-args", "x-rcpt-args",
    ]

    package init() throws {
        folder = try TemporaryFolder(isShared: true)
        port = Ports.free()
        let mail = try folder.folder("mail", owner: "postfix")
        server = try Program(
            "smtp-sink", ["-u", "postfix", "-h", "sink.example", "-d", "\(mail)/m.", "127.0.0.1:\(port)", "100"],
            output: folder.file("log"))
        guard Ports.opens(port) else {
            throw Program.Failure(description: "smtp-sink did not start: \(text(of: folder.file("log")))")
        }
    }

    deinit { server.stop() }

    private var files: [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.file("mail"))) ?? []
        return names.map { folder.file("mail/\($0)") }
    }

    /// It puts an empty line behind each message.
    package func delivered() -> [[UInt8]] { files.map { contents(of: $0).dropLast() } }
    package var deliveredCount: Int { files.count }
}
