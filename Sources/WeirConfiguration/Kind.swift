import WeirBase
import WeirQuota

/// What a key takes: how its text is read, and how it is described to people.
struct Kind<Value>: Sendable {
    /// Completes the sentence "expected …".
    let expected: String
    let read: @Sendable (YAMLScalar) throws(Mismatch) -> Value
    /// Writes a value as a file would, for showing defaults.
    let write: @Sendable (Value) -> String
}

/// Why a scalar is not of a kind; all parts may be left out.
struct Mismatch: Error {
    /// Instead of "expected …, found …".
    var message: String?
    var hint: String?
    /// The character of the text that is wrong, counted from 1.
    var character: Int?
}

extension Kind where Value: CustomStringConvertible & SendableMetatype {
    fileprivate init(_ expected: String, read: @escaping @Sendable (YAMLScalar) throws(Mismatch) -> Value) {
        self.init(expected: expected, read: read, write: { $0.description })
    }
}

/// Reads with a function that knows no more than whether it understood.
private func reading<Value>(
    _ parse: @escaping @Sendable (String) -> Value?
) -> @Sendable (YAMLScalar) throws(Mismatch) -> Value {
    { scalar throws(Mismatch) in
        guard let value = parse(scalar.text) else { throw Mismatch() }
        return value
    }
}

// MARK: Text

extension Kind<String> {
    /// Any text of one line that is not empty.
    static let text = Kind("a text of one line", read: reading { isLine($0, octetsMax: 1_000) ? $0 : nil })

    /// A word to call something by, in logs, metrics and commands.
    static let name = Kind(
        "a name of up to 64 letters, digits, - _ and .",
        read: reading { text in
            (1...64).contains(text.utf8.count) && text.first != "-" && text.utf8.allSatisfy(isNameOctet) ? text : nil
        })

    /// One word and no other: what the first key of a file takes that names nothing.
    static func word(_ word: String) -> Kind {
        Kind(word, read: reading { $0 == word ? $0 : nil })
    }

    static let hostName = Kind("a host name such as gate1.isp.example", read: reading { HostName.canonical($0) })

    /// A mail address; only what would break a reply or a path is refused.
    static let mailAddress = Kind(
        "a mail address such as abuse@isp.example",
        read: reading { MailAddress.isPlain($0) ? $0 : nil })

    /// A file or directory, taken within `directory` unless it is absolute.
    static func path(in directory: String) -> Kind {
        Kind(
            "a path",
            read: reading { text in
                guard isLine(text, octetsMax: 4_000) else { return nil }
                return text.hasPrefix("/") ? text : directory + text
            })
    }

    /// The path of a Unix socket, which the kernel holds to 107 octets.
    static func socketPath(in directory: String) -> Kind {
        Kind("a path of at most 107 octets") { scalar throws(Mismatch) in
            let path = try Kind.path(in: directory).read(scalar)
            guard path.utf8.count <= 107 else {
                throw Mismatch(message: "the path \(quoted(path)) is too long for a socket", hint: "at most 107 octets")
            }
            return path
        }
    }

    /// A zone that the system knows.
    static let timeZone = Kind("a time zone such as Europe/Berlin") { scalar throws(Mismatch) in
        let isWellFormed =
            (1...64).contains(scalar.text.utf8.count)
            && scalar.text.split(separator: "/", omittingEmptySubsequences: false)
                .allSatisfy { !$0.isEmpty && $0.first != "." && $0.utf8.allSatisfy { isNameOctet($0) || $0 == 0x2B } }
        guard isWellFormed else { throw Mismatch() }
        if scalar.text == "UTC" { return scalar.text }
        guard let head = try? readFile("/usr/share/zoneinfo/" + scalar.text, octetsMax: 64 * 1024).prefix(4),
            head.elementsEqual("TZif".utf8)
        else {
            throw Mismatch(
                message: "unknown time zone \(quoted(scalar.text))",
                hint: "`timedatectl list-timezones` prints the known ones; the package tzdata brings them")
        }
        return scalar.text
    }
}

/// Whether a text is neither empty nor too long, and holds nothing that ends a line, a path or a field of the log.
private func isLine(_ text: String, octetsMax: Int) -> Bool {
    (1...octetsMax).contains(text.utf8.count) && !text.unicodeScalars.contains(where: \.breaksLines)
}

private func isNameOctet(_ octet: UInt8) -> Bool {
    (0x30...0x39).contains(octet) || (0x61...0x7A).contains(octet | 0x20) || "-_.".utf8.contains(octet)
}

// MARK: Choices and numbers

extension Kind where Value: CaseIterable & RawRepresentable<String> & SendableMetatype {
    /// One of the words of an enumeration.
    static var choice: Kind {
        let words = Value.allCases.map(\.rawValue)
        return Kind(expected: words.joined(separator: " | ")) { scalar throws(Mismatch) in
            guard let value = Value(rawValue: scalar.text) else {
                let near = Spelling.nearest(to: scalar.text.lowercased(), among: words)
                throw Mismatch(hint: near.map { "did you mean \"\($0)\"?" })
            }
            return value
        } write: {
            $0.rawValue
        }
    }
}

extension Kind<Bool> {
    static let flag = Kind("true | false") { scalar throws(Mismatch) in
        guard scalar.style == .plain, let value = Bool(scalar.text) else {
            let isWord = ["yes", "no", "on", "off", "true", "false"].contains(scalar.text.lowercased())
            throw Mismatch(hint: isWord ? "write true or false, without quotation marks" : nil)
        }
        return value
    }
}

