/// A place in a file: line and column count from 1; line 0 means the file as a whole.
package struct Place: Hashable, Sendable {
    package var file: String
    package var line: Int
    package var column: Int

    package init(file: String, line: Int = 0, column: Int = 0) {
        self.file = file
        self.line = line
        self.column = column
    }
}

extension Place: Comparable {
    package static func < (left: Place, right: Place) -> Bool {
        (left.file, left.line, left.column) < (right.file, right.line, right.column)
    }
}

extension Place: CustomStringConvertible {
    package var description: String { line == 0 ? file : "\(file):\(line):\(column)" }
}

/// One thing that is wrong in a file: where, what, and what to do about it.
package struct ConfigurationError: Error, Hashable, Sendable {
    package var place: Place
    package var message: String
    package var hint: String?

    package init(_ place: Place, _ message: String, hint: String? = nil) {
        self.place = place
        self.message = message
        self.hint = hint
    }
}

extension ConfigurationError: CustomStringConvertible {
    /// One line, such as `weir.yaml:12:5: unknown key "adress" in listeners: did you mean "address"?`
    package var description: String { "\(place): \(message)" + (hint.map { ": \($0)" } ?? "") }
}

/// The errors of one file while it is read: only as many as a person would mend before trying again.
struct ErrorList {
    static let countMax = 100

    private(set) var errors: [ConfigurationError] = []

    /// Keeps the error, if there is room; the first for which there is none is told as such, without a line.
    mutating func append(_ place: Place, _ message: @autoclosure () -> String, hint: @autoclosure () -> String? = nil) {
        if errors.count < ErrorList.countMax {
            errors.append(ConfigurationError(place, message(), hint: hint()))
        } else if errors.count == ErrorList.countMax {
            let message = "more than \(ErrorList.countMax) errors: the others are not told"
            errors.append(ConfigurationError(Place(file: place.file), message))
        }
    }
}

/// Everything that is wrong, in the order of file and line; never empty.
package struct ConfigurationErrors: Error, Hashable, Sendable {
    package let errors: [ConfigurationError]

    /// Sorts the errors, and drops repetitions.
    package init(_ errors: [ConfigurationError]) {
        var sorted = errors.sorted { ($0.place, $0.message) < ($1.place, $1.message) }
        for index in sorted.indices.dropFirst().reversed() where sorted[index] == sorted[index - 1] {
            sorted.remove(at: index)
        }
        self.errors = sorted
    }
}

extension ConfigurationErrors: CustomStringConvertible {
    /// A line for each error.
    package var description: String { errors.map(\.description).joined(separator: "\n") }
}

/// Quotes what a file says for a message: short, on one line.
func quoted(_ text: some StringProtocol) -> String {
    let scalarsMax = 60
    let shown = text.unicodeScalars.prefix(scalarsMax).map { $0.breaksLines ? " " : String($0) }
    return "\"" + shown.joined() + (text.unicodeScalars.count > scalarsMax ? "…" : "") + "\""
}

extension Unicode.Scalar {
    /// Whether it is a control character, or a separator of lines or paragraphs.
    var breaksLines: Bool {
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}
