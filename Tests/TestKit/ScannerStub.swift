import Foundation
import Synchronization

/// A scanner that says what it is told to, by the text of the message.
package final class ScannerStub: Sendable {
    package enum Answer: Sendable {
        /// An action and a score, of 15.
        case verdict(String, Double)
        /// Octets as they stand.
        case raw(String)
        case drop
        /// Nothing, until the gateway closes.
        case silence
    }

    package let port: UInt16
    private let listener: Socket
    private let asked: Asked

    /// What its callers said in the field `Password`, nil where they said none.
    package var passwords: [String?] { asked.passwords.withLock { $0 } }

    private final class Asked: Sendable {
        let passwords = Mutex<[String?]>([])
    }

    package init(_ script: @escaping @Sendable (String) -> Answer) throws {
        let listener = try Socket.listening()
        let asked = Asked()
        (self.listener, self.asked) = (listener, asked)
        port = listener.port
        Thread.detachNewThread {
            while let socket = listener.accept() {
                Thread.detachNewThread { try? ScannerStub.serve(socket, script, asked) }
            }
        }
    }

    deinit { listener.close() }

    private static func serve(_ socket: Socket, _ script: (String) -> Answer, _ asked: Asked) throws {
        defer { socket.close() }
        var length = 0
        var password: String?
        while let line = try socket.line(), !line.isEmpty {
            let text = String(decoding: line, as: UTF8.self)
            if text.lowercased().hasPrefix("content-length: ") { length = Int(text.dropFirst(16)) ?? 0 }
            if text.hasPrefix("Password: ") { password = String(text.dropFirst(10)) }
        }
        asked.passwords.withLock { $0.append(password) }
        var body = ""
        // Each line of a message ends in CRLF, the last one too.
        while body.utf8.count < length, let line = try socket.line() {
            body += String(decoding: line, as: UTF8.self) + "\r\n"
        }
        switch script(body) {
        case .verdict(let action, let score):
            let json = "{\"action\":\"\(action)\",\"score\":\(score),\"required_score\":15.0,\"symbols\":{}}"
            try socket.send("HTTP/1.1 200 OK\r\nContent-Length: \(json.utf8.count)\r\n\r\n\(json)")
        case .raw(let text): try socket.send(text)
        case .drop: break
        case .silence: _ = socket.rest()
        }
    }
}
