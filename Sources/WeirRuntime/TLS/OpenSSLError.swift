internal import COpenSSL
internal import Glibc

/// OpenSSL's account of what failed last, taken from the calling thread's queue, which is empty afterwards.
///
/// To be called before anything else could use OpenSSL on this thread, so never across an `await`.
func takeOpenSSLReason() -> String? {
    var reason: String?
    // The first entry is the cause; those after it are its callers.
    while case let code = ERR_get_error(), code != 0 {
        if reason == nil { reason = words(code) }
    }
    return reason
}

private func words(_ code: UInt) -> String {
    if let reason = ERR_reason_error_string(code) { return String(cString: reason) }
    // System errors carry an errno in place of a reason.
    return code & 0x8000_0000 != 0 ? SystemError.text(Int32(code & 0x7FFF_FFFF)) : "OpenSSL error \(code)"
}

/// A TLS file that cannot be used: which, and why.
package struct TLSFileError: Error, Equatable, Sendable, CustomStringConvertible {
    package let file: String
    package let reason: String

    package init(file: String, reason: String) {
        self.file = file
        self.reason = reason
    }

    package var description: String { "\(file): \(reason)" }
}
