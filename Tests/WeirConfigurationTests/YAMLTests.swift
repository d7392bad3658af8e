import Testing
import WeirConfiguration

@Suite("YAML")
struct YAMLTests {
    private func errors(_ text: String) -> [String] { errors(Array(text.utf8)) }

    private func errors(_ octets: [UInt8]) -> [String] {
        YAMLDocument(octets, file: "f").errors.map(\.description)
    }

    @Test("becomes a tree in which everything has its place")
    func tree() throws {
        let text = """
            # comment
            name: value
            list:
              - plain
              - "quoted"
            """
        let document = YAMLDocument(Array(text.utf8), file: "f")
        #expect(document.errors.isEmpty)
        let root = try #require(document.root)
        guard case .mapping(let entries) = root.content, case .sequence(let items) = entries[1].value.content,
            case .scalar(let plain) = items[0].content, case .scalar(let quoted) = items[1].content
        else {
            Issue.record("not the tree: \(root)")
            return
        }
        #expect(entries.map(\.key.text) == ["name", "list"])
        #expect(entries.map(\.key.place.description) == ["f:2:1", "f:3:1"])
        #expect(entries.map(\.value.place.description) == ["f:2:7", "f:4:3"])
        #expect(plain.style == .plain)
        #expect(quoted.style == .quoted)
        #expect(plain.place(ofCharacter: 3).description == "f:4:7")
        #expect(quoted.place(ofCharacter: 3).description == "f:5:8")
    }

    @Test(
        "a character's place is known where the text stands as it is",
        arguments: [
            ("a: abc", "f:1:6"), ("a: \"abc\"", "f:1:7"), ("a: 'abc'", "f:1:7"), ("a: \"a\\u0062c\"", "f:1:4"),
            ("a: |\n  abc", "f:1:4"), ("a: ab\n  cd", "f:1:4"), ("ä: äbc", "f:1:6"), ("a: &x abc", "f:1:4"),
        ])
    func characters(text: String, place: String) throws {
        let root = try #require(YAMLDocument(Array(text.utf8), file: "f").root)
        guard case .mapping(let entries) = root.content, case .scalar(let scalar) = entries[0].value.content else {
            Issue.record("not the tree: \(root)")
            return
        }
        #expect(scalar.place(ofCharacter: 3).description == place)
        #expect(scalar.place(ofCharacter: 0) == scalar.place)
        #expect(scalar.place(ofCharacter: .max) == scalar.place)
    }

    @Test("a byte order mark is passed over, and takes no column")
    func byteOrderMark() {
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let text = Array("a: 1\na: 2".utf8)
        #expect(errors(mark + text) == errors(text))
        #expect(errors(mark + Array("a: &x 1".utf8)) == ["f:1:4: anchors are not read: leave out the &name"])
        #expect(
            errors(mark + Array("a: ".utf8) + [0xFF]) == [
                "f:1:4: invalid leading UTF-8 octet: write the file in UTF-8"
            ])
        #expect(errors(mark) == ["f:1:1: the file is empty"])
    }

    @Test(
        "what no schema would allow is refused at its place",
        arguments: [
            ("", ["f:1:1: the file is empty"]),
            ("# nothing\n", ["f:1:1: the file is empty"]),
            ("a: 1\nb: 2\na: 3", ["f:3:1: duplicate key \"a\": it was first given in line 1"]),
            (
                "a: &x 1\nb: *x",
                [
                    "f:1:4: anchors are not read: leave out the &name",
                    "f:2:4: aliases are not read: write the value again",
                ]
            ),
            ("a: !!int 1", ["f:1:4: tags are not read: leave out the !tag"]),
            ("a: !own [1]", ["f:1:4: tags are not read: leave out the !tag"]),
            ("a: 1\n---\nb: 2", ["f:2:1: a second document begins: a file holds one document"]),
            ("? [a]\n: 1", ["f:1:3: a key must be text, found a list"]),
        ])
    func refused(text: String, expected: [String]) {
        #expect(errors(text) == expected)
    }

    @Test(
        "a syntax error says what and where",
        arguments: [
            (
                "a:\n  - [1, 2\nb: 3",
                "f:3:2: did not find expected ',' or ']': while parsing a flow sequence that began in line 2, column 5"
            ),
            ("a:\n\tb: 1", "f:2:1: found character that cannot start any token: indent with spaces, not with tabs"),
            (
                "a: \"1",
                "f:1:6: found unexpected end of stream: while scanning a quoted scalar that began in line 1, column 4"
            ),
            (
                "a: [::]:587\nb: 1",
                "f:1:5: did not find expected node content: put an address in brackets into quotation marks, as in \"[::]:587\""
            ),
            (
                "a: { b: [::1]:25 }",
                "f:1:10: did not find expected node content: put an address in brackets into quotation marks, as in \"[::]:587\""
            ),
            (
                "a:\n  - b: [2001:db8::1]:25\n    c: d",
                "f:2:21: did not find expected key: put an address in brackets into quotation marks, as in \"[::]:587\""
            ),
            (
                "a:\n  - b: [2001:db8::1]:25",
                "f:2:21: did not find expected key: put an address in brackets into quotation marks, as in \"[::]:587\""
            ),
            ("a: b: c", "f:1:5: mapping values are not allowed in this context"),
        ])
    func syntax(text: String, expected: String) {
        #expect(errors(text) == [expected])
    }

    @Test("octets that are no text are refused at their place")
    func binary() {
        #expect(
            errors(Array("a: ä\nb: ".utf8) + [0xFF, 0xFE]) == [
                "f:2:4: invalid leading UTF-8 octet: write the file in UTF-8"
            ])
        #expect(
            errors(Array("ä: ".utf8) + [0]) == ["f:1:4: control characters are not allowed: write the file in UTF-8"])
        let all = (0...255).map { UInt8($0) }
        #expect(errors(all).count == 1)
    }

    @Test("nesting is held to 32", arguments: ["[", "{a: ", "- ", "? "])
    func nesting(opening: String) {
        let hostile = errors(String(repeating: opening, count: 5_000))
        #expect(hostile.count == 1)
        #expect(hostile.first?.contains("nested more than 32 deep") == true, "\(hostile)")
        let atLimit = String(repeating: "[", count: 32) + String(repeating: "]", count: 32)
        #expect(errors(atLimit) == [])
        #expect(errors("[" + atLimit + "]") == ["f:1:33: nested more than 32 deep"])
    }

    @Test("the number of values is held to 100,000")
    func nodes() {
        let list = "[" + String(repeating: "a,", count: YAMLDocument.nodesMax - 1) + "]"
        #expect(errors(list) == [])
        #expect(errors("[a," + list.dropFirst()).first?.contains("more than 100000 values") == true)
    }

    @Test("a bomb of aliases stays as small as its text")
    func bomb() {
        var text = "a0: &a0 [lol, lol, lol]\n"
        for level in 1...30 { text += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1), *a\(level - 1)]\n" }
        #expect(errors(text).count == 101)
    }
}
