import FoundationEssentials
import Glibc
import WeirAdmin
import WeirRuntime

/// A folder of one run's own, for whoever made it to remove at the end.
struct TemporaryFolder: Sendable {
    let path: String

    /// The longest path that leaves room for a socket's name: one is 107 octets at most.
    private static let pathOctetsMax = 80

    /// Makes one in $TMPDIR, or in /tmp where that is not set or too long; its name says what it is for.
    init(for purpose: String) throws(AdminError) {
        let usual = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        let parent = usual.isEmpty || usual.utf8.count > TemporaryFolder.pathOctetsMax - 20 ? "/tmp" : usual
        var template = Array("\(parent)/weir-\(purpose)-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else {
            throw AdminError(
                .temporary,
                "\(parent): \(SystemError.text(errno)): no temporary folder can be made; TMPDIR names another place.")
        }
        path = String(cString: made)
    }

    /// Writes a file; a folder in its name is made.
    func write(_ name: String, _ text: String) throws(AdminError) {
        if let slash = name.lastIndex(of: "/") { mkdir("\(path)/\(name[..<slash])", 0o700) }
        let descriptor = try open(name, O_WRONLY | O_CREAT | O_EXCL)
        defer { close(descriptor) }
        let octets = Array(text.utf8)
        guard Glibc.write(descriptor, octets, octets.count) == octets.count else { throw failure(name) }
    }

    /// A descriptor of a file in it.
    func open(_ name: String, _ flags: Int32) throws(AdminError) -> Int32 {
        let descriptor = Glibc.open("\(path)/\(name)", flags | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure(name) }
        return descriptor
    }

    private func failure(_ name: String) -> AdminError {
        AdminError(.temporary, "\(path)/\(name): \(SystemError.text(errno)).")
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }
}
