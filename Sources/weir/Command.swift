/// One verb: everything that parsing, help and running need to know about it.
struct Command: Sendable {
    struct Option: Sendable {
        /// Without the dashes.
        var name: String
        /// What stands for its value in help; nil for a switch.
        var value: String?
        var help: String
        var isRequired = false
        var repeats = false
    }

    /// Such as `["account", "add"]`.
    var words: [String]
    /// Such as `["LOGIN"]`; each must be given, and a last one that ends in `…` as often as one likes.
    var arguments: [String] = []
    var options: [Option] = []
    var summary: String
    /// What the summary leaves out; whole lines.
    var details = ""
    var run: @Sendable (Invocation) async throws -> Void

    var name: String { words.joined(separator: " ") }

    /// Options that every verb takes.
    static let common = [
        Option(name: "config", value: "FILE", help: "the configuration; default /etc/weir/weir.yaml"),
        Option(name: "socket", value: "PATH", help: "the daemon's socket; else $WEIR_SOCKET, else the configuration's"),
        Option(name: "json", help: "print what the API answers"),
        Option(name: "yes", help: "do not ask"),
        Option(name: "help", help: "say what the verb does"),
    ]

    var usage: String {
        let options = options.map { option in
            let text = "--\(option.name)" + (option.value.map { " \($0)" } ?? "")
            return (option.isRequired ? text : "[\(text)]") + (option.repeats ? "…" : "")
        }
        return (["weir", name] + arguments + options).joined(separator: " ")
    }
}

/// A verb with what was given to it.
struct Invocation: Sendable {
    var command: Command
    var arguments: [String]
    /// Values by option, in order; a switch that was given has one empty value.
    var options: [String: [String]]
    var terminal: Terminal

    subscript(_ option: String) -> String? { options[option]?.last }
    func all(_ option: String) -> [String] { options[option] ?? [] }
    func has(_ option: String) -> Bool { options[option] != nil }

    var installation: Installation {
        Installation(configuration: self["config"], socket: self["socket"])
    }
}

/// A command line that cannot be understood; ends with status 64.
struct UsageError: Error {
    var message: String
    /// What to type instead, or where to read on.
    var hint: String
}

/// Results that could not be written; ends with status 74.
struct OutputError: Error {
    var path: String
    var errno: Int32
}

/// A verb that ended with a status of its own, everything said already.
struct ExitStatus: Error {
    var code: Int32

    static let usage: Int32 = 64
    static let fault: Int32 = 70
    static let output: Int32 = 74
    static let denied: Int32 = 77
    static let configuration: Int32 = 78
}
