import Synchronization
import WeirBase
import WeirRuntime
import WeirSMTP

/// A relay that takes messages and throws them away; it refuses recipients who do not exist, and what its filter knows for spam.
///
/// Nobody exists whose name ends in a digit, and what has won is spam.
final class DemoRelay: Sendable {
    /// What it did so far.
    struct Counts: Sendable {
        var messages = 0
        var recipients = 0
        var refused = 0
    }

    private let state = Mutex(Counts())
    private let tls: TLSContext

    init(_ certificate: SelfSignedCertificate) throws(TLSFileError) {
        tls = try TLSContext(certificate: certificate.certificate, key: certificate.key, listener: "relay")
    }

    var counts: Counts { state.withLock { $0 } }

    /// Listens on a free port of loopback.
    func listen(on runtime: Runtime) throws(SystemError) -> any Listening {
        try runtime.listen(on: SocketAddress(ipv4: 0x7F00_0001, port: 0)) { transport, loop in
            let handover = Handover(transport: transport)
            loop.spawn { await self.serve(handover.transport, loop) }
        }
    }

    /// A transport goes from the acceptor to its task once, and both are on one loop.
    private struct Handover: @unchecked Sendable {
        let transport: Transport
    }

    private func serve(_ transport: Transport, _ loop: RuntimeExecutor) async {
        let connection = Connection(transport, on: loop, waiter: Waiter(on: loop))
        var dialogue = DemoRelayDialogue(connection: connection)
        do throws(ConnectionError) {
            try await dialogue.run(tls) { change in self.state.withLock { change(&$0) } }
        } catch {
            // The gateway has gone, which is how its idle connections end.
        }
        connection.close()
    }
}

/// The relay's side of one connection.
private struct DemoRelayDialogue {
    typealias Count = ((inout DemoRelay.Counts) -> Void) -> Void

    let connection: Connection
    private var framer = LineFramer()
    private var recipients = 0

    init(connection: Connection) { self.connection = connection }

    private static let patience: UInt64 = 5 * .minute
    private var deadline: Instant { connection.executor.now + Self.patience }

    mutating func run(_ tls: TLSContext, _ count: Count) async throws(ConnectionError) {
        say("220 relay.demo.example ESMTP, takes all and keeps nothing")
        while true {
            let length = try await nextLine()
            let command = connection.withInput { try? WeirSMTP.Command($0.extracting(0..<length)) } ?? .unknown
            let isUnknownUser = isUnknown(command)
            connection.consume(length + 2)
            switch command {
            case .ehlo, .helo:
                let offers = ["PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "STARTTLS"]
                for offer in ["relay.demo.example"] + offers { say("250-\(offer)") }
                say("250 SIZE 50000000")
            case .startTLS:
                say("220 2.0.0 Go ahead")
                try await connection.flush(until: deadline)
                try await connection.secure(until: deadline) { transport throws(TransportFailure) in
                    try tls.accept(over: transport)
                }
                framer = LineFramer()
            case .mail, .rset, .noop:
                recipients = 0
                say("250 2.0.0 Ok")
            case .rcpt where isUnknownUser:
                count { $0.refused += 1 }
                say("550 5.1.1 No such user here")
            case .rcpt:
                recipients += 1
                say("250 2.1.5 Ok")
            case .data where recipients > 0: try await swallow(count)
            case .data: say("554 5.5.1 No valid recipients")
            case .quit:
                say("221 2.0.0 Goodbye")
                return try await connection.flush(until: deadline)
            case .auth, .vrfy, .help, .unimplemented, .forbidden, .http, .unknown: say("502 5.5.1 Not here")
            }
        }
    }

    private func isUnknown(_ command: WeirSMTP.Command) -> Bool {
        guard case .rcpt(let recipient) = command, let last = recipient.path.localPart.last else { return false }
        return connection.withInput { (0x30...0x39).contains($0[last]) }
    }

    /// A line that no message has but those of the thief.
    private static let spam = "Subject: \(DemoCast.spamSubject)"

    /// Reads a message to its dot.
    private mutating func swallow(_ count: Count) async throws(ConnectionError) {
        say("354 Go on")
        var isSpam = false
        while true {
            let length = try await nextLine()
            let isDot = length == 1 && connection.withInput { $0[0] == UInt8(ascii: ".") }
            if length == Self.spam.utf8.count {
                isSpam =
                    isSpam
                    || connection.withInput { input in
                        Self.spam.utf8.enumerated().allSatisfy { input[$0.offset] == $0.element }
                    }
            }
            connection.consume(length + 2)
            if isDot { break }
        }
        if isSpam {
            count { $0.refused += recipients }
            recipients = 0
            return say("554 5.7.1 This message looks like spam")
        }
        var number = 0
        count { counts in
            counts.messages += 1
            counts.recipients += recipients
            number = counts.messages
        }
        recipients = 0
        say("250 2.0.0 Taken as number \(number)")
    }

    /// The length of the next line, which is the first of the input; what was said goes out before any wait.
    private mutating func nextLine() async throws(ConnectionError) -> Int {
        while true {
            switch connection.withInput({ framer.next(in: $0) }) {
            case .line(let length): return length
            case .discard(let octets), .overlong(let octets): connection.consume(octets)
            case .incomplete:
                try await connection.flush(until: deadline)
                try await connection.receive(until: deadline)
            }
        }
    }

    private func say(_ line: String) {
        connection.prepareOutput()
        connection.output.append(contentsOf: "\(line)\r\n".utf8)
    }
}
