import FoundationEssentials
package import WeirBase

/// How the API writes and reads JSON: snake case, keys in order, times as RFC 3339.
package enum AdminJSON {
    package static func encode(_ value: some Encodable) throws(AdminError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do { return Array(try encoder.encode(value)) } catch {
            throw AdminError(.fault, "The answer could not be written as JSON.")
        }
    }

    /// Reads what ``encode(_:)`` wrote: a daemon's answer, not a person's request.
    package static func decode<Value: Decodable>(_ type: Value.Type, _ octets: [UInt8]) throws(AdminError) -> Value {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        do { return try decoder.decode(type, from: Data(octets)) } catch {
            throw AdminError(.fault, "The daemon's answer is not what this version of weir expects.")
        }
    }
}

/// Times are texts such as `2026-11-23T08:15:00Z`; fractions of a second are left out.
extension WallTime: Codable {
    /// Reads `2026-11-23T08:15:00Z`, or `2026-11-23` for its first instant in UTC; nil for anything else.
    package init?(text: String) {
        let full = text.utf8.count == 10 ? text + "T00:00:00Z" : text
        // Foundation takes 25:00 and February 30th for the next day; what comes back as it was given is a time.
        let civil = full.prefix(19) + "Z"
        guard let date = try? Date(full, strategy: .iso8601),
            let check = try? Date(String(civil), strategy: .iso8601), check.formatted(.iso8601) == civil
        else { return nil }
        let seconds = date.timeIntervalSince1970
        guard seconds >= 0, seconds < 18_000_000_000 else { return nil }
        self.init(nanoseconds: UInt64(seconds) * .second)
    }

    /// RFC 3339, in UTC.
    package var text: String { Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601) }

    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let time = WallTime(text: text) else {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(codingPath: decoder.codingPath, debugDescription: "Not a time: \(text)"))
        }
        self = time
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}
