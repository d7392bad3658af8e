/// Everything on loopback in a temporary folder.
enum Demo {
    /// Returns the exit status.
    static func run(duration: String?) async -> Int32 {
        Terminal().note("weir: demo is not built in")
        return ExitStatus.unavailable
    }
}
