import Glibc
import WeirAdmin
import WeirConfiguration
import WeirGateway
import WeirRuntime
import WeirStore

/// Runs one command line to its exit status.
struct CommandLineTool {
    private let terminal = Terminal()
    private let parser = CommandParser(commands: CommandTable.commands)

    /// `line` is nil where an argument is no text.
    func run(_ line: [String]?) async -> Int32 {
        guard let line else {
            terminal.note("weir: an argument is not UTF-8 text")
            return ExitStatus.usage
        }
        let status = await carryOut(line)
        guard let code = terminal.finish() else { return status }
        let lost = tell(OutputError(path: "standard output", errno: code))
        return status == 0 ? lost : status
    }

    private func carryOut(_ line: [String]) async -> Int32 {
        do {
            switch try parser.parse(line) {
            case .help(let words): try Help(commands: parser.commands).write(words, to: terminal)
            case .run(let command, let arguments, let options):
                try await command.run(
                    Invocation(command: command, arguments: arguments, options: options, terminal: terminal))
            }
            return 0
        } catch {
            return tell(error)
        }
    }

    /// Says what went wrong; returns the exit status that says it too.
    private func tell(_ error: any Error) -> Int32 {
        switch error {
        case let status as ExitStatus: return status.code
        case let error as UsageError:
            terminal.note("weir: \(error.message); \(error.hint)")
            return ExitStatus.usage
        case let error as AdminError:
            terminal.note("weir: \(error.detail)")
            // A single fault is mostly the whole message already.
            for fault in error.errors where !error.detail.contains(fault.detail) {
                terminal.note("  " + describe(fault))
            }
            return error.kind.exitStatus
        case let error as OutputError:
            // Nobody misses what nobody reads.
            if error.errno == EPIPE { return 0 }
            terminal.note("weir: \(error.path): \(SystemError.text(error.errno)): what the verb prints is lost")
            return ExitStatus.output
        case let error as ConfigurationErrors:
            for error in error.errors { terminal.note("\(error)") }
            return ExitStatus.configuration
        case let error as StartError:
            for line in error.description.split(separator: "\n") { terminal.note("weir: \(line)") }
            return error.exitStatus
        case let error as StoreError: return tell(StartError.store(error))
        case let error as SystemError: return tell(StartError.system(error))
        default:
            terminal.note("weir: \(error)")
            return ExitStatus.fault
        }
    }

    private func describe(_ fault: AdminError.Detail) -> String {
        if let line = fault.line { return "line \(line): \(fault.detail)" }
        if let pointer = fault.pointer { return "\(pointer.dropFirst()): \(fault.detail)" }
        return fault.detail
    }
}
