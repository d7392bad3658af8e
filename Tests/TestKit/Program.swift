import Foundation
package import Glibc
import Synchronization

/// A program that runs beside the tests, in a process group of its own; it ends when the last reference to it goes.
package final class Program: Sendable {
    /// How it ended.
    package enum End: Equatable, Sendable {
        case exited(Int32)
        case killed(signal: Int32)
    }

    package struct Failure: Error, CustomStringConvertible {
        package let description: String

        package init(description: String) { self.description = description }
    }

    /// Also the number of its process group.
    package let pid: pid_t
    package let name: String
    private let state = Mutex<End?>(nil)

    /// Starts it; `input` is a file, `output` and `errors` are written anew.
    package init(
        _ name: String, _ arguments: [String] = [], input: String = "/dev/null", output: String = "/dev/null",
        errors: String? = nil, environment: [String: String] = [:]
    ) throws {
        guard let path = Program.find(name) else { throw Failure(description: "\(name) is not installed") }
        self.name = name
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        if let errors {
            posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        } else {
            posix_spawn_file_actions_adddup2(&actions, 1, 2)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))
        let merged = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        var argv = ([path] + arguments).map { strdup($0) } + [nil]
        var envp = merged.map { strdup("\($0)=\($1)") } + [nil]
        defer { for text in argv + envp { free(text) } }
        var pid: pid_t = 0
        let status = posix_spawn(&pid, path, &actions, &attributes, &argv, &envp)
        guard status == 0 else { throw Failure(description: "\(path): \(String(cString: strerror(status)))") }
        self.pid = pid
        Program.register(pid)
    }

    deinit { kill(SIGKILL) }

    /// Where a program is: a path as it stands, a name in PATH or where servers are.
    package static func find(_ name: String) -> String? {
        if name.contains("/") { return FileManager.default.isExecutableFile(atPath: name) ? name : nil }
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        let places = path.split(separator: ":").map(String.init) + ["/usr/sbin", "/sbin"]
        return places.map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    // MARK: - The end

    /// How it ended; nil while it runs.
    package var end: End? {
        state.withLock { end in
            if end != nil { return end }
            var status: Int32 = 0
            guard waitpid(pid, &status, WNOHANG) == pid else { return nil }
            end = status & 0x7F == 0 ? .exited(status >> 8 & 0xFF) : .killed(signal: status & 0x7F)
            Program.forget(pid)
            return end
        }
    }

    package var isRunning: Bool { end == nil }

    package func signal(_ number: Int32) {
        if isRunning { _ = Glibc.kill(pid, number) }
    }

    /// Waits for its end; nil when it has not come within the time.
    package func wait(seconds: Double) -> End? {
        _ = eventually(within: seconds) { end != nil }
        return end
    }

    /// Asks it to end, and makes it.
    @discardableResult
    package func stop(seconds: Double = 10) -> End? {
        signal(SIGTERM)
        if let end = wait(seconds: seconds) { return end }
        kill(SIGKILL)
        return end
    }

    /// Ends the whole group at once, and waits for that.
    package func kill(_ number: Int32 = SIGKILL) {
        guard isRunning else { return }
        _ = Glibc.kill(-pid, number)
        _ = Glibc.kill(pid, number)
        _ = wait(seconds: 10)
    }

    // MARK: - Those that run

    /// A file for each program that runs, so that ``Tests/run`` can end them if the tests themselves crash.
    private static let registry = NSTemporaryDirectory() + "/weir-pids"

    private static func register(_ pid: pid_t) {
        mkdir(registry, 0o700)
        close(open("\(registry)/\(pid)", O_WRONLY | O_CREAT, 0o600))
    }

    private static func forget(_ pid: pid_t) { unlink("\(registry)/\(pid)") }
}

extension Program {
    /// A program run to its end, with what it wrote.
    package struct Outcome: Sendable {
        package var status: Int32
        package var output: String
        package var errors: String
    }

    /// Runs a program to its end; status -1 is a signal or the time.
    package static func run(
        _ name: String, _ arguments: [String] = [], input: String = "", environment: [String: String] = [:],
        seconds: Double = 60
    ) throws -> Outcome {
        let folder = try TemporaryFolder()
        let program = try Program(
            name, arguments, input: try folder.write(input, to: "in"), output: folder.file("out"),
            errors: folder.file("err"), environment: environment)
        let end = program.wait(seconds: seconds)
        program.kill()
        var status: Int32 = -1
        if case .exited(let code) = end { status = code }
        return Outcome(status: status, output: text(of: folder.file("out")), errors: text(of: folder.file("err")))
    }
}

/// Looks until `condition` holds or the time is over; returns whether it holds.
package func eventually(within seconds: Double = 10, _ condition: () throws -> Bool) rethrows -> Bool {
    let deadline = Date().addingTimeInterval(seconds)
    var pause: UInt32 = 500
    while true {
        if try condition() { return true }
        if Date() >= deadline { return false }
        usleep(pause)
        pause = min(pause * 2, 20_000)
    }
}
