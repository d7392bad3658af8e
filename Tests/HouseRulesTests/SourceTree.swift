import Foundation

/// The project's own sources, read from where this test was compiled.
struct SourceTree {
    struct File {
        /// Relative to the project's folder.
        let path: String
        let text: String

        var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
        /// The folder below Sources or Tests.
        var target: String { String(path.split(separator: "/")[1]) }
        var name: String { String(path.split(separator: "/").last ?? "") }
    }

    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Every Swift file below `folder`, which is "Sources" or "Tests".
    static func swiftFiles(in folder: String) -> [File] {
        let base = root.appending(path: folder)
        let paths = FileManager.default.enumerator(atPath: base.path)?.compactMap { $0 as? String } ?? []
        return paths.filter { $0.hasSuffix(".swift") }.sorted().compactMap { path in
            let text = try? String(contentsOf: base.appending(path: path), encoding: .utf8)
            return text.map { File(path: folder + "/" + path, text: $0) }
        }
    }

    /// The text of a line without its comment, and without its string literals.
    static func code(of line: Substring) -> String {
        var code = ""
        var inString = false
        var previous: Character = " "
        for character in line {
            if character == "\"", previous != "\\" { inString.toggle() }
            if !inString, previous == "/", character == "/" { return String(code.dropLast()) }
            if !inString { code.append(character) }
            previous = character
        }
        return code
    }
}
