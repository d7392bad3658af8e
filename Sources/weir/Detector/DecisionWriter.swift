import FoundationEssentials
import Glibc
import WeirAdmin
import WeirBase
import WeirReputation

/// Writes decisions as the scorer reads them, each with its whole record.
struct DecisionWriter: ~Copyable {
    private struct Line: Encodable {
        var n: UInt64
        var t: Double
        var a: String
        var `do`: String
        var pre: Bool
        var machine: String?
        var score: [String: Double]?
        var findings: [String: Double]?
        var why: [String]?
        var acquittals: [String]?
        var messages: [UInt64]?
    }

    private let path: String
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private let encoder = JSONEncoder()
    private(set) var flags = 0
    private(set) var suspensions = 0

    init(_ path: String) throws(AdminError) {
        self.path = path
        descriptor = path == "-" ? 1 : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw AdminError(.invalid, "\(path): \(String(cString: strerror(errno))).") }
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    }

    deinit { if descriptor > 1 { close(descriptor) } }

    mutating func write(_ decision: DetectorReplay.Decision) throws {
        var line = Line(
            n: decision.number, t: Double(decision.time) / Double(UInt64.second), a: decision.account,
            do: decision.isSuspension ? "suspend" : "flag", pre: decision.isBefore, machine: decision.machine)
        if let verdict = decision.verdict {
            line.score = verdict.score.byName
            line.findings = verdict.findings.byName
            line.why = verdict.sentences
            line.acquittals = verdict.acquittals.map(\.rawValue)
            line.messages = verdict.messages
        }
        if decision.isSuspension { suspensions += 1 } else { flags += 1 }
        buffer.append(contentsOf: try encoder.encode(line))
        buffer.append(0x0A)
        if buffer.count >= 64 * 1024 { try flush() }
    }

    mutating func end() throws { try flush() }

    private mutating func flush() throws {
        var rest = buffer[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw AdminError(.invalid, "\(path): \(String(cString: strerror(errno))).") }
            rest = rest.dropFirst(count)
        }
        buffer.removeAll(keepingCapacity: true)
    }
}
