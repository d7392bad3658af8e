import WeirQuota

/// One key as people are told of it: in `weir help weir.yaml`, in the manual, and by the test of the shipped sample.
package struct KeyDescription: Hashable, Sendable {
    package enum Presence: Hashable, Sendable {
        case required
        case optional
        /// What holds when it is left out, as it would be written.
        case standard(String)
    }

    /// Such as `listeners[].address`.
    package var path: String
    /// What it takes: completes "expected …".
    package var expected: String
    package var presence: Presence
    /// One sentence.
    package var documentation: String

    /// The key itself: the path's last part.
    package var name: String { path.split(separator: ".").last.map(String.init) ?? path }
}

/// What reading a file brings to light beside its values.
final class Reading {
    let file: String
    /// The file's directory with its slash, that relative paths start from.
    let directory: String
    private(set) var errors = ErrorList()
    var warnings: [ConfigurationError] = []
    /// Where each value stands, by path, such as `listeners[0].address`.
    var places: [String: Place] = [:]
    var descriptions: [KeyDescription] = []

    init(file: String) {
        self.file = file
        directory = WeirConfiguration.directory(of: file)
    }

    /// Records an error; message and hint are made only if it is kept.
    func refuse(_ place: Place, _ message: @autoclosure () -> String, hint: @autoclosure () -> String? = nil) {
        errors.append(place, message(), hint: hint())
    }

    /// Records an error at the value of a path, which has been read.
    func refuse(at path: String, _ message: @autoclosure () -> String, hint: @autoclosure () -> String? = nil) {
        errors.append(places[path] ?? Place(file: file), message(), hint: hint())
    }
}

/// A value of a list, with the path under which its place is known.
struct Item<Value> {
    var value: Value
    var path: String
}

/// One mapping of a file, of which each key is declared by reading it.
///
/// To declare a key and to read it is one call, so that what is documented and what is read cannot differ. A function
/// that reads a mapping asks for every one of its keys before it looks at any value: in the walk that collects
/// descriptions there are no values, all required ones are `nil`, and nothing is an error.
struct Keys {
    let reading: Reading
    /// Where the mapping begins.
    let place: Place
    /// Such as `listeners[0]`; empty for the whole file.
    let path: String
    /// `nil` in the walk that collects descriptions.
    private let entries: [YAMLNode.Entry]?
    private var known: [String] = []

    /// Reads a mapping with `body`, then refuses the keys it did not ask for; `nil` if the node is no mapping.
    static func read<Value>(
        _ node: YAMLNode, path: String = "", _ reading: Reading, _ body: (inout Keys) -> Value
    ) -> Value? {
        guard case .mapping(let entries) = node.content else {
            if node.content != .refused {
                let what = path.isEmpty ? "expected a mapping" : "expected a mapping for \(quoted(path))"
                reading.refuse(node.place, "\(what), found \(node.summary)")
            }
            return nil
        }
        var keys = Keys(reading: reading, place: node.place, path: path, entries: entries)
        let value = body(&keys)
        keys.refuseUnknown()
        return value
    }

    /// Collects the descriptions of all keys that `body` asks for, in its order.
    static func describe<Value>(_ body: (inout Keys) -> Value) -> [KeyDescription] {
        let reading = Reading(file: "")
        var keys = Keys(reading: reading, place: Place(file: ""), path: "", entries: nil)
        _ = body(&keys)
        return reading.descriptions
    }

    private init(reading: Reading, place: Place, path: String, entries: [YAMLNode.Entry]?) {
        self.reading = reading
        self.place = place
        self.path = path
        self.entries = entries
    }

    // MARK: Single values

    mutating func required<Value>(_ name: String, _ kind: Kind<Value>, _ documentation: String) -> Value? {
        declare(name, kind.expected, .required, documentation)
        guard let entry = entry(name) else {
            refuseMissing(name, kind.expected)
            return nil
        }
        return scalar(entry.value, kind, path: path(to: name))
    }

    /// `nil` if it is left out, and if it is wrong; ``has(_:)`` tells which.
    mutating func optional<Value>(_ name: String, _ kind: Kind<Value>, _ documentation: String) -> Value? {
        declare(name, kind.expected, .optional, documentation)
        return entry(name).flatMap { scalar($0.value, kind, path: path(to: name)) }
    }

    mutating func value<Value>(
        _ name: String, _ kind: Kind<Value>, default standard: Value, _ documentation: String
    ) -> Value {
        declare(name, kind.expected, .standard(kind.write(standard)), documentation)
        return entry(name).flatMap { scalar($0.value, kind, path: path(to: name)) } ?? standard
    }

    // MARK: Lists and mappings

    /// The good values of a list; `nil` if it is left out or no list.
    ///
    /// A required list may be empty only where that says something, such as "no limits".
    mutating func list<Value>(
        _ name: String, of kind: Kind<Value>, _ presence: KeyDescription.Presence, mayBeEmpty: Bool = false,
        _ documentation: String
    ) -> [Item<Value>]? {
        declare(name, "a list, each \(kind.expected)", presence, documentation)
        return items(name, presence, "a list", mayBeEmpty: mayBeEmpty)?.compactMap {
            node, path in
            scalar(node, kind, path: path).map { Item(value: $0, path: path) }
        }
    }

