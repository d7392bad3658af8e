import Glibc
import WeirAdmin
import WeirRuntime

/// The lines of a file or of standard input, one after another, in bounded memory.
struct LineReader: ~Copyable {
    static let lineOctetsMax = 4 * 1024 * 1024

    private let path: String
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private var start = 0
    private var isAtEnd = false
    private(set) var lines = 0

    init(_ path: String) throws(AdminError) {
        self.path = path
        descriptor = path == "-" ? 0 : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw AdminError(.invalid, "\(path): \(SystemError.text(errno)).") }
    }

    deinit { if descriptor > 0 { close(descriptor) } }

    /// Without its LF; nil at the end.
    mutating func next() throws(AdminError) -> ArraySlice<UInt8>? {
        var searched = start
        while true {
            if let end = buffer[searched...].firstIndex(of: 0x0A) {
                defer { start = end + 1 }
                lines += 1
                return buffer[start..<end]
            }
            searched = buffer.count
            if isAtEnd {
                guard start < buffer.count else { return nil }
                defer { start = buffer.count }
                lines += 1
                return buffer[start...]
            }
            guard buffer.count - start <= Self.lineOctetsMax else {
                throw AdminError(.invalid, "\(path):\(lines + 1): longer than \(Self.lineOctetsMax) octets.")
            }
            searched -= start
            buffer.removeFirst(start)
            start = 0
            try fill()
        }
    }

    private mutating func fill() throws(AdminError) {
        let size = 256 * 1024
        let before = buffer.count
        buffer.append(contentsOf: repeatElement(0, count: size))
        var count = 0
        repeat {
            count = buffer.withUnsafeMutableBytes { octets in
                Glibc.read(descriptor, octets.baseAddress.map { $0 + before }, size)
            }
        } while count < 0 && errno == EINTR
        guard count >= 0 else { throw AdminError(.invalid, "\(path): \(SystemError.text(errno)).") }
        buffer.removeLast(size - count)
        isAtEnd = count == 0
    }
}
