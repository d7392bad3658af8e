import TestKit

extension TemporaryFolder {
    /// A folder with these files, by name.
    convenience init(_ files: [String: String]) throws {
        try self.init()
        for (name, text) in files { try write(text, to: name) }
    }
}

/// The folder of this repository's sample configuration.
let samples = repository + "/Policies"
