internal import CLinux
import Glibc

/// What the kernel says about this process, under the names every Prometheus client uses.
package struct ProcessMetrics: Sendable {
    package init(adding registry: inout MetricRegistry) {
        let processor = registry.add(
            .sampledCounter(
                "process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", scale: 1_000_000_000))
        let resident = registry.add(.gauge("process_resident_memory_bytes", "Resident memory size in bytes."))
        let open = registry.add(.gauge("process_open_fds", "Number of open file descriptors."))
        let most = registry.add(.gauge("process_max_fds", "Maximum number of open file descriptors."))
        let start = registry.add(
            .gauge(
                "process_start_time_seconds", "Start time of the process since unix epoch in seconds.",
                scale: 1_000_000_000))
        processor.sample { Int64(clamping: clinux_processor_time()) }
        resident.sample(ProcessMetrics.residentOctets)
        open.sample(ProcessMetrics.openDescriptors)
        most.sample(ProcessMetrics.descriptorsMax)
        start.set(ProcessMetrics.startNanoseconds())
    }

    /// The second field of statm, in pages.
    private static func residentOctets() -> Int64 {
        let fields = text(of: "/proc/self/statm").split(separator: " ")
        guard fields.count > 1, let pages = Int64(fields[1]) else { return 0 }
        return pages.multipliedReportingOverflow(by: Int64(sysconf(Int32(_SC_PAGESIZE)))).partialValue
    }

    private static func openDescriptors() -> Int64 {
        guard let directory = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(directory) }
        var count: Int64 = 0
        while readdir(directory) != nil { count += 1 }
        return max(count - 3, 0)  // ".", ".." and the directory's own descriptor
    }

    private static func descriptorsMax() -> Int64 {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
        return Int64(clamping: limit.rlim_cur)
    }

    /// Boot time and the 22nd field of stat, in ticks since boot; the second field may hold spaces and brackets.
    private static func startNanoseconds() -> Int64 {
        let status = text(of: "/proc/self/stat")
        guard let bracket = status.lastIndex(of: ")") else { return 0 }
        let fields = status[bracket...].split(separator: " ")
        let ticks = Int64(sysconf(Int32(_SC_CLK_TCK)))
        let boot = text(of: "/proc/stat").split(separator: "\n").first { $0.hasPrefix("btime ") }
        guard fields.count > 20, let since = Int64(fields[20]), ticks > 0,
            let seconds = boot.flatMap({ Int64($0.dropFirst(6)) })
        else { return 0 }
        return seconds &* 1_000_000_000 &+ since &* (1_000_000_000 / ticks)
    }

    private static func text(of path: String) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var octets: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4096)
        while octets.count < 1 << 20 {
            let count = read(descriptor, &piece, piece.count)
            guard count > 0 else { break }
            octets.append(contentsOf: piece[..<count])
        }
        return String(decoding: octets, as: UTF8.self)
    }
}
