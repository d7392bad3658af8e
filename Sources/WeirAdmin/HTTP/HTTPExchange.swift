import CMicroHTTPD
import Glibc
import Synchronization

/// One request on its way through libmicrohttpd, and its answer on the way back.
///
/// Proof of Sendable: all but `response` is touched by the server's thread alone. The connection is used by the
/// answering task only to resume it, which libmicrohttpd allows from any thread while it is suspended.
final class HTTPExchange: @unchecked Sendable {
    private enum State {
        /// Left by the first call of the access handler.
        case head
        /// Left when the body has ended.
        case reading(HTTPHead, max: Int)
        /// Left when the answer is there and the connection was resumed.
        case answering
        /// The last state: an answer was queued.
        case answered
    }

    private let service: HTTPService
    private let target: String
    private var state = State.head
    private var body: [UInt8] = []
    /// Octets of body that came, kept or not.
    private var received = 0
    /// Whether ``HTTPService/begin()`` counts this exchange.
    private var isCounted = false
    private let response = Mutex<HTTPResponse?>(nil)

    init(service: HTTPService, target: String) {
        self.service = service
        self.target = target
    }

    /// Takes one call of the access handler.
    func proceed(_ connection: OpaquePointer, method: String, piece: UnsafeRawBufferPointer) -> MHD_Result {
        switch state {
        case .head: return admit(connection, method: method)
        case .reading(_, let max) where !piece.isEmpty: return take(piece, max: max)
        case .reading(let head, let max): return finish(connection, head, max: max)
        case .answering: return queue(response.withLock { $0 } ?? .text("No answer.", status: 500), on: connection)
        case .answered: return .NO
        }
    }

    private func admit(_ connection: OpaquePointer, method: String) -> MHD_Result {
        guard let parsed = HTTPTarget(target) else {
            return queue(service.responder.answer(.malformedTarget), on: connection)
        }
        let length = field("Content-Length", of: connection).flatMap { UInt64($0) }
        let head = HTTPHead(
            method: method, target: parsed, peer: peer(of: connection), host: field("Host", of: connection),
            authorization: field("Authorization", of: connection),
            contentType: field("Content-Type", of: connection), contentLength: length)
        switch service.responder.admit(head) {
        case .refuse(let response): return queue(response, on: connection)
        case .read(let max) where (length ?? 0) > UInt64(clamping: max):
            return queue(service.responder.answer(.contentTooLarge), on: connection)
        case .read(let max):
            state = .reading(head, max: max)
            return .YES
        }
    }

    /// Keeps what fits; what does not is read on for a while, so that the client gets to see its 413.
    private func take(_ piece: UnsafeRawBufferPointer, max: Int) -> MHD_Result {
        received += piece.count
        guard received <= max else {
            body = []
            return received - max <= 1 << 20 ? .YES : .NO
        }
        body.append(contentsOf: piece)
        return .YES
    }

    private func finish(_ connection: OpaquePointer, _ head: HTTPHead, max: Int) -> MHD_Result {
        guard received <= max else { return queue(service.responder.answer(.contentTooLarge), on: connection) }
        guard service.begin() else { return queue(service.responder.answer(.stopping), on: connection) }
        state = .answering
        isCounted = true
        let request = HTTPRequest(head: head, body: body)
        body = []
        MHD_suspend_connection(connection)
        let suspended = Suspended(connection: connection)
        service.answer(request) { [self] answer in
            response.withLock { $0 = answer }
            MHD_resume_connection(suspended.connection)
        }
        return .YES
    }

    /// Called when the answer was sent, or its connection lost.
    func end() { if isCounted { service.end() } }

    /// Proof of Sendable: made when the connection is suspended, used once, to resume it.
    private struct Suspended: @unchecked Sendable {
        let connection: OpaquePointer
    }

    private func queue(_ answer: HTTPResponse, on connection: OpaquePointer) -> MHD_Result {
        state = .answered
        var octets = answer.body
        let made = octets.withUnsafeMutableBytes {
            MHD_create_response_from_buffer($0.count, $0.baseAddress, .RESPMEM_MUST_COPY)
        }
        guard let made else { return .NO }
        defer { MHD_destroy_response(made) }
        MHD_add_response_header(made, "Cache-Control", "no-store")
        MHD_add_response_header(made, "X-Content-Type-Options", "nosniff")
        if let type = answer.contentType { MHD_add_response_header(made, "Content-Type", type) }
        for field in answer.fields { MHD_add_response_header(made, field.name, field.value) }
        return MHD_queue_response(connection, UInt32(clamping: answer.status), made)
    }

    private func field(_ name: String, of connection: OpaquePointer) -> String? {
        MHD_lookup_connection_value(connection, .HEADER_KIND, name).map { String(cString: $0) }
    }

    private func peer(of connection: OpaquePointer) -> HTTPPeer {
        let descriptor = weir_mhd_descriptor(connection)
        var family = sockaddr()
        var length = socklen_t(MemoryLayout<sockaddr>.size)
        guard getsockname(descriptor, &family, &length) == 0, Int32(family.sa_family) == AF_UNIX else {
            return .network
        }
        var peer = weir_peer()
        return weir_peer_of(descriptor, &peer) == 0 ? .local(user: peer.uid, group: peer.gid) : .network
    }
}

typealias HTTPBegin =
    @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>?, OpaquePointer?) -> UnsafeMutableRawPointer?
typealias HTTPEnd =
    @convention(c) (
        UnsafeMutableRawPointer?, OpaquePointer?, UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        MHD_RequestTerminationCode
    ) -> Void

// Named functions, not closures: libmicrohttpd calls them on its own thread.

/// Makes the exchange when the request line is there; ``httpEnd`` lets go of it.
func httpBegin(
    context: UnsafeMutableRawPointer?, target: UnsafePointer<CChar>?, connection: OpaquePointer?
) -> UnsafeMutableRawPointer? {
    guard let context, let target else { return nil }
    let service = Unmanaged<HTTPService>.fromOpaque(context).takeUnretainedValue()
    return Unmanaged.passRetained(HTTPExchange(service: service, target: String(cString: target))).toOpaque()
}

/// Called for the head, for each piece of the body, at its end, and once more when the answer is there.
func httpAccess(
    context: UnsafeMutableRawPointer?, connection: OpaquePointer?, target: UnsafePointer<CChar>?,
    method: UnsafePointer<CChar>?, version: UnsafePointer<CChar>?, piece: UnsafePointer<CChar>?,
    count: UnsafeMutablePointer<Int>?, exchange: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> MHD_Result {
    guard let connection, let method, let count, let exchange = exchange?.pointee else { return .NO }
    let octets = UnsafeRawBufferPointer(start: piece, count: piece == nil ? 0 : count.pointee)
    count.pointee = 0
    return Unmanaged<HTTPExchange>.fromOpaque(exchange).takeUnretainedValue()
        .proceed(connection, method: String(cString: method), piece: octets)
}

/// Called once for each ``httpBegin``, whatever became of the request.
func httpEnd(
    context: UnsafeMutableRawPointer?, connection: OpaquePointer?,
    exchange: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, code: MHD_RequestTerminationCode
) {
    guard let exchange, let opaque = exchange.pointee else { return }
    exchange.pointee = nil
    Unmanaged<HTTPExchange>.fromOpaque(opaque).takeRetainedValue().end()
}
