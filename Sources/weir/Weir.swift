import Glibc

/// The one program: `weir serve` is the daemon, every other verb is the administrator's.
@main
struct Weir {
    static func main() async {
        exit(await CommandLineTool().run(arguments))
    }

    /// Those of the command line, the program's name left out; nil where one is not UTF-8, which Swift's own would mend.
    private static var arguments: [String]? {
        var arguments: [String] = []
        for index in 1..<max(1, Int(CommandLine.argc)) {
            guard let octets = CommandLine.unsafeArgv[index], let text = String(validatingCString: octets) else {
                return nil
            }
            arguments.append(text)
        }
        return arguments
    }
}
