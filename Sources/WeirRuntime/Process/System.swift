internal import Glibc

/// What the process asks of the machine.
package enum System {
    /// Raises the limit on open descriptors as far as this process may, and returns it.
    @discardableResult
    package static func raiseDescriptorLimit() throws(SystemError) -> UInt64 {
        var limit = rlimit()
        try SystemError.check("getrlimit", getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit))
        limit.rlim_cur = limit.rlim_max
        try SystemError.check("setrlimit", setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit))
        return UInt64(limit.rlim_cur)
    }

    /// Has the calling thread stand back behind the others; where that is not permitted nothing changes.
    package static func lowerThreadPriority() {
        // On Linux the process 0 is the calling thread.
        _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
    }

    /// Why mkdir(2) would not make this folder, as far as can be told without trying; nil where nothing speaks against it.
    package static func obstacle(toFolder path: String) -> Int32? {
        let name = path.utf8.reversed().drop { $0 == UInt8(ascii: "/") }.drop { $0 != UInt8(ascii: "/") }
        let parent = String(decoding: name.reversed(), as: UTF8.self)
        let above = parent.isEmpty ? "." : parent
        guard access(above, W_OK | X_OK) == 0 else { return errno }
        var status = stat()
        guard stat(above, &status) == 0 else { return errno }
        return status.st_mode & S_IFMT == S_IFDIR ? nil : ENOTDIR
    }

    /// The kernel's name for this boot: another one means that CLOCK_BOOTTIME began anew.
    package static func bootID() throws(SystemError) -> String {
        let descriptor = try SystemError.check(
            "open boot_id", open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC))
        defer { close(descriptor) }
        var octets = [UInt8](repeating: 0, count: 64)
        let count = read(descriptor, &octets, octets.count)
        guard count > 0 else { throw SystemError(call: "read boot_id", errno: errno) }
        return String(decoding: octets[..<count].prefix { $0 > 0x20 }, as: UTF8.self)
    }
}
