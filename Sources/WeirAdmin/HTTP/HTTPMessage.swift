/// Who is at the other end of a connection.
package enum HTTPPeer: Hashable, Sendable {
    /// A Unix socket's peer, as the kernel vouches for it.
    case local(user: UInt32, group: UInt32)
    /// Anybody who reached the TCP address.
    case network
}

/// A request before its body.
package struct HTTPHead: Sendable {
    package var method: String
    package var target: HTTPTarget
    package var peer: HTTPPeer
    package var host: String?
    package var authorization: String?
    package var contentType: String?
    /// As declared; nil for a body in chunks, and where there is none.
    package var contentLength: UInt64?

    package init(
        method: String, target: HTTPTarget, peer: HTTPPeer, host: String? = nil, authorization: String? = nil,
        contentType: String? = nil, contentLength: UInt64? = nil
    ) {
        self.method = method
        self.target = target
        self.peer = peer
        self.host = host
        self.authorization = authorization
        self.contentType = contentType
        self.contentLength = contentLength
    }
}

/// A request, whole.
package struct HTTPRequest: Sendable {
    package var head: HTTPHead
    package var body: [UInt8]

    package init(head: HTTPHead, body: [UInt8] = []) {
        self.head = head
        self.body = body
    }
}

/// An answer; its length is added by the server.
package struct HTTPResponse: Hashable, Sendable {
    package var status: Int
    package var contentType: String?
    package var body: [UInt8]
    /// Further fields, such as Allow.
    package var fields: [Field]

    package struct Field: Hashable, Sendable {
        package var name: String
        package var value: String
    }

    package init(status: Int, contentType: String? = nil, body: [UInt8] = [], fields: [Field] = []) {
        self.status = status
        self.contentType = contentType
        self.body = body
        self.fields = fields
    }

    /// Plain text, its line ended.
    package static func text(_ text: String, status: Int = 200) -> HTTPResponse {
        HTTPResponse(status: status, contentType: "text/plain; charset=utf-8", body: Array("\(text)\n".utf8))
    }
}

/// What a request's head earns.
package enum HTTPAdmission: Sendable {
    /// Read at most so many octets of body, then ask for the answer.
    case read(bodyOctetsMax: Int)
    /// Answer at once; the body is not read.
    case refuse(HTTPResponse)
}

/// Whatever answers requests.
package protocol HTTPResponder: Sendable {
    /// Looks at a head, on the server's thread: it must not wait.
    func admit(_ head: HTTPHead) -> HTTPAdmission

    /// Answers a request whose head was admitted, in a task of its own.
    func respond(to request: HTTPRequest) async -> HTTPResponse

    /// What the server itself refuses is answered.
    func answer(_ refusal: HTTPRefusal) -> HTTPResponse
}

/// What comes to no responder.
package enum HTTPRefusal: Hashable, Sendable {
    /// 413: the body is longer than it was admitted for.
    case contentTooLarge
    /// 400: the target is no path, or decodes to no text.
    case malformedTarget
    /// 503.
    case stopping
}
