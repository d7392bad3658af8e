import Foundation

/// A folder that goes when the last reference to it does.
package final class TemporaryFolder: Sendable {
    package let path: String

    /// `isShared`: other users may enter it, as relays that give up root's rights must.
    package init(isShared: Bool = false) throws {
        path = NSTemporaryDirectory() + "/weir-" + UUID().uuidString.prefix(8).lowercased()
        let permissions = isShared ? 0o755 : 0o700
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: permissions])
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The path of a file in it.
    package func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a file, its folders included; returns its path.
    @discardableResult
    package func write(_ text: String, to name: String, permissions: Int = 0o600) throws -> String {
        let url = URL(fileURLWithPath: file(name))
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
        try FileManager.default.setAttributes([.posixPermissions: permissions], ofItemAtPath: url.path)
        return url.path
    }

    /// Makes a folder in it that belongs to `user`; returns its path.
    @discardableResult
    package func folder(_ name: String, owner user: String? = nil) throws -> String {
        try FileManager.default.createDirectory(atPath: file(name), withIntermediateDirectories: true)
        if let user {
            try FileManager.default.setAttributes([.ownerAccountName: user], ofItemAtPath: file(name))
        }
        return file(name)
    }
}

/// The octets of a file; none when there is no such file.
package func contents(of file: String) -> [UInt8] { Array(FileManager.default.contents(atPath: file) ?? Data()) }

/// The text of a file; empty when there is no such file.
package func text(of file: String) -> String { String(decoding: contents(of: file), as: UTF8.self) }

/// The program, built beside the tests.
package let weir = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().path + "/weir"

/// The folder of the notices' templates that we ship.
package let shippedNotices = repository + "/Policies/notices"

/// The repository's top folder.
package let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path
