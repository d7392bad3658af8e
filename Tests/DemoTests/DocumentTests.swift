import Foundation
import TestKit
import Testing
import WeirConfiguration
import WeirQuota

@Suite("What the documents say")
struct DocumentTests {
    private static let folders = ["", "Sources/Documentation", "Sources/Documentation/Decisions", "Sources/Packaging"]

    /// Every page, relative to the repository.
    static let pages: [String] = folders.flatMap { folder in
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(repository)/\(folder)")) ?? []
        return names.filter { $0.hasSuffix(".md") }.sorted().map { folder.isEmpty ? $0 : "\(folder)/\($0)" }
    }

    private static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: "\(repository)/\(path)")
    }

    private static func page(_ path: String) -> String { text(of: "\(repository)/\(path)") }

    @Test("every link leads somewhere", arguments: pages)
    func links(page: String) {
        let folder = page.split(separator: "/").dropLast().joined(separator: "/")
        for link in Self.page(page).matches(of: /\]\(([^)\s]+)\)/) where !link.1.contains("://") {
            let target = link.1.prefix { $0 != "#" }
            #expect(Self.exists("\(folder)/\(target)"), "\(page) links to \(link.1)")
        }
    }

    @Test("every file that a page names in backquotes exists", arguments: pages)
    func files(page: String) {
        for name in Self.page(page).matches(of: /`([A-Za-z0-9_.+\/-]+\.(?:swift|md|yaml|service|socket|h|c|json))`/) {
            // A name is a path from the top, from Sources or Tests, or from a target's folder.
            let places = ["", "Sources/", "Tests/", "Policies/", "Sources/Documentation/", "Sources/Packaging/"]
            #expect(places.contains { Self.exists($0 + name.1) }, "\(page) names \(name.1)")
        }
    }

    @Test("every verb is in the README's table, and every verb of that table is one")
    func verbs() throws {
        let help = try Program.run(weir, ["help"])
        let known = help.output.split(separator: "\n").compactMap { line in
            line.hasPrefix("  ")
                ? line.dropFirst(2).prefixMatch(of: /[a-z]+( [a-z]+)?(?=  )/).map { String($0.0) } : nil
        }
        #expect(known.count >= 18)
        let told = Self.page("README.md").matches(of: /\n\| `weir ([a-z]+( [a-z]+)?)/).map { String($0.1) }
        #expect(told.sorted() == known.sorted())
    }

    @Test("every option in the README's table is one of its verb")
    func options() throws {
        for row in Self.page("README.md").matches(of: /\n\| `weir ([a-z]+(?: [a-z]+)?)([^\n]*)/) {
            let help = try Program.run(weir, ["help"] + row.1.split(separator: " ").map(String.init))
            for option in row.2.matches(of: /--[a-z-]+/) {
                #expect(help.output.contains(option.0), "\(row.1) has no \(option.0)")
            }
        }
    }

    @Test("every proof in the README's table is a test")
    func proofs() throws {
        var tests = ""
        for file in FileManager.default.enumerator(atPath: "\(repository)/Tests") ?? .init() {
            if let file = file as? String, file.hasSuffix(".swift") { tests += Self.page("Tests/\(file)") }
        }
        let proofs = Self.page("README.md").matches(of: /swift test --filter (\w+)`/)
        #expect(proofs.count >= 10)
        for proof in proofs {
            #expect(tests.contains("func \(proof.1)(") || tests.contains("struct \(proof.1) {"), "\(proof.1)")
        }
    }

    @Test("the README's configuration and its plan load, without a warning")
    func configuration() throws {
        let blocks = Self.page("README.md").matches(of: /```yaml\n(.*?)```/.dotMatchesNewlines()).map { String($0.1) }
        try #require(blocks.count == 2)
        let folder = try TemporaryFolder()
        try folder.write(blocks[1], to: "policies/residential.yaml")
        let loaded = try Configuration.load(folder.write(blocks[0], to: "weir.yaml"))
        #expect(loaded.warnings == [])
        #expect(loaded.policies.plans["residential"]?.limits.count == 3)
    }
}
