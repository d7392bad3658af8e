import CMicroHTTPD
import Glibc
import Synchronization

/// Serves HTTP on one endpoint, by libmicrohttpd, on a thread of its own.
///
/// That thread only reads and writes: while a responder works on an answer its connection is suspended, and the
/// thread serves others. Stop the server before letting go of it.
package final class HTTPServer: Sendable {
    package struct Limits: Sendable {
        package var connectionsMax: UInt32 = 64
        /// How long a connection may be silent.
        package var idleSecondsMax: UInt32 = 10

        package init() {}
    }

    package let endpoint: HTTPEndpoint
    /// The TCP port that is listened on, also where any free one was asked for.
    package let port: UInt16?

    private let service: HTTPService
    private let daemon: Mutex<Daemon?>

    /// Proof of Sendable: libmicrohttpd's daemon may be stopped from any thread, and the mutex lets one do it.
    private struct Daemon: @unchecked Sendable {
        let pointer: OpaquePointer
    }

    /// Listens and serves at once; answers are made by tasks on `executor`, or on the default one.
    package init(
        on endpoint: HTTPEndpoint, limits: Limits = Limits(), executor: (any TaskExecutor)? = nil,
        responder: any HTTPResponder
    ) throws(HTTPServerError) {
        self.endpoint = endpoint
        service = HTTPService(responder: responder, executor: executor)
        let descriptor = try endpoint.listen()
        port = HTTPEndpoint.port(of: descriptor)
        guard let pointer = HTTPServer.start(descriptor, limits, service) else {
            close(descriptor)
            throw HTTPServerError(description: "libmicrohttpd did not start on \(endpoint)")
        }
        daemon = Mutex(Daemon(pointer: pointer))
    }

    private static func start(_ descriptor: Int32, _ limits: Limits, _ service: HTTPService) -> OpaquePointer? {
        let context = Unmanaged.passUnretained(service).toOpaque()
        let begin: HTTPBegin = httpBegin
        let end: HTTPEnd = httpEnd
        var options: [MHD_OptionItem] = [
            MHD_OptionItem(option: .LISTEN_SOCKET, value: Int(descriptor), ptr_value: nil),
            MHD_OptionItem(option: .CONNECTION_LIMIT, value: Int(limits.connectionsMax), ptr_value: nil),
            MHD_OptionItem(option: .CONNECTION_TIMEOUT, value: Int(limits.idleSecondsMax), ptr_value: nil),
            MHD_OptionItem(option: .URI_LOG_CALLBACK, value: unsafeBitCast(begin, to: Int.self), ptr_value: context),
            MHD_OptionItem(option: .NOTIFY_COMPLETED, value: unsafeBitCast(end, to: Int.self), ptr_value: context),
            MHD_OptionItem(option: .END, value: 0, ptr_value: nil),
        ]
        let flags = MHD_USE_EPOLL_INTERNAL_THREAD.rawValue | MHD_ALLOW_SUSPEND_RESUME.rawValue
        return weir_mhd_start(flags, httpAccess, context, &options)
    }

    /// Stops listening, sends the answers that are in the making, then closes every connection.
    package func stop() async {
        guard let daemon = daemon.withLock({ $0.take() }) else { return }
        let listener = MHD_quiesce_daemon(daemon.pointer)
        // Who comes now is refused. The descriptor stays taken until the thread is gone, which may be about to use it.
        if listener >= 0 { shutdown(listener, Int32(SHUT_RDWR)) }
        if case .unixSocket(let path) = endpoint { unlink(path) }
        await service.drain()
        MHD_stop_daemon(daemon.pointer)
        if listener >= 0 { close(listener) }
    }
}
