import WeirQuota

/// Which notice: what happened, and who reads of it. A template's file is named after it.
package struct NoticeName: Hashable, Sendable, CustomStringConvertible {
    package enum Audience: String, CaseIterable, Hashable, Sendable {
        /// The owner of the account.
        case subscriber
        case desk
    }

    package var kind: EventKind
    /// With ``EventKind/warned``, and no other: the limit's window, `hour` or `day`, and the percentage of it.
    package var mark: Mark?
    package var audience: Audience

    package struct Mark: Hashable, Sendable {
        package var window: String
        package var percent: Int

        package init(window: String, percent: Int) {
            self.window = window
            self.percent = percent
        }
    }

    package init(_ kind: EventKind, mark: Mark? = nil, for audience: Audience) {
        self.kind = kind
        self.mark = mark
        self.audience = audience
    }

    /// Such as `warned-day-80-subscriber` or `suspended-desk`.
    package var description: String {
        let middle = mark.map { "-\($0.window)-\($0.percent)" } ?? ""
        return "\(kind.rawValue)\(middle)-\(audience.rawValue)"
    }

    init?(_ text: some StringProtocol) {
        let words = text.split(separator: "-", omittingEmptySubsequences: false)
        guard let first = words.first, let kind = EventKind(rawValue: String(first)), let last = words.last,
            let audience = Audience(rawValue: String(last))
        else { return nil }
        switch (kind, words.count) {
        case (.warned, 4):
            guard ["hour", "day"].contains(words[1]), let percent = Int(words[2]), (1...100).contains(percent),
                words[2] == "\(percent)"
            else { return nil }
            self.init(kind, mark: Mark(window: String(words[1]), percent: percent), for: audience)
        case (.flagged, 2), (.suspended, 2), (.released, 2), (.machineStopped, 2): self.init(kind, for: audience)
        case (_, _): return nil
        }
    }
}

/// What may stand in braces in a template.
package enum NoticeFact: String, CaseIterable, Hashable, Sendable {
    /// The login.
    case account
    case hostname, contact
    /// When it happened.
    case time
    /// Of the event, the same in the log and in what programs are told.
    case id
    /// With a warning: the limit as it is written, its window, the percentage, what is used and what is allowed.
    case limit, window, percent, used, allowed
    /// With the others: who did it, and why.
    case author, reason
    /// With a machine that was stopped: the name that it gives with EHLO.
    case machine

    static func known(_ kind: EventKind) -> [NoticeFact] {
        allCases.filter { fact in
            switch fact {
            case .account, .hostname, .contact, .time, .id: true
            case .limit, .window, .percent, .used, .allowed: kind == .warned
            case .author, .reason: kind != .warned
            case .machine: kind == .machineStopped
            }
        }
    }
}

/// The text of one notice: fields of its header, an empty line, then what it says, with facts in braces.
package struct NoticeTemplate: Hashable, Sendable {
    package enum Piece: Hashable, Sendable {
        case text(String)
        case fact(NoticeFact)
    }

    /// The fields a template may give beside its subject; Weir makes the others.
    static let fieldNames = ["Subject", "Content-Language", "Reply-To"]
    /// Of a template's file.
    static let octetsMax = 64 * 1024

    package var subject: [Piece]
    /// Content-Language and Reply-To, where they are given.
    package var fields: [Field]
    package var body: [Piece]

    package struct Field: Hashable, Sendable {
        package var name: String
        package var value: String
    }

    /// The subject and the text, with the facts in their places.
    package func fill(_ facts: [NoticeFact: String]) -> (subject: String, body: String) {
        func fill(_ pieces: [Piece]) -> String {
            pieces.map { piece in
                switch piece {
                case .text(let text): text
                case .fact(let fact): facts[fact] ?? ""
                }
            }.joined()
        }
        return (fill(subject), fill(body))
    }

    /// Reads every template of a directory, by name; other files than `*.txt` are passed over.
    package static func load(_ directory: String) throws(ConfigurationErrors) -> [NoticeName: NoticeTemplate] {
        let paths: [String]
        do throws(FileFault) {
            paths = try files(matching: "*.txt", in: directory.hasSuffix("/") ? directory : directory + "/")
        } catch {
            throw ConfigurationErrors([ConfigurationError(Place(file: directory), error.reason)])
        }
        guard !paths.isEmpty else {
            throw ConfigurationErrors([ConfigurationError(Place(file: directory), "there is no template in it")])
        }
        var templates: [NoticeName: NoticeTemplate] = [:]
        var errors: [ConfigurationError] = []
        for path in paths {
            guard let name = NoticeName(path.split(separator: "/").last?.dropLast(4) ?? "") else {
                let hint = "such as warned-day-80-subscriber.txt, flagged-desk.txt, suspended-subscriber.txt"
                errors.append(ConfigurationError(Place(file: path), "no notice has this name", hint: hint))
                continue
            }
            do throws(FileFault) {
                var reader = TemplateReader(file: path, kind: name.kind)
                templates[name] = reader.read(try readFile(path, octetsMax: octetsMax))
                errors += reader.errors
            } catch {
                errors.append(ConfigurationError(Place(file: path), "cannot be read: \(error.reason)"))
            }
        }
        guard errors.isEmpty else { throw ConfigurationErrors(errors) }
        return templates
    }
}

