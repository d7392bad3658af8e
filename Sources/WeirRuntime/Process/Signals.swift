internal import CLinux
internal import Glibc

/// The signals that an administrator or the service manager sends.
package enum Signals {
    package enum Signal: Equatable, Sendable, CaseIterable {
        /// SIGTERM or SIGINT: end in order.
        case terminate
        /// SIGHUP: read the configuration again.
        case reload
    }

    /// Calls `handler` for each signal, on a thread of its own that lives as long as the process. Once a process.
    ///
    /// A handler that only writes to a pipe is used, not a mask with `sigwait`: threads that the language's runtime made before would not
    /// have the mask.
    package static func receive(_ handler: @escaping @Sendable (Signal) -> Void) throws(SystemError) {
        ignoreBrokenPipes()
        let signals = [SIGTERM, SIGINT, SIGHUP]
        let descriptor = try SystemError.check("sigaction", clinux_catch_signals(signals, Int32(signals.count)))
        _ = try startThread(name: "weir-signals") {
            var octet: UInt8 = 0
            while true {
                let count = read(descriptor, &octet, 1)
                if count == 1 {
                    handler(Int32(octet) == SIGHUP ? .reload : .terminate)
                } else if count == 0 || errno != EINTR {
                    return
                }
            }
        }
    }

    /// A write to a peer that has gone is an error, not the end of the process.
    package static func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }
}
