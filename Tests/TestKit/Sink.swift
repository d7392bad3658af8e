import Foundation
import Synchronization

/// A relay that takes all mail and keeps it, or answers what it is told to.
///
/// It is as lenient as the worst of relays: a lone LF ends a line, so that what only we would take for text it takes for an
/// end of data.
package final class Sink: Sendable {
    /// What it received in one transaction.
    package struct Message: Sendable {
        package var sender: String
        package var recipients: [String]
        /// Between DATA and the dot, dots unstuffed, line ends as they came.
        package var content: [UInt8]

        package var text: String { String(decoding: content, as: UTF8.self) }
    }

    package enum Event: Sendable {
        case connected
        /// A command line, without its end.
        case command(String)
        /// A whole message, its dot taken and not yet answered.
        case message(Message)
    }

    package enum Answer: Sendable {
        case reply(String)
        /// Breaks the connection off without a word.
        case drop
        /// Says so, then breaks off.
        case last(String)
        /// Nothing: the client waits.
        case silence
        /// Takes the message, and breaks off without a word.
        case takeAndDrop
    }

    /// nil: the usual answer.
    package typealias Script = @Sendable (Event) -> Answer?

    package let port: UInt16
    private let listener: Socket
    private let script: Script
    private let offers: [String]
    private let state = Mutex(State())

    private struct State {
        var messages: [Message] = []
        var commands: [String] = []
        var connections = 0
        var open: [Socket] = []
    }

    /// `offers` are the lines of its answer to EHLO.
    package init(
        offers: [String] = ["PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 100000000", "DSN", "ENHANCEDSTATUSCODES"],
        _ script: @escaping Script = { _ in nil }
    ) throws {
        listener = try Socket.listening()
        port = listener.port
        self.offers = offers
        self.script = script
        Thread.detachNewThread { [listener, weak self] in
            while let socket = listener.accept() {
                Thread.detachNewThread { [weak self] in self?.serve(socket) }
            }
        }
    }

    deinit { listener.close() }

    /// Takes no more connections, and breaks off those that stand.
    package func stop() {
        listener.close()
        for socket in state.withLock({ $0.open }) { socket.close() }
    }

    /// All messages that were taken: answered 2xx, or broken off behind the dot on purpose.
    package var messages: [Message] { state.withLock { $0.messages } }
    /// All command lines, of all connections.
    package var commands: [String] { state.withLock { $0.commands } }
    /// Connections so far, and those that stand.
    package var connections: Int { state.withLock { $0.connections } }
    package var openConnections: Int { state.withLock { $0.open.count } }
    /// Recipients of all messages that were taken.
    package var recipients: Int { state.withLock { $0.messages.reduce(0) { $0 + $1.recipients.count } } }

    package func forget() {
        state.withLock {
            $0.messages = []
            $0.commands = []
        }
    }

    // MARK: - A connection

    /// False: it is over.
    private func say(_ answer: Answer, _ socket: Socket) -> Bool {
        switch answer {
        case .reply(let text): return (try? socket.send(text + "\r\n")) != nil
        case .silence: return true
        case .drop, .takeAndDrop: return false
        case .last(let text):
            try? socket.send(text + "\r\n")
            return false
        }
    }

    private func serve(_ socket: Socket) {
        state.withLock { state in
            state.connections += 1
            state.open.append(socket)
        }
        defer {
            socket.close()
            state.withLock { $0.open.removeAll { $0 === socket } }
        }
        guard say(script(.connected) ?? .reply("220 sink.example ESMTP"), socket) else { return }
        var message = Message(sender: "", recipients: [], content: [])
        while let line = try? socket.line() {
            let command = String(decoding: line, as: UTF8.self)
            state.withLock { $0.commands.append(command) }
            let verb = command.prefix { $0 != " " }.uppercased()
            let answer = script(.command(command)) ?? usual(verb)
            if case .reply(let text) = answer, text.first == "2" {
                switch verb {
                case "MAIL": message = Message(sender: Sink.path(command), recipients: [], content: [])
                case "RCPT": message.recipients.append(Sink.path(command))
                case "RSET", "EHLO", "HELO": message.recipients = []
                default: break
                }
            }
            guard say(answer, socket), verb != "QUIT" else { return }
            if case .reply(let text) = answer, text.hasPrefix("354") {
                guard take(&message, from: socket) else { return }
            }
        }
    }

    private func usual(_ verb: String) -> Answer {
        switch verb {
        case "EHLO":
            let lines = ["sink.example"] + offers
            let reply = lines.enumerated().map { "250\($0 + 1 < lines.count ? "-" : " ")\($1)" }
            return .reply(reply.joined(separator: "\r\n"))
        case "HELO", "MAIL", "RCPT", "RSET", "NOOP": return .reply("250 2.0.0 Ok")
        case "DATA": return .reply("354 Go ahead")
        case "QUIT": return .reply("221 2.0.0 Bye")
        default: return .reply("502 5.5.1 Unknown command")
        }
    }

    /// Reads a message and answers its dot; false: the connection is over.
    private func take(_ message: inout Message, from socket: Socket) -> Bool {
        while let line = try? socket.line() {
            if line == [UInt8(ascii: ".")] {
                let answer = script(.message(message)) ?? .reply("250 2.0.0 Taken")
                switch answer {
                case .takeAndDrop: keep(message)
                case .reply(let text), .last(let text): if text.first == "2" { keep(message) }
                case .drop, .silence: break
                }
                message = Message(sender: "", recipients: [], content: [])
                return say(answer, socket)
            }
            message.content += (line.first == UInt8(ascii: ".") ? line.dropFirst() : line[...]) + [0x0D, 0x0A]
        }
        return false
    }

    private func keep(_ message: Message) { state.withLock { $0.messages.append(message) } }

    /// What stands between the angle brackets.
    private static func path(_ command: String) -> String {
        guard let start = command.firstIndex(of: "<"), let end = command.lastIndex(of: ">") else { return "" }
        return String(command[command.index(after: start)..<end])
    }
}
