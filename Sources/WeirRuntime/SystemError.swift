internal import Glibc

/// A system call that failed: which, and how.
package struct SystemError: Error, Equatable, CustomStringConvertible {
    package let call: String
    package let errno: Int32

    package init(call: String, errno: Int32) {
        self.call = call
        self.errno = errno
    }

    package var description: String { "\(call): \(SystemError.text(errno))" }

    /// The system's own words for an error number.
    package static func text(_ errno: Int32) -> String {
        guard let text = strerror(errno) else { return "error \(errno)" }
        return String(cString: text)
    }

    /// Returns `result`, or throws with the current errno if it is negative.
    @discardableResult
    static func check(_ call: String, _ result: Int32) throws(SystemError) -> Int32 {
        guard result >= 0 else { throw SystemError(call: call, errno: Glibc.errno) }
        return result
    }
}
