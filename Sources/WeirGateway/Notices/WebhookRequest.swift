package import WeirBase
package import WeirConfiguration
import WeirRuntime
import WeirSMTP

/// What one webhook's requests need: its keys, and TLS.
package struct WebhookAccess: Sendable {
    package var webhook: Webhook
    /// The present one, then the former while it is replaced.
    package var keys: [[UInt8]]
    package var wrap: RelayConnector.Wrap?

    package init(_ webhook: Webhook, keys: [[UInt8]], wrap: RelayConnector.Wrap? = nil) {
        (self.webhook, self.keys, self.wrap) = (webhook, keys, wrap)
    }

    /// Octets of a key.
    static let keyOctets = 24...64

    /// Reads one or two lines of `whsec_` and base64; nil where there are none or one is something else.
    package static func keys(_ octets: [UInt8]) -> [[UInt8]]? {
        let lines = octets.split { $0 == 0x0A || $0 == 0x0D }
        let prefix = Array("whsec_".utf8)
        var keys: [[UInt8]] = []
        for line in lines {
            guard line.starts(with: prefix) else { return nil }
            let text = Array(line.dropFirst(prefix.count))
            guard let key = Base64.decode(text.span, 0..<text.count), keyOctets.contains(key.count) else { return nil }
            keys.append(key)
        }
        return (1...2).contains(keys.count) ? keys : nil
    }
}

/// An event as a webhook is told of it, signed.
///
/// Source: Standard Webhooks, https://www.standardwebhooks.com.
package struct WebhookRequest: Equatable, Sendable {
    package var body: [UInt8]
    package var fields: [HTTPReply.Field]

    /// `at` is the time of the attempt; the id is the event's, whichever attempt it is.
    package init(_ event: AccountEvent, keys: [[UInt8]], at wall: WallTime) {
        body = WebhookRequest.body(event)
        let timestamp = "\(wall.seconds)"
        let signed = Array("\(event.id).\(timestamp).".utf8) + body
        let signatures = keys.map { key in
            let code = HMACSHA256.code(signed, key: key)
            var text: [UInt8] = []
            Base64.append(code.span, to: &text)
            return "v1,\(String(decoding: text, as: UTF8.self))"
        }
        fields = [
            HTTPReply.Field("Content-Type", "application/json"), HTTPReply.Field("webhook-id", event.id),
            HTTPReply.Field("webhook-timestamp", timestamp),
            HTTPReply.Field("webhook-signature", signatures.joined(separator: " ")),
        ]
    }

    /// `{"type": …, "timestamp": …, "data": {…}}`
    private static func body(_ event: AccountEvent) -> [UInt8] {
        var data = JSONObject()
        data.add("account", .text(event.account))
        data.add("by", .text(event.author))
        if let machine = event.machine { data.add("machine", .text(machine)) }
        if let reason = event.reason { data.add("reason", .text(reason)) }
        if let warning = event.warning {
            data.add("limit", .text(warning.limit))
            data.add("window", .text(warning.window))
            data.add("percent", .number(Int64(warning.percent)))
            data.add("used", .number(warning.used))
            data.add("allowed", .number(warning.allowed))
        }
        var whole = JSONObject()
        whole.add("type", .text("account.\(event.kind.rawValue)"))
        whole.add("timestamp", .text(event.at.timestamp))
        whole.add("data", .object(data.octets))
        return whole.octets
    }
}

/// A JSON object in the making, its keys in the order in which they were set.
private struct JSONObject {
    enum Value {
        case text(String)
        case number(Int64)
        /// Written already.
        case object([UInt8])
    }

    private var members: [UInt8] = []

    var octets: [UInt8] { [UInt8(ascii: "{")] + members + [UInt8(ascii: "}")] }

    mutating func add(_ key: String, _ value: Value) {
        if !members.isEmpty { members.append(UInt8(ascii: ",")) }
        append(key)
        members.append(UInt8(ascii: ":"))
        switch value {
        case .text(let text): append(text)
        case .number(let number): members += Array("\(number)".utf8)
        case .object(let octets): members += octets
        }
    }

    private mutating func append(_ text: String) {
        members.append(UInt8(ascii: "\""))
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x22, 0x5C: members += [UInt8(ascii: "\\"), UInt8(scalar.value)]
            case 0..<0x20:
                let digits = String(scalar.value, radix: 16)
                members += Array(("\\u00" + (digits.count == 1 ? "0" : "") + digits).utf8)
            default: members += Array(String(scalar).utf8)
            }
        }
        members.append(UInt8(ascii: "\""))
    }
}
