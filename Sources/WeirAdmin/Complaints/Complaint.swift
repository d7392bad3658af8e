package import WeirGateway

/// Somebody's report that a message which went through here was abuse.
package struct Complaint: Equatable, Sendable {
    package enum Format: String, Sendable { case arf, xarf }

    package var format: Format
    /// As the report has it: `abuse`, `fraud`, `spam` …
    package var type: String
    /// Who reports: a domain or a name.
    package var reporter: String
    /// Which of the reporter's readers complains: the recipient, or what stands for it; nil where the report leaves it out.
    package var reader: String?
    /// What X-Weir-Account says, 32 hexadecimal digits each.
    package var accounts: [String] = []
    /// What Received fields say: by which host, with which id; the last hop first, as in the message.
    package var hops: [Hop] = []

    package struct Hop: Hashable, Sendable {
        /// In lower case.
        package var host: String
        package var id: MessageID
    }

    /// Of a report.
    package static let octetsMax = 10 * 1024 * 1024
    /// Accounts that one report may name: a message that went through here has one.
    package static let accountsMax = 8
    /// Characters of a reporter, and of a type, that are kept.
    static let wordMax = 255

    init(_ format: Format, type: String, reporter: String, reader: String? = nil) {
        (self.format, self.reader) = (format, reader)
        (self.type, self.reporter) = (String(type.prefix(Self.wordMax)), String(reporter.prefix(Self.wordMax)))
    }

    /// Reads a report: JSON is XARF, everything else ARF.
    package init(_ octets: [UInt8]) throws(AdminError) {
        let text = octets.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(octets.dropFirst(3)) : octets
        let first = text.first { $0 > 0x20 }
        self = first == UInt8(ascii: "{") ? try Complaint(xarf: text) : try Complaint(arf: text)
        guard Set(accounts).count <= Self.accountsMax else {
            throw .complaint("it names more accounts than the mail of one can")
        }
    }

    /// Takes what the message complained of, or its header alone, says of its way through here.
    mutating func take(_ message: MIMEPart) {
        for field in message.fields {
            switch field.name {
            case "x-weir-account":
                let digits = field.value.lowercased()
                guard digits.utf8.count == 32, digits.utf8.allSatisfy({ "0123456789abcdef".utf8.contains($0) }) else {
                    continue
                }
                accounts.append(digits)
            case "received": if let hop = Hop(received: field.value) { hops.append(hop) }
            default: break
            }
        }
    }
}

extension Complaint.Hop {
    /// `… by HOST … id ID; …` as our own fields have it.
    fileprivate init?(received value: String) {
        let words = value.split { $0 == " " || $0 == "\t" }
        guard let by = words.firstIndex(of: "by"), by + 1 < words.count, let at = words[by...].firstIndex(of: "id"),
            at + 1 < words.count, let id = MessageID(words[at + 1].prefix { $0 != ";" })
        else { return nil }
        self.init(host: words[by + 1].lowercased(), id: id)
    }
}

/// The Abuse Reporting Format.
///
/// Source: RFC 5965; RFC 6590 for what is redacted.
extension Complaint {
    /// Kinds of feedback that accuse; others are no complaints.
    private static let accusing = ["abuse", "fraud", "virus", "other"]

    init(arf octets: [UInt8]) throws(AdminError) {
        let report = MIMEPart(octets[...].drop { $0 == 0x0D || $0 == 0x0A })
        guard report.contentType == "multipart/report",
            report.parameter("report-type")?.lowercased() == "feedback-report"
        else {
            throw .complaint("it is no feedback report: its Content-Type is \(report.contentType)")
        }
        let parts = report.parts
        guard let feedback = parts.first(where: { $0.contentType == "message/feedback-report" }) else {
            throw .complaint("it has no part of type message/feedback-report")
        }
        guard let content = feedback.content else { throw .complaint("its feedback cannot be decoded") }
        let facts = MIMEPart(content[...])
        guard let version = facts["version"], ["1", "0.1"].contains(version) else {
            throw .complaint("its Version is \(facts["version"] ?? "missing"); 1 is known")
        }
        guard let type = facts["feedback-type"]?.lowercased() else { throw .complaint("it has no Feedback-Type") }
        guard facts["user-agent"] != nil else { throw .complaint("it has no User-Agent") }
        guard Complaint.accusing.contains(type) else {
            throw .complaint("its Feedback-Type \(type) accuses nobody")
        }
        self.init(
            .arf, type: type, reporter: Complaint.reporter(report, facts),
            reader: facts["original-rcpt-to"].map { $0.filter { $0 != "<" && $0 != ">" }.lowercased() })
        let original = parts.first { part in
            ["message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "text/rfc822"].contains(
                part.contentType)
        }
        guard let original else { throw .complaint("the message complained of is not in it, nor its header") }
        guard let message = original.content else { throw .complaint("the message complained of cannot be decoded") }
        take(MIMEPart(message[...]))
    }

    /// The domain that sends the reports, so that one reader's two reports of one message are one.
    private static func reporter(_ report: MIMEPart, _ facts: MIMEPart) -> String {
        let from = report["from"] ?? ""
        let domain = from.split(separator: "@").last?.prefix { $0 != ">" && $0 != " " } ?? ""
        if from.contains("@"), !domain.isEmpty { return domain.lowercased() }
        return facts["reporting-mta"] ?? facts["user-agent"] ?? "unknown"
    }
}

extension AdminError {
    static func complaint(_ reason: String) -> AdminError {
        AdminError(.invalid, "This is no complaint that can be read: \(reason).")
    }
}
