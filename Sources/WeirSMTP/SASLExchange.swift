/// The server side of one AUTH, PLAIN or LOGIN.
///
/// The driver writes each challenge, hands over the line that answers it, and stops at the first other step.
///
/// Source: RFC 4954, section 4; RFC 4616.
package struct SASLExchange: ~Copyable {
    /// Decoded.
    package static let loginOctetsMax = 320
    /// Decoded.
    package static let passwordOctetsMax = 1_024

    /// What the driver does next.
    package enum Step: Equatable, Sendable {
        /// Write these octets, CRLF included, and read a line.
        case challenge([UInt8])
        /// Well formed; whether they are right is for others to say.
        case credentials(Credentials)
        case refused(Reply)
    }

    private enum State {
        /// Left by ``begin(in:response:)``.
        case beginning(SASLMechanism)
        /// Left by ``receive(_:)``, to the password for LOGIN.
        case awaitingPlain, awaitingLogin
        /// Left by ``receive(_:)``.
        case awaitingPassword(login: [UInt8])
        /// Never left.
        case ended
    }

    private var state: State

    package init(_ mechanism: SASLMechanism) { state = .beginning(mechanism) }

    /// Takes the AUTH command's initial response, if it had one. Called once, before the first line.
    package mutating func begin(in line: Span<UInt8>, response: Range<Int>?) -> Step {
        guard case .beginning(let mechanism) = state else { preconditionFailure("The exchange has begun.") }
        state = mechanism == .plain ? .awaitingPlain : .awaitingLogin
        guard let response else {
            return .challenge(Array((mechanism == .plain ? "334 \r\n" : "334 VXNlcm5hbWU6\r\n").utf8))
        }
        let isEmpty = line.word(response) == UInt64(UInt8(ascii: "="))
        return take(line, isEmpty ? response.prefix(0) : response)
    }

    /// Takes the line that answers the last challenge, its CRLF removed.
    package mutating func receive(_ line: Span<UInt8>) -> Step {
        if line.count == 1, line[0] == UInt8(ascii: "*") { return refuse(.authenticationCancelled) }
        return take(line, 0..<line.count)
    }

    private mutating func take(_ line: Span<UInt8>, _ range: Range<Int>) -> Step {
        guard let answer = Base64.decode(line, range) else { return refuse(.badBase64) }
        switch state {
        case .awaitingPlain:
            return takePlain(answer)
        case .awaitingLogin:
            state = .awaitingPassword(login: answer)
            return .challenge(Array("334 UGFzc3dvcmQ6\r\n".utf8))
        case .awaitingPassword(let login):
            return finish(login: login, password: answer)
        case .beginning, .ended:
            preconditionFailure("No answer was awaited.")
        }
    }

    /// `message = [authzid] UTF8NUL authcid UTF8NUL passwd`; acting for another is not allowed.
    private mutating func takePlain(_ message: [UInt8]) -> Step {
        let parts = message.split(separator: .nul, maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3 else { return refuse(.badBase64) }
        // Logins are compared without regard to case.
        let (actor, login) = (String(decoding: parts[0], as: UTF8.self), String(decoding: parts[1], as: UTF8.self))
        guard actor.isEmpty || actor.lowercased() == login.lowercased() else { return refuse(.authenticationFailed) }
        return finish(login: Array(parts[1]), password: Array(parts[2]))
    }

    private mutating func finish(login: [UInt8], password: [UInt8]) -> Step {
        guard 1...Self.loginOctetsMax ~= login.count, 1...Self.passwordOctetsMax ~= password.count,
            !login.contains(where: \.isControl), !password.contains(.nul),
            login.span.isText(login.indices)
        else { return refuse(.authenticationFailed) }
        state = .ended
        return .credentials(Credentials(login: login, password: password))
    }

    private mutating func refuse(_ reply: Reply) -> Step {
        state = .ended
        return .refused(reply)
    }
}

/// A login and its password, which no description shows.
package struct Credentials: Equatable, Sendable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    /// As sent: UTF-8 without controls, not folded.
    package var login: [UInt8]
    /// As sent, without NUL.
    package var password: [UInt8]

    package init(login: [UInt8], password: [UInt8]) { (self.login, self.password) = (login, password) }

    /// Says nothing.
    package var description: String { "Credentials" }
    /// Says nothing.
    package var debugDescription: String { description }
    /// Shows nothing.
    package var customMirror: Mirror { Mirror(self, children: []) }

    /// Writes our AUTH PLAIN to a relay, the initial response and CRLF included.
    package func appendPlain(to output: inout [UInt8]) {
        let message = [.nul] + login + [.nul] + password
        output.append("AUTH PLAIN ")
        Base64.append(message.span, to: &output)
        output.append("\r\n")
    }

    /// The lines of our AUTH LOGIN to a relay, CRLF included: the command, and the answers to its two challenges.
    package var loginLines: [[UInt8]] {
        [Array("AUTH LOGIN\r\n".utf8)]
            + [login, password].map { answer in
                var line: [UInt8] = []
                Base64.append(answer.span, to: &line)
                line.append("\r\n")
                return line
            }
    }
}
