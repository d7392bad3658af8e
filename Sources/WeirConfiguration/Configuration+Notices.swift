import WeirBase

/// Mail about accounts, to their owners and to the desk.
package struct NoticeSettings: Hashable, Sendable {
    /// Of the templates; what has none is not told.
    package var directory: String
    package var from: Mailbox
    /// A mail address.
    package var desk: String
    /// Notices to one account's owner in 24 hours; a suspension and its end are told beyond it.
    package var perAccount: Int
}

/// A mail address with the name that people see.
package struct Mailbox: Hashable, Sendable, CustomStringConvertible {
    package var name: String?
    package var address: String

    package var description: String { name.map { "\($0) <\(address)>" } ?? address }
}

/// What happens to an account that somebody else is told of.
package enum EventKind: String, CaseIterable, Hashable, Sendable {
    /// It came near a limit, or reached it.
    case warned
    case flagged, suspended, released
    /// One machine behind an account by network may send nothing; the account may.
    case machineStopped = "machine_stopped"

    /// What a webhook is told of that names no events.
    static let usual: [EventKind] = [.flagged, .suspended, .released, .machineStopped]
}

/// Another program that is told of events, by HTTP.
package struct Webhook: Hashable, Sendable {
    package var url: WebAddress
    /// One or two lines of `whsec_` and base64: the present secret, then the former one while it is replaced.
    package var secretFile: String
    package var events: Set<EventKind>
    /// A file of authorities, instead of the system's.
    package var ca: String?
}

extension NoticeSettings {
    static func read(_ keys: inout Keys) -> Self? {
        let directory = keys.required(
            "directory", .path(in: keys.reading.directory), "The templates; what has none is not told.")
        let from = keys.required("from", Kind<Mailbox>.mailbox, "Whom notices are from.")
        let desk = keys.required("desk", .mailAddress, "Whom the desk's notices go to.")
        let perAccount = keys.value(
            "per_account", .perDay, default: 4,
            "Notices to one account's owner in 24 hours; a suspension and its end are told beyond it.")
        guard let directory, let from, let desk else { return nil }
        return Self(directory: directory, from: from, desk: desk, perAccount: perAccount)
    }
}

extension Webhook {
    static func read(_ keys: inout Keys) -> Self? {
        let directory = keys.reading.directory
        let url = keys.required("url", Kind<WebAddress>.webAddress, "Where events are posted to.")
        let secretFile = keys.required(
            "secret_file", .path(in: directory),
            "The key of the signatures, as whsec_ and base64; on a second line the former one, while it is replaced.")
        let events = keys.list(
            "events", of: Kind<EventKind>.choice, .standard("[flagged, suspended, released, machine_stopped]"),
            "What is told.")
        let ca = keys.optional(
            "ca", .path(in: directory), "The authorities that may vouch for it, in PEM, instead of the system's.")
        if let url, !url.isSecure, keys.has("ca") { keys.refuse("ca", "\"ca\" has no effect without https") }
        guard let url, let secretFile else { return nil }
        let chosen = events?.map(\.value) ?? EventKind.usual
        return Self(url: url, secretFile: secretFile, events: Set(chosen), ca: ca)
    }
}

extension Kind<Mailbox> {
    /// `name <address>`, or an address alone.
    static let mailbox = Kind(expected: "a mailbox such as \"Example ISP <postmaster@isp.example>\"") {
        scalar throws(Mismatch) in
        let text = try Kind<String>.text.read(scalar)
        guard let open = text.lastIndex(of: "<"), text.last == ">" else {
            return Mailbox(name: nil, address: try Kind<String>.mailAddress.read(scalar))
        }
        var address = scalar
        address.text = String(text[text.index(after: open)...].dropLast())
        var name = text[..<open]
        while name.last == " " { name.removeLast() }
        return Mailbox(
            name: name.isEmpty ? nil : String(name), address: try Kind<String>.mailAddress.read(address))
    } write: {
        $0.description
    }
}

extension Kind<Int> {
    /// Such as `4 per day`.
    static let perDay = Kind(
        expected: "a number a day such as 4 per day",
        read: { scalar throws(Mismatch) in
            let words = scalar.text.split(separator: " ")
            guard words.count == 3, words[1] == "per", words[2] == "day",
                words[0].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(words[0]),
                (1...100).contains(number)
            else { throw Mismatch() }
            return number
        }, write: { "\($0) per day" })
}
