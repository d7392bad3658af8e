/// The daemon, in the foreground.
enum Serve {
    /// Returns the exit status.
    static func run(_ installation: Installation) async -> Int32 {
        Terminal().note("weir: serve is not built in")
        return ExitStatus.unavailable
    }
}