/// Reads one template, telling all that is wrong with it.
private struct TemplateReader {
    let file: String
    let kind: EventKind
    private(set) var errors: [ConfigurationError] = []

    init(file: String, kind: EventKind) {
        self.file = file
        self.kind = kind
    }

    mutating func read(_ octets: [UInt8]) -> NoticeTemplate? {
        guard let text = String(validating: octets, as: UTF8.self) else {
            refuse(0, 0, "it is not UTF-8")
            return nil
        }
        let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
        let end = lines.firstIndex(where: \.isEmpty) ?? lines.endIndex
        var template = NoticeTemplate(subject: [], fields: [], body: [])
        for (index, line) in lines[..<end].enumerated() { readField(line, index + 1, into: &template) }
        if template.subject.isEmpty { refuse(1, 1, "it has no subject", hint: "begin it with \"Subject: …\"") }
        var body = Array(lines[end...].dropFirst())
        while body.last?.isEmpty == true { body.removeLast() }
        if body.isEmpty { refuse(end + 1, 1, "it says nothing", hint: "the text follows the header's empty line") }
        for (index, line) in body.enumerated() {
            template.body += pieces(line, end + 2 + index, from: 1) + [.text("\n")]
        }
        return template
    }

    private mutating func readField(_ line: Substring, _ number: Int, into template: inout NoticeTemplate) {
        let name = line.prefix { $0 != ":" }
        guard name.endIndex < line.endIndex,
            let known = NoticeTemplate.fieldNames.first(where: { $0.lowercased() == name.lowercased() })
        else {
            let known = NoticeTemplate.fieldNames.joined(separator: ", ")
            return refuse(number, 1, "\(quoted(name)) is no field of a template", hint: "known here: \(known)")
        }
        let value = line[line.index(after: name.endIndex)...].drop { $0 == " " || $0 == "\t" }
        let isTwice = known == "Subject" ? !template.subject.isEmpty : template.fields.contains { $0.name == known }
        if isTwice { refuse(number, 1, "a second \(known)") }
        if value.isEmpty || value.unicodeScalars.contains(where: \.breaksLines) || value.utf8.count > 500 {
            return refuse(number, name.count + 2, "a \(known) is one line of up to 500 octets")
        }
        if known == "Subject" {
            template.subject = pieces(
                value, number, from: line.distance(from: line.startIndex, to: value.startIndex) + 1)
        } else if value.utf8.allSatisfy({ $0 < 0x80 }) {
            template.fields.append(NoticeTemplate.Field(name: known, value: String(value)))
        } else {
            refuse(number, name.count + 2, "a \(known) is ASCII")
        }
    }

    /// Text with facts in braces; two braces are one.
    private mutating func pieces(_ line: Substring, _ number: Int, from column: Int) -> [NoticeTemplate.Piece] {
        var pieces: [NoticeTemplate.Piece] = []
        var plain = ""
        var rest = line
        func here() -> Int { column + line.distance(from: line.startIndex, to: rest.startIndex) }
        while let character = rest.first {
            if rest.hasPrefix("{{") || rest.hasPrefix("}}") {
                plain.append(character)
                rest = rest.dropFirst(2)
                continue
            }
            guard character == "{" || character == "}" else {
                plain.append(character)
                rest = rest.dropFirst()
                continue
            }
            let word = rest.dropFirst().prefix { $0 != "}" && $0 != "{" }
            let isClosed = character == "{" && word.endIndex < rest.endIndex && rest[word.endIndex] == "}"
            guard isClosed else {
                refuse(number, here(), "a brace without its other half", hint: "write two for one that means itself")
                return pieces
            }
            let known = NoticeFact.known(kind)
            if let fact = NoticeFact(rawValue: String(word)), known.contains(fact) {
                pieces += [.text(plain), .fact(fact)]
                plain = ""
            } else {
                let hint = Spelling.hint(for: String(word), among: known.map(\.rawValue))
                refuse(number, here(), "\(quoted(word)) is no fact of this notice", hint: hint)
            }
            rest = rest[rest.index(after: word.endIndex)...]
        }
        return pieces + [.text(plain)]
    }

    private mutating func refuse(_ line: Int, _ column: Int, _ message: String, hint: String? = nil) {
        errors.append(ConfigurationError(Place(file: file, line: line, column: column), message, hint: hint))
    }
}
