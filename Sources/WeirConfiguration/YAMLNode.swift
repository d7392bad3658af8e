/// One value of a YAML file, with the place where it begins.
package struct YAMLNode: Hashable, Sendable {
    package enum Content: Hashable, Sendable {
        case scalar(YAMLScalar)
        case sequence([YAMLNode])
        /// In the order of the file; keys are unique.
        case mapping([Entry])
        /// Something that is not read, such as an alias; the error is already told.
        case refused
    }

    /// One pair of a mapping.
    package struct Entry: Hashable, Sendable {
        package var key: YAMLScalar
        package var value: YAMLNode
    }

    package var place: Place
    package var content: Content

    package init(place: Place, content: Content) {
        self.place = place
        self.content = content
    }
}

/// Text as it stands in a file; what it means is for the schema to say.
package struct YAMLScalar: Hashable, Sendable {
    package enum Style: Hashable, Sendable {
        case plain
        /// In quotation marks, or as a block.
        case quoted
    }

    package var text: String
    package var style: Style
    package var place: Place
    /// Whether character n of the text stands n columns behind its first one in the file: one line, nothing escaped.
    package var isVerbatim: Bool

    package init(text: String, style: Style, place: Place, isVerbatim: Bool) {
        self.text = text
        self.style = style
        self.place = place
        self.isVerbatim = isVerbatim
    }

    /// The place of a character of the text, counted from 1; the scalar's own where that cannot be told.
    package func place(ofCharacter character: Int) -> Place {
        guard isVerbatim, (1...text.unicodeScalars.count + 1).contains(character) else { return place }
        var place = place
        place.column += character - 1 + (style == .quoted ? 1 : 0)
        return place
    }
}

extension YAMLNode {
    /// What it is, for a message: `"text"`, `a list`, `a mapping`, `nothing`.
    var summary: String {
        switch content {
        case .scalar(let scalar) where scalar.text.isEmpty && scalar.style == .plain: "nothing"
        case .scalar(let scalar): quoted(scalar.text)
        case .sequence: "a list"
        case .mapping: "a mapping"
        case .refused: "nothing"
        }
    }
}
