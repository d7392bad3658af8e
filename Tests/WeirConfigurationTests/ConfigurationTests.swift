import TestKit
import Testing
import WeirConfiguration

@Suite("weir.yaml")
struct ConfigurationTests {
    private func errors(_ text: String) -> [String] {
        do throws(ConfigurationErrors) {
            _ = try Configuration.parse(Array(text.utf8), file: "weir.yaml")
            return []
        } catch {
            return error.errors.map(\.description)
        }
    }

    @Test("the least there can be has every default")
    func defaults() throws {
        let read = try Configuration.parse(Array(minimal.utf8), file: "conf/weir.yaml")
        #expect(read.store == "conf/store")
        #expect(read.hashKeyFile == "conf/hash.key")
        #expect(read.timezone == "UTC")
        #expect(read.tls == nil)
        #expect(read.networks == [])
        #expect(read.listeners[0].bareNewline == .normalize)
        #expect(read.listeners[0].plaintextAuth == false)
        #expect(read.relays[0].weight == 1)
        #expect(read.relays[0].connections == 100)
        #expect(read.admin.socket == "/run/weir/admin.sock")
        #expect(read.admin.address == nil)
        #expect(read.timeouts.relayDot == .seconds(600))
        #expect(read.timeouts.drain == .seconds(30))
        #expect(read.log.level == .info)
        #expect(read.log.format == .json)
    }

    @Test("proxy_or_queue, also as the default, runs with one warning")
    func proxyOrQueue() throws {
        let folder = try TemporaryFolder(["policies/a.yaml": "plan: a\nlimits: []\n"])
        let message = ": there is no spool yet: \"proxy_or_queue\" runs as \"proxy\""
        try folder.write(minimal.replacing("delivery: proxy", with: "delivery: proxy_or_queue"), to: "weir.yaml")
        let written = try Configuration.load(folder.file("weir.yaml"))
        #expect(written.warnings.map(\.description) == [folder.file("weir.yaml:9:11") + message])
        #expect(written.configuration.delivery == .proxyOrQueue)
        try folder.write(minimal.replacing("delivery: proxy", with: ""), to: "weir.yaml")
        let left = try Configuration.load(folder.file("weir.yaml"))
        #expect(left.warnings.map(\.description) == [folder.file("weir.yaml:1:1") + message])
    }

