import WeirBase
import WeirRuntime
import WeirSMTP

/// AUTH.
extension Session {
    /// Runs one exchange from the AUTH command on, whose line is still in the input; false where the session ends.
    func authenticate(
        _ mechanism: SASLMechanism, response: Range<Int>?, length: Int
    ) async throws(ConnectionError) -> Bool {
        self.mechanism = MetricLabels.Mechanism(mechanism)
        var exchange = SASLExchange(mechanism)
        var step = client.withInput { exchange.begin(in: $0.extracting(0..<length), response: response) }
        client.consume(length + 2)
        while case .challenge(let octets) = step {
            client.prepareOutput()
            client.output.append(contentsOf: octets)
            try await flush()
            let answer = try await authenticationLine()
            guard let answer else {
                step = .refused(.lineTooLong)
                break
            }
            step = client.withInput { exchange.receive($0.extracting(0..<answer)) }
            client.consume(answer + 2)
        }
        switch step {
        case .challenge: preconditionFailure("the loop answers challenges")
        case .refused(let reply):
            tell(.malformed)
            return settleAuthentication(reply)
        case .credentials(let credentials): return try await check(credentials)
        }
    }

    /// The length of the next line of the exchange; nil if it is too long.
    private func authenticationLine() async throws(ConnectionError) -> Int? {
        var framer = LineFramer(octetsMax: LineFramer.authenticationOctetsMax)
        let deadline = loop.now + generation.timeouts.command
        var isOverlong = false
        while true {
            switch client.withInput({ framer.next(in: $0) }) {
            case .line(let length): return isOverlong ? nil : length
            case .incomplete: try await client.receive(until: deadline)
            case .discard(let octets):
                isOverlong = true
                client.consume(octets)
            case .overlong(let octets):
                client.consume(octets)
                return nil
            }
        }
    }

    private func check(_ credentials: Credentials) async throws(ConnectionError) -> Bool {
        let (authenticator, source, loop) = (gateway.authenticator, client.transport.peer.ip, loop)
        switch await loop.aside({ await authenticator.verify(credentials, source: source, on: loop) }) {
        case .throttled:
            tell(.throttled, login: credentials.login)
            return settleAuthentication(.authenticationBusy)
        case .busy:
            tell(.busy, login: credentials.login)
            return settleAuthentication(.authenticationBusy)
        case .wrong(let account):
            tell(.failure, login: credentials.login)
            if let account { noteFailedLogin(account) }
            return settleAuthentication(.authenticationFailed)
        case .right(let account, let credential):
            tell(.success)
            if let refusal = count(account) {
                say(refusal)
                return false
            }
            admit(account, by: credential)
            return settleAuthentication(nil)
        }
    }

    /// Ends the exchange with a refusal, or with 235; false where the session ends.
    private func settleAuthentication(_ refusal: Reply?) -> Bool {
        say(refusal ?? .authenticated)
        guard let farewell = dialogue.settleAuthentication(succeeded: refusal == nil) else { return true }
        say(farewell)
        return false
    }
}
