import Glibc
import WeirRuntime

/// Asks one question of the daemon over its Unix socket, and waits for the answer.
///
/// It blocks its thread: for the command line, which has nothing else to do. One connection a request.
package struct UnixHTTPClient: Sendable {
    package static let answerOctetsMax = 256 << 20

    private let path: String
    private let timeoutSeconds: Int

    package init(path: String, timeoutSeconds: Int = 120) {
        self.path = path
        self.timeoutSeconds = timeoutSeconds
    }

    package func send(
        _ method: String, _ target: String, contentType: String? = nil, body: [UInt8] = []
    ) throws(AdminError) -> HTTPResponse {
        let descriptor = try connect()
        defer { close(descriptor) }
        var head = "\(method) \(target) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        if let contentType { head += "Content-Type: \(contentType)\r\n" }
        if method != "GET" { head += "Content-Length: \(body.count)\r\n" }
        // A server that refuses by the head alone closes early, its answer already sent: so the answer is read
        // whatever became of the rest of the body.
        if write(Array("\(head)\r\n".utf8), to: descriptor) { _ = write(body, to: descriptor) }
        guard let answer = HTTPAnswer.parse(try readAll(from: descriptor)) else {
            throw AdminError(.fault, "What answers on \(path) is not weir: its answer is not HTTP.")
        }
        return answer
    }

    /// Throws ``AdminError/Kind/unreachable`` when nobody listens.
    package func probe() throws(AdminError) { close(try connect()) }

    private func connect() throws(AdminError) -> Int32 {
        guard let address = UnixAddress(path) else {
            throw AdminError(.unreachable, "\(path): longer than a socket's path may be.")
        }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw AdminError(.temporary, "socket: \(UnixHTTPClient.lastError())") }
        var timeout = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, size)
        guard address.connect(descriptor) == 0 else {
            let code = errno
            let reason = UnixHTTPClient.lastError()
            close(descriptor)
            guard code != EACCES, code != EPERM else {
                throw AdminError(.notPermitted, "You may not use \(path); join its group, or become root.")
            }
            throw AdminError(
                .unreachable, "No weir answers on \(path) (\(reason)). Is the daemon running? See --socket.")
        }
        return descriptor
    }

    /// False when the peer takes no more.
    private func write(_ octets: [UInt8], to descriptor: Int32) -> Bool {
        var rest = octets[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    private func readAll(from descriptor: Int32) throws(AdminError) -> [UInt8] {
        var octets: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 * 1024)
        while octets.count <= UnixHTTPClient.answerOctetsMax {
            let count = recv(descriptor, &piece, piece.count, 0)
            if count > 0 {
                octets.append(contentsOf: piece[..<count])
            } else if count == 0 {
                return octets
            } else if errno == EAGAIN {
                throw AdminError(.temporary, "The daemon did not answer within \(timeoutSeconds) s.")
            } else if errno != EINTR {
                // The daemon's reset after an early refusal may overtake nothing of what was read.
                return octets
            }
        }
        throw AdminError(.fault, "The daemon's answer is too long.")
    }

    private static func lastError() -> String { SystemError.text(errno) }
}

/// Takes an HTTP/1.1 answer apart that ended with its connection.
enum HTTPAnswer {
    /// Nil for what is no answer, or not a whole one.
    static func parse(_ octets: [UInt8]) -> HTTPResponse? {
        let end = octets.indices.dropLast(3).first {
            octets[$0] == 13 && octets[$0 + 1] == 10 && octets[$0 + 2] == 13 && octets[$0 + 3] == 10
        }
        guard let end else { return nil }
        let lines = String(decoding: octets[..<end], as: UTF8.self).split(separator: "\r\n")
        let start = lines.first?.split(separator: " ", maxSplits: 2) ?? []
        guard start.count >= 2, start[0].hasPrefix("HTTP/1."), let status = Int(start[1]) else { return nil }
        let body = octets[(end + 4)...]
        if status == 100 { return parse(Array(body)) }
        var response = HTTPResponse(status: status)
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            let pair = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2 else { return nil }
            fields[pair[0].lowercased()] = String(pair[1].drop { $0 == " " })
        }
        response.contentType = fields["content-type"]
        if fields["transfer-encoding"]?.lowercased() == "chunked" {
            guard let joined = unchunked(body) else { return nil }
            response.body = joined
        } else if let length = fields["content-length"] {
            guard let count = Int(length), count >= 0, count <= body.count else { return nil }
            response.body = Array(body.prefix(count))
        } else {
            response.body = Array(body)
        }
        return response
    }

    private static func unchunked(_ octets: ArraySlice<UInt8>) -> [UInt8]? {
        var joined: [UInt8] = []
        var rest = octets
        while let newline = rest.firstIndex(of: 10) {
            let line = String(decoding: rest[..<newline], as: UTF8.self)
            let digits = line.prefix { $0.isHexDigit }
            guard let count = Int(digits, radix: 16), count >= 0 else { return nil }
            if count == 0 { return joined }
            let chunk = rest[(newline + 1)...]
            guard chunk.count >= 2, count <= chunk.count - 2 else { return nil }
            joined.append(contentsOf: chunk.prefix(count))
            rest = chunk.dropFirst(count + 2)
        }
        return nil
    }
}