    @Test("all errors come at once, in the order of the file")
    func together() {
        let text = """
            hostnam: gate.example
            store: [a]
            policies: policies/*.yaml
            contact: nobody
            timezone: Mars/Olympus
            listeners:
              - { name: in, adress: "127.0.0.1:25", tls: maybe }
            relays: []
            delivery: queue
            """
        #expect(
            errors(text) == [
                "weir.yaml:1:1: missing key \"hostname\": it takes a host name such as gate1.isp.example",
                "weir.yaml:1:1: unknown key \"hostnam\": did you mean \"hostname\"?",
                "weir.yaml:2:8: expected a path for \"store\", found a list",
                "weir.yaml:3:11: expected a list for \"policies\", found \"policies/*.yaml\"",
                "weir.yaml:4:10: expected a mail address such as abuse@isp.example for \"contact\", found \"nobody\"",
                "weir.yaml:5:11: unknown time zone \"Mars/Olympus\": `timedatectl list-timezones` prints the known ones; "
                    + "the package tzdata brings them",
                "weir.yaml:7:5: missing key \"accounts\" in listeners: it takes login | network | login_or_network",
                "weir.yaml:7:5: missing key \"address\" in listeners: it takes an address and port such as 0.0.0.0:587 "
                    + "or \"[::]:587\"",
                "weir.yaml:7:17: unknown key \"adress\" in listeners: did you mean \"address\"?",
                "weir.yaml:7:46: expected starttls | implicit | none for \"listeners[0].tls\", found \"maybe\"",
                "weir.yaml:8:9: \"relays\" is empty",
                "weir.yaml:9:11: there is no spool yet: use proxy",
            ])
    }

    /// Each line is put at the end of the least there can be, as line 10.
    @Test(
        "a wrong value is told with its place and what was expected",
        arguments: [
            (
                "timeouts: { relay: 5 }",
                "10:20: expected a duration from 1s to 1h, such as 30s or 5m for \"timeouts.relay\", "
                    + "found \"5\": write its unit: 5ms, 5s, 5m, 5h or 5d"
            ),
            (
                "timeouts: { relay: 2h }",
                "10:20: expected a duration from 1s to 1h, such as 30s or 5m for \"timeouts.relay\", "
                    + "found \"2h\""
            ),
            (
                "timeouts: { relay: 999999999999999999999s }",
                "10:20: expected a duration from 1s to 1h, such as 30s or 5m "
                    + "for \"timeouts.relay\", found \"999999999999999999999s\""
            ),
            (
                "timeouts: { relay: 1.5m }",
                "10:20: expected a duration from 1s to 1h, such as 30s or 5m for "
                    + "\"timeouts.relay\", found \"1.5m\""
            ),
            (
                "scanner: { url: \"https://127.0.0.1:11333\" }",
                "10:17: rspamd speaks http: write http://"
            ),
            ("scanner: { url: \"http://127.0.0.1:11333/a\" }", "10:17: the path is always /checkv2: leave it out"),
            (
                "scanner: { url: \"http://127.0.0.1:11333\", size: 15999 B }",
                "10:49: expected a size from 16 KB to 16 MB, such as 1 MB for \"scanner.size\", found \"15999 B\""
            ),
            (
                "scanner: { url: \"http://127.0.0.1:11333\", size: 17 }",
                "10:49: expected a size from 16 KB to 16 MB, such as 1 MB for \"scanner.size\", found \"17\": "
                    + "write its unit: 17 B, 17 KB or 17 MB"
            ),
            ("timeouts: [5m]", "10:11: expected a mapping for \"timeouts\", found a list"),
            ("timeouts:", "10:10: expected a mapping for \"timeouts\", found nothing"),
            ("timeouts: { relaydot: 5m }", "10:13: unknown key \"relaydot\" in timeouts: did you mean \"relay_dot\"?"),
            (
                "log: { level: inof }",
                "10:15: expected debug | info | warning | error for \"log.level\", found \"inof\": "
                    + "did you mean \"info\"?"
            ),
            ("log: { colour: red }", "10:8: unknown key \"colour\" in log: known here: level, format"),
            (
                "admin: { address: localhost:9587 }",
                "10:19: expected an address and port such as 0.0.0.0:587 or \"[::]:587\" for "
                    + "\"admin.address\", found \"localhost:9587\": a listener takes an address of this machine, not a name"
            ),
            (
                "admin: { address: 127.0.0.1 }",
                "10:19: expected an address and port such as 0.0.0.0:587 or \"[::]:587\" for "
                    + "\"admin.address\", found \"127.0.0.1\": the port is missing"
            ),
            (
                "admin: { address: \"::1\" }",
                "10:19: expected an address and port such as 0.0.0.0:587 or \"[::]:587\" for "
                    + "\"admin.address\", found \"::1\": write \"[::1]:25\", with the port behind brackets"
            ),
            ("admin: { token_file: x }", "10:22: \"token_file\" has no effect without \"address\""),
            (
                "admin: { socket: /\(String(repeating: "x", count: 107)) }",
                "10:18: the path \"/"
                    + "\(String(repeating: "x", count: 59))…\" is too long for a socket: at most 107 octets"
            ),
            (
                "networks: [{ range: 10.0.0.1/8, each: 32, plan: a }]",
                "10:21: \"10.0.0.1/8\" has bits set behind its prefix: "
                    + "did you mean 10.0.0.0/8?"
            ),
            (
                "networks: [{ range: 0.0.0.0/0, each: 32, plan: a }]",
                "10:21: \"range\" is the whole Internet: anybody could relay: name the networks of your subscribers"
            ),
            (
                "networks: [{ range: 10.0.0.0/33, each: 32, plan: a }]",
                "10:21: the prefix of \"10.0.0.0/33\" is longer than "
                    + "32 bits"
            ),
            (
                "networks: [{ range: ten, each: 32, plan: a }]",
                "10:21: expected a network such as 100.64.0.0/10 or "
                    + "2001:db8::/32 for \"networks[0].range\", found \"ten\""
            ),
            (
                "networks: [{ range: 10.0.0.0/8, each: 4, plan: a }]",
                "10:39: \"each\" is 4, but prefixes within 10.0.0.0/8 "
                    + "have lengths from 8 to 32"
            ),
            (
                "networks: [{ range: 10.0.0.0/8, each: 56, plan: a }]",
                "10:39: \"each\" is 56, but prefixes within 10.0.0.0/8 "
                    + "have lengths from 8 to 32"
            ),
            (
                "networks: [{ range: 10.0.0.0/8, each: \"32\", plan: a }]",
                "10:39: expected a number from 0 to 128 for "
                    + "\"networks[0].each\", found \"32\": leave out the quotation marks"
            ),
            (
                "networks: [{ range: 10.0.0.0/8, each: 0x20, plan: a }]",
                "10:39: expected a number from 0 to 128 for "
                    + "\"networks[0].each\", found \"0x20\""
            ),
            (
                "networks:\n - { range: 10.0.0.0/8, each: 32, plan: a }\n - { range: 10.0.0.0/8, each: 24, plan: a }",
                "12:13: duplicate range \"10.0.0.0/8\": it is also in line 11"
            ),
            ("hostname: other", "10:1: duplicate key \"hostname\": it was first given in line 1"),
            (
                "hash_key_file: \"a\\0b\"", "10:16: expected a path for \"hash_key_file\", found \"a b\""
            ),
            ("hash_key_file: ''", "10:16: expected a path for \"hash_key_file\", found \"\""),
            (
                "timezone: ../../../etc/passwd",
                "10:11: expected a time zone such as Europe/Berlin for \"timezone\", found "
                    + "\"../../../etc/passwd\""
            ),
        ])
    func values(line: String, error: String) {
        #expect(errors(minimal.trimming() + "\n" + line) == ["weir.yaml:" + error])
    }

    /// Each takes the place of the listener, in line 6.
    @Test(
        "a listener that cannot work is told why",
        arguments: [
            (
                "{ name: in, address: \"127.0.0.1:25\", tls: starttls, accounts: network }",
                ["47: listener \"in\" needs a certificate: add the section tls, or set tls: none here"]
            ),
            (
                "{ name: in, address: \"127.0.0.1:25\", tls: none, accounts: login }",
                ["47: without TLS nobody can log in to \"in\": use tls: starttls or implicit, or accounts: network"]
            ),
            (
                "{ name: in, address: \"0.0.0.0:25\", tls: none, accounts: login, plaintext_auth: true }",
                [
                    "84: \"plaintext_auth\" needs a loopback address: passwords would cross the network in the clear; "
                        + "use 127.0.0.1, [::1], or TLS"
                ]
            ),
            (
                "{ name: in, address: \"127.0.0.1:25\", tls: none, accounts: login, plaintext_auth: yes }",
                [
                    "47: without TLS nobody can log in to \"in\": use tls: starttls or implicit, or accounts: network",
                    "86: expected true | false for \"listeners[0].plaintext_auth\", found \"yes\": "
                        + "write true or false, without quotation marks",
                ]
            ),
            ("{ name: in, address: \"[::1]:25\", tls: none, accounts: login, plaintext_auth: true }", []),
            ("[a]", ["5: expected a mapping for \"listeners[0]\", found a list"]),
        ])
    func listeners(listener: String, expected: [String]) {
        let lines = minimal.split(separator: "\n", omittingEmptySubsequences: false)
        let text = (lines[..<5] + ["  - \(listener)"] + lines[6...]).joined(separator: "\n")
        #expect(errors(text) == expected.map { "weir.yaml:6:" + $0 })
    }

    @Test("two listeners share neither name nor address, but may share port 0")
    func repeatedListeners() {
        let second = """
              - { name: in, address: "127.0.0.1:0", tls: none, accounts: network }
              - { name: a, address: "127.0.0.1:26", tls: none, accounts: network }
              - { name: b, address: "[::ffff:127.0.0.1]:26", tls: none, accounts: network }
            relays:
            """
        #expect(
            errors(minimal.replacing("relays:", with: second)) == [
                "weir.yaml:7:13: duplicate name \"in\": it is also in line 6",
                "weir.yaml:9:25: duplicate address \"127.0.0.1:26\": it is also in line 8",
            ])
    }

    @Test("a relay is none of our own listeners")
    func ownListener() {
        let text = minimal.replacing("127.0.0.1:0", with: "0.0.0.0:24").replacing(
            "delivery", with: "  - { name: far, address: \"192.0.2.1:25\", tls: none }\ndelivery")
        #expect(
            errors(text) == [
                "weir.yaml:8:27: 127.0.0.1:24 is the listener in of this gateway: a relay is the server behind Weir"
            ])
    }

    /// The addresses of two listeners, in lines 6 and 7, and of the administrators, in line 11.
    @Test(
        "an address is not listened on twice, nor beside one that takes all of them",
        arguments: [
            (
                "0.0.0.0:25", "127.0.0.1:25", "127.0.0.1:26",
                [
                    "7:25: 0.0.0.0:25, in line 6, and 127.0.0.1:25 are not free together: 0.0.0.0:25 takes every IPv4 "
                        + "address; leave one of them out, or give it another port"
                ]
            ),
            (
                "127.0.0.1:25", "[::]:25", "127.0.0.1:26",
                [
                    "7:25: 127.0.0.1:25, in line 6, and [::]:25 are not free together: [::]:25 takes every address, of "
                        + "IPv4 too; leave one of them out, or give it another port"
                ]
            ),
            (
                "127.0.0.1:25", "127.0.0.1:587", "127.0.0.1:587",
                ["11:19: duplicate address \"127.0.0.1:587\": it is also in line 7"]
            ),
            (
                "127.0.0.1:25", "127.0.0.1:587", "0.0.0.0:25",
                [
                    "11:19: 127.0.0.1:25, in line 6, and 0.0.0.0:25 are not free together: 0.0.0.0:25 takes every IPv4 "
                        + "address; leave one of them out, or give it another port"
                ]
            ),
            ("0.0.0.0:25", "[::1]:25", "127.0.0.1:26", []), ("0.0.0.0:0", "127.0.0.1:0", "0.0.0.0:0", []),
            ("0.0.0.0:25", "0.0.0.0:587", "127.0.0.1:26", []),
        ])
    func addresses(first: String, second: String, admin: String, expected: [String]) {
        let lines = minimal.split(separator: "\n").map(String.init)
        let listeners = [("a", first), ("b", second)].map {
            "  - { name: \($0.0), address: \"\($0.1)\", tls: none, accounts: network }"
        }
        let text = lines[..<5] + listeners + lines[6...] + ["admin: { address: \"\(admin)\" }"]
        #expect(errors(text.joined(separator: "\n")) == expected.map { "weir.yaml:\($0)" })
    }

    /// Each takes the place of the relay, in line 8.
    @Test(
        "a relay that cannot work is told why",
        arguments: [
            (
                "{ name: out, address: \"relay.example:0\", tls: required }",
                [
                    "27: expected a host and port such as host.example:25 or \"[2001:db8::1]:25\" for \"relays[0].address\", found "
                        + "\"relay.example:0\": a port is from 1 to 65535"
                ]
            ),
            (
                "{ name: out, address: relay.example, tls: required }",
                [
                    "27: expected a host and port such as host.example:25 or \"[2001:db8::1]:25\" for \"relays[0].address\", found "
                        + "\"relay.example\": the port is missing"
                ]
            ),
            (
                "{ name: out, address: \"relay.example:25\", tls: required, login: a }",
                ["69: \"login\" needs a \"password_file\""]
            ),
            (
                "{ name: out, address: \"relay.example:25\", tls: required, password_file: a }",
                ["77: \"password_file\" needs a \"login\""]
            ),
            (
                "{ name: out, address: \"relay.example:25\", tls: opportunistic, login: a, password_file: b }",
                ["74: the password could cross the network in the clear: use tls: required or implicit"]
            ),
            ("{ name: out, address: \"127.0.0.1:25\", tls: none, login: a, password_file: b }", []),
            (
                "{ name: out, address: \"relay.example:25\", tls: none, ca: a }",
                ["62: \"ca\" has no effect where the relay is not verified: use tls: required or implicit"]
            ),
            (
                "{ name: out, address: \"relay.example:25\", tls: required, weight: 1001 }",
                ["70: expected a number from 0 to 1000 for \"relays[0].weight\", found \"1001\""]
            ),
        ])
    func relays(relay: String, expected: [String]) {
        let lines = minimal.split(separator: "\n", omittingEmptySubsequences: false)
        let text = (lines[..<7] + ["  - \(relay)"] + lines[8...]).joined(separator: "\n")
        #expect(errors(text) == expected.map { "weir.yaml:8:" + $0 })
    }

    @Test("two relays do not share a name")
    func repeatedRelays() {
        let text = minimal.replacing(
            "delivery:", with: "  - { name: out, address: \"127.0.0.1:26\", tls: none }\ndelivery:")
        #expect(errors(text) == ["weir.yaml:9:13: duplicate name \"out\": it is also in line 8"])
    }

    @Test("each key refuses a value of the wrong kind at its place")
    func everyKeyIsRead() throws {
        // A mapping where a scalar or list belongs, or a scalar where a mapping belongs, is never right.
        for key in Configuration.keys {
            let isMapping = key.expected == "a mapping"
            var text = ""
            var indentation = ""
            let parts = key.path.split(separator: ".")
            for part in parts.dropLast() {
                text += indentation + part.replacing("[]", with: "") + ":\n"
                indentation += part.hasSuffix("[]") ? "  - " : "  "
            }
            let line = parts.count
            text += indentation + "\(key.name): " + (isMapping ? "wrong" : "{ wrong: wrong }")
            let place = "weir.yaml:\(line):\(indentation.count + key.name.count + 3): expected"
            #expect(errors(text).contains { $0.hasPrefix(place) }, "\(key.path)\n\(text)\n\(errors(text))")
        }
    }
}

extension String {
    /// Without the line breaks at its end.
    func trimming() -> String {
        var text = self
        while text.last == "\n" { text.removeLast() }
        return text
    }
}
