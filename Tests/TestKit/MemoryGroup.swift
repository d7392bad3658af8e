import Foundation

/// A memory control group of our own: the kernel ends a program in it that wants more than its limit.
package final class MemoryGroup: Sendable {
    private let path: String

    /// Throws the reason where this process may make none.
    package init(octetsMax: Int) throws {
        let places = MemoryGroup.places
        for (parent, limit) in places {
            let path = "\(parent)/weir-\(UUID().uuidString.prefix(8).lowercased())"
            guard mkdir(path, 0o755) == 0 else { continue }
            if (try? "\(octetsMax)".write(toFile: "\(path)/\(limit)", atomically: false, encoding: .utf8)) != nil {
                self.path = path
                return
            }
            rmdir(path)
        }
        throw Program.Failure(description: "no memory control group can be made in \(places.map(\.parent))")
    }

    deinit { rmdir(path) }

    /// What stands before a command so that it runs in here.
    package var launcher: [String] { ["/bin/sh", "-c", "echo $$ > \(path)/cgroup.procs && exec \"$@\"", "sh"] }

    /// Our own group's folder, or the root's where a container hides it, with the name of the limit: in version 2, then in version 1.
    private static var places: [(parent: String, limit: String)] {
        text(of: "/proc/self/cgroup").split(separator: "\n").flatMap { line -> [(String, String)] in
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 3 else { return [] }
            if fields[0] == "0" { return [fields[2], ""].map { ("/sys/fs/cgroup\($0)", "memory.max") } }
            guard fields[1].split(separator: ",").contains("memory") else { return [] }
            return [fields[2], ""].map { ("/sys/fs/cgroup/memory\($0)", "memory.limit_in_bytes") }
        }
    }
}
