import FoundationEssentials
import Glibc
import WeirRuntime

/// A folder of the demonstration's own, gone when it ends.
struct DemoFolder: Sendable {
    let path: String

    /// The longest path that leaves room for a socket's name: one is 107 octets at most.
    private static let pathOctetsMax = 80

    init() throws(DemoError) {
        let usual = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        let parent = usual.isEmpty || usual.utf8.count > DemoFolder.pathOctetsMax - 20 ? "/tmp" : usual
        var template = Array("\(parent)/weir-demo-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else {
            throw DemoError(reason: "\(parent): \(SystemError.text(errno)): a temporary folder cannot be made")
        }
        path = String(cString: made)
    }

    /// Writes a file; folders in its name are made.
    func write(_ name: String, _ text: String) throws(DemoError) {
        if let slash = name.lastIndex(of: "/") { mkdir("\(path)/\(name[..<slash])", 0o700) }
        let file = "\(path)/\(name)"
        let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw DemoError(reason: "\(file): \(SystemError.text(errno))") }
        defer { close(descriptor) }
        let octets = Array(text.utf8)
        guard Glibc.write(descriptor, octets, octets.count) == octets.count else {
            throw DemoError(reason: "\(file): \(SystemError.text(errno))")
        }
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }
}

/// Why the demonstration cannot go on.
struct DemoError: Error {
    var reason: String
    var status = ExitStatus.unavailable
}
