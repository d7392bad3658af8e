import WeirBase
import WeirRuntime

/// Listens at the gateway's end of one connection to a relay, and tells transactions from each other.
///
/// It knows when each octet was written and read, which no relay can: so the instant at which a message was released, and whether the
/// relay's answer ever came to the gateway's eyes.
final class Wiretap {
    private enum Expected {
        case greeting, other, startTLS, mail, data, dot
        case recipient
    }

    private enum Mode {
        case commands
        /// So many octets of the stand-in for TLS are still to be passed over.
        case hello(Int)
        case content
    }

    private let number: Int
    private let life: Int
    private let evidence: Evidence
    private let now: () -> Instant
    private let onRelease: (WireTransaction) -> Void
    private var mode = Mode.commands
    private var written: [UInt8] = []
    private var read: [UInt8] = []
    private var helloToRead = 0
    private var expected: [Expected] = [.greeting]
    private var transaction: WireTransaction?
    private var head: [UInt8] = []
    private var isClosed = false

    init(
        number: Int, life: Int, evidence: Evidence, now: @escaping () -> Instant,
        onRelease: @escaping (WireTransaction) -> Void
    ) {
        self.number = number
        self.life = life
        self.evidence = evidence
        self.now = now
        self.onRelease = onRelease
    }

    func hear(_ event: SimulatedTransport.Tapped) {
        guard !isClosed else { return }
        switch event {
        case .wrote(let octets): hearWritten(octets)
        case .read(let octets): hearRead(octets)
        case .closed:
            isClosed = true
            evidence.narrate("relay connection \(number): the gateway closes")
            end()
        }
    }

    // MARK: - What the gateway says

    private func hearWritten(_ octets: UnsafeRawBufferPointer) {
        for octet in octets {
            switch mode {
            case .hello(let left): mode = left > 1 ? .hello(left - 1) : .commands
            case .content: content(octet)
            case .commands:
                if written.isEmpty, octet == 0x16 {
                    mode = .hello(SimulatedTLS.helloOctets - 1)
                    helloToRead = SimulatedTLS.helloOctets
                    continue
                }
                written.append(octet)
                if octet == 10 {
                    command(String(decoding: written.dropLast(2), as: UTF8.self))
                    written = []
                }
            }
        }
    }

    private func command(_ line: String) {
        evidence.narrate("relay connection \(number) <- \(line.prefix(90))")
        if line.hasPrefix("MAIL ") {
            end()
            let transaction = WireTransaction(connection: number, life: life, began: now())
            transaction.account = line.field("<sender", until: "@").flatMap { Int($0) }
            transaction.isNotice = line.hasPrefix("MAIL FROM:<>")
            self.transaction = transaction
            evidence.transactions.append(transaction)
            expected.append(.mail)
        } else if line.hasPrefix("RCPT ") {
            transaction?.asked += 1
            if let address = line.field("<", until: ">") { transaction?.recipients.append(String(address)) }
            expected.append(.recipient)
        } else if line == "DATA" {
            transaction?.saidData = true
            expected.append(.data)
        } else {
            if line == "RSET" { end() }
            expected.append(line == "STARTTLS" ? .startTLS : .other)
        }
    }

    /// The content up to the end of data; its head names the message.
    private func content(_ octet: UInt8) {
        if head.count < 2048 { head.append(octet) }
        written.append(octet)
        guard octet == 10 else { return }
        defer { written = [] }
        guard written == [46, 13, 10] else { return }
        mode = .commands
        expected.append(.dot)
        guard let transaction else { return }
        transaction.released = now()
        if !read.isEmpty { transaction.isMuddled = true }
        let text = String(decoding: head, as: UTF8.self)
        transaction.token = text.field("\r\nSubject: ", until: "\r\n").map(String.init) ?? ""
        transaction.messageID = text.field("\tid ", until: ";").flatMap(Wiretap.number) ?? 0
        evidence.narrate("relay connection \(number) <- the dot of \(transaction.token)")
        if !transaction.isNotice { onRelease(transaction) }
    }

    /// Reads a message's id: thirteen of Crockford's digits.
    private static func number(_ text: Substring) -> UInt64? {
        let digits = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
        var number: UInt64 = 0
        for character in text.prefix(13) {
            guard let value = digits.firstIndex(of: character) else { return nil }
            number = number << 5 | UInt64(value)
        }
        return number
    }

    // MARK: - What it hears

    private func hearRead(_ octets: UnsafeRawBufferPointer) {
        if case .content = mode { transaction?.isMuddled = true }
        for octet in octets {
            if helloToRead > 0 {
                helloToRead -= 1
                continue
            }
            read.append(octet)
            guard octet == 10 else { continue }
            defer { read = [] }
            guard read.count >= 5, read.count == 5 || read[3] != 0x2D else { continue }
            let code = read.prefix(3).reduce(0) { $0 * 10 + UInt16($1 & 15) }
            evidence.narrate("relay connection \(number) -> \(String(decoding: read.dropLast(2), as: UTF8.self))")
            reply(code)
        }
    }

    private func reply(_ code: UInt16) {
        guard !expected.isEmpty else { return }
        switch expected.removeFirst() {
        case .greeting, .other, .startTLS, .mail: break
        case .recipient: if code < 300 { transaction?.accepted += 1 }
        case .data:
            guard code == 354 else { return }
            mode = .content
            head = []
        case .dot:
            transaction?.answer = code
            end()
        }
    }

    private func end() {
        guard let transaction, transaction.ended == nil else { return }
        transaction.ended = now()
        self.transaction = nil
    }
}

extension String {
    /// What stands between two texts.
    func field(_ before: String, until after: String) -> Substring? {
        guard let start = firstRange(of: before, from: startIndex) else { return nil }
        guard let end = firstRange(of: after, from: start.upperBound) else { return nil }
        return self[start.upperBound..<end.lowerBound]
    }

    private func firstRange(of text: String, from start: Index) -> Range<Index>? {
        let wanted = Array(text.utf8)
        let own = utf8
        var index = start
        while let found = own[index...].firstIndex(of: wanted[0]) {
            if own[found...].starts(with: wanted) { return found..<own.index(found, offsetBy: wanted.count) }
            index = own.index(after: found)
        }
        return nil
    }
}
