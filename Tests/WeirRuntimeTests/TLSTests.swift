import Foundation
import Testing
import WeirBase
import WeirRuntime

@Suite("TLS")
struct TLSTests {
    @Test("carries a mebibyte there and back, and says what it agreed on")
    func echoes() async throws {
        let fixture = try TLSFixture(names: ["relay.example"])
        let client = try TLSContext(authorities: .file(fixture.files.certificate))
        let octets = (0..<1_048_576).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        let outcome = await fixture.talk(client, name: "relay.example", sending: octets)
        #expect(outcome.failure == nil)
        #expect(outcome.received == octets)
        #expect(outcome.security?.version == "TLSv1.3")
        #expect(outcome.security?.cipher.hasPrefix("TLS_") == true)
        await fixture.end()
    }

    @Test(
        "accepts a certificate that carries the name it was asked for",
        arguments: [
            (["relay.example"], "relay.example"), (["relay.example"], "RELAY.example."),
            (["*.isp.example"], "relay.isp.example"), (["127.0.0.1"], "127.0.0.1"), (["::1"], "::1"),
        ])
    func accepts(names: [String], asked: String) async throws {
        let fixture = try TLSFixture(names: names)
        let client = try TLSContext(authorities: .file(fixture.files.certificate))
        let outcome = await fixture.talk(client, name: asked, sending: [1, 2, 3])
        #expect(outcome.failure == nil)
        #expect(outcome.received == [1, 2, 3])
        await fixture.end()
    }

    struct Refusal: CustomTestStringConvertible, Sendable {
        var names: [String] = ["relay.example"]
        var commonName = "relay.example"
        var validity = -3600...3600
        var trusted = true
        var asked = "relay.example"
        var reason: String
        var testDescription: String { reason }
    }

    @Test(
        "refuses a certificate that does not prove the name",
        arguments: [
            Refusal(validity: -7200 ... -3600, reason: "certificate has expired"),
            Refusal(validity: 3600...7200, reason: "certificate is not yet valid"),
            Refusal(names: ["other.example"], reason: "hostname mismatch"),
            Refusal(names: [], reason: "hostname mismatch"),
            Refusal(names: ["relay.example\0.evil.example"], commonName: "x", reason: "hostname mismatch"),
            Refusal(names: ["rel*.example"], reason: "hostname mismatch"),
            Refusal(names: ["127.0.0.2"], asked: "127.0.0.1", reason: "IP address mismatch"),
            Refusal(names: ["127.0.0.1"], commonName: "127.0.0.1", asked: "relay.example", reason: "hostname mismatch"),
            Refusal(trusted: false, reason: "self-signed certificate"),
        ])
    func refuses(refusal: Refusal) async throws {
        let fixture = try TLSFixture(
            names: refusal.names, commonName: refusal.commonName, validity: refusal.validity)
        let client = try TLSContext(authorities: refusal.trusted ? .file(fixture.files.certificate) : .system)
        let outcome = await fixture.talk(client, name: refusal.asked, sending: [1])
        #expect(outcome.failure == "the peer's certificate is refused: \(refusal.reason)")
        #expect(outcome.received.isEmpty)

        let anybody = try TLSContext(authorities: .anybody)
        let opportunistic = await fixture.talk(anybody, name: refusal.asked, sending: [1])
        #expect(opportunistic.received == [1], "without verification the same peer is served")
        await fixture.end()
    }

    @Test("refuses to secure a connection on which octets came in clear before")
    func refusesInjection() async throws {
        let fixture = try TLSFixture(names: ["relay.example"], greeting: "220 go\r\n250 evil\r\n")
        let client = try TLSContext(authorities: .anybody)
        let outcome = await fixture.talk(
            client, name: "relay.example", sending: [1], greeted: true)
        #expect(outcome.failure == "octets in clear came before TLS")
        await fixture.end()
    }

    @Test("fails a handshake with a peer that speaks no TLS, or hangs up")
    func refusesNoise() async throws {
        let fixture = try TLSFixture(names: ["relay.example"])
        let noise = await fixture.talk(nil, name: "", sending: Array("GET / HTTP/1.0\r\n\r\n".utf8))
        #expect(noise.failure == nil, "the client itself speaks in clear")
        #expect(await fixture.serverFailures.next() == "http request")
        _ = await fixture.talk(nil, name: "", sending: [])
        #expect(await fixture.serverFailures.next() == "the peer closed during the handshake")
        await fixture.end()
    }

