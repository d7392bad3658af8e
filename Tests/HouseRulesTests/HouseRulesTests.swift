import Testing

@Suite("The house rules")
struct HouseRulesTests {
    /// Who may import whom: each target, and what stands below it.
    static let arrows: [String: Set<String>] = [
        "WeirBase": [],
        "WeirSMTP": [],
        "WeirQuota": ["WeirBase"],
        "WeirReputation": ["WeirBase"],
        "WeirConfiguration": ["CYAML", "WeirBase", "WeirQuota"],
        "WeirRuntime": ["CLinux", "COpenSSL", "CAres", "CCrypt", "WeirBase"],
        "WeirStore": ["CSQLite", "WeirBase", "WeirQuota", "WeirRuntime"],
        "WeirGateway": [
            "WeirBase", "WeirConfiguration", "WeirQuota", "WeirReputation", "WeirRuntime", "WeirSMTP", "WeirStore",
        ],
        "WeirAdmin": [
            "CMicroHTTPD", "WeirBase", "WeirConfiguration", "WeirGateway", "WeirQuota", "WeirReputation",
            "WeirRuntime", "WeirStore",
        ],
        "weir": [
            "WeirAdmin", "WeirBase", "WeirConfiguration", "WeirGateway", "WeirQuota", "WeirReputation", "WeirRuntime",
            "WeirSMTP", "WeirStore",
        ],
    ]
    static let pure: Set<String> = ["WeirBase", "WeirQuota", "WeirReputation", "WeirSMTP"]
    /// The toolchain's modules that a target may use besides.
    static func toolchain(_ target: String) -> Set<String> {
        if pure.contains(target) { return [] }
        let system: Set<String> = ["Glibc", "Synchronization"]
        return ["WeirAdmin", "weir"].contains(target) ? system.union(["FoundationEssentials"]) : system
    }

    @Test("imports point one way")
    func imports() {
        for file in SourceTree.swiftFiles(in: "Sources") {
            let allowed = (Self.arrows[file.target] ?? []).union(Self.toolchain(file.target))
            for line in file.lines {
                let words = SourceTree.code(of: line).split(separator: " ")
                guard let index = words.firstIndex(of: "import"), index <= 2, words.count > index + 1 else { continue }
                let module = String(words[index + 1].split(separator: ".")[0])
                #expect(allowed.contains(module), "\(file.path) imports \(module)")
            }
        }
    }

    /// What would escape the simulation, or end the process on a peer's word.
    static let banned = [
        "Task {", "Task.detached", "Task.sleep", "ContinuousClock", "SuspendingClock", "Date()", "Dispatch",
        "SystemRandomNumberGenerator", "try!", "fatalError(", "print(",
    ]

    @Test("nothing below the command line escapes the simulation or traps on purpose", arguments: banned)
    func bannedWords(word: String) {
        for file in SourceTree.swiftFiles(in: "Sources") where file.target != "weir" {
            for (number, line) in file.lines.enumerated() {
                let found = SourceTree.code(of: line).contains(of: word)
                #expect(!found, "\(file.path):\(number + 1) has \(word)")
            }
        }
    }

    @Test("files fit: 400 lines of source, 600 of tests")
    func fileLengths() {
        for (folder, limit) in [("Sources", 400), ("Tests", 600)] {
            for file in SourceTree.swiftFiles(in: folder) {
                #expect(file.lines.count <= limit, "\(file.path) has \(file.lines.count) lines")
            }
        }
    }

    @Test("nothing is public")
    func access() {
        for file in SourceTree.swiftFiles(in: "Sources") {
            for (number, line) in file.lines.enumerated() {
                let isWider = SourceTree.code(of: line).contains(
                    /\b(public|open) (final|class|struct|enum|protocol|actor|func|var|let|init|static|typealias|subscript)\b/
                )
                #expect(!isWider, "\(file.path):\(number + 1)")
            }
        }
    }

    @Test("each unchecked Sendable and nonisolated(unsafe) has its proof beside it")
    func proofs() {
        for file in SourceTree.swiftFiles(in: "Sources") {
            let lines = file.lines
            for (number, line) in lines.enumerated() {
                let code = SourceTree.code(of: line)
                guard code.contains("@unchecked Sendable") || code.contains("nonisolated(unsafe)") else { continue }
                let above = lines[max(0, number - 8)..<number].contains { $0.contains("///") || $0.contains("// ") }
                #expect(above || line.contains("//"), "\(file.path):\(number + 1) needs a sentence of proof")
            }
        }
    }
}

extension String {
    /// Whether `word` stands here, and not as the end of a longer name.
    fileprivate func contains(of word: String) -> Bool {
        ranges(of: word).contains { range in
            guard range.lowerBound > startIndex else { return true }
            let before = self[index(before: range.lowerBound)]
            return !before.isLetter && !before.isNumber && before != "_"
        }
    }
}
