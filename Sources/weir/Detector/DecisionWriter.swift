import FoundationEssentials
import Glibc
import WeirAdmin
import WeirBase
import WeirReputation
import WeirRuntime

/// Writes decisions as the scorer reads them, each with its whole record. A file has its name when it is whole, and not before.
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
    /// Where it is written until it is whole; nil: `path` is no file of its own.
    private let partial: String?
    private let descriptor: Int32
    private var isWhole = false
    private var buffer: [UInt8] = []
    private let encoder = JSONEncoder()
    private(set) var flags = 0
    private(set) var suspensions = 0

    /// Refuses to write over one of the inputs.
    init(_ path: String, apartFrom inputs: [String]) throws(AdminError) {
        // What is there and no file of its own, such as a pipe, is written to as it is.
        let partial = path == "-" || FileStatus(path)?.isRegular == false ? nil : "\(path).partial"
        for output in partial.map({ [path, $0] }) ?? [] {
            guard let there = FileStatus(output) else { continue }
            guard let input = inputs.first(where: { FileStatus($0)?.isSameFile(as: there) == true }) else { continue }
            let what = input == "-" ? "standard input" : input
            throw AdminError(.invalid, "\(output) is what is read, \(what): --decisions names another file.")
        }
        let name = partial ?? path
        let descriptor = name == "-" ? 1 : open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw AdminError(.invalid, "\(name): \(SystemError.text(errno)).") }
        (self.path, self.partial, self.descriptor) = (path, partial, descriptor)
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    }

    deinit {
        if descriptor > 1 { close(descriptor) }
        if let partial, !isWhole { unlink(partial) }
    }

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

    mutating func end() throws {
        try flush()
        if let partial, rename(partial, path) != 0 { throw OutputError(path: path, errno: errno) }
        isWhole = true
    }

    private mutating func flush() throws {
        var rest = buffer[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw OutputError(path: path == "-" ? "standard output" : path, errno: errno)
            }
            rest = rest.dropFirst(count)
        }
        buffer.removeAll(keepingCapacity: true)
    }
}

/// Which file a path names.
private struct FileStatus {
    private let status: stat

    /// `-` is standard input; nil where there is none.
    init?(_ path: String) {
        var status = stat()
        guard (path == "-" ? fstat(0, &status) : stat(path, &status)) == 0 else { return nil }
        self.status = status
    }

    var isRegular: Bool { status.st_mode & S_IFMT == S_IFREG }

    func isSameFile(as other: FileStatus) -> Bool {
        status.st_dev == other.status.st_dev && status.st_ino == other.status.st_ino
    }
}
