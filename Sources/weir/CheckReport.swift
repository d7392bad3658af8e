import WeirConfiguration

/// What `weir check` found, as `--json` prints it.
struct CheckReport: Encodable {
    /// Something that was tried and is right.
    struct Finding: Encodable {
        var subject: String
        var result: String
    }

    struct Problem: Encodable {
        enum Severity: String, Encodable {
            case error, warning
        }

        var severity: Severity
        var file: String
        /// From 1; left out where the file as a whole is meant.
        var line: Int?
        var column: Int?
        var message: String
        var hint: String?

        init(_ error: ConfigurationError, _ severity: Severity) {
            self.severity = severity
            file = error.place.file
            line = error.place.line > 0 ? error.place.line : nil
            column = error.place.line > 0 ? error.place.column : nil
            message = error.message
            hint = error.hint
        }
    }

    /// Whether there is no error.
    var sound: Bool
    var findings: [Finding]
    /// Warnings, then errors, each in the order of file and line.
    var problems: [Problem]

    init(findings: [Finding] = [], warnings: [ConfigurationError] = [], errors: [ConfigurationError]) {
        sound = errors.isEmpty
        self.findings = findings
        problems =
            warnings.sorted { $0.place < $1.place }.map { Problem($0, .warning) }
            + errors.sorted { $0.place < $1.place }.map { Problem($0, .error) }
    }
}
