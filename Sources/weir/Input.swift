import Glibc
import WeirAdmin
import WeirRuntime

/// What is read from a file or standard input; secrets always are, for arguments show in the list of processes.
enum Input {
    static let passwordOctetsMax = 1024

    /// A password: the first line of a file, or of standard input for `-`.
    static func password(_ path: String) throws(AdminError) -> String {
        let octets = try octets(of: path, max: passwordOctetsMax)
        let line = octets.prefix { $0 != 0x0A && $0 != 0x0D }
        guard octets.count - line.count <= 2 else {
            throw AdminError(.invalid, "\(path): a password is one line.")
        }
        guard !line.isEmpty, !line.contains(0), let text = String(validating: line, as: UTF8.self) else {
            throw AdminError(.invalid, "\(path): the password is empty or not UTF-8 text.")
        }
        return text
    }

    /// A whole file, or standard input for `-`.
    static func octets(of path: String, max: Int) throws(AdminError) -> [UInt8] {
        let descriptor = path == "-" ? 0 : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw AdminError(.invalid, "\(path): \(SystemError.text(errno)).") }
        defer { if descriptor != 0 { close(descriptor) } }
        var octets: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = Glibc.read(descriptor, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw AdminError(.invalid, "\(path): \(SystemError.text(errno)).") }
            if count == 0 { return octets }
            octets.append(contentsOf: piece[..<count])
            guard octets.count <= max else { throw AdminError(.contentTooLarge, "\(path): longer than \(max) octets.") }
        }
    }
}
