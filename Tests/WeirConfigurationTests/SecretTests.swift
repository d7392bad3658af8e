import TestKit
import Testing
import WeirConfiguration

@Suite("Files of secrets")
struct SecretTests {
    private let digest = String(repeating: "ab", count: 32)
    private let place = Place(file: "weir.yaml", line: 3, column: 9)

    @Test("tokens are read by line, comments left out")
    func tokens() throws {
        let other = String(repeating: "C", count: 64)
        let folder = try TemporaryFolder([
            "tokens": "# callers\n\nbilling \(digest)\n  desk\t\(other) adjust,suspend\r\n"
        ])
        let tokens = try AdminToken.load(folder.file("tokens"), named: place)
        #expect(tokens.map(\.name) == ["billing", "desk"])
        #expect(tokens.map(\.permissions) == [[.read], [.adjust, .suspend]])
        #expect(tokens.map(\.digest) == [Array(repeating: 0xAB, count: 32), Array(repeating: 0xCC, count: 32)])
    }

    @Test("a file names up to 1,000 callers", arguments: [1_000, 1_001])
    func tokenCount(count: Int) throws {
        func digest(_ number: Int) -> String {
            String(repeating: "0", count: 60) + String(String(0x10000 + number, radix: 16).dropFirst())
        }
        let folder = try TemporaryFolder(["tokens": (0..<count).map { "c\($0) \(digest($0))\n" }.joined()])
        let tokens = try? AdminToken.load(folder.file("tokens"), named: place)
        #expect(tokens?.count == (count > AdminToken.countMax ? nil : count))
    }

    @Test("every wrong line of tokens is told by number, and what is wrong with it")
    func wrongTokens() throws {
        let name = String(repeating: "n", count: 64)
        let lines = [
            "a", "a \(digest) b", "a \(digest.dropLast())g", "a \(digest.dropLast(2))", "a \(digest)", "b \(digest)",
            "c \(digest) raed", "c \(digest) read,", "c \(digest) read, admin", "\(name)n \(digest)",
            "\u{7}c \(digest)",
            "\(name) \(digest.uppercased().dropLast())0 admin",
        ]
        let folder = try TemporaryFolder(["tokens": lines.joined(separator: "\n")])
        let errors =
            #expect(throws: ConfigurationErrors.self) {
                try AdminToken.load(folder.file("tokens"), named: place)
            }?.errors ?? []
        #expect(errors.map(\.place.line) == [1, 2, 3, 4, 6, 7, 8, 9, 10, 11])
        #expect(errors.first { $0.place.line == 7 }?.description.contains("did you mean read?") == true)
        let missing = #expect(throws: ConfigurationErrors.self) {
            try AdminToken.load(folder.file("none"), named: place)
        }
        #expect(
            missing?.description == "weir.yaml:3:9: \(folder.file("none")): cannot be read: No such file or directory: "
                + "token_file: has a line for each caller of the API")
    }
}
