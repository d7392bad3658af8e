/// Reads configuration and policies, tries what they name, and says what is wrong.
enum Check {
    /// Returns the exit status.
    static func run(_ installation: Installation) async -> Int32 {
        Terminal().note("weir: check is not built in")
        return ExitStatus.unavailable
    }
}
