import CYAML
import WeirBase

/// What libyaml tells of a file, piece by piece.
struct YAMLEvent {
    enum Kind: Equatable {
        case documentStart
        case scalar(YAMLScalar)
        case alias
        case sequenceStart, mappingStart
        /// Of a sequence, a mapping, the document or the stream; and the stream's start, which says nothing.
        case end
    }

    var kind: Kind
    var place: Place
    var hasAnchor = false
    var hasTag = false
}

/// The one user of libyaml: octets in, events out.
struct YAMLEvents: ~Copyable {
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let octets: UnsafeBufferPointer<UInt8>
    private let file: String

    /// Hands the events of these octets to `body`; they may not be kept beyond it.
    static func withEvents<Result>(
        of octets: [UInt8], file: String,
        _ body: (inout YAMLEvents) throws(ConfigurationError) -> Result
    ) throws(ConfigurationError) -> Result {
        // A byte order mark is no part of the text, nor of its columns.
        let text = octets.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(octets.dropFirst(3)) : octets
        // libyaml wants an address, which an empty buffer need not have; a line's end is as empty.
        return try (text.isEmpty ? [UInt8(ascii: "\n")] : text).withUnsafeBufferPointer {
            buffer throws(ConfigurationError) in
            var events = try YAMLEvents(buffer, file: file)
            return try body(&events)
        }
    }

    private init(_ octets: UnsafeBufferPointer<UInt8>, file: String) throws(ConfigurationError) {
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        guard yaml_parser_initialize(parser) == 1 else {
            parser.deallocate()
            throw ConfigurationError(Place(file: file), "not enough memory to read it")
        }
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(parser, octets.baseAddress, octets.count)
        self.parser = parser
        self.octets = octets
        self.file = file
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
    }

    /// The next event; after the stream's end, ``YAMLEvent/Kind/end`` for ever.
    mutating func next() throws(ConfigurationError) -> YAMLEvent {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw syntaxError() }
        defer { yaml_event_delete(&event) }
        let place = place(event.start_mark)
        return switch event.type {
        case YAML_DOCUMENT_START_EVENT: YAMLEvent(kind: .documentStart, place: place)
        case YAML_ALIAS_EVENT: YAMLEvent(kind: .alias, place: place)
        case YAML_SCALAR_EVENT: scalar(event, place)
        case YAML_SEQUENCE_START_EVENT:
            YAMLEvent(
                kind: .sequenceStart, place: place, hasAnchor: event.data.sequence_start.anchor != nil,
                hasTag: event.data.sequence_start.tag != nil)
        case YAML_MAPPING_START_EVENT:
            YAMLEvent(
                kind: .mappingStart, place: place, hasAnchor: event.data.mapping_start.anchor != nil,
                hasTag: event.data.mapping_start.tag != nil)
        default: YAMLEvent(kind: .end, place: place)
        }
    }

    private func scalar(_ event: yaml_event_t, _ place: Place) -> YAMLEvent {
        let data = event.data.scalar
        let text = String(decoding: UnsafeBufferPointer(start: data.value, count: data.length), as: UTF8.self)
        let isPlain = data.style == YAML_PLAIN_SCALAR_STYLE
        let isBlock = data.style == YAML_LITERAL_SCALAR_STYLE || data.style == YAML_FOLDED_SCALAR_STYLE
        let (start, end) = (event.start_mark, event.end_mark)
        // With an anchor or a tag before it, the mark is theirs.
        let isVerbatim =
            !isBlock && start.line == end.line && data.anchor == nil && data.tag == nil
            && end.column - min(start.column, end.column) == text.unicodeScalars.count + (isPlain ? 0 : 2)
        let scalar = YAMLScalar(
            text: text, style: isPlain ? .plain : .quoted, place: place, isVerbatim: isVerbatim)
        return YAMLEvent(
            kind: .scalar(scalar), place: place, hasAnchor: data.anchor != nil, hasTag: data.tag != nil)
    }

    // MARK: Errors

    private func syntaxError() -> ConfigurationError {
        let state = parser.pointee
        let problem = state.problem.map { String(cString: $0) } ?? "not enough memory to read it"
        if state.error == YAML_READER_ERROR {
            return ConfigurationError(place(ofOctet: state.problem_offset), problem, hint: "write the file in UTF-8")
        }
        return ConfigurationError(place(state.problem_mark), problem, hint: slip(state) ?? contextHint(state))
    }

    private func contextHint(_ state: yaml_parser_t) -> String? {
        guard let context = state.context else { return nil }
        let mark = state.context_mark
        return String(cString: context) + " that began in line \(mark.line + 1), column \(mark.column + 1)"
    }

    /// What to do about the two commonest mistakes, whose messages help least.
    private func slip(_ state: yaml_parser_t) -> String? {
        let lines = octets.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        guard lines.indices.contains(state.problem_mark.line) else { return nil }
        let line = lines[state.problem_mark.line]
        if line.first(where: { $0 != UInt8(ascii: " ") }) == UInt8(ascii: "\t") {
            return "indent with spaces, not with tabs"
        }
        // An address such as [::1]:25 is a list to YAML.
        guard let open = line.firstIndex(of: UInt8(ascii: "[")),
            let close = line[open...].firstIndex(of: UInt8(ascii: "]")),
            IPAddress(String(decoding: line[(open + 1)..<close], as: UTF8.self)) != nil,
            line[close...].dropFirst().first == UInt8(ascii: ":")
        else { return nil }
        return "put an address in brackets into quotation marks, as in \"[::]:587\""
    }

    private func place(_ mark: yaml_mark_t) -> Place {
        Place(file: file, line: Int(clamping: mark.line) + 1, column: Int(clamping: mark.column) + 1)
    }

    private func place(ofOctet offset: Int) -> Place {
        let before = octets.prefix(max(offset, 0))
        let line = before.count { $0 == UInt8(ascii: "\n") } + 1
        // Octets that continue a character take no column.
        let column = before.reversed().prefix { $0 != UInt8(ascii: "\n") }.count { $0 & 0xC0 != 0x80 } + 1
        return Place(file: file, line: line, column: column)
    }
}