    /// The good ones of a list of mappings, each read by `body`.
    mutating func mappings<Value>(
        _ name: String, _ presence: KeyDescription.Presence, _ documentation: String, _ body: (inout Keys) -> Value?
    ) -> [Item<Value>] {
        declare(name, "a list of mappings", presence, documentation)
        describe(path(to: name) + "[]", body)
        return items(name, presence, "a list of mappings", mayBeEmpty: false)?.compactMap { node, path in
            reading.places[path] = node.place
            return Keys.read(node, path: path, reading, body)?.map { Item(value: $0, path: path) }
        } ?? []
    }

    /// A mapping all of whose keys may be left out, and so the mapping.
    mutating func mapping<Value>(_ name: String, _ documentation: String, _ body: (inout Keys) -> Value) -> Value {
        optionalMapping(name, documentation, body)
            ?? {
                // Left out, or not a mapping: every key has its default.
                var keys = Keys(reading: Reading(file: ""), place: place, path: "", entries: [])
                return body(&keys)
            }()
    }

    mutating func optionalMapping<Value>(
        _ name: String, _ documentation: String, _ body: (inout Keys) -> Value
    ) -> Value? {
        declare(name, "a mapping", .optional, documentation)
        describe(path(to: name), body)
        return entry(name).flatMap {
            reading.places[path(to: name)] = $0.value.place
            return Keys.read($0.value, path: path(to: name), reading, body)
        }
    }

    // MARK: Checks across keys

    /// Whether the key is there, rightly or wrongly filled.
    func has(_ name: String) -> Bool { entry(name) != nil }

    /// Records an error at a key's value, or at the mapping if the key is not there.
    func refuse(_ name: String, _ message: @autoclosure () -> String, hint: @autoclosure () -> String? = nil) {
        reading.refuse(entry(name)?.value.place ?? place, message(), hint: hint())
    }

    // MARK: Parts

    private func entry(_ name: String) -> YAMLNode.Entry? { entries?.first { $0.key.text == name } }

    private func path(to name: String) -> String { path.isEmpty ? name : path + "." + name }

    /// The path as people think of it, without the numbers of items.
    private var section: String { path.filter { !"[]0123456789".contains($0) } }

    private mutating func declare(
        _ name: String, _ expected: String, _ presence: KeyDescription.Presence, _ documentation: String
    ) {
        known.append(name)
        guard entries == nil else { return }
        reading.descriptions.append(
            KeyDescription(
                path: path(to: name), expected: expected, presence: presence, documentation: documentation))
    }

    private func describe<Value>(_ path: String, _ body: (inout Keys) -> Value) {
        guard entries == nil else { return }
        var keys = Keys(reading: reading, place: place, path: path, entries: nil)
        _ = body(&keys)
    }

    private func scalar<Value>(_ node: YAMLNode, _ kind: Kind<Value>, path: String) -> Value? {
        reading.places[path] = node.place
        var what: String { "expected \(kind.expected) for \(quoted(path)), found \(node.summary)" }
        guard case .scalar(let scalar) = node.content else {
            if node.content != .refused { reading.refuse(node.place, what) }
            return nil
        }
        do throws(Mismatch) {
            return try kind.read(scalar)
        } catch {
            let place = error.character.map(scalar.place(ofCharacter:)) ?? scalar.place
            reading.refuse(place, error.message ?? what, hint: error.hint)
            return nil
        }
    }

    private func items(
        _ name: String, _ presence: KeyDescription.Presence, _ expected: String, mayBeEmpty: Bool
    ) -> [(YAMLNode, path: String)]? {
        guard let entry = entry(name) else {
            if presence == .required { refuseMissing(name, expected) }
            return nil
        }
        reading.places[path(to: name)] = entry.value.place
        switch entry.value.content {
        case .sequence(let nodes):
            if nodes.isEmpty, presence == .required, !mayBeEmpty { refuse(name, "\(quoted(path(to: name))) is empty") }
            return nodes.enumerated().map { ($1, path: "\(path(to: name))[\($0)]") }
        case .refused: return nil
        case .scalar, .mapping:
            refuse(name, "expected \(expected) for \(quoted(path(to: name))), found \(entry.value.summary)")
            return nil
        }
    }

    private func refuseMissing(_ name: String, _ expected: String) {
        guard entries != nil else { return }
        let place = section.isEmpty ? "" : " in \(section)"
        reading.refuse(self.place, "missing key \(quoted(name))\(place)", hint: "it takes \(expected)")
    }

    private func refuseUnknown() {
        for entry in entries ?? [] where !known.contains(entry.key.text) {
            let place = section.isEmpty ? "" : " in \(section)"
            reading.refuse(
                entry.key.place, "unknown key \(quoted(entry.key.text))\(place)",
                hint: Spelling.hint(for: entry.key.text, among: known))
        }
    }
}

extension Spelling {
    /// The hint for a word that is not known: the nearest known one, or the first dozen of all.
    static func hint(for word: String, among known: [String]) -> String? {
        if let near = nearest(to: word.lowercased(), among: known) { return "did you mean \"\(near)\"?" }
        let shown = known.prefix(12).joined(separator: ", ") + (known.count > 12 ? ", …" : "")
        return known.isEmpty ? nil : "known here: " + shown
    }
}