extension Kind<Int> {
    /// A whole number, in digits alone.
    static func integer(_ range: ClosedRange<Int>) -> Kind {
        Kind("a number from \(range.lowerBound) to \(range.upperBound)") { scalar throws(Mismatch) in
            guard scalar.style == .plain else { throw Mismatch(hint: "leave out the quotation marks") }
            guard scalar.text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(scalar.text),
                range.contains(number)
            else { throw Mismatch() }
            return number
        }
    }

    /// A size in octets with its unit, such as `512 KB` or `1 MB`.
    static func size(_ range: ClosedRange<Int>) -> Kind {
        let units = [("MB", 1_000_000), ("MiB", 1 << 20), ("KB", 1_000), ("KiB", 1 << 10), ("B", 1)]
        let write = { @Sendable (octets: Int) in
            let unit = units.first { octets % $0.1 == 0 } ?? ("B", 1)
            return "\(octets / unit.1) \(unit.0)"
        }
        return Kind(
            expected: "a size from \(write(range.lowerBound)) to \(write(range.upperBound)), such as 1 MB",
            read: { scalar throws(Mismatch) in
                let digits = scalar.text.prefix { ("0"..."9").contains($0) }
                let name = scalar.text[digits.endIndex...].drop { $0 == " " }
                guard let unit = units.first(where: { $0.0 == name }) else {
                    throw Mismatch(hint: Int(scalar.text).map { "write its unit: \($0) B, \($0) KB or \($0) MB" })
                }
                guard let number = Int(digits), number <= range.upperBound, range.contains(number * unit.1) else {
                    throw Mismatch()
                }
                return number * unit.1
            }, write: write)
    }

    /// A share such as `80%`.
    static let percent = Kind(
        expected: "a percentage from 1% to 100%",
        read: { scalar throws(Mismatch) in
            guard scalar.text.last == "%" else {
                throw Mismatch(hint: Int(scalar.text).map { "write \($0)%" })
            }
            let digits = scalar.text.dropLast()
            guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(digits),
                (1...100).contains(number)
            else { throw Mismatch() }
            return number
        }, write: { "\($0)%" })
}

extension Kind<Duration> {
    /// A whole number with its unit: `500ms`, `30s`, `5m`, `1h`, `2d`.
    static func duration(_ range: ClosedRange<Duration>) -> Kind {
        Kind(
            expected: "a duration from \(format(range.lowerBound)) to \(format(range.upperBound)), such as 30s or 5m",
            read: { scalar throws(Mismatch) in
                let digits = scalar.text.prefix { ("0"..."9").contains($0) }
                guard let unit = units.first(where: { $0.name == scalar.text[digits.endIndex...] }) else {
                    throw Mismatch(
                        hint: Int(scalar.text).map { "write its unit: \($0)ms, \($0)s, \($0)m, \($0)h or \($0)d" })
                }
                guard let number = Int64(digits), number <= 1_000_000_000,
                    case let duration = Duration.milliseconds(number * unit.milliseconds), range.contains(duration)
                else { throw Mismatch() }
                return duration
            }, write: format)
    }

    private static var units: [(name: String, milliseconds: Int64)] {
        [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)]
    }

    /// In the largest unit that needs no fraction.
    private static func format(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let milliseconds = seconds * 1_000 + attoseconds / 1_000_000_000_000_000
        for unit in units where milliseconds >= unit.milliseconds && milliseconds % unit.milliseconds == 0 {
            return "\(milliseconds / unit.milliseconds)\(unit.name)"
        }
        return "0s"
    }
}

// MARK: Addresses

extension Kind<SocketAddress> {
    /// An address of this machine; port 0 lets the system choose.
    static let listenAddress = Kind("an address and port such as 0.0.0.0:587 or \"[::]:587\"") {
        scalar throws(Mismatch) in
        guard let endpoint = Endpoint(scalar.text) else { throw Mismatch(hint: portHint(scalar.text)) }
        guard case .address(let address) = endpoint.host else {
            throw Mismatch(hint: "a listener takes an address of this machine, not a name")
        }
        return SocketAddress(address, port: endpoint.port)
    }
}

extension Kind<Endpoint> {
    /// Where to connect to.
    static let endpoint = Kind("a host and port such as host.example:25 or \"[2001:db8::1]:25\"") {
        scalar throws(Mismatch) in
        guard let endpoint = Endpoint(scalar.text) else { throw Mismatch(hint: portHint(scalar.text)) }
        guard endpoint.port != 0 else { throw Mismatch(hint: "a port is from 1 to 65535") }
        return endpoint
    }
}

extension Kind<WebAddress> {
    /// Where an HTTP request goes.
    static let webAddress = Kind(
        "an address such as http://127.0.0.1:11333 or https://host.example/path", read: reading { WebAddress($0) })
}

/// For the two slips that people make with ports.
private func portHint(_ text: String) -> String? {
    if let address = IPAddress(text) {
        return address.isIPv4 ? "the port is missing" : "write \"[\(address)]:25\", with the port behind brackets"
    }
    return HostName.canonical(text) == nil ? nil : "the port is missing"
}

extension Kind<IPNetwork> {
    /// A network whose host bits are zero.
    static let network = Kind("a network such as 100.64.0.0/10 or 2001:db8::/32") {
        scalar throws(Mismatch) in
        do throws(IPNetworkError) {
            return try IPNetwork(parsing: scalar.text)
        } catch {
            switch error {
            case .malformed: throw Mismatch()
            case .lengthOutOfRange(let bits):
                throw Mismatch(message: "the prefix of \(quoted(scalar.text)) is longer than \(bits) bits")
            case .hostBits(let network):
                throw Mismatch(
                    message: "\(quoted(scalar.text)) has bits set behind its prefix", hint: "did you mean \(network)?")
            }
        }
    }
}
