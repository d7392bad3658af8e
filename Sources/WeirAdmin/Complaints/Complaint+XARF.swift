import FoundationEssentials

/// The extended abuse reporting format, version 4.
///
/// Source: https://xarf.org, the schemas of version 4.
extension Complaint {
    private struct Report: Decodable {
        struct Reporter: Decodable {
            var org: String?
            var domain: String?
            var contact: String?
        }

        struct Evidence: Decodable {
            var contentType: String?
            var payload: String?

            enum CodingKeys: String, CodingKey {
                case contentType = "content_type"
                case payload
            }
        }

        var version: String
        var category: String
        var type: String
        var reporter: Reporter?
        var evidence: [Evidence]?
        /// Of category messaging: the recipient.
        var recipient: String?

        enum CodingKeys: String, CodingKey {
            case version = "xarf_version"
            case category, type, reporter, evidence
            case recipient = "smtp_to"
        }
    }

    init(xarf octets: [UInt8]) throws(AdminError) {
        guard FieldReader.depth(of: octets) <= FieldReader.depthMax else {
            throw .complaint("it is nested deeper than \(FieldReader.depthMax) levels")
        }
        let report: Report
        do { report = try JSONDecoder().decode(Report.self, from: Data(octets)) } catch {
            throw .complaint(Complaint.reason(error))
        }
        guard report.version.hasPrefix("4.") else {
            throw .complaint("its xarf_version is \(report.version); 4 is known")
        }
        guard report.category == "messaging" else {
            throw .complaint("its category is \(report.category), and only messaging is about mail")
        }
        let names = [report.reporter?.domain, report.reporter?.org, report.reporter?.contact]
        self.init(
            .xarf, type: report.type, reporter: names.lazy.compactMap { $0 }.first { !$0.isEmpty } ?? "unknown",
            reader: report.recipient.flatMap { $0.isEmpty ? nil : $0.lowercased() })
        for evidence in (report.evidence ?? []).prefix(MIMEPart.partsMax) {
            guard let payload = evidence.payload, evidence.contentType?.hasPrefix("image/") != true else { continue }
            let text = Array(payload.utf8)
            take(MIMEPart((MIMEPart.base64(text) ?? text)[...]))
        }
    }

    private static func reason(_ error: any Error) -> String {
        switch error as? DecodingError {
        case .keyNotFound(let key, _)?: "it has no \"\(key.stringValue)\""
        case .typeMismatch(_, let context)?, .valueNotFound(_, let context)?:
            "\"\(context.codingPath.map(\.stringValue).joined(separator: "."))\" has the wrong form"
        case .dataCorrupted?, .some, nil: "it is not JSON"
        }
    }
}
