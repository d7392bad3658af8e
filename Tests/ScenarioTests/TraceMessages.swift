import Foundation
import TestKit
import WeirGateway
import WeirReputation

/// The messages that the lines of a trace name, ready to be sent.
final class TraceMessages {
    private struct Sent: Hashable {
        var name: String
        var senderOctets: Int
    }

    private let folder: TemporaryFolder
    private let hash: KeyedHash
    /// All but the From field, lines ended by CRLF.
    private var known: [String: [UInt8]] = [:]
    private var seen: [Sent: ContentFacts] = [:]

    init(in archive: String, hash: KeyedHash) throws {
        folder = try TemporaryFolder()
        self.hash = hash
        let unpacked = try Program.run("tar", ["-xJf", archive, "-C", folder.path])
        guard unpacked.status == 0 else { throw Program.Failure(description: unpacked.errors) }
    }

    /// The message with this header From, dots stuffed.
    func octets(_ name: String, from sender: String) throws -> [UInt8] {
        var octets = Self.field(sender)
        for octet in try message(name) {
            if octet == UInt8(ascii: "."), octets.last == 0x0A { octets.append(octet) }
            octets.append(octet)
        }
        return octets
    }

    /// What the gateway's own look at it yields.
    func facts(_ name: String, from sender: String) throws -> ContentFacts {
        // A message without words is told by its length.
        let key = Sent(name: name, senderOctets: sender.utf8.count)
        if let facts = seen[key] { return facts }
        var examiner = ContentExaminer(hash: hash)
        let field = Self.field(sender)
        examiner.consume(field.span)
        let rest = try message(name)
        examiner.consume(rest.span)
        let facts = examiner.finish()
        seen[key] = facts
        return facts
    }

    private static func field(_ sender: String) -> [UInt8] { Array("From: <\(sender)>\r\n".utf8) }

    private func message(_ name: String) throws -> [UInt8] {
        if let message = known[name] { return message }
        let octets = Self.sendable(contents(of: folder.file("\(name).eml")))
        guard !octets.isEmpty else { throw Program.Failure(description: "there is no message \(name)") }
        known[name] = octets
        return octets
    }

    /// Lines as SMTP has them, without the mailbox's own first one and the From field.
    private static func sendable(_ raw: [UInt8]) -> [UInt8] {
        var octets: [UInt8] = []
        var isHeader = true
        var isLeftOut = false
        for (number, line) in raw.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            let line = line.filter { $0 != 0x0D }
            if isHeader {
                if line.isEmpty { isHeader = false }
                let isFolded = line.first == 0x20 || line.first == 0x09
                if !isFolded {
                    let start = String(decoding: line.prefix(5), as: UTF8.self).lowercased()
                    isLeftOut = start == "from:" || number == 0 && start == "from "
                }
                if isHeader, isLeftOut { continue }
            }
            octets += line + [0x0D, 0x0A]
        }
        // Behind the last LF is no line.
        if octets.suffix(4) == [0x0D, 0x0A, 0x0D, 0x0A] { octets.removeLast(2) }
        return octets
    }
}