    @Test(
        "names the file and the reason when it cannot be used",
        arguments: [
            ("missing.pem", "certificate.key", "missing.pem", "No such file or directory"),
            ("certificate.key", "certificate.key", "certificate.key", "no PEM certificate"),
            ("certificate.pem", "missing.key", "missing.key", "No such file or directory"),
            ("certificate.pem", "certificate.pem", "certificate.pem", "no PEM private key"),
            ("certificate.pem", "other.key", "other.key", "the key does not belong to /certificate.pem"),
            (
                "certificate.pem", "encrypted.key", "encrypted.key",
                "the key is encrypted; Weir needs one without a passphrase"
            ),
            ("certificate.pem", "", "", "no PEM private key"),
        ])
    func namesFiles(certificate: String, key: String, file: String, reason: String) throws {
        let directory = try TemporaryDirectory()
        _ = try SelfSignedCertificate.make(names: ["a.example"], directory: directory.path)
        let other = try SelfSignedCertificate.make(names: ["a.example"], directory: directory.path, file: "other")
        _ = try openssl([
            "pkey", "-in", other.key, "-aes256", "-passout", "pass:x", "-out", directory.path + "/encrypted.key",
        ])
        let error = #expect(throws: TLSFileError.self) {
            try TLSContext(
                certificate: "\(directory.path)/\(certificate)", key: "\(directory.path)/\(key)", listener: "test")
        }
        #expect(error?.file == "\(directory.path)/\(file)")
        #expect(error?.reason.replacing(directory.path, with: "") == reason)
    }

    @Test(
        "names a file of authorities that cannot be used",
        arguments: [("missing.pem", "No such file or directory"), ("certificate.key", "no PEM certificate")])
    func namesAuthorities(file: String, reason: String) throws {
        let directory = try TemporaryDirectory()
        _ = try SelfSignedCertificate.make(names: ["a.example"], directory: directory.path)
        let path = "\(directory.path)/\(file)"
        let error = #expect(throws: TLSFileError.self) { try TLSContext(authorities: .file(path)) }
        #expect(error?.file == path)
        #expect(error?.reason.hasPrefix(reason) == true, "\(error?.reason ?? "")")
    }

    @Test("tells when its certificate ends")
    func tellsEnd() throws {
        let directory = try TemporaryDirectory()
        let files = try SelfSignedCertificate.make(names: ["a.example"], directory: directory.path, validity: -60...600)
        let context = try TLSContext(certificate: files.certificate, key: files.key, listener: "test")
        let expected = AnchoredClock().wall.seconds + 600
        #expect((expected - 60...expected).contains(context.certificateEnd ?? 0))
    }

    @Test(
        "speaks with openssl's own client, TLS 1.2 and later, and nothing older",
        arguments: [
            (["-tls1_3"], true), (["-tls1_2"], true), (["-tls1_2", "-no_ticket"], true),
            (["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], false), (["-tls1", "-cipher", "ALL:@SECLEVEL=0"], false),
            (["-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0"], false),
            (["-alpn", "smtp"], true), (["-alpn", "h2,http/1.1"], false),
        ])
    func openSSLClient(options: [String], works: Bool) async throws {
        let fixture = try TLSFixture(names: ["relay.example"])
        let said = try openssl(
            ["s_client", "-connect", fixture.address, "-CAfile", fixture.files.certificate, "-quiet"]
                + ["-verify_return_error", "-servername", "relay.example"] + options, input: "hello, weir\n",
            until: "hello, weir")
        #expect(said.contains("hello, weir") == works, "\(said)")
        await fixture.end()
    }

    @Test("refuses to renegotiate")
    func refusesRenegotiation() async throws {
        let fixture = try TLSFixture(names: ["relay.example"])
        // s_client takes a line that begins with R as the command to renegotiate.
        let said = try openssl(
            ["s_client", "-connect", fixture.address, "-tls1_2"], input: "R\n", until: "no renegotiation")
        #expect(said.contains("no renegotiation"), "\(said)")
        await fixture.end()
    }

    @Test("resumes a session on its own listener alone, and takes no early data", arguments: ["-tls1_2", "-tls1_3"])
    func resumption(version: String) async throws {
        let fixture = try TLSFixture(names: ["relay.example"])
        let other = try TLSFixture(names: ["relay.example"])
        let directory = try TemporaryDirectory()
        let session = directory.path + "/session"
        func visit(_ fixture: TLSFixture, _ options: [String]) throws -> String {
            // The echo comes after a TLS 1.3 server's ticket.
            try openssl(
                ["s_client", "-connect", fixture.address, version, "-ign_eof"] + options, input: "echo\n",
                until: "\necho\n")
        }
        #expect(try visit(fixture, ["-sess_out", session]).contains("New, TLSv1."))
        #expect(try visit(fixture, ["-sess_in", session]).contains("Reused, TLSv1."))
        #expect(try visit(other, ["-sess_in", session]).contains("New, TLSv1."))
        if version == "-tls1_3" {
            try Data("early".utf8).write(to: URL(fileURLWithPath: directory.path + "/early"))
            let said = try visit(fixture, ["-sess_in", session, "-early_data", directory.path + "/early"])
            #expect(!said.contains("Early data was accepted"))
            #expect(said.contains("Early data was"))
        }
        await fixture.end()
        await other.end()
    }
}
