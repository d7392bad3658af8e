/// Why an operation of administration did not happen; every kind has one HTTP status and one exit status.
///
/// Source: RFC 9457.
package struct AdminError: Error, Hashable, Sendable {
    package enum Kind: String, CaseIterable, Sendable {
        case badRequest = "bad-request"
        case unauthenticated
        case notPermitted = "not-permitted"
        case noSuchAccount = "no-such-account"
        case noSuchMessage = "no-such-message"
        case notFound = "not-found"
        case methodNotAllowed = "method-not-allowed"
        case conflict
        case contentTooLarge = "content-too-large"
        case unsupportedMediaType = "unsupported-media-type"
        case misdirected
        /// Well formed, but not something that can be done; ``AdminError/errors`` say where.
        case invalid
        /// The new configuration was refused, and the old one stays.
        case configuration
        case temporary
        /// Only at the client: nobody answers.
        case unreachable
        case fault
    }

    /// One fault of a request: a field by its JSON pointer, or a line of a file.
    package struct Detail: Hashable, Codable, Sendable {
        package var pointer: String?
        package var line: Int?
        package var detail: String

        package init(pointer: String? = nil, line: Int? = nil, detail: String) {
            self.pointer = pointer
            self.line = line
            self.detail = detail
        }
    }

    package var kind: Kind
    /// One sentence for a person, with the way out where there is one.
    package var detail: String
    package var errors: [Detail]

    package init(_ kind: Kind, _ detail: String, errors: [Detail] = []) {
        self.kind = kind
        self.detail = detail
        self.errors = errors
    }

    package static func noSuchAccount(_ login: String) -> AdminError {
        AdminError(.noSuchAccount, "There is no account \(login).")
    }
}

extension AdminError.Kind {
    /// The status of the HTTP answer.
    package var status: Int {
        switch self {
        case .badRequest: 400
        case .unauthenticated: 401
        case .notPermitted: 403
        case .noSuchAccount, .noSuchMessage, .notFound: 404
        case .methodNotAllowed: 405
        case .conflict: 409
        case .contentTooLarge: 413
        case .unsupportedMediaType: 415
        case .misdirected: 421
        case .invalid, .configuration: 422
        case .temporary, .unreachable: 503
        case .fault: 500
        }
    }

    /// The exit status of a command, as in sysexits.
    package var exitStatus: Int32 {
        switch self {
        case .badRequest, .notFound, .methodNotAllowed, .conflict, .contentTooLarge, .unsupportedMediaType, .invalid:
            65
        case .noSuchAccount, .noSuchMessage: 67
        case .unreachable: 69
        case .fault: 70
        case .temporary: 75
        case .unauthenticated, .notPermitted, .misdirected: 77
        case .configuration: 78
        }
    }

    package var title: String {
        switch self {
        case .badRequest: "Bad request"
        case .unauthenticated: "Authentication required"
        case .notPermitted: "Not permitted"
        case .noSuchAccount: "No such account"
        case .noSuchMessage: "No such message"
        case .notFound: "Not found"
        case .methodNotAllowed: "Method not allowed"
        case .conflict: "Conflict"
        case .contentTooLarge: "Content too large"
        case .unsupportedMediaType: "Unsupported media type"
        case .misdirected: "Misdirected request"
        case .invalid: "Invalid request"
        case .configuration: "Configuration refused"
        case .temporary: "Temporarily unavailable"
        case .unreachable: "Not reachable"
        case .fault: "Internal fault"
        }
    }
}

/// The body of an `application/problem+json` answer.
package struct Problem: Codable, Hashable, Sendable {
    package var type: String
    package var title: String
    package var status: Int
    package var detail: String
    package var instance: String?
    package var errors: [AdminError.Detail]?

    private static let prefix = "urn:weir:problem:"

    package init(_ error: AdminError, instance: String?) {
        type = Problem.prefix + error.kind.rawValue
        title = error.kind.title
        status = error.kind.status
        detail = error.detail
        self.instance = instance
        errors = error.errors.isEmpty ? nil : error.errors
    }

    /// The error that this body tells of.
    package var error: AdminError {
        let name = type.hasPrefix(Problem.prefix) ? String(type.dropFirst(Problem.prefix.count)) : ""
        return AdminError(AdminError.Kind(rawValue: name) ?? .fault, detail, errors: errors ?? [])
    }
}
