import Foundation

/// Recorded traces with their messages, where `WEIR_TRACES` says, or where they lie beside the repository.
package enum RecordedTrace {
    /// Nil where there are none. A folder that `WEIR_TRACES` names is taken at its word: what needs it fails where it is not there.
    package static let folder: String? = {
        if let named = ProcessInfo.processInfo.environment["WEIR_TRACES"] { return named }
        let beside = URL(fileURLWithPath: repository).appending(path: "../shared/data/spam").standardized.path
        return FileManager.default.fileExists(atPath: "\(beside)/trace.jsonl.gz") ? beside : nil
    }()

    /// Why what replays one is skipped.
    package static let reason = "no trace in ../shared/data/spam: WEIR_TRACES names the folder of one"
}
