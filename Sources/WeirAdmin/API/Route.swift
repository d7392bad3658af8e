package import WeirConfiguration

/// One operation of the API: where it is found, who may call it, what it takes, what it does.
package struct Route: Sendable {
    package enum Access: Hashable, Sendable {
        /// Health, metrics and the status page: nothing in them names an account.
        case everyone
        case holders(of: Permission)
    }

    package enum Body: Hashable, Sendable {
        case none, json, csv
        /// A report of abuse, in either of its formats.
        case complaint

        /// How long a body may be.
        package var octetsMax: Int {
            switch self {
            case .none: 0
            case .json: 1 << 20
            case .csv: AccountFile.octetsMax
            case .complaint: Complaint.octetsMax
            }
        }

        /// The media types it may be of; none: any, for there is no body.
        package var mediaTypes: [String] {
            switch self {
            case .none: []
            case .json: ["application/json"]
            case .csv: ["text/csv"]
            case .complaint: ["message/rfc822", "application/json"]
            }
        }
    }

    /// A request that reached its route.
    package struct Call: Sendable {
        package var parameters: [String: String]
        package var target: HTTPTarget
        package var body: [UInt8]
        package var actor: Actor

        /// The `{login}` of the path.
        package var login: String { parameters["login"] ?? "" }
    }

    package typealias Handler = @Sendable (Call) async throws(AdminError) -> HTTPResponse

    package let method: String
    /// Segments, of which `{name}` stands for any one.
    package let path: String
    package let access: Access
    package let body: Body
    package let handler: Handler
    private let segments: [String]

    package init(
        _ method: String, _ path: String, _ access: Access, body: Body = .none, handler: @escaping Handler
    ) {
        self.method = method
        self.path = path
        self.access = access
        self.body = body
        self.handler = handler
        segments = path.split(separator: "/").map(String.init)
    }

    /// The path's parameters, nil when the path is another's.
    func match(_ path: [String]) -> [String: String]? {
        guard path.count == segments.count else { return nil }
        var parameters: [String: String] = [:]
        for (segment, template) in zip(path, segments) {
            if template.hasPrefix("{") {
                guard !segment.isEmpty else { return nil }
                parameters[String(template.dropFirst().dropLast())] = segment
            } else if segment != template {
                return nil
            }
        }
        return parameters
    }
}

extension HTTPResponse {
    static func json(_ value: some Encodable, status: Int = 200) throws(AdminError) -> HTTPResponse {
        HTTPResponse(status: status, contentType: "application/json", body: try AdminJSON.encode(value))
    }

    static func problem(_ error: AdminError, instance: String?, fields: [Field] = []) -> HTTPResponse {
        let body = (try? AdminJSON.encode(Problem(error, instance: instance))) ?? Array("{}".utf8)
        return HTTPResponse(
            status: error.kind.status, contentType: "application/problem+json", body: body, fields: fields)
    }
}
