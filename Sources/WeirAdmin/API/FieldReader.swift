import FoundationEssentials
import WeirBase

/// A JSON object in a request, read field by field so that every fault is found and named by its pointer.
///
/// JSONDecoder alone would do neither: it passes over unknown keys, and says nothing of where a number had the
/// wrong form.
struct FieldReader {
    private indirect enum Value: Decodable {
        case null, bool
        case number(Double)
        case text(String)
        case list([Value])
        case object([String: Value])

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if container.decodeNil() {
                self = .null
            } else if (try? container.decode(Bool.self)) != nil {
                self = .bool
            } else if let number = try? container.decode(Double.self) {
                self = .number(number)
            } else if let text = try? container.decode(String.self) {
                self = .text(text)
            } else if let list = try? container.decode([Value].self) {
                self = .list(list)
            } else {
                self = .object(try container.decode([String: Value].self))
            }
        }
    }

    private let fields: [String: Value]
    private var known: Set<String> = []
    private var errors: [AdminError.Detail] = []

    /// How deep lists and objects may lie in each other: the decoder takes stack for each.
    static let depthMax = 16

    init(_ body: [UInt8]) throws(AdminError) {
        guard FieldReader.depth(of: body) <= FieldReader.depthMax else {
            throw AdminError(.badRequest, "The body is nested deeper than \(FieldReader.depthMax) levels.")
        }
        let value: Value
        do { value = try JSONDecoder().decode(Value.self, from: Data(body)) } catch {
            throw AdminError(.badRequest, "The body is not JSON.")
        }
        guard case .object(let fields) = value else { throw AdminError(.badRequest, "The body is not a JSON object.") }
        var seen: Set<String> = []
        var twice: String?
        FieldReader.scan(body) { quoted in
            let key = FieldReader.text(body[quoted])
            if !seen.insert(key).inserted { twice = twice ?? key }
        }
        if let twice { throw AdminError(.badRequest, "The key \"\(twice)\" is given twice.") }
        self.fields = fields
    }

    /// The text that stands between these quotes.
    private static func text(_ quoted: ArraySlice<UInt8>) -> String {
        guard quoted.contains(UInt8(ascii: "\\")) else {
            return String(decoding: quoted.dropFirst().dropLast(), as: UTF8.self)
        }
        return (try? JSONDecoder().decode(String.self, from: Data(quoted))) ?? ""
    }

    /// The most brackets that are open at once, those within texts left out.
    static func depth(of body: [UInt8]) -> Int { scan(body) { _ in } }

    /// Returns that depth; `key` hears where each key of the outermost object stands with its quotes: the texts that a colon follows.
    @discardableResult
    private static func scan(_ body: [UInt8], key: (Range<Int>) -> Void) -> Int {
        var (open, most) = (0, 0)
        var (quoted, escaped) = (false, false)
        var (start, text) = (0, 0..<0)
        for (offset, octet) in body.enumerated() {
            switch octet {
            case _ where escaped: escaped = false
            case UInt8(ascii: "\\") where quoted: escaped = true
            case UInt8(ascii: "\""):
                if quoted { text = start..<offset + 1 } else { start = offset }
                quoted.toggle()
            case _ where quoted: break
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                open += 1
                most = max(most, open)
            case UInt8(ascii: "]"), UInt8(ascii: "}"): open -= 1
            case UInt8(ascii: ":") where open == 1: key(text)
            default: break
            }
        }
        return most
    }

    /// A text that must be there and not be empty; what stands in for a missing one is never used.
    mutating func required(_ name: String) -> String {
        guard let text = optional(name) else {
            if !errors.contains(where: { $0.pointer == "/\(name)" }) { fault(name, "is required") }
            return ""
        }
        return text
    }

    /// A text that may be left out or null.
    mutating func optional(_ name: String) -> String? {
        change(name).value
    }

    /// A text, null to clear it, or nothing to leave it.
    mutating func change(_ name: String) -> FieldChange {
        known.insert(name)
        switch fields[name] {
        case nil: return .keep
        case .null: return .clear
        case .text(""):
            fault(name, "must not be empty")
            return .keep
        case .text(let text): return .set(text)
        default:
            fault(name, "must be a text")
            return .keep
        }
    }

    /// A mail address, null to clear it, or nothing to leave it.
    mutating func mailAddress(_ name: String) -> FieldChange {
        let change = change(name)
        guard case .set(let text) = change, !MailAddress.isPlain(text) else { return change }
        fault(name, AccountSyntax.noMailAddress(text))
        return .keep
    }

    /// A list of networks, empty when left out.
    mutating func networks(_ name: String) -> [String] {
        known.insert(name)
        switch fields[name] {
        case nil: return []
        case .list(let values):
            return values.enumerated().compactMap { offset, value in
                guard case .text(let text) = value else {
                    fault("\(name)/\(offset)", "must be a network such as 192.0.2.0/24 or 2001:db8::/56")
                    return nil
                }
                if (try? IPNetwork(parsing: text)) != nil { return text }
                fault("\(name)/\(offset)", AccountSyntax.noNetwork(text))
                return nil
            }
        default:
            fault(name, "must be a list of networks")
            return []
        }
    }

    /// A time that may be left out or null.
    mutating func time(_ name: String) -> WallTime? {
        guard let text = optional(name) else { return nil }
        if let time = WallTime(text: text) { return time }
        fault(name, "must be a date or a time before 2540, such as 2026-12-01 or 2026-12-01T08:00:00Z")
        return nil
    }

    private mutating func fault(_ name: String, _ detail: String) {
        errors.append(AdminError.Detail(pointer: "/\(name)", detail: detail))
    }

    /// To be called after the last field: throws what was found wrong.
    func finish() throws(AdminError) {
        let unknown = fields.keys.filter { !known.contains($0) }.sorted()
        if let first = unknown.first {
            throw AdminError(
                .badRequest, "Unknown key \"\(first)\"; known are \(known.sorted().joined(separator: ", ")).",
                errors: unknown.map { AdminError.Detail(pointer: "/\($0)", detail: "is unknown") })
        }
        if let first = errors.first {
            throw AdminError(.invalid, "\(first.pointer ?? "The body") \(first.detail).", errors: errors)
        }
    }
}

extension AccountDefinition {
    init(json body: [UInt8]) throws(AdminError) {
        var reader = try FieldReader(body)
        self.init(
            plan: reader.required("plan"), customer: reader.optional("customer"),
            password: reader.optional("password"), networks: reader.networks("networks"),
            mail: reader.mailAddress("mail").value)
        try reader.finish()
    }
}

extension AccountChange {
    init(json body: [UInt8]) throws(AdminError) {
        var reader = try FieldReader(body)
        self.init(
            plan: reader.optional("plan"), customer: reader.change("customer"), password: reader.change("password"),
            mail: reader.mailAddress("mail"), addNetworks: reader.networks("add_networks"),
            removeNetworks: reader.networks("remove_networks"))
        try reader.finish()
    }
}

extension LimitOverride {
    init(json body: [UInt8]) throws(AdminError) {
        var reader = try FieldReader(body)
        self.init(text: reader.required("text"), until: reader.time("until"), why: reader.required("why"))
        try reader.finish()
    }
}
