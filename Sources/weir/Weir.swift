import Glibc

/// The one program: `weir serve` is the daemon, every other verb is the administrator's.
@main
struct Weir {
    static func main() async {
        exit(await CommandLineTool().run(Array(CommandLine.arguments.dropFirst())))
    }
}
