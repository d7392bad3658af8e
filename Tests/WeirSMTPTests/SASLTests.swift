import Testing
import WeirSMTP

@Suite struct SASLTests {
    private func base64(_ plain: String) -> String {
        var output: [UInt8] = []
        Base64.append(octets(plain).span, to: &output)
        return text(output)
    }

    /// Runs an exchange: the initial response, or nil, then lines.
    private func run(_ mechanism: SASLMechanism, _ response: String?, _ lines: String...) -> SASLExchange.Step {
        var exchange = SASLExchange(mechanism)
        let command = octets("AUTH X " + (response ?? ""))
        var step = exchange.begin(in: command.span, response: response == nil ? nil : 7..<command.count)
        for line in lines {
            guard case .challenge = step else {
                Issue.record("no challenge before \(line)")
                return step
            }
            step = exchange.receive(octets(line).span)
        }
        return step
    }

    private let alice = SASLExchange.Step.credentials(Credentials(login: octets("alice"), password: octets("s3 cret")))

    @Test("takes PLAIN, at once or after a challenge")
    func plain() {
        #expect(run(.plain, base64("\0alice\0s3 cret")) == alice)
        #expect(run(.plain, nil) == .challenge(octets("334 \r\n")))
        #expect(run(.plain, nil, base64("\0alice\0s3 cret")) == alice)
        #expect(run(.plain, nil, base64("alice\0alice\0s3 cret")) == alice)
        #expect(run(.plain, nil, base64("Alice\0alice\0s3 cret")) == alice, "logins know no case")
    }

    @Test("takes LOGIN, with and without the login at once")
    func login() {
        #expect(run(.login, nil) == .challenge(octets("334 VXNlcm5hbWU6\r\n")))
        #expect(run(.login, base64("alice")) == .challenge(octets("334 UGFzc3dvcmQ6\r\n")))
        #expect(run(.login, base64("alice"), base64("s3 cret")) == alice)
        #expect(run(.login, nil, base64("alice"), base64("s3 cret")) == alice)
    }

    @Test("refuses what is malformed, cancelled or for another")
    func refuses() {
        #expect(run(.plain, "=") == .refused(.badBase64))
        #expect(run(.plain, "AGE") == .refused(.badBase64))
        #expect(run(.plain, nil, "*") == .refused(.authenticationCancelled))
        #expect(run(.login, nil, "*") == .refused(.authenticationCancelled))
        #expect(run(.login, base64("alice"), "*") == .refused(.authenticationCancelled))
        #expect(run(.plain, base64("root\0alice\0x")) == .refused(.authenticationFailed))
        #expect(run(.plain, base64("\0alice")) == .refused(.badBase64))
        #expect(run(.plain, base64("\0alice\0x\0y")) == .refused(.badBase64))
        #expect(run(.plain, base64("\0\0x")) == .refused(.authenticationFailed))
        #expect(run(.plain, base64("\0alice\0")) == .refused(.authenticationFailed))
        #expect(run(.plain, base64("\0al\nice\0x")) == .refused(.authenticationFailed))
        #expect(run(.login, "=", base64("x")) == .refused(.authenticationFailed))
        #expect(run(.login, base64("alice"), "") == .refused(.authenticationFailed))
        #expect(run(.login, base64("alice"), base64("a\0b")) == .refused(.authenticationFailed))
    }

    @Test("keeps to the limits: 320 octets of a login, 1,024 of a password")
    func limits() {
        func step(_ login: Int, _ password: Int) -> SASLExchange.Step {
            run(.plain, base64("\0\(String(repeating: "a", count: login))\0\(String(repeating: "b", count: password))"))
        }
        guard case .credentials = step(320, 1_024) else {
            Issue.record("refused at the limit")
            return
        }
        #expect(step(321, 1) == .refused(.authenticationFailed))
        #expect(step(1, 1_025) == .refused(.authenticationFailed))
    }

    @Test("shows no secret in any description")
    func secrecy() {
        let credentials = Credentials(login: octets("alice"), password: octets("hunter2"))
        var dumped = ""
        dump(credentials, to: &dumped)
        dump(SASLExchange.Step.credentials(credentials), to: &dumped)
        for shown in ["\(credentials)", String(reflecting: [credentials]), dumped] {
            #expect(!shown.contains("hunter2") && !shown.contains("104") && !shown.contains("alice"))
        }
    }

    @Test("writes the command for a relay")
    func client() {
        var output: [UInt8] = []
        Credentials(login: octets("gate1"), password: octets("pw")).appendPlain(to: &output)
        #expect(text(output) == "AUTH PLAIN \(base64("\0gate1\0pw"))\r\n")
    }

    @Test(
        "codes base64",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
            ("\u{3F}\u{3E}~~", "Pz5+fg=="), ("???", "Pz8/"),
        ])
    func codes(plain: String, coded: String) {
        #expect(base64(plain) == coded)
        #expect(Base64.decode(octets(coded).span, 0..<coded.utf8.count) == octets(plain))
    }

    @Test(
        "refuses what is not canonical base64",
        arguments: [
            "Z", "Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Zm9v\n", " Zg=", "Zg =", "Zm-_", "=m9v",
            "Zm8=====", "Zé8=",
        ])
    func strict(coded: String) {
        let coded = octets(coded)
        #expect(Base64.decode(coded.span, 0..<coded.count) == nil)
    }

    @Test("decodes what it encoded, whatever the octets")
    func everyOctet() {
        for length in 0..<20 {
            for first in 0...255 {
                let plain = (0..<length).map { UInt8(truncatingIfNeeded: first + $0 * 37) }
                var coded: [UInt8] = []
                Base64.append(plain.span, to: &coded)
                #expect(Base64.decode(coded.span, 0..<coded.count) == plain)
            }
        }
    }
}
