/// A YAML file of one document, as a tree; and everything that no schema would allow in it.
///
/// Aliases, anchors, tags, keys that are not text, duplicate keys and a second document are errors, and reading goes
/// on; a syntax error, too deep a nesting and too many values end it.
package struct YAMLDocument: Sendable {
    /// The document's value, `nil` if there is none or it could not be read to its end.
    package let root: YAMLNode?
    /// In the order of the file.
    package let errors: [ConfigurationError]

    /// How deep sequences and mappings may nest.
    package static let nestingMax = 32
    /// How many values and keys a file may hold.
    package static let nodesMax = 100_000

    /// Reads UTF-8; `file` is the name that places will carry.
    package init(_ octets: [UInt8], file: String) {
        var builder = YAMLTreeBuilder(file: file)
        var root: YAMLNode?
        do {
            root = try YAMLEvents.withEvents(of: octets, file: file) { events throws(ConfigurationError) in
                try builder.document(&events)
            }
        } catch {
            builder.errors.append(error.place, error.message, hint: error.hint)
        }
        self.root = root
        errors = builder.errors.errors
    }
}

/// Makes a tree of libyaml's events; recursion is bounded by ``YAMLDocument/nestingMax``.
private struct YAMLTreeBuilder {
    let file: String
    var errors = ErrorList()
    private var nodes = 0

    init(file: String) { self.file = file }

    mutating func document(_ events: inout YAMLEvents) throws(ConfigurationError) -> YAMLNode {
        _ = try events.next()  // start of the stream
        guard case let start = try events.next(), start.kind == .documentStart else {
            throw ConfigurationError(Place(file: file, line: 1, column: 1), "the file is empty")
        }
        let root = try node(try events.next(), depth: 0, &events)
        _ = try events.next()  // end of the document
        let after = try events.next()
        if after.kind == .documentStart {
            throw ConfigurationError(after.place, "a second document begins", hint: "a file holds one document")
        }
        return root
    }

    private mutating func node(
        _ event: YAMLEvent, depth: Int, _ events: inout YAMLEvents
    ) throws(ConfigurationError) -> YAMLNode {
        try count(event)
        refuseProperties(of: event)
        switch event.kind {
        case .scalar(let scalar): return YAMLNode(place: event.place, content: .scalar(scalar))
        case .alias:
            errors.append(event.place, "aliases are not read", hint: "write the value again")
            return YAMLNode(place: event.place, content: .refused)
        case .sequenceStart:
            try checkDepth(depth, event)
            return YAMLNode(place: event.place, content: .sequence(try items(depth: depth, &events)))
        case .mappingStart:
            try checkDepth(depth, event)
            return YAMLNode(place: event.place, content: .mapping(try entries(depth: depth, &events)))
        case .documentStart, .end:
            // libyaml ends nothing that it has not begun.
            throw ConfigurationError(event.place, "a value is missing")
        }
    }

    private mutating func items(
        depth: Int, _ events: inout YAMLEvents
    ) throws(ConfigurationError) -> [YAMLNode] {
        var items: [YAMLNode] = []
        while case let event = try events.next(), event.kind != .end {
            items.append(try node(event, depth: depth + 1, &events))
        }
        return items
    }

    private mutating func entries(
        depth: Int, _ events: inout YAMLEvents
    ) throws(ConfigurationError) -> [YAMLNode.Entry] {
        var entries: [YAMLNode.Entry] = []
        var seen: [String: Place] = [:]
        while case let event = try events.next(), event.kind != .end {
            let key = try node(event, depth: depth + 1, &events)
            let value = try node(try events.next(), depth: depth + 1, &events)
            guard case .scalar(let name) = key.content else {
                if key.content != .refused {
                    errors.append(key.place, "a key must be text, found \(key.summary)")
                }
                continue
            }
            if let first = seen[name.text] {
                let hint = "it was first given in line \(first.line)"
                errors.append(name.place, "duplicate key \(quoted(name.text))", hint: hint)
            } else {
                seen[name.text] = name.place
                entries.append(YAMLNode.Entry(key: name, value: value))
            }
        }
        return entries
    }

    private mutating func refuseProperties(of event: YAMLEvent) {
        if event.hasAnchor, event.kind != .alias {
            errors.append(event.place, "anchors are not read", hint: "leave out the &name")
        }
        if event.hasTag {
            errors.append(event.place, "tags are not read", hint: "leave out the !tag")
        }
    }

    private mutating func count(_ event: YAMLEvent) throws(ConfigurationError) {
        nodes += 1
        guard nodes <= YAMLDocument.nodesMax else {
            throw ConfigurationError(event.place, "more than \(YAMLDocument.nodesMax) values in one file")
        }
    }

    private func checkDepth(_ depth: Int, _ event: YAMLEvent) throws(ConfigurationError) {
        guard depth < YAMLDocument.nestingMax else {
            throw ConfigurationError(event.place, "nested more than \(YAMLDocument.nestingMax) deep")
        }
    }
}
