import Foundation
import Glibc

/// What processes and threads have used of the processors so far, in seconds.
enum ProcessorTime {
    static var ofThisProcess: Double { Double(clock()) / Double(CLOCKS_PER_SEC) }

    static func of(_ pid: Int32) -> Double { used("/proc/\(pid)") }

    /// Of this process's threads of one name.
    static func ofThreads(_ name: String) -> Double {
        let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
        return tasks.map { "/proc/self/task/\($0)" }
            .filter { (try? String(contentsOfFile: "\($0)/comm", encoding: .utf8)) == "\(name)\n" }
            .map(used).reduce(0, +)
    }

    /// By a folder of /proc.
    private static func used(_ folder: String) -> Double {
        let text = (try? String(contentsOfFile: "\(folder)/stat", encoding: .utf8)) ?? ""
        guard let end = text.lastIndex(of: ")") else { return 0 }
        // proc(5): utime and stime are the 14th and the 15th, and the 2nd ends here.
        let fields = text[end...].split(separator: " ")
        guard fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13]) else { return 0 }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}
