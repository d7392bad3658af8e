import Foundation

/// Recorded traces with their messages, where they lie beside the repository or `WEIR_TRACES` says.
package enum RecordedTrace {
    /// Nil where there are none, which is printed.
    package static let folder: String? = {
        let beside = URL(fileURLWithPath: repository).appending(path: "../shared/data/spam").standardized.path
        let path = ProcessInfo.processInfo.environment["WEIR_TRACES"] ?? beside
        guard FileManager.default.fileExists(atPath: "\(path)/trace.jsonl.gz") else {
            print("No traces at \(path): what replays one is skipped.")
            return nil
        }
        return path
    }()
}
