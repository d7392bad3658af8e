import Glibc
import Synchronization
import WeirAdmin

/// Where results and remarks go: results to standard output, all else to standard error.
struct Terminal: Sendable {
    /// Whether a person looks at the results.
    let isInteractive = isatty(1) == 1
    /// Whether a person can be asked.
    let canAsk = isatty(0) == 1 && isatty(2) == 1

    private static let output = Mutex(Output())

    /// Lines of result on their way to standard output.
    private struct Output {
        static let octetsMax = 64 * 1024
        var octets: [UInt8] = []
        /// The first error, after which nothing is written; 0 while there is none.
        var failure: Int32 = 0

        mutating func flush() {
            var rest = octets[...]
            while !rest.isEmpty, failure == 0 {
                let count = rest.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
                if count < 0, errno != EINTR { failure = errno }
                rest = rest.dropFirst(max(0, count))
            }
            octets = []
        }
    }

    /// One line of result.
    func line(_ text: String) {
        Terminal.output.withLock { output in
            output.octets += "\(text)\n".utf8
            if isInteractive || output.octets.count > Output.octetsMax { output.flush() }
        }
    }

    /// Writes what is left of the results; returns why some of them are lost, nil where none is.
    func finish() -> Int32? {
        Terminal.output.withLock { output in
            output.flush()
            return output.failure == 0 ? nil : output.failure
        }
    }

    /// A remark to the person; scripts that read results do not see it.
    func note(_ text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        // What is wrong is often told in words that strangers chose.
        var rest = Array((lines.map { Terminal.printable(String($0)) }.joined(separator: "\n") + "\n").utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    /// The API's own JSON.
    func json(_ value: some Encodable) throws(AdminError) {
        line(String(decoding: try AdminJSON.encode(value), as: UTF8.self))
    }

    /// Aligned columns under a header for a person, values between tabs for a program.
    func table(_ header: [String], _ rows: [[String]]) {
        let rows = rows.map { $0.map(Terminal.printable) }
        guard isInteractive else {
            for row in rows { line(row.joined(separator: "\t")) }
            return
        }
        let widths = header.indices.map { column in
            ([header] + rows).map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        for row in [header] + rows {
            let cells = zip(row, widths).map { Terminal.padded($0, to: $1) }
            var text = cells.joined(separator: "  ")
            while text.last == " " { text.removeLast() }
            line(text)
        }
    }

    /// Names and values: aligned for a person, with a tab between for a program; empty values are left out.
    func list(_ pairs: [(name: String, value: String)]) {
        let pairs = pairs.filter { !$0.value.isEmpty }
        let width = pairs.map(\.name.count).max() ?? 0
        for pair in pairs {
            let value = Terminal.printable(pair.value)
            line(isInteractive ? "\(Terminal.padded(pair.name, to: width))  \(value)" : "\(pair.name)\t\(value)")
        }
    }

    /// Asks before something that cannot be undone; where nobody can be asked, `--yes` must have been given.
    func confirm(_ question: String, _ invocation: Invocation) throws {
        if invocation.has("yes") { return }
        guard canAsk else {
            throw UsageError(message: "\(invocation.command.name) cannot be undone", hint: "add --yes to do it")
        }
        note("\(question) Type yes to go on:")
        guard readLine()?.lowercased() == "yes" else { throw AdminError(.conflict, "Nothing was changed.") }
    }

    /// Text without what would move a terminal's cursor or break a line apart.
    static func printable(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else { return text }
        return String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }))
    }

    static func padded(_ text: String, to width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    /// Who runs this command, as the audit names them when no daemon vouches for it: as a daemon would.
    static var actor: Actor { Actor(name: Gatekeeper.name(of: getuid())) }
}
